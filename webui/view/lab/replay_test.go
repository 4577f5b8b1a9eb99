package lab

import (
	"reflect"
	"testing"

	"unbrick/webui/state"
	"unbrick/webui/state/statetest"
	"unbrick/webui/view/part"
	"unbrick/webui/view/viewtest"
)

func TestSeek(t *testing.T) {
	w := &viewtest.Wishes{}
	l := statetest.ReplayLab()
	c := &Replay{Lab: &l, Wish: w.Take}
	c.move(1)
	if c.stop() != 931 {
		t.Errorf("at %d, want 931", c.stop())
	}
	// A state from before the wish does not take the person back.
	if c.Compute(); c.stop() != 931 {
		t.Errorf("an old state went to %d", c.stop())
	}
	l.Replay = at(931)
	if c.Compute(); c.sought || c.stop() != 931 {
		t.Errorf("at %d, on its way %v", c.stop(), c.sought)
	}
	c.seek(1 << 20)
	c.seek(-5)
	want := []any{state.LabSeek{At: 931}, state.LabSeek{At: 1640}, state.LabSeek{At: 0}}
	if !reflect.DeepEqual(w.All, want) {
		t.Errorf("sent %v, want %v", w.All, want)
	}
}

// Play goes on until the end, never past a cut without holding there, and a second press stops it.
func TestPlay(t *testing.T) {
	l := statetest.ReplayLab()
	l.Replay = at(900)
	var timers []func()
	c := &Replay{Lab: &l, Wish: func(e WishEvent) {
		if w, ok := e.Wish.(part.Later); ok {
			timers = append(timers, w.Do)
		}
	}}
	c.play()
	var stops []uint32
	for len(timers) > 0 {
		f := timers[0]
		timers = timers[1:]
		f()
		if c.playing {
			stops = append(stops, c.stop())
		}
	}
	cut := false
	for i, x := range stops {
		cut = cut || x == 930
		if i > 0 && x <= stops[i-1] {
			t.Errorf("%d comes after %d", x, stops[i-1])
		}
	}
	if !cut || len(stops) == 0 || stops[len(stops)-1] != 1640 || c.playing {
		t.Errorf("played %v, still playing %v", stops, c.playing)
	}
	c.play()
	if c.stop() != 0 {
		t.Errorf("at the end Play begins at %d", c.stop())
	}
	c.play()
	before := c.stop()
	for _, f := range timers {
		f()
	}
	if c.playing || c.stop() != before {
		t.Error("it goes on after Pause")
	}
	c.play()
	if c.Destroy(); c.playing {
		t.Error("it goes on when it has left the page")
	}
}

// at is the run at a stop.
func at(stop uint32) state.Replay {
	run := statetest.ReplayLab().Replay.(state.ReplayReady)
	run.At = stop
	return run
}
