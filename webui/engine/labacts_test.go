package engine_test

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"unbrick/restore"
	"unbrick/server/storage"
	"unbrick/terminal"
	"unbrick/webui/state"
)

// bricks cuts the update of the Lab's device in an operation and waits until it is in restoration mode.
func (s *stand) bricks(operation uint64) *state.State {
	s.Helper()
	s.engine.Do(state.LabCut{At: operation, Tear: state.TearHalf})
	s.engine.Do(state.LabUpdate{})
	s.until("the cut", func(st *state.State) bool { return st.Lab.Phase == state.LabOff })
	s.engine.Do(state.LabPower{Switch: state.SwitchOn})
	return s.until("restoration mode", func(st *state.State) bool {
		return st.Lab.Phase == state.LabBricked && len(st.Lab.Choice) > 1
	})
}

// What stands first among the releases to be restored is what the apparatus would choose: the one that was intended, and after
// a hang the one before.
func TestFirstChoiceIsWhatIsRestored(t *testing.T) {
	for name, hangs := range map[string]bool{"cut": false, "hang": true} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			s.run()
			s.makeDevice()
			var bricked *state.State
			if hangs {
				s.engine.Do(state.LabHealth{Health: state.HealthHangs})
				s.engine.Do(state.LabUpdate{})
				bricked = s.until("the end of the watchdog's patience", func(st *state.State) bool {
					return st.Lab.Phase == state.LabBricked && len(st.Lab.Choice) > 1
				})
				if bricked.Lab.Runs == "" {
					t.Error("nobody says which release hung")
				}
				s.engine.Do(state.LabHealth{Health: state.HealthGood})
			} else {
				bricked = s.bricks(400)
			}
			s.engine.Do(state.LabRestore{}) // the choice is left to the apparatus
			done := s.until("the restored device", func(st *state.State) bool {
				return st.Lab.Phase == state.LabRunning && st.Lab.Outcome == state.OutcomeRestored
			})
			if got, want := done.Lab.Runs, bricked.Lab.Choice[0].Version; got != want {
				t.Errorf("restored %q, and %q stood first", got, want)
			}
		})
	}
}

// A restoration that the line does not let through ends with a reason, and the next one is none the worse for it.
func TestNoisyRestorationSaysWhy(t *testing.T) {
	s := newStand(t)
	s.run()
	s.makeDevice()
	s.bricks(400)
	line := state.Line{Baud: 115200, TurnAround: time.Millisecond, Noise: state.NoiseThousand, Pace: state.PaceFull}
	s.engine.Do(state.LabLine{Line: line})
	s.engine.Do(state.LabRestore{})
	ended := s.until("an end", func(st *state.State) bool {
		return st.Lab.Outcome != state.OutcomeNone && st.Lab.Phase != state.LabRestoring
	})
	if f := ended.Lab.Failure; ended.Lab.Outcome != state.OutcomeFailed || f.Code != restore.CodeNoisy && f.Code != restore.CodeSilent {
		t.Errorf("outcome %d, failure %+v", ended.Lab.Outcome, f)
	}
	line.Noise = state.NoiseNone
	s.engine.Do(state.LabLine{Line: line})
	s.engine.Do(state.LabRestore{})
	done := s.until("the restored device", func(st *state.State) bool { return st.Lab.Outcome == state.OutcomeRestored })
	if done.Lab.Failure.Code != 0 {
		t.Errorf("after a good end there is still %+v", done.Lab.Failure)
	}
}

// A doubtful sector is drawn and counted as damaged whatever it reads, on every map: a cut that leaves the whole operation done
// leaves a sector that reads as new.
func TestDoubtfulSectorIsDrawnAsOne(t *testing.T) {
	for _, operation := range []uint64{400, 405} { // a mark, and a page of the sector that it names
		t.Run(strconv.FormatUint(operation, 10), func(t *testing.T) { doubtfulAfter(t, operation) })
	}
}

