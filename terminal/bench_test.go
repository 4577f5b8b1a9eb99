package terminal

import (
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"unbrick/flash"
	"unbrick/release"
)

// bench is a terminal on a flash that is an array, for tests of records; everything else is absent.
type bench struct {
	*Terminal
	part   *array
	layout flash.Layout
	signed []byte
	image  []byte
	parts  Hardware
}

// array is a flash without time. Bits of flicker read differently each time.
type array struct {
	geometry   *flash.Geometry
	b          []byte
	unreadable map[uint32]bool // units
	flicker    map[uint32]byte // mask of an address
	random     *rand.Rand
	broken     map[uint32]bool   // addresses whose programming fails
	erased     []uint32          // where erases began
	onErase    func(addr uint32) // before each
}

func (a *array) Geometry() *flash.Geometry { return a.geometry }
func (a *array) Wait() error               { return nil }

func (a *array) Read(addr uint32, p []byte) error {
	if err := a.geometry.CheckRead(addr, len(p)); err != nil {
		return err
	}
	unit := a.geometry.ProgramUnit
	for u := addr / unit; u <= (addr+uint32(len(p))-1)/unit; u++ {
		if a.unreadable[u*unit] {
			return &flash.Error{Op: "read", Addr: u * unit, Size: unit, Err: flash.ErrUnreadable}
		}
	}
	copy(p, a.b[addr:])
	for at, mask := range a.flicker {
		if at >= addr && at < addr+uint32(len(p)) {
			p[at-addr] ^= byte(a.random.Uint32()) & mask
		}
	}
	return nil
}

func (a *array) Erase(addr, n uint32) error {
	if err := a.geometry.CheckErase(addr, n); err != nil {
		return err
	}
	if a.onErase != nil {
		a.onErase(addr)
	}
	a.erased = append(a.erased, addr)
	for i := addr; i < addr+n; i++ {
		a.b[i] = a.geometry.Erased
		delete(a.flicker, i)
		delete(a.unreadable, i)
	}
	return nil
}

func (a *array) Program(addr uint32, p []byte) error {
	if err := a.geometry.CheckProgram(addr, len(p)); err != nil {
		return err
	}
	for i, c := range p {
		if a.b[addr+uint32(i)] != a.geometry.Erased {
			return errors.New("array: programmed twice")
		}
		if a.broken[addr+uint32(i)] {
			return &flash.Error{Op: "wait", Addr: addr, Size: uint32(len(p)), Err: flash.ErrProgram}
		}
		a.b[addr+uint32(i)] = c
	}
	return nil
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

// units is every program unit there is, with both erased bytes.
var units = []struct {
	unit   uint32
	erased byte
}{{1, 0xFF}, {2, 0}, {4, 0xFF}, {8, 0xFF}, {8, 0}, {16, 0xFF}, {32, 0xFF}, {32, 0}}

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
	b.part = &array{geometry: &b.layout.Geometry, b: raw, unreadable: map[uint32]bool{}, flicker: map[uint32]byte{}, broken: map[uint32]bool{}, random: rand.New(rand.NewPCG(1, 2))}
	b.reset(t)
	return b
}

// reset starts the terminal anew, as a power failure does, and reads the records.
func (b *bench) reset(t testing.TB) {
	t.Helper()
	var err error
	b.parts = Hardware{Flash: b.part, Layout: &b.layout, RAM: plainRAM{make([]byte, 1<<16)}, Cable: noCable{}, Clock: &ticks{}, Cause: PowerOn, Survivor: make([]byte, SurvivorSize)}
	b.Terminal, err = New(&b.parts)
	if err != nil {
		t.Fatal(err)
	}
	b.scan()
	b.doubtOf()
	b.readManifests()
}

// doubtfulOnes lists the doubtful sectors.
func (b *bench) doubtfulOnes() (out []int) {
	for s := range b.software.Sectors() {
		if b.doubtful(s) {
			out = append(out, s)
		}
	}
	return out
}
