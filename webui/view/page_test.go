package view

import (
	"strings"
	"testing"

	"unbrick/restore"
	"unbrick/webui/state"
	"unbrick/webui/state/statetest"
	"unbrick/webui/view/flashmap"
	"unbrick/webui/view/part"
	"unbrick/webui/view/viewtest"
	"unbrick/webui/words"

	"github.com/vugu/vugu/js"
)

func TestFocusMovesOncePerState(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.Rendered()
	if len(w.focus) != 0 {
		t.Fatal("the first paint takes the focus")
	}
	s := statetest.Writing()
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
	f := statetest.Failed(state.Failure{Code: restore.CodeVanished})
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
			r, w := s.open()
			if r.Rendered(); w.titles[len(w.titles)-1] != "4 s left · Unbrick" {
				t.Errorf("%q", w.titles)
			}
		}
	}
}

func TestPaths(t *testing.T) {
	r := New((&world{}).hooks())
	for _, c := range []struct {
		path string
		want screen
	}{{"#lab", r.lab}, {"#main", r.lab}, {"#fleet-releases", r.fleet}, {"", r.restore}, {"#lab", r.lab}, {"#restore", r.restore}} {
		if r.SetPath(c.path); r.screen != c.want {
			t.Errorf("%q shows %T, want %T", c.path, r.screen, c.want)
		}
	}
}

func TestNothingIsPressedWhileWriting(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetState(state.State{Restore: statetest.Writing()})
	e := &viewtest.Event{}
	r.follow(e)
	if !e.Prevented || !r.Busy() {
		t.Error("a tab of the header can be opened while the device is written")
	}
	html := render(t, r)
	main := html[strings.Index(html, "<main"):]
	if strings.Contains(main, "<button") {
		t.Error("there is a button while the device is written")
	}
	r.SetState(state.State{Restore: state.RestoreDone{Device: statetest.Device()}})
	e = &viewtest.Event{}
	if r.follow(e); e.Prevented || r.Busy() {
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

func TestToastGoesAway(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.do(part.WishEvent{Wish: words.CopyText{Text: "a"}})
	r.do(part.WishEvent{Wish: words.CopyText{Text: "b"}})
	w.timers[0]()
	if r.toast == "" {
		t.Error("the first timer ends the second message")
	}
	w.timers[1]()
	if r.toast != "" || len(w.copied) != 2 {
		t.Errorf("%q, %q", r.toast, w.copied)
	}
}

func TestMapFollowsState(t *testing.T) {
	w := &world{}
	p := &paper{width: 540}
	h := w.hooks()
	h.Canvas = func(js.Value) flashmap.Canvas { return p }
	r := New(h)
	frame := func(s state.Restore) {
		r.SetState(state.State{Restore: s})
		mount(r)
		r.Rendered()
	}
	s := state.RestoreFound{Offer: statetest.Offer()}
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
	r.SetInk(flashmap.ReadInk(func(string) string { return "#d8483a" }))
	r.Redraw()
	if len(p.shown) != 3 || p.shown[2].Dx() < 1000 {
		t.Errorf("another theme is shown as %v", p.shown)
	}
}