func doubtfulAfter(t *testing.T, operation uint64) {
	s := newStand(t)
	s.run()
	s.makeDevice()
	s.engine.Do(state.LabCut{At: operation, Tear: state.TearAll})
	s.engine.Do(state.LabUpdate{})
	off := s.until("the cut", func(st *state.State) bool { return st.Lab.Phase == state.LabOff })
	if n := count(&off.Lab.Map, state.SectorDamaged); n == 0 && operation == 405 {
		t.Error("without power the sector of the cut is drawn as good")
	}
	s.engine.Do(state.LabPower{Switch: state.SwitchOn})
	bricked := s.until("restoration mode", func(st *state.State) bool {
		return st.Lab.Phase == state.LabBricked && count(&st.Lab.Map, state.SectorNew) > 0
	})
	doubtful := 0
	for _, row := range bricked.Lab.Log {
		if row.Source == state.SourceTerminal && terminal.EventCode(row.Code) == terminal.EventDoubtful {
			doubtful++
			if got := bricked.Lab.Map.Cells[row.Sector]; got != state.SectorDamaged {
				t.Errorf("sector %d is doubtful and drawn as %d", row.Sector, got)
			}
		}
	}
	if doubtful == 0 {
		t.Fatal("no sector is doubtful after the cut")
	}
	s.engine.Do(state.LabReplay{})
	last := stopOf(s.until("the replay", func(st *state.State) bool { return replays[state.ReplayReady](st) })).Last
	end := s.seek(last, 0)
	if got, want := count(&end.Lab.Map, state.SectorDamaged), count(&bricked.Lab.Map, state.SectorDamaged); got != want {
		t.Errorf("at the end of the replay %d sectors are damaged, on the device %d", got, want)
	}
	s.engine.Do(state.LabReplayEnd{})
	s.engine.Do(state.LabRestore{})
	done := s.until("the restored device", func(st *state.State) bool {
		return st.Lab.Phase == state.LabRunning && st.Lab.Outcome == state.OutcomeRestored
	})
	if n := count(&done.Lab.Map, state.SectorDamaged); n != 0 {
		t.Errorf("%d sectors of a restored device are drawn as damaged", n)
	}
}

// The same on Restore.
func TestDoubtfulSectorOnRestore(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(400)
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	found := phase[state.RestoreFound](s)
	if n := count(&found.Map, state.SectorDamaged); n == 0 {
		t.Error("no sector of an interrupted rewrite is drawn as damaged")
	}
}

// A cut that no rewrite reaches is refused and said; what was armed before stays armed. One that this rewrite does not reach is
// said in the end.
func TestCutThatNothingReaches(t *testing.T) {
	s := newStand(t)
	s.run()
	most := s.makeDevice().Lab.Power.Most
	s.engine.Do(state.LabCut{At: most, Tear: state.TearAll})
	s.until("an armed cut", func(st *state.State) bool { return st.Lab.Power.CutAt == most })
	s.engine.Do(state.LabCut{At: 99999999, Tear: state.TearHalf})
	refused := s.until("the refusal", func(st *state.State) bool { return st.Lab.Power.Refused == 99999999 })
	if p := refused.Lab.Power; p.CutAt != most || p.Tear != state.TearAll {
		t.Errorf("after a refused cut: %+v", p)
	}
	s.engine.Do(state.LabUpdate{})
	done := s.until("the update", func(st *state.State) bool { return st.Lab.Outcome == state.OutcomeConfirmed })
	if p := done.Lab.Power; p.Ops == 0 || p.Ops > most {
		t.Errorf("a rewrite had %d operations, and none was to have more than %d", p.Ops, most)
	}
	said := false
	for _, row := range done.Lab.Log {
		said = said || row.Source == state.SourceBoard && row.Code == state.LogMissed && uint64(row.A) == most
	}
	if !said {
		t.Error("nobody says that the cut was not reached")
	}
}

// record is what the server knows of the Lab's device.
func (s *stand) record(serial string) storage.Device {
	s.Helper()
	d, err := s.store.Device(s.Context(), "0001", serial)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		s.Fatal(err)
	}
	return d
}

// knows waits until the server knows by the device's own word that it runs a version. Nothing is pressed meanwhile.
func (s *stand) knows(serial, version string) storage.Device {
	s.Helper()
	var d storage.Device
	s.eventually("the device's own word that it runs "+version, func() bool {
		d = s.record(serial)
		return d.State == storage.Running && d.Claim.Version == version && d.RestoredTo == storage.Digest{}
	})
	return d
}

// eventually waits for something outside of the engine.
func (s *stand) eventually(what string, ok func() bool) {
	s.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	look := time.NewTicker(20 * time.Millisecond) // the server's database has no channel to wait on
	defer look.Stop()
	for !ok() {
		select {
		case <-look.C:
		case <-deadline.C:
			s.Fatalf("waited for %s in vain: %+v", what, s.state.Lab.Log)
		}
	}
}

