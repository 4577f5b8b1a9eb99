package flash

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func mustParse(t *testing.T, list string, size uint32) Geometry {
	t.Helper()
	g, err := ParseGeometry(list, size)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestParseGeometry(t *testing.T) {
	for _, c := range []struct {
		list string
		size uint32
		runs []Run
		text string
		page uint32
	}{
		{"4KiB", 1 << 20, []Run{{4096, 256}}, "4KiB*256", 256},
		{"16KiB*4,64KiB,128KiB*7", 0, []Run{{16384, 4}, {65536, 1}, {131072, 7}}, "16KiB*4,64KiB,128KiB*7", 256},
		{"16KiB*4,64KiB,128KiB*7", 1 << 20, []Run{{16384, 4}, {65536, 1}, {131072, 7}}, "16KiB*4,64KiB,128KiB*7", 256},
		{"2MiB*1", 0, []Run{{2 << 20, 1}}, "2MiB*1", 256},
		{"4KiB,4KiB*3", 0, []Run{{4096, 4}}, "4KiB*4", 256},
		{"128*64", 0, []Run{{128, 64}}, "128*64", 128},
		{"1000*4", 0, []Run{{1000, 4}}, "1000*4", 8},
	} {
		g := mustParse(t, c.list, c.size)
		if fmt.Sprint(g.Runs) != fmt.Sprint(c.runs) || g.Page != c.page || g.ProgramUnit != DefaultUnit || g.Erased != 0xFF {
			t.Errorf("%q: got %+v, want runs %v, page %d", c.list, g, c.runs, c.page)
		}
		if g.String() != c.text {
			t.Errorf("%q: String is %q, want %q", c.list, g.String(), c.text)
		}
		again := mustParse(t, g.String(), 0)
		if fmt.Sprint(again) != fmt.Sprint(g) {
			t.Errorf("%q: reads back as %v, want %v", g.String(), again, g)
		}
	}
}

func TestParseGeometryErrors(t *testing.T) {
	for _, c := range []struct {
		list string
		size uint32
		says string
	}{
		{"", 0, `item 1 at byte 0: size "": no number`},
		{"4KiB", 0, "the size of the part is not given"},
		{"4KiB", 5000, "do not divide"},
		{"16KiB*x", 0, `item 1 at byte 6: count "x"`},
		{"16KiB*4,64kB", 0, `item 2 at byte 8: size "64kB"`},
		{"16KiB*4,64KiB*", 0, `item 2 at byte 14: count "": no number`},
		{"16KiB*4,,64KiB", 0, "item 2 at byte 8"},
		{"16KiB*0", 0, "count 0 is not 1 to"},
		{"16KiB*70000", 0, "count 70000 is not 1 to"},
		{"0*4", 0, "sector of 0 bytes"},
		{"4KiB*4", 1 << 20, "add up to 16384 bytes, the part has 1048576"},
		{"16MiB*17", 0, "at most 268435456"},
		{"4KiB*65536,8KiB*65536", 0, "at most"},
		{"4294967295*65536", 0, "whole pages"},
		{"12*4", 0, "whole pages"},
		{" 4KiB*4", 0, `" 4" is not a decimal number`},
		{"+4KiB*4", 0, "not a decimal number"},
		{"4KiB*4" + strings.Repeat(",8KiB,4KiB", 16), 0, "more than 32 items"},
	} {
		_, err := ParseGeometry(c.list, c.size)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q of %d: got %v, want %q in it", c.list, c.size, err, c.says)
		}
	}
}

