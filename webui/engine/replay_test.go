package engine_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/internal/firmware"
	"unbrick/lab/sweep"
	"unbrick/release"
	"unbrick/webui/state"
)

// swept is a small pair of real firmware on a device of a sweep, and a run of it: cut in the rewrite, cut
// again in the restoration, then restored.
func swept(t *testing.T) (s *sweep.Subject, run sweep.Run, old, new []byte) {
	t.Helper()
	old, new = firmware.Mithermo()
	old, new = old[:20<<10-300], new[:20<<10]
	shape := sweep.Shape{Runs: []flash.Run{{Size: 4096, Count: 8}}, Unit: 8, Page: 256, Erased: 0xFF}
	s, err := sweep.NewSubject(t.Context(), "replay", shape, old, new, 3)
	if err != nil {
		t.Fatal(err)
	}
	mend := sweep.Restoring(sweep.RoadFile, sweep.New)
	return s, sweep.Run{Cuts: []sweep.Cut{
		{In: sweep.ActUpdate, Op: 40, Tear: emulator.Unstable}, {In: mend, Op: 9, Tear: emulator.Half},
	}, Mend: mend}, old, new
}

// releaseFile signs an image for the demo's model.
func releaseFile(t *testing.T, version string, order uint64, image []byte) []byte {
	t.Helper()
	seed := sha256.Sum256([]byte("replay"))
	m, err := release.Describe("0001", version, order, 1, image, &flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 8}}, ProgramUnit: 8, Page: 256, Erased: 0xFF})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := release.Sign(&m, ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	return release.AppendFile(nil, &release.File{Signed: signed, Image: image})
}

// seek goes to a stop and returns what is shown there.
func (s *stand) seek(at uint32, turn int) *state.State {
	s.Helper()
	s.engine.Do(state.LabSeek{At: at, Turn: turn})
	return s.until(fmt.Sprintf("stop %d", at), func(st *state.State) bool {
		return replays[state.ReplayReady](st) && (stopOf(st).At == at) == (turn == 0)
	})
}

// A link's run is computed anew and is that of the command: as many operations, the same end, the same
// flash to the last bit. What its images are is said as long as they are not to be had.
func TestReplayOfALink(t *testing.T) {
	subject, run, old, new := swept(t)
	want, err := subject.Replay(t.Context(), &run)
	if err != nil {
		t.Fatal(err)
	}
	id := subject.ID(&run)
	s := newStand(t)
	s.run()
	s.engine.Do(state.LabReplay{ID: id.String()})
	missing := s.until("the images to be missed", func(st *state.State) bool { return replays[state.ReplayMissing](st) })
	if got, want := missing.Lab.Replay.(state.ReplayMissing).Image, fmt.Sprintf("%x", id.Old); got != want {
		t.Errorf("missing %q, want %q", got, want)
	}
	s.engine.Do(state.AddFile{Name: "old", Data: releaseFile(t, "7.1", 1001, old)})
	s.engine.Do(state.AddFile{Name: "new", Data: releaseFile(t, "7.2", 1002, new)})
	// It waits for them.
	cut := s.until("the replay", func(st *state.State) bool { return replays[state.ReplayReady](st) })
	r := stopOf(cut)
	if r.Ops != uint32(want.Operations()) || r.CutOp != 40 || r.Op != 40 || !r.Cut || r.Tear != state.TearUnstable || len(r.Cuts) != 2 || r.Cuts[0] != r.At {
		t.Errorf("at the cut: %+v, want operation 40 of %d", r, want.Operations())
	}
	if cut.Lab.Power.Switch != state.SwitchOff || count(&cut.Lab.Map, state.SectorDamaged) != 1 || cut.Lab.Old != "7.1" || cut.Lab.Target != "7.2" {
		t.Errorf("at the cut: %v, power %v, from %q to %q", cut.Lab.Map.Cells, cut.Lab.Power.Switch, cut.Lab.Old, cut.Lab.Target)
	}
	first := s.seek(0, 0)
	if n := count(&first.Lab.Map, state.SectorNew) + count(&first.Lab.Map, state.SectorDamaged); n != 0 || stopOf(first).Do != state.DoBefore {
		t.Errorf("before the first operation %d sectors are new: %v", n, first.Lab.Map.Cells)
	}
	end := s.seek(r.Last, 0)
	if n := count(&end.Lab.Map, state.SectorOld) + count(&end.Lab.Map, state.SectorDamaged) + count(&end.Lab.Map, state.SectorErased); n != 0 {
		t.Errorf("at the end %d sectors are not new: %v", n, end.Lab.Map.Cells)
	}
	if end.Lab.Phase != state.LabRunning || end.Lab.Runs != "7.2" || stopOf(end).Do != state.DoEnd {
		t.Errorf("at the end: phase %v, runs %q", end.Lab.Phase, end.Lab.Runs)
	}
	last := end.Lab.Log[len(end.Lab.Log)-1].Text
	if digest := fmt.Sprintf("%x", want.Flash[:8]); !strings.Contains(last, digest) || !strings.Contains(last, want.Outcome.String()) {
		t.Errorf("the last event is %q, want %v and flash %s", last, want.Outcome, digest)
	}
	// Any stop looks the same, whether it was come to from before or from behind.
	for _, at := range []uint32{r.At + 3, r.At - 7, r.Last - 5, 2} {
		s.seek(0, 0)
		up := s.seek(at, 0)
		s.seek(r.Last, 0)
		down := s.seek(at, 0)
		if !reflect.DeepEqual(up.Lab, down.Lab) {
			t.Errorf("stop %d differs:\n%+v\n%+v", at, up.Lab, down.Lab)
		}
	}
	// Page keys go from sector to sector.
	from := s.seek(r.At, 0)
	next := s.seek(r.At, 1)
	if stopOf(next).Sector == stopOf(from).Sector || stopOf(next).At <= stopOf(from).At {
		t.Errorf("a page on: stop %d, sector %d", stopOf(next).At, stopOf(next).Sector)
	}
	s.engine.Do(state.LabReplayEnd{})
	s.until("the Lab without a device", func(st *state.State) bool {
		return st.Lab.Replay == nil && st.Lab.Phase == state.LabAbsent
	})
}

