package record_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"

	"unbrick/flash"
	"unbrick/flash/flashtest"
	"unbrick/release"
	"unbrick/terminal/record"
)

// part is the flash as a store uses it: each call ends when the operation has.
type part struct{ *flashtest.Array }

func (p part) Erase(sector int) error {
	addr, n := p.Geometry().Sector(sector)
	if err := p.Array.Erase(addr, n); err != nil {
		return err
	}
	return p.Wait()
}

func (p part) Program(addr uint32, b []byte) error {
	for page := int(p.Geometry().Page); len(b) > 0; {
		n := min(len(b), page-int(addr)%page)
		if err := p.Array.Program(addr, b[:n]); err != nil {
			return err
		}
		if err := p.Wait(); err != nil {
			return err
		}
		addr, b = addr+uint32(n), b[n:]
	}
	return nil
}

func (part) Told(record.What, int, uint32) {}

// A rewrite writes a record that says so, marks a sector, and power fails: the next power-up finds the sector doubtful.
func ExampleStore() {
	g := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 8}}, ProgramUnit: 8, Page: 256, Erased: 0xFF}
	layout := flash.Layout{Geometry: g, Boot: 4096}
	software := layout.Software()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	signed := func(version string, order uint64) []byte {
		m, err := release.Describe("lamp", version, order, 1, []byte(version), &software)
		if err != nil {
			panic(err)
		}
		b, err := release.Sign(&m, key)
		if err != nil {
			panic(err)
		}
		return b
	}
	// The factory's record is there already.
	raw := bytes.Repeat([]byte{g.Erased}, int(g.Size()))
	first, _ := g.Sector(layout.Records()[0])
	record.Put(raw[first:], &record.Record{Sequence: 1, State: record.Installed, Confirmed: true, To: signed("1", 1)}, g.ProgramUnit)
	array := flashtest.NewArray(&g, raw, 1)

	var s record.Store
	s.Open(part{array}, &layout, &software)
	s.Scan()
	fmt.Println("first:", s.Newest().State, "sequence", s.Newest().Sequence)
	rec := s.Draft(release.Floor{})
	rec.State, rec.From, rec.To = record.Rewriting, rec.To, signed("2", 2)
	fmt.Println("rewriting:", s.Write(&rec))
	fmt.Println("mark:", s.Mark(3))

	var after record.Store // power was off
	after.Open(part{array}, &layout, &software)
	after.Scan()
	fmt.Println("then:", after.Newest().State, "sequence", after.Newest().Sequence)
	for i := range software.Sectors() {
		if after.Doubtful(i) {
			fmt.Println("sector", i, "is doubtful")
		}
	}
	// Output:
	// first: installed sequence 1
	// rewriting: <nil>
	// mark: <nil>
	// then: rewriting sequence 2
	// sector 3 is doubtful
}