func TestGeometryValidate(t *testing.T) {
	good := func() Geometry {
		return Geometry{Runs: []Run{{4096, 4}, {65536, 2}}, ProgramUnit: 8, Page: 256, Erased: 0xFF, Blocks: []uint32{16384, 65536}}
	}
	g := good()
	if err := g.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		says  string
		spoil func(*Geometry)
	}{
		{"no sectors", func(g *Geometry) { g.Runs = nil }},
		{"33 runs", func(g *Geometry) { g.Runs = make([]Run, 33) }},
		{"run 2 (0*2) is empty", func(g *Geometry) { g.Runs[1].Size = 0 }},
		{"run 1 (4KiB*0) is empty", func(g *Geometry) { g.Runs[0].Count = 0 }},
		{"program unit of 0", func(g *Geometry) { g.ProgramUnit = 0 }},
		{"program unit of 3", func(g *Geometry) { g.ProgramUnit = 3 }},
		{"program unit of 64", func(g *Geometry) { g.ProgramUnit = 64 }},
		{"page of 0", func(g *Geometry) { g.Page = 0 }},
		{"page of 1024", func(g *Geometry) { g.Page = 1024 }},
		{"page of 96", func(g *Geometry) { g.Page = 96 }},
		{"smaller than the program unit", func(g *Geometry) { g.Page = 4 }},
		{"erased byte 0x7f", func(g *Geometry) { g.Erased = 0x7F }},
		{"whole pages", func(g *Geometry) { g.Runs[1].Size = 65536 + 128 }},
		{"at most 268435456", func(g *Geometry) { g.Runs[1] = Run{1 << 31, 1 << 31} }},
		{"at most 65536", func(g *Geometry) { g.Runs[0].Count = MaxSectors; g.Runs[0].Size = 256 }},
		{"block size 1 (4KiB)", func(g *Geometry) { g.Blocks[0] = 4096 }},
		{"block size 2 (16KiB)", func(g *Geometry) { g.Blocks[1] = 16384 }},
		{"block size 1 (5000)", func(g *Geometry) { g.Blocks[0] = 5000 }},
		{"block size 2 (1MiB)", func(g *Geometry) { g.Blocks[1] = 1 << 20 }},
		{"5 block sizes", func(g *Geometry) { g.Blocks = make([]uint32, 5) }},
	} {
		g := good()
		c.spoil(&g)
		if err := g.Validate(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("got %v, want %q in it", err, c.says)
		}
	}
}

// Every address is compared with a list of sectors made the slow way.
func TestSectorsOfRandomGeometries(t *testing.T) {
	const seed = 7
	rnd := rand.New(rand.NewPCG(seed, 0))
	for round := range 50 {
		g := Geometry{ProgramUnit: 1 << rnd.IntN(6), Page: 256, Erased: 0xFF}
		var starts []uint32
		var size uint32
		for range 1 + rnd.IntN(5) {
			r := Run{256 << rnd.IntN(5), 1 + rnd.Uint32N(6)}
			g.Runs = append(g.Runs, r)
			for range r.Count {
				starts = append(starts, size)
				size += r.Size
			}
		}
		if err := g.Validate(); err != nil {
			t.Fatalf("seed %d round %d: %v", seed, round, err)
		}
		if g.Size() != size || g.Sectors() != len(starts) {
			t.Fatalf("seed %d round %d: %s has %d bytes in %d sectors, want %d in %d", seed, round, g.String(), g.Size(), g.Sectors(), size, len(starts))
		}
		ends := append(starts[1:len(starts):len(starts)], size)
		var largest uint32
		for i, start := range starts {
			addr, n := g.Sector(i)
			if addr != start || n != ends[i]-start {
				t.Fatalf("%s: sector %d is %d bytes at %d, want %d at %d", g.String(), i, n, addr, ends[i]-start, start)
			}
			if g.SectorAt(start) != i || g.SectorAt(ends[i]-1) != i {
				t.Fatalf("%s: sector at 0x%x is %d, want %d", g.String(), start, g.SectorAt(start), i)
			}
			if err := g.CheckErase(start, n); err != nil {
				t.Fatal(err)
			}
			largest = max(largest, n)
		}
		if g.Largest() != largest || g.SectorAt(size) != -1 || g.SectorAt(^uint32(0)) != -1 {
			t.Fatalf("%s: largest %d, want %d; beyond the end: %d", g.String(), g.Largest(), largest, g.SectorAt(size))
		}
		first := rnd.IntN(len(starts) + 1)
		count := rnd.IntN(len(starts) - first + 1)
		s := g.sub(nil, nil, first, count)
		if s.Sectors() != count {
			t.Fatalf("%s: %d sectors of sub(%d, %d)", g.String(), s.Sectors(), first, count)
		}
		for i := range count {
			addr, n := s.Sector(i)
			base, m := g.Sector(first + i)
			if n != m || addr != base-starts[first] {
				t.Fatalf("%s: sector %d of sub(%d, %d) is %d bytes at %d", g.String(), i, first, count, n, addr)
			}
		}
	}
}

