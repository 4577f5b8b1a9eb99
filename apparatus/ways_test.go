package apparatus_test

import (
	"slices"
	"strings"
	"testing"

	"unbrick/apparatus"
)

// TestOtherSpeed: a device whose cable has another speed than its model's record is found all the same,
// and at once in the next visit.
func TestOtherSpeed(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(200)
	c.baud = 57600
	s.ports = c
	s.run()
	s.phase(apparatus.RestoreIdle)
	s.engine.Do(apparatus.Connect{})
	s.phase(apparatus.RestoreFound)
	c.mu.Lock()
	if len(c.bauds) < 2 || c.bauds[0] == 57600 || c.bauds[len(c.bauds)-1] != 57600 || len(slices.Compact(slices.Sorted(slices.Values(c.bauds)))) != len(c.bauds) {
		t.Errorf("opened at %v", c.bauds)
	}
	c.bauds = nil
	c.mu.Unlock()
	s.until("ways to be kept", func(*apparatus.State) bool {
		names, err := blobsOf(s.fs)
		if err == nil && slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "ways") }) {
			return true
		}
		s.engine.Do(apparatus.Home{}) // brings another state to look at
		return false
	})
	s.stop()
	s.run()
	s.phase(apparatus.RestoreIdle)
	s.engine.Do(apparatus.Connect{})
	s.phase(apparatus.RestoreFound)
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
	s.phase(apparatus.RestoreIdle)
	s.engine.Do(apparatus.Connect{})
	ways := s.phase(apparatus.RestoreNoAnswer).Restore.Ways
	var kinds []apparatus.WayKind
	for _, w := range ways {
		kinds = append(kinds, w.Kind)
		if byHand := w.Kind == apparatus.WayPower || w.Kind == apparatus.WayButton || w.Kind == apparatus.WayHint; byHand == (w.State == apparatus.WayTried) || w.Before {
			t.Errorf("got %+v", w)
		}
	}
	for _, want := range []apparatus.WayKind{apparatus.WayBreak, apparatus.WayReset, apparatus.WayRTS, apparatus.WayPin, apparatus.WayPower, apparatus.WayButton} {
		if !slices.Contains(kinds, want) {
			t.Errorf("%v is not in the list %v", want, kinds)
		}
	}
	s.engine.Do(apparatus.WayDone{})
	s.until("the button to be the way", func(st *apparatus.State) bool {
		return slices.ContainsFunc(st.Restore.Ways, func(w apparatus.Way) bool {
			return w.Kind == apparatus.WayButton && w.State == apparatus.WayNow
		})
	})
	c.mu.Lock()
	c.baud = 0
	if c.port != nil {
		c.port.deaf = false
	}
	c.mu.Unlock()
	s.phase(apparatus.RestoreFound)
	s.engine.Do(apparatus.Home{})
	s.phase(apparatus.RestoreIdle)

	c.mu.Lock()
	c.baud = 1
	c.mu.Unlock()
	s.engine.Do(apparatus.Connect{})
	ways = s.phase(apparatus.RestoreNoAnswer).Restore.Ways
	now := slices.IndexFunc(ways, func(w apparatus.Way) bool { return w.State == apparatus.WayNow })
	if now < 0 || ways[now].Kind != apparatus.WayButton || !ways[now].Before {
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
	s.phase(apparatus.RestoreIdle)
	s.engine.Do(apparatus.Connect{})
	s.phase(apparatus.RestoreFound)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.opened != 2 {
		t.Errorf("opened %d times, want 2", c.opened)
	}
}
