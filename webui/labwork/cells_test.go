package labwork

import (
	"bytes"
	"slices"
	"testing"

	"unbrick/flash"
	"unbrick/webui/state"
)

func TestCells(t *testing.T) {
	g, err := flash.ParseGeometry("4KiB", 48<<10)
	if err != nil {
		t.Fatal(err)
	}
	layout := flash.Layout{Geometry: g, Boot: 4 << 10, Settings: []flash.Area{{Name: "settings", Addr: 44 << 10, Size: 4 << 10}}}
	if err := layout.Validate(); err != nil {
		t.Fatal(err)
	}
	const base = 12 << 10
	full := func(c byte, n int) []byte { return bytes.Repeat([]byte{c}, n) }
	// Sectors of the software area: 0 equal in both, 1 to 5 differ, the new image is shorter by half a sector.
	old := slices.Concat(full(1, 4096), full(2, 6*4096))
	next := slices.Concat(full(1, 4096), full(3, 5*4096+2048))
	raw := full(0xff, 48<<10)
	copy(raw[base:], old)
	copy(raw[base+2*4096:], full(3, 4096))         // sector 2 is new
	copy(raw[base+3*4096:], full(0xff, 4096))      // 3 erased
	copy(raw[base+4*4096:], full(3, 100))          // 4 torn
	copy(raw[base+6*4096:], full(3, 2048))         // 6 new: half image,
	copy(raw[base+6*4096+2048:], full(0xff, 2048)) // half erased
	view := func(i int, see func([]byte)) {
		addr, n := g.Sector(i)
		see(raw[addr : addr+n])
	}
	p := picture{layout: &layout, old: old, new: next, active: 3 + 5, doubtful: func(i int) bool { return i == 3+1 }}
	want := []state.Sector{state.SectorBoot, state.SectorRecord, state.SectorRecord, state.SectorSame, state.SectorDamaged,
		state.SectorNew, state.SectorErased, state.SectorDamaged, state.SectorLive, state.SectorNew,
		state.SectorUnused, state.SectorUnused}
	if got := p.cells(view); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	p = picture{layout: &layout, old: old, active: -1}
	if got := p.cells(view)[3]; got != state.SectorSame {
		t.Errorf("with one image only: got %v, want SectorSame", got)
	}
}