func TestSubKeepsBlocksThatStayAligned(t *testing.T) {
	g := mustParse(t, "4KiB*64", 0)
	g.Blocks = []uint32{32 << 10, 64 << 10}
	for _, c := range []struct {
		first, count int
		want         string
	}{{16, 48, "[32768 65536]"}, {8, 56, "[32768]"}, {4, 60, "[]"}, {0, 8, "[32768]"}, {0, 0, "[]"}} {
		s := g.sub(nil, nil, c.first, c.count)
		if got := fmt.Sprint(s.Blocks); got != c.want {
			t.Errorf("sub(%d, %d): blocks %s, want %s", c.first, c.count, got, c.want)
		}
	}
}

func TestChecksDoNotOverflow(t *testing.T) {
	g := mustParse(t, "4KiB*16", 0)
	g.Blocks = []uint32{16 << 10}
	const top = ^uint32(0)
	for name, err := range map[string]error{
		"read wraps":          g.CheckRead(top-3, 8),
		"read beyond":         g.CheckRead(65536, 1),
		"read negative":       g.CheckRead(0, -1),
		"erase wraps":         g.CheckErase(4096, top-4095),
		"erase beyond":        g.CheckErase(65536, 4096),
		"erase top":           g.CheckErase(top, 4096),
		"erase two":           g.CheckErase(0, 8192),
		"erase block shifted": g.CheckErase(4096, 16<<10),
		"program wraps":       g.CheckProgram(top-7, 8),
		"program beyond":      g.CheckProgram(65536, 8),
		"program nothing":     g.CheckProgram(0, 0),
		"program crossing":    g.CheckProgram(248, 16),
		"program negative":    g.CheckProgram(0, -8),
		"program large":       g.CheckProgram(0, 264),
	} {
		if !errors.Is(err, ErrBounds) {
			t.Errorf("%s: got %v, want %v", name, err, ErrBounds)
		}
	}
	for name, err := range map[string]error{
		"read":    g.CheckRead(0, 65536),
		"at end":  g.CheckRead(65536, 0),
		"block":   g.CheckErase(16<<10, 16<<10),
		"program": g.CheckProgram(65536-256, 256),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSizes(t *testing.T) {
	for _, n := range []uint32{0, 1, 1023, 1024, 1025, 4096, 1 << 20, 3 << 20, 1<<20 + 1024, 1<<32 - 1, 1<<32 - 1024} {
		got, err := ParseSize(FormatSize(n))
		if err != nil || got != n {
			t.Errorf("%d: %q reads back as %d, %v", n, FormatSize(n), got, err)
		}
	}
	for _, s := range []string{"", "KiB", "4kib", "4K", "-1", "1.5KiB", "4194304KiB", "4096MiB", "4294967296", "99999999999999999999", "1_0", " 1", "4 KiB"} {
		if n, err := ParseSize(s); err == nil {
			t.Errorf("%q: got %d, want an error", s, n)
		} else if !strings.Contains(err.Error(), fmt.Sprintf("%q", s)) {
			t.Errorf("%q: the error does not name it: %v", s, err)
		}
	}
}

func FuzzParseGeometry(f *testing.F) {
	f.Add("16KiB*4,64KiB,128KiB*7", uint32(1<<20))
	f.Add("4KiB", uint32(1<<20))
	f.Fuzz(func(t *testing.T, list string, size uint32) {
		g, err := ParseGeometry(list, size)
		if err != nil {
			return
		}
		if err := g.Validate(); err != nil {
			t.Fatalf("%q: parsed, but %v", list, err)
		}
		again, err := ParseGeometry(g.String(), g.Size())
		if err != nil || again.String() != g.String() || again.Page != g.Page {
			t.Fatalf("%q: %q reads back as %v, %v", list, g.String(), again, err)
		}
	})
}
