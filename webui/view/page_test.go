package view

import (
	"strings"
	"testing"

	"unbrick/restore"
	"unbrick/webui/state"
	"unbrick/webui/view/flashmap"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"
)

// event is a browser's event with the properties that the page reads.
type event struct {
	vugu.DOMEvent
	key, value string
	x, y       float64
	prevented  bool
}

func (e *event) PropString(keys ...string) string {
	if keys[0] == "key" {
		return e.key
	}
	return e.value
}

func (e *event) PropFloat64(keys ...string) float64 {
	if keys[0] == "offsetX" {
		return e.x
	}
	return e.y
}

func (e *event) PreventDefault() { e.prevented = true }

func TestFocusMovesOncePerState(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.Rendered()
	if len(w.focus) != 0 {
		t.Fatal("the first paint takes the focus")
	}
	s := demoWriting()
	r.SetState(state.State{Restore: s})
	r.Rendered()
	for i := range 5 {
		s.Progress.Sectors += i
		r.SetState(state.State{Restore: s})
		r.Rendered()
	}
	if len(w.focus) != 1 || w.focus[0] != "h1" {
		t.Errorf("focus moved %v while one thing went on", w.focus)
	}
	f := demoRestore(state.RestoreFailed)
	f.Failure.Code = restore.CodeVanished
	r.SetState(state.State{Restore: f})
	r.Rendered()
	if len(w.focus) != 2 || w.titles[len(w.titles)-1] != "The cable came out · Unbrick" {
		t.Errorf("focus %v, titles %q", w.focus, w.titles)
	}
	r.SetPath("#lab")
	r.Rendered()
	if len(w.focus) != 3 || w.titles[len(w.titles)-1] != "Emulated device · Unbrick" {
		t.Errorf("focus %v, titles %q", w.focus, w.titles)
	}
}

func TestTitleTellsTheRemainingTime(t *testing.T) {
	scene := scenes()
	for _, s := range scene {
		if s.name == "restoring" {
			r, _ := s.open()
			if got := r.documentTitle(); got != "4 s left · Unbrick" {
				t.Errorf("%q", got)
			}
		}
	}
}

func TestPaths(t *testing.T) {
	r := New((&world{}).hooks())
	for _, c := range []struct {
		path string
		want view
	}{{"#lab", viewLab}, {"#main", viewLab}, {"#fleet-releases", viewFleet}, {"", viewRestore}, {"#lab", viewLab}, {"#restore", viewRestore}} {
		if r.SetPath(c.path); r.view != c.want {
			t.Errorf("%q shows %d, want %d", c.path, r.view, c.want)
		}
	}
}

func TestNothingIsPressedWhileWriting(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetState(state.State{Restore: demoWriting()})
	e := &event{}
	r.follow(e)
	if !e.prevented || !r.Busy() {
		t.Error("a tab of the header can be opened while the device is written")
	}
	html := render(t, r)
	main := html[strings.Index(html, "<main"):]
	if strings.Contains(main, "<button") {
		t.Error("there is a button while the device is written")
	}
	r.SetState(state.State{Restore: demoRestore(state.RestoreDone)})
	e = &event{}
	if r.follow(e); e.prevented || r.Busy() {
		t.Error("the header stays locked")
	}
}

// paper is a canvas of a certain width.
type paper struct {
	width float64
	shown []flashmap.Rect
}

func (p *paper) Size() (float64, float64) { return p.width, 2 }

func (p *paper) Show(_ *flashmap.Pixels, changed flashmap.Rect, _ float64) {
	p.shown = append(p.shown, changed)
}