func TestReplayOfNoRun(t *testing.T) {
	s := newStand(t)
	s.run()
	s.engine.Do(state.LabReplay{ID: "04nonsense"})
	st := s.until("a refusal", func(st *state.State) bool { return replays[state.ReplayFailed](st) })
	if !strings.Contains(st.Lab.Replay.(state.ReplayFailed).Why, sweep.ErrID.Error()) {
		t.Errorf("says %q", st.Lab.Replay.(state.ReplayFailed).Why)
	}
}

// The last cut of the Lab's device is seen again, with what came after it, and the device is not touched.
func TestReplayTheCut(t *testing.T) {
	s := newStand(t)
	s.run()
	if before := s.makeDevice(); before.Lab.Again {
		t.Error("a device that was never cut has a cut to be seen again")
	}
	s.engine.Do(state.LabCut{At: 100, Tear: state.TearHalf})
	s.engine.Do(state.LabUpdate{})
	s.until("the cut", func(st *state.State) bool { return st.Lab.Phase == state.LabOff })
	s.engine.Do(state.LabPower{Switch: state.SwitchOn})
	device := s.until("restoration mode", func(st *state.State) bool {
		return st.Lab.Phase == state.LabBricked && st.Lab.Again && count(&st.Lab.Map, state.SectorOld) > 0
	})
	s.engine.Do(state.LabReplay{})
	cut := s.until("the replay", func(st *state.State) bool { return replays[state.ReplayReady](st) })
	r := stopOf(cut)
	if !r.Own || r.CutOp != 100 || r.Op != 100 || !r.Cut || r.Tear != state.TearHalf || r.Last <= r.At {
		t.Errorf("at the cut: %+v", r)
	}
	if cut.Lab.Power.Switch != state.SwitchOff || cut.Lab.Timeline.Steps[12] != state.StepBad {
		t.Errorf("at the cut: power %v, S13 %v", cut.Lab.Power.Switch, cut.Lab.Timeline.Steps[12])
	}
	if got, want := count(&cut.Lab.Map, state.SectorNew), count(&device.Lab.Map, state.SectorNew); got != want || want == 0 {
		t.Errorf("%d sectors are new at the cut, %d in the device", got, want)
	}
	before := s.seek(r.At-1, 0)
	if m := &before.Lab.Map; m.Active < 0 || before.Lab.RAM.Workspace.Size == 0 || before.Lab.Timeline.Steps[12] != state.StepLive {
		t.Errorf("before the cut: active %d, RAM %+v, S13 %v", m.Active, before.Lab.RAM, before.Lab.Timeline.Steps[12])
	}
	end := s.seek(r.Last, 0)
	if !reflect.DeepEqual(end.Lab.Map.Cells, device.Lab.Map.Cells) || end.Lab.Phase != state.LabBricked || end.Lab.Why != device.Lab.Why {
		t.Errorf("at the end of the replay: %v, why %v\n%v\n%v", end.Lab.Phase, end.Lab.Why, end.Lab.Map.Cells, device.Lab.Map.Cells)
	}
	s.engine.Do(state.LabReplayEnd{})
	after := s.until("the device again", func(st *state.State) bool { return st.Lab.Replay == nil })
	if !reflect.DeepEqual(after.Lab.Map, device.Lab.Map) || after.Lab.Phase != state.LabBricked {
		t.Errorf("the device was touched: %v", after.Lab.Phase)
	}
	s.engine.Do(state.LabRestore{})
	s.until("the restored device", func(st *state.State) bool {
		return st.Lab.Outcome == state.OutcomeRestored && st.Lab.Phase == state.LabRunning
	})
	s.engine.Do(state.LabReplay{})
	again := s.until("the longer replay", func(st *state.State) bool {
		return replays[state.ReplayReady](st) && stopOf(st).Last > r.Last
	})
	longer := s.seek(stopOf(again).Last, 0)
	if longer.Lab.Phase != state.LabRunning || longer.Lab.Timeline.Steps[19] != state.StepDone {
		t.Errorf("the replay ends in %v, S20 %v", longer.Lab.Phase, longer.Lab.Timeline.Steps[19])
	}
}

// replays reports whether a replay is in a phase.
func replays[P state.Replay](st *state.State) bool {
	_, ok := st.Lab.Replay.(P)
	return ok
}

// stopOf is the run that is shown, at its stop.
func stopOf(st *state.State) state.ReplayReady {
	r, _ := st.Lab.Replay.(state.ReplayReady)
	return r
}
