package engine_test

import (
	"testing"
	"time"

	"unbrick/protocol/smp"
	"unbrick/webui/state"
)

// The Lab's device is there again after a reload, as its flash was; a reload is a power cut.
func TestLabSurvivesAReload(t *testing.T) {
	s := newStand(t)
	s.run()
	offered := s.makeDevice().Lab.Offered
	s.engine.Do(state.LabCut{At: 60, Tear: state.TearUnstable})
	s.engine.Do(state.LabUpdate{})
	s.until("the cut", func(st *state.State) bool { return st.Lab.Phase == state.LabOff })
	s.engine.Do(state.LabPower{Switch: state.SwitchOn})
	before := s.until("restoration mode", func(st *state.State) bool {
		return st.Lab.Phase == state.LabBricked && count(&st.Lab.Map, state.SectorNew) > 0
	})
	s.kept()
	s.stop()
	s.run()
	after := s.until("the same device", func(st *state.State) bool {
		return st.Lab.Phase == state.LabBricked && count(&st.Lab.Map, state.SectorNew) > 0
	})
	if after.Lab.Serial != before.Lab.Serial {
		t.Errorf("serial: got %q, want %q", after.Lab.Serial, before.Lab.Serial)
	}
	if got, want := count(&after.Lab.Map, state.SectorNew), count(&before.Lab.Map, state.SectorNew); got != want {
		t.Errorf("new sectors: got %d, want %d", got, want)
	}
	if after.Lab.Line.Pace != state.PaceFull {
		t.Error("the pace was forgotten")
	}
	s.engine.Do(state.LabRestore{})
	done := s.until("the restored device", func(st *state.State) bool {
		return st.Lab.Outcome == state.OutcomeRestored && st.Lab.Phase == state.LabRunning
	})
	if done.Lab.Runs != offered.Version {
		t.Errorf("runs %q, want %q", done.Lab.Runs, offered.Version)
	}
}

// kept waits until the Lab's flash has been saved: until saving it again finds nothing to do.
func (s *stand) kept() {
	s.Helper()
	last, same := "", 0
	s.until("the flash to be kept", func(*state.State) bool {
		names, err := blobsOf(s.fs)
		if err != nil {
			return false
		}
		all := ""
		for _, n := range names {
			all += n + " "
		}
		if all == last {
			same++
		} else {
			last, same = all, 0
		}
		s.engine.Do(state.LabCut{}) // saves, and shows a state
		return same > 3
	})
}

// Power goes at any moment of a rewrite: with the page, whose worker ends without a word.
func TestReloadWhileRewriting(t *testing.T) {
	s := newStand(t)
	s.run()
	s.makeDevice()
	s.engine.Do(state.LabLine{Line: state.Line{Baud: 115200, TurnAround: time.Millisecond, Pace: state.PaceTen}})
	s.engine.Do(state.LabUpdate{})
	s.until("a kept piece of the rewrite", func(st *state.State) bool {
		return st.Lab.Phase == state.LabRewriting && st.Lab.Progress.Sectors > 20 || st.Lab.Outcome == state.OutcomeConfirmed
	})
	s.stop()
	s.run()
	after := s.until("the device after its boot", func(st *state.State) bool {
		return st.Lab.Phase == state.LabRunning || st.Lab.Phase == state.LabBricked || st.Lab.Phase == state.LabFault
	})
	if after.Lab.Phase == state.LabFault {
		t.Fatalf("fault: %s", after.Lab.Fault)
	}
	if after.Lab.Phase == state.LabBricked {
		s.engine.Do(state.LabRestore{})
		s.until("the restored device", func(st *state.State) bool { return st.Lab.Outcome == state.OutcomeRestored })
	}
}

// A release that verifies but hangs ends in restoration mode and is taken back over the cable.
func TestHangingReleaseIsTakenBack(t *testing.T) {
	s := newStand(t)
	s.run()
	first := s.makeDevice()
	s.engine.Do(state.LabHealth{Health: state.HealthHangs})
	s.engine.Do(state.LabUpdate{})
	hung := s.until("the watchdog's patience to end", func(st *state.State) bool { return st.Lab.Phase == state.LabBricked })
	if hung.Lab.Why != smp.WhyHang {
		t.Errorf("why: got %d, want WhyHang", hung.Lab.Why)
	}
	s.engine.Do(state.LabHealth{Health: state.HealthGood})
	s.engine.Do(state.LabRestore{}) // the apparatus takes the one before by itself
	done := s.until("the old release to run", func(st *state.State) bool {
		return st.Lab.Phase == state.LabRunning && st.Lab.Outcome == state.OutcomeRestored
	})
	if done.Lab.Runs != first.Lab.Runs {
		t.Errorf("runs %q, want %q", done.Lab.Runs, first.Lab.Runs)
	}
}

func TestServerAwayInTheLab(t *testing.T) {
	s := newStand(t)
	s.run()
	before := s.makeDevice()
	s.away.away(true)
	s.engine.Do(state.LabUpdate{})
	after := s.until("the outcome", func(st *state.State) bool { return st.Lab.Outcome == state.OutcomeNoServer })
	if after.Lab.Phase != state.LabRunning || after.Lab.Runs != before.Lab.Runs {
		t.Errorf("phase %v, runs %q", after.Lab.Phase, after.Lab.Runs)
	}
	s.away.away(false)
	s.engine.Do(state.LabUpdate{})
	s.until("the update", func(st *state.State) bool { return st.Lab.Outcome == state.OutcomeConfirmed })
	s.engine.Do(state.LabUpdate{})
	s.until("nothing newer", func(st *state.State) bool { return st.Lab.Outcome == state.OutcomeUpToDate })
}