// The emulated device has its next word by itself, as a device has once it is up: when it was made, after an update, after a
// boot that found the update whole or undone, and after a repair. It takes no update that nobody has asked for.
func TestDeviceTellsByItself(t *testing.T) {
	s := newStand(t)
	s.run()
	made := s.makeDevice().Lab
	d := s.knows(made.Serial, made.Runs)
	if d.Target != (storage.Digest{}) {
		t.Errorf("a device that only tells is %+v", d)
	}
	s.bricks(400)
	s.eventually("the rewrite, as the server knows it", func() bool { return s.record(made.Serial).State == storage.Rewriting })
	s.engine.Do(state.LabRestore{})
	s.knows(made.Serial, made.Offered.Version)
	s.until("the restored device", func(st *state.State) bool {
		return st.Lab.Phase == state.LabRunning && st.Lab.Outcome == state.OutcomeRestored && st.Lab.Runs == made.Offered.Version
	})
}

// A release that was taken back stays: that the server offers the newer one again is the person's business. While the server is
// away the device goes on without it, and tells it later.
func TestToldLater(t *testing.T) {
	s := newStand(t)
	s.run()
	made := s.makeDevice().Lab
	s.knows(made.Serial, made.Runs)
	s.engine.Do(state.LabHealth{Health: state.HealthHangs})
	s.engine.Do(state.LabUpdate{})
	s.until("the end of the watchdog's patience", func(st *state.State) bool { return st.Lab.Phase == state.LabBricked })
	s.engine.Do(state.LabHealth{Health: state.HealthGood})
	s.engine.Do(state.LabRestore{})
	s.knows(made.Serial, made.Runs)
	st := s.until("the release that was taken back", func(st *state.State) bool {
		return st.Lab.Phase == state.LabRunning && st.Lab.Outcome == state.OutcomeRestored
	})
	if st.Lab.Runs != made.Runs {
		t.Errorf("runs %q, want %q: an update was taken that nobody asked for", st.Lab.Runs, made.Runs)
	}
	s.away.away(true)
	s.engine.Do(state.LabPower{Switch: state.SwitchOff})
	s.until("no power", func(st *state.State) bool { return st.Lab.Phase == state.LabOff })
	s.engine.Do(state.LabPower{Switch: state.SwitchOn})
	s.until("the boot without a server", func(st *state.State) bool {
		return st.Lab.Phase == state.LabRunning && lastOf(st, state.LogServerAway) > lastOf(st, state.LogOffered)
	})
	s.away.away(false)
	s.engine.Ask()
	s.until("the word to the server that answers again", func(st *state.State) bool {
		return lastOf(st, state.LogOffered) > lastOf(st, state.LogServerAway)
	})
	// An update that is asked for while the device tells is not lost.
	s.engine.Do(state.LabPower{Switch: state.SwitchOff})
	s.until("no power", func(st *state.State) bool { return st.Lab.Phase == state.LabOff })
	s.engine.Do(state.LabPower{Switch: state.SwitchOn})
	s.until("the boot", func(st *state.State) bool { return st.Lab.Phase == state.LabRunning })
	s.engine.Do(state.LabUpdate{})
	s.until("the update", func(st *state.State) bool { return st.Lab.Outcome == state.OutcomeConfirmed })
}

// lastOf is where the last row of what the server did stands in the Lab's log, -1: nowhere.
func lastOf(st *state.State, code uint16) int {
	for i, r := range slices.Backward(st.Lab.Log) {
		if r.Source == state.SourceServer && r.Code == code {
			return i
		}
	}
	return -1
}

// What keeps a device from being made is said, with and without one that is there.
func TestWhyNoDeviceWasMade(t *testing.T) {
	s := newStand(t)
	s.run()
	st := s.until("releases", func(st *state.State) bool { return len(st.Lab.Make.Releases) > 1 })
	var oldest state.Release
	for _, r := range st.Lab.Make.Releases {
		if r.Model == "0002" {
			oldest = r
		}
	}
	s.away.away(true)
	s.engine.Do(state.LabMake{Model: "0002", Digest: oldest.Digest})
	s.until("the reason", func(st *state.State) bool { return st.Lab.Make.Ended == state.MakeEndNoServer })
	s.away.away(false)
	s.makeDevice()
	s.engine.Do(state.LabMake{Model: "0002", Digest: [32]byte{1}})
	there := s.until("the reason", func(st *state.State) bool { return st.Lab.Make.Ended == state.MakeEndNoRelease })
	if there.Lab.Phase != state.LabRunning {
		t.Errorf("the device that was there is in phase %d", there.Lab.Phase)
	}
}