func TestMapFollowsState(t *testing.T) {
	w := &world{}
	p := &paper{width: 540}
	h := w.hooks()
	h.Canvas = func(js.Value) flashmap.Canvas { return p }
	r := New(h)
	frame := func(s state.Restore) {
		r.SetState(state.State{Restore: s})
		c := &SectorMap{Page: r, Map: &r.state.Restore.Map, ID: "restore-map", Tall: 1}
		c.mounted(js.Value{})
		r.Rendered()
	}
	s := demoRestore(state.RestoreFound)
	frame(s)
	if len(p.shown) != 1 {
		t.Fatalf("shown %v", p.shown)
	}
	frame(s)
	if len(p.shown) != 1 {
		t.Error("an unchanged map is shown again")
	}
	s.Map.Cells = append([]state.Sector(nil), s.Map.Cells...)
	s.Map.Cells[100] = state.SectorErased
	frame(s)
	if len(p.shown) != 2 || p.shown[1].Dx() > 60 {
		t.Errorf("one changed cell is shown as %v", p.shown)
	}
	r.SetInk(flashmap.DarkInk)
	r.Redraw()
	if len(p.shown) != 3 || p.shown[2].Dx() < 1000 {
		t.Errorf("another theme is shown as %v", p.shown)
	}
	c := &SectorMap{Page: r, Map: &r.state.Restore.Map, ID: "restore-map", Tall: 1}
	e := &event{key: "End"}
	c.key(e)
	if !e.prevented || c.cursorWords() != "sector 255, 0x0ff000, not used" {
		t.Errorf("End leads to %q", c.cursorWords())
	}
	c.key(&event{key: "ArrowUp"})
	if !strings.HasPrefix(c.cursorWords(), "sector 223, 0x0df000, ") {
		t.Errorf("up leads to %q", c.cursorWords())
	}
	e = &event{key: "Tab"}
	if c.key(e); e.prevented {
		t.Error("Tab does not leave the map")
	}
	c.point(&event{x: 1, y: 1})
	if c.cursorWords() != "sector 0, 0x000000, boot area" {
		t.Errorf("the pointer leads to %q", c.cursorWords())
	}
	c.leave()
	if c.cursorWords() != "" {
		t.Error("the cursor stays")
	}
}

func TestCommandsOfTheLab(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	onLab(demoLab(state.LabBricked))(r, w)
	last := func() state.Command { return w.commands[len(w.commands)-1] }
	power := &LabPower{Page: r}
	power.flip()
	if last() != (state.LabPower{Switch: state.SwitchOff}) {
		t.Errorf("%#v", last())
	}
	if power.cut() != "928" {
		t.Errorf("the last cut is not offered again: %q", power.cut())
	}
	power.typed(&event{value: "1 200"})
	power.setTear(&event{value: "5"})
	power.arm(&event{})
	if last() != (state.LabCut{At: 1200, Tear: state.TearUnstable}) {
		t.Errorf("%#v", last())
	}
	power.typed(&event{value: "many"})
	n := len(w.commands)
	if power.arm(&event{}); len(w.commands) != n || power.complaint() == "" {
		t.Error("a word is taken for a number")
	}
	r.state.Lab.Power.CutAt = 1200
	if power.arm(&event{}); last() != (state.LabCut{Tear: state.TearUnstable}) {
		t.Errorf("an armed cut is not taken back: %#v", last())
	}
	line := &LabLine{Page: r}
	line.setNoise(&event{value: "4"})
	line.setTurn(&event{value: "1"})
	if got := last().(state.LabLine).Line; got.Noise != state.NoiseThousand || got.TurnAround.Milliseconds() != 1 || got.Baud != 115200 {
		t.Errorf("%+v", got)
	}
	n = len(w.commands)
	line.setPace(&event{value: "99"})
	line.setNoise(&event{value: "x"})
	if len(w.commands) != n {
		t.Error("an impossible choice is sent")
	}
	line.flip()
	if last() != (state.LabHealth{Health: state.HealthHangs}) {
		t.Errorf("%#v", last())
	}
	screen := &LabScreen{Page: r}
	screen.want(&event{value: digestText(oldRelease.Digest)})
	for _, a := range r.labActs() {
		a.Do()
	}
	if last() != (state.LabRestore{Digest: oldRelease.Digest}) {
		t.Errorf("%#v", last())
	}
	r.state.Lab.Choice = nil // the release is no longer offered
	for _, a := range r.labActs() {
		a.Do()
	}
	if last() != (state.LabRestore{}) {
		t.Errorf("a release that is gone is asked for: %#v", last())
	}
	maker := &LabMake{Page: r}
	maker.submit(&event{})
	if last() != (state.LabMake{Model: "0001", Digest: oldRelease.Digest}) {
		t.Errorf("the oldest release is not proposed: %#v", last())
	}
}

func TestToastGoesAway(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.copyText("a")
	r.copyText("b")
	w.timers[0]()
	if r.toast == "" {
		t.Error("the first timer ends the second message")
	}
	w.timers[1]()
	if r.toast != "" || len(w.copied) != 2 {
		t.Errorf("%q, %q", r.toast, w.copied)
	}
}

func TestDigestTravelsThroughAForm(t *testing.T) {
	d := [32]byte{0, 1, 0xab, 0xff, 31: 9}
	if got := digestOf(digestText(d)); got != d {
		t.Errorf("%x", got)
	}
	for _, s := range []string{"", "xyz", strings.Repeat("g", 64)} {
		if digestOf(s) != ([32]byte{}) {
			t.Errorf("%q is a digest", s)
		}
	}
}
