package engine_test

import (
	"testing"

	"unbrick/webui/state"
)

// An address that is not protected has no cable, and the page says why.
func TestInsecure(t *testing.T) {
	s := newStand(t)
	s.insecure = true
	s.run()
	s.phase(state.RestoreInsecure{})
}

// A device of a model for which nothing is at hand is met with nothing written.
func TestUnknownModel(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(100)
	s.ports, s.away = c, nil // no server, and a browser that has never seen one
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	if got := phase[state.RestoreUnknown](s).Device; got.Model != "0001" || got.Serial == "" {
		t.Errorf("device: got %+v", got)
	}
}
