package engine_test

import (
	"testing"

	"unbrick/webui/state"
)

// What a person asks for before the store is open and before the tab is known to be the only one is
// neither offered too early nor lost.
func TestNothingAskedForIsLost(t *testing.T) {
	s := newStand(t)
	s.hold = make(chan struct{})
	tab := make(chan bool, 1)
	s.tab = tab
	s.run()
	s.until("the server's lists", func(st *state.State) bool { return st.Server == state.ReachYes })
	st := s.until("the search", func(st *state.State) bool { return st.Lab.Make.State == state.MakeLooking })
	if len(st.Lab.Make.Releases) != 0 {
		t.Error("a device is offered while the last one is looked for")
	}
	s.engine.Do(state.LabLine{Line: state.Line{Baud: 230400, Pace: state.PaceFull}})
	tab <- true
	close(s.hold)
	s.until("what was asked for first", func(st *state.State) bool { return st.Lab.Line.Baud == 230400 })
	s.makeDevice()
}
