package engine_test

import (
	"slices"
	"strings"
	"testing"

	"unbrick/webui/state"
)

// TestOtherSpeed: a device whose cable has another speed than its model's record is found all the same,
// and at once in the next visit.
func TestOtherSpeed(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(200)
	c.baud = 57600
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreFound{})
	c.mu.Lock()
	if len(c.bauds) < 2 || c.bauds[0] == 57600 || c.bauds[len(c.bauds)-1] != 57600 || len(slices.Compact(slices.Sorted(slices.Values(c.bauds)))) != len(c.bauds) {
		t.Errorf("opened at %v", c.bauds)
	}
	c.bauds = nil
	c.mu.Unlock()
	s.until("ways to be kept", func(*state.State) bool {
		names, err := blobsOf(s.fs)
		if err == nil && slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "ways") }) {
			return true
		}
		s.engine.Do(state.Home{}) // brings another state to look at
		return false
	})
	s.stop()
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreFound{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.bauds, []uint32{57600}) {
		t.Errorf("in the next visit opened at %v, want the speed that worked", c.bauds)
	}
}

// TestCoachRemembers: what a person did when a device answered comes first the next time, and says so.
func TestCoachRemembers(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(200)
	c.baud = 1 // no speed
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	ways := phase[state.RestoreNoAnswer](s).Ways
	var kinds []state.WayKind
	for _, w := range ways {
		kinds = append(kinds, w.Kind)
		if byHand := w.Kind == state.WayPower || w.Kind == state.WayButton || w.Kind == state.WayHint; byHand == (w.State == state.WayTried) || w.Before {
			t.Errorf("got %+v", w)
		}
	}
	for _, want := range []state.WayKind{state.WayBreak, state.WayReset, state.WayRTS, state.WayPin, state.WayPower, state.WayButton} {
		if !slices.Contains(kinds, want) {
			t.Errorf("%v is not in the list %v", want, kinds)
		}
	}
	s.engine.Do(state.WayDone{})
	s.until("the button to be the way", func(st *state.State) bool {
		return slices.ContainsFunc(shows[state.RestoreNoAnswer](st).Ways, func(w state.Way) bool {
			return w.Kind == state.WayButton && w.State == state.WayNow
		})
	})
	c.mu.Lock()
	c.baud = 0
	if c.port != nil {
		c.port.deaf = false
	}
	c.mu.Unlock()
	s.phase(state.RestoreFound{})
	s.engine.Do(state.Home{})
	s.phase(state.RestoreIdle{})

	c.mu.Lock()
	c.baud = 1
	c.mu.Unlock()
	s.engine.Do(state.Connect{})
	ways = phase[state.RestoreNoAnswer](s).Ways
	now := slices.IndexFunc(ways, func(w state.Way) bool { return w.State == state.WayNow })
	if now < 0 || ways[now].Kind != state.WayButton || !ways[now].Before {
		t.Errorf("the way that worked is not the first: %+v", ways)
	}
}

// TestPluggedInAgain: the port that the browser still lists is the one that was pulled out. It vanishes when
// it is opened, and the new one is found without another press.
func TestPluggedInAgain(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(200)
	c.pullAt = 1
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreFound{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opened != 2 {
		t.Errorf("opened %d times, want 2", c.opened)
	}
}
