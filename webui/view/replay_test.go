package view

import (
	"reflect"
	"testing"

	"unbrick/webui/state"
)

// replayed is a page with a replay at a stop.
func replayed(at uint32) (*Root, *world) {
	w := &world{}
	r := New(w.hooks())
	l := replayLab()
	l.Replay.At = at
	r.SetPath("#lab")
	r.SetState(state.State{Lab: l})
	return r, w
}

func TestReplayOfTheAddress(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#lab/replay/04abc")
	if len(w.commands) != 0 {
		t.Errorf("%v was sent before the engine was there", w.commands)
	}
	r.SetState(state.State{})
	r.SetState(state.State{})
	r.SetPath("#restore")
	r.SetPath("#lab/replay/04abc")
	r.SetPath("#lab/replay/04def")
	r.SetPath("#lab")
	r.SetPath("#lab")
	want := []state.Command{state.LabReplay{ID: "04abc"}, state.LabReplay{ID: "04def"}, state.LabReplayEnd{}}
	if !reflect.DeepEqual(w.commands, want) {
		t.Errorf("sent %v, want %v", w.commands, want)
	}
}

func TestSeek(t *testing.T) {
	r, w := replayed(930)
	c := &LabReplay{Page: r}
	c.move(1)
	if c.stop() != 931 {
		t.Errorf("at %d, want 931", c.stop())
	}
	// A state from before the wish does not take the person back.
	r.SetState(r.state)
	if c.stop() != 931 {
		t.Errorf("an old state went to %d", c.stop())
	}
	l := replayLab()
	l.Replay.At = 931
	r.SetState(state.State{Lab: l})
	if r.lab.sought || c.stop() != 931 {
		t.Errorf("at %d, on its way %v", c.stop(), r.lab.sought)
	}
	r.seek(1 << 20)
	r.seek(-5)
	want := []state.Command{state.LabSeek{At: 931}, state.LabSeek{At: 1640}, state.LabSeek{At: 0}}
	if !reflect.DeepEqual(w.commands, want) {
		t.Errorf("sent %v, want %v", w.commands, want)
	}
}

// Play goes on until the end, never past a cut without holding there, and a second press stops it.
func TestPlay(t *testing.T) {
	r, w := replayed(900)
	r.play()
	var at []uint32
	for len(w.timers) > 0 {
		f := w.timers[0]
		w.timers = w.timers[1:]
		f()
		if r.lab.playing {
			at = append(at, r.stop())
		}
	}
	cut := false
	for i, x := range at {
		cut = cut || x == 930
		if i > 0 && x <= at[i-1] {
			t.Errorf("%d comes after %d", x, at[i-1])
		}
	}
	if !cut || len(at) == 0 || at[len(at)-1] != 1640 || r.lab.playing {
		t.Errorf("played %v, still playing %v", at, r.lab.playing)
	}
	r.play()
	if r.stop() != 0 {
		t.Errorf("at the end Play begins at %d", r.stop())
	}
	r.play()
	before := r.stop()
	for _, f := range w.timers {
		f()
	}
	if r.lab.playing || r.stop() != before {
		t.Error("it goes on after Pause")
	}
}

func TestReplayWords(t *testing.T) {
	for _, c := range []struct {
		change func(l *state.Lab)
		want   string
	}{
		{func(l *state.Lab) { l.Replay.Do = state.DoBefore }, "Before the first flash operation."},
		{func(l *state.Lab) { l.Replay.Do, l.Replay.Cut = state.DoErase, false }, "Erase of sector 0x067000, 55 of 96."},
		{func(l *state.Lab) {
			l.Replay.Record, l.Replay.Cut, l.Replay.Of, l.Replay.Sector, l.Replay.Bytes = true, false, 0, 8, 8
		}, "8 bytes programmed into record sector 0x008000."},
		{func(l *state.Lab) { l.Replay.Do = state.DoPower }, "Power comes back, and the device boots."},
		{func(l *state.Lab) { l.Replay.Do, l.Phase, l.Runs = state.DoEnd, state.LabRunning, "2.4.1" }, "The end: release 2.4.1 runs."},
		{func(l *state.Lab) { l.Replay.Do, l.Phase = state.DoEnd, state.LabBricked }, "The end: it waits in restoration mode."},
	} {
		l := replayLab()
		c.change(&l)
		if got := replayWords(&l); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
