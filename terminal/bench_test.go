package terminal

import (
	"crypto/ed25519"
	"testing"
	"time"

	"unbrick/flash"
	"unbrick/flash/flashtest"
	"unbrick/release"
	"unbrick/terminal/record"
)

// bench is a terminal on a flash that is an array, for tests of records; everything else is absent.
type bench struct {
	*Terminal
	part   *flashtest.Array
	layout flash.Layout
	signed []byte
	image  []byte
	parts  Hardware
}

// plainRAM is memory without applications.
type plainRAM struct{ b []byte }

func (m plainRAM) Regions() []Region {
	return []Region{{Size: uint32(len(m.b)), State: RegionFree}}
}
func (m plainRAM) Stop(int) error                      { return nil }
func (m plainRAM) Start(int) error                     { return nil }
func (m plainRAM) Claim(off, n uint32) ([]byte, error) { return m.b[off : off+n], nil }
func (m plainRAM) Release()                            {}
func (m plainRAM) Resident([]byte) error               { return nil }

// noCable is a cable with nobody at its other end.
type noCable struct{}

func (noCable) Read([]byte, time.Duration) (int, error) { return 0, nil }
func (noCable) Write([]byte) error                      { return nil }
func (noCable) Break() bool                             { return false }
func (noCable) Depth() int                              { return 0 }

type ticks struct{ now time.Duration }

func (c *ticks) Now() time.Duration { c.now += 10 * time.Millisecond; return c.now }

// newBench makes a device with 4 KiB sectors, two of them for records and sectors of software.
func newBench(t testing.TB, unit uint32, erased byte, sectors uint32) *bench {
	t.Helper()
	g := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 3 + sectors}}, ProgramUnit: unit, Page: max(unit, 64), Erased: erased}
	b := &bench{layout: flash.Layout{Geometry: g, Boot: 4096}}
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	b.image = make([]byte, 3000)
	for i := range b.image {
		b.image[i] = byte(i * 7)
	}
	software := b.layout.Software()
	m, err := release.Describe("0001", "1", 1, 1, b.image, &software)
	if err != nil {
		t.Fatal(err)
	}
	if b.signed, err = release.Sign(&m, key); err != nil {
		t.Fatal(err)
	}
	id := Identity{Model: "0001", Serial: "B", Threshold: 1, Keys: [][32]byte{[32]byte(key.Public().(ed25519.PublicKey))}}
	raw, err := Factory(&b.layout, &id, nil, b.signed, b.image)
	if err != nil {
		t.Fatal(err)
	}
	b.part = flashtest.NewArray(&b.layout.Geometry, raw, 2)
	b.reset(t)
	return b
}

// reset starts the terminal anew, as a power failure does, and reads the records.
func (b *bench) reset(t testing.TB) {
	t.Helper()
	b.Terminal = new(Terminal)
	b.parts = Hardware{Flash: b.part, Layout: &b.layout, RAM: plainRAM{make([]byte, 1<<16)}, Cable: noCable{}, Clock: &ticks{}, Cause: PowerOn, Survivor: make([]byte, SurvivorSize)}
	if err := New(b.Terminal, &b.parts); err != nil {
		t.Fatal(err)
	}
	b.scan()
	b.readSoftware()
}

// write writes a record with the given changes.
func (b *bench) write(change func(*record.Record)) error {
	rec := b.records.Draft(b.identity.floor())
	if change != nil {
		change(&rec)
	}
	return b.records.Write(&rec)
}

// doubtful lists the doubtful sectors.
func (b *bench) doubtful() (out []int) {
	for s := range b.area.Software.Sectors() {
		if b.records.Doubtful(s) {
			out = append(out, s)
		}
	}
	return out
}
