package flashmap

import (
	"strings"
	"testing"

	"unbrick/webui/state"
	"unbrick/webui/state/statetest"
	"unbrick/webui/view/viewtest"
	"unbrick/webui/words"
)

func TestLegend(t *testing.T) {
	m := statetest.Map(54, state.SectorDamaged)
	var list []string
	for _, e := range legend(&m, true) {
		list = append(list, e.Name+" "+e.Count)
	}
	if got, want := strings.Join(list, ", "), "New 54, Old 41, Damaged 1, Unchanged 136, Boot area 8, Records 2, Not used 14"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if n := len(legend(&m, false)); n != state.SectorKinds {
		t.Errorf("the long legend has %d lines", n)
	}
	m.Cells[103] = state.SectorDamaged
	if got, want := words.Sector(&m, 103), "sector 103, 0x067000, damaged"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if words.Sector(&m, -1) != "" || words.Sector(&m, 5000) != "" {
		t.Error("a cursor that is nowhere speaks")
	}
	uneven := state.MapFacts{Size: 1 << 20, ProgramUnit: 8, Runs: []state.SectorRun{{Size: 16 << 10, Count: 4}, {Size: 64 << 10, Count: 1}, {Size: 128 << 10, Count: 7}}}
	if got, want := words.FlashFacts(&uneven), "1 MiB NOR, one bank, 12 sectors of different sizes, program unit 8"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCursorSpeaks(t *testing.T) {
	flash := statetest.Map(54, state.SectorDamaged)
	c := &SectorMap{Map: &flash, ID: "restore-map", Tall: 1}
	c.Compute()
	c.drawing.Mount(paper{})
	c.drawing.Draw(&lightInk, true)
	e := &viewtest.Event{Key: "End"}
	c.key(e)
	if !e.Prevented || c.cursorWords() != "sector 255, 0x0ff000, not used" {
		t.Errorf("End leads to %q", c.cursorWords())
	}
	c.key(&viewtest.Event{Key: "ArrowUp"})
	if !strings.HasPrefix(c.cursorWords(), "sector 223, 0x0df000, ") {
		t.Errorf("up leads to %q", c.cursorWords())
	}
	e = &viewtest.Event{Key: "Tab"}
	if c.key(e); e.Prevented {
		t.Error("Tab does not leave the map")
	}
	c.point(&viewtest.Event{X: 1, Y: 1})
	if c.cursorWords() != "sector 0, 0x000000, boot area" {
		t.Errorf("the pointer leads to %q", c.cursorWords())
	}
	c.leave()
	if c.cursorWords() != "" {
		t.Error("the cursor stays")
	}
}

// paper is a canvas that keeps nothing.
type paper struct{}

func (paper) Size() (float64, float64) { return 540, 2 }

func (paper) Show(*Pixels, Rect, float64) {}
