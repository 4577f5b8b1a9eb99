package record

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"unbrick/flash"
	"unbrick/flash/flashtest"
	"unbrick/release"
)

// bench is a Store on a flash that is an array.
type bench struct {
	Store
	*flashtest.Array
	layout   flash.Layout
	software flash.Geometry
	signed   []byte // manifest of an image that lies in sector 0
	told     []What
}

// Read, Erase and Program are record.Part's, on the array.
func (b *bench) Read(addr uint32, p []byte) error { return b.Array.Read(addr, p) }

func (b *bench) Erase(sector int) error {
	addr, n := b.layout.Geometry.Sector(sector)
	if err := b.Array.Erase(addr, n); err != nil {
		return err
	}
	return b.Wait()
}

func (b *bench) Program(addr uint32, p []byte) error {
	g := &b.layout.Geometry
	for len(p) > 0 {
		n := min(uint32(len(p)), g.Page-addr%g.Page)
		if err := b.Array.Program(addr, p[:n]); err != nil {
			return err
		}
		if err := b.Wait(); err != nil {
			return err
		}
		addr, p = addr+n, p[n:]
	}
	return nil
}

func (b *bench) Told(what What, _ int, _ uint32) { b.told = append(b.told, what) }

// newBench returns a device with so many sectors of software and one record, `installed`.
func newBench(t testing.TB, unit uint32, erased byte, sectors uint32) *bench {
	t.Helper()
	g := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 3 + sectors}}, ProgramUnit: unit, Page: max(unit, 64), Erased: erased}
	b := &bench{layout: flash.Layout{Geometry: g, Boot: 4096}}
	b.software = b.layout.Software()
	b.signed = signedManifest(t, 3000, &b.software)
	b.Array = flashtest.NewArray(&b.layout.Geometry, nil, 7)
	b.put(0, &Record{Sequence: 1, State: Installed, Confirmed: true, To: b.signed})
	b.reset()
	return b
}

func signedManifest(t testing.TB, size int, software *flash.Geometry) []byte {
	t.Helper()
	m, err := release.Describe("0001", "1", 1, 1, make([]byte, size), software)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := release.Sign(&m, ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// put makes rec the content of record sector i, as the factory does.
func (b *bench) put(i int, rec *Record) {
	b.cells(i, b.encoded(rec))
}

// encoded returns a record sector with rec in it.
func (b *bench) encoded(rec *Record) []byte {
	sector := bytes.Repeat([]byte{b.layout.Geometry.Erased}, 4096)
	Put(sector, rec, b.layout.Geometry.ProgramUnit)
	return sector
}

// cells makes p what record sector i holds.
func (b *bench) cells(i int, p []byte) {
	addr, _ := b.layout.Geometry.Sector(b.layout.Records()[i])
	raw := bytes.Clone(b.Array.Cells)
	copy(raw[addr:], p)
	b.Array.Load(raw)
}

// reset reads the records as after a power failure.
func (b *bench) reset() {
	b.Store = Store{}
	b.Open(b, &b.layout, &b.software)
	b.Scan()
}

// write writes a record with the given changes.
func (b *bench) write(change func(*Record)) error {
	rec := b.Draft(release.Floor{})
	if change != nil {
		change(&rec)
	}
	return b.Write(&rec)
}

// doubtful lists the doubtful sectors.
func (b *bench) doubtful() (out []int) {
	for i := range b.software.Sectors() {
		if b.Doubtful(i) {
			out = append(out, i)
		}
	}
	return out
}

// rewriting is a change of a record.
func rewriting(r *Record) { r.State = Rewriting }

// units is every program unit there is, with both erased bytes.
var units = []struct {
	unit   uint32
	erased byte
}{{1, 0xFF}, {2, 0}, {4, 0xFF}, {8, 0xFF}, {8, 0}, {16, 0xFF}, {32, 0xFF}, {32, 0}}
