package apparatus_test

import (
	"testing"
	"time"

	"unbrick/apparatus"
)

// The Lab's device is there again after a reload, as its flash was; a reload is a power cut.
func TestLabSurvivesAReload(t *testing.T) {
	s := newStand(t)
	s.run()
	offered := s.makeDevice().Lab.Offered
	s.engine.Do(apparatus.LabCut{At: 60, Tear: apparatus.TearUnstable})
	s.engine.Do(apparatus.LabUpdate{})
	s.until("the cut", func(st *apparatus.State) bool { return st.Lab.Phase == apparatus.LabOff })
	s.engine.Do(apparatus.LabPower{Switch: apparatus.SwitchOn})
	before := s.until("restoration mode", func(st *apparatus.State) bool {
		return st.Lab.Phase == apparatus.LabBricked && count(&st.Lab.Map, apparatus.SectorNew) > 0
	})
	s.kept()
	s.stop()
	s.run()
	after := s.until("the same device", func(st *apparatus.State) bool {
		return st.Lab.Phase == apparatus.LabBricked && count(&st.Lab.Map, apparatus.SectorNew) > 0
	})
	if after.Lab.Serial != before.Lab.Serial {
		t.Errorf("serial: got %q, want %q", after.Lab.Serial, before.Lab.Serial)
	}
	if got, want := count(&after.Lab.Map, apparatus.SectorNew), count(&before.Lab.Map, apparatus.SectorNew); got != want {
		t.Errorf("new sectors: got %d, want %d", got, want)
	}
	if after.Lab.Line.Pace != apparatus.PaceFull {
		t.Error("the pace was forgotten")
	}
	s.engine.Do(apparatus.LabRestore{})
	done := s.until("the restored device", func(st *apparatus.State) bool {
		return st.Lab.Outcome == apparatus.OutcomeRestored && st.Lab.Phase == apparatus.LabRunning
	})
	if done.Lab.Runs != offered.Version {
		t.Errorf("runs %q, want %q", done.Lab.Runs, offered.Version)
	}
}

// kept waits until the Lab's flash has been saved: until saving it again finds nothing to do.
func (s *stand) kept() {
	s.Helper()
	last, same := "", 0
	s.until("the flash to be kept", func(*apparatus.State) bool {
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
		s.engine.Do(apparatus.LabCut{}) // saves, and shows a state
		return same > 3
	})
}

// Power goes at any moment of a rewrite: with the page, whose worker ends without a word.
func TestReloadWhileRewriting(t *testing.T) {
	s := newStand(t)
	s.run()
	s.makeDevice()
	s.engine.Do(apparatus.LabLine{Line: apparatus.Line{Baud: 115200, TurnAround: time.Millisecond, Pace: apparatus.PaceTen}})
	s.engine.Do(apparatus.LabUpdate{})
	s.until("a kept piece of the rewrite", func(st *apparatus.State) bool {
		return st.Lab.Phase == apparatus.LabRewriting && st.Lab.Progress.Sectors > 20 || st.Lab.Outcome == apparatus.OutcomeConfirmed
	})
	s.stop()
	s.run()
	after := s.until("the device after its boot", func(st *apparatus.State) bool {
		return st.Lab.Phase == apparatus.LabRunning || st.Lab.Phase == apparatus.LabBricked || st.Lab.Phase == apparatus.LabFault
	})
	if after.Lab.Phase == apparatus.LabFault {
		t.Fatalf("fault: %s", after.Lab.Fault)
	}
	if after.Lab.Phase == apparatus.LabBricked {
		s.engine.Do(apparatus.LabRestore{})
		s.until("the restored device", func(st *apparatus.State) bool { return st.Lab.Outcome == apparatus.OutcomeRestored })
	}
}

// A release that verifies but hangs ends in restoration mode and is taken back over the cable.
func TestHangingReleaseIsTakenBack(t *testing.T) {
	s := newStand(t)
	s.run()
	first := s.makeDevice()
	s.engine.Do(apparatus.LabHealth{Health: apparatus.HealthHangs})
	s.engine.Do(apparatus.LabUpdate{})
	hung := s.until("the watchdog's patience to end", func(st *apparatus.State) bool { return st.Lab.Phase == apparatus.LabBricked })
	if hung.Lab.Why != apparatus.WhyHang {
		t.Errorf("why: got %d, want WhyHang", hung.Lab.Why)
	}
	s.engine.Do(apparatus.LabHealth{Health: apparatus.HealthGood})
	s.engine.Do(apparatus.LabRestore{}) // the apparatus takes the one before by itself
	done := s.until("the old release to run", func(st *apparatus.State) bool {
		return st.Lab.Phase == apparatus.LabRunning && st.Lab.Outcome == apparatus.OutcomeRestored
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
	s.engine.Do(apparatus.LabUpdate{})
	after := s.until("the outcome", func(st *apparatus.State) bool { return st.Lab.Outcome == apparatus.OutcomeNoServer })
	if after.Lab.Phase != apparatus.LabRunning || after.Lab.Runs != before.Lab.Runs {
		t.Errorf("phase %v, runs %q", after.Lab.Phase, after.Lab.Runs)
	}
	s.away.away(false)
	s.engine.Do(apparatus.LabUpdate{})
	s.until("the update", func(st *apparatus.State) bool { return st.Lab.Outcome == apparatus.OutcomeConfirmed })
	s.engine.Do(apparatus.LabUpdate{})
	s.until("nothing newer", func(st *apparatus.State) bool { return st.Lab.Outcome == apparatus.OutcomeUpToDate })
}
