package view

import (
	"strings"
	"testing"

	"unbrick/webui/state"
)

func TestLegend(t *testing.T) {
	m := demoMap(54, state.SectorDamaged)
	var words []string
	for _, e := range legend(&m, true) {
		words = append(words, e.Name+" "+e.Count)
	}
	if got, want := strings.Join(words, ", "), "New 54, Old 41, Damaged 1, Unchanged 136, Boot area 8, Records 2, Not used 14"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if n := len(legend(&m, false)); n != state.SectorKinds {
		t.Errorf("the long legend has %d lines", n)
	}
	m.Cells[103] = state.SectorDamaged
	if got, want := sectorWords(&m, 103), "sector 103, 0x067000, damaged"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if sectorWords(&m, -1) != "" || sectorWords(&m, 5000) != "" {
		t.Error("a cursor that is nowhere speaks")
	}
	uneven := state.MapFacts{Size: 1 << 20, ProgramUnit: 8, Runs: []state.SectorRun{{Size: 16 << 10, Count: 4}, {Size: 64 << 10, Count: 1}, {Size: 128 << 10, Count: 7}}}
	if got, want := factsWords(&uneven), "1 MiB NOR, one bank, 12 sectors of different sizes, program unit 8"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
