package sweep

import (
	"maps"
	"slices"
	"testing"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/internal/firmware"
	"unbrick/terminal"
)

// pair returns n bytes of two versions of real firmware.
func pair(n int) (old, new []byte) {
	old, new = firmware.Mithermo()
	return old[:n-300], new[:n-40]
}

func subject(t testing.TB, shape Shape, n int) *Subject {
	t.Helper()
	old, new := pair(n)
	s, err := NewSubject(t.Context(), "test", shape, old, new, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func runs(size, count uint32) []flash.Run { return []flash.Run{{Size: size, Count: count}} }

func report(t testing.TB, r *Result) {
	t.Helper()
	t.Logf("%s: %d cuts, %d states, %d runs, %d pairs (share %.3f), %.1f s, %v", r.Shape, r.Cuts, r.States, r.Runs, r.Pairs, r.Share, r.Seconds, r.KindRuns)
	for _, c := range Checks() {
		t.Logf("  %-34s %v", c, r.Counts[c.String()])
	}
	for _, f := range r.Failures {
		t.Errorf("%s: %s: %s", f.Check, f.Text, f.ID)
	}
}

// TestSweepIsDeterministic: equal options give equal results, whatever the number of workers.
func TestSweepIsDeterministic(t *testing.T) {
	s := subject(t, Shape{Runs: runs(4096, 6), Unit: 8, Page: 256, Erased: 0xFF}, 12<<10)
	var first *Result
	for _, workers := range []int{1, 3} {
		r, err := s.Sweep(t.Context(), &Options{Seed: 3, Workers: workers, Sample: 0.04, Pairs: 0.0005, Link: true, Hostile: true, Engine: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		report(t, r)
		if first == nil {
			first = r
			continue
		}
		if r.Cuts != first.Cuts || r.States != first.States || !maps.Equal(r.KindRuns, first.KindRuns) {
			t.Errorf("%d cuts, %d states, %v; with one worker %d, %d, %v", r.Cuts, r.States, r.KindRuns, first.Cuts, first.States, first.KindRuns)
		}
	}
}

// TestForkIsACut: the state that a fork is torn to is that of a cut armed at the operation.
func TestForkIsACut(t *testing.T) {
	s := subject(t, Shape{Runs: runs(4096, 6), Unit: 8, Page: 256, Erased: 0xFF}, 12<<10)
	forked, err := newStand(s, false)
	if err != nil {
		t.Fatal(err)
	}
	cut, err := newStand(s, true)
	if err != nil {
		t.Fatal(err)
	}
	forked.board.Restore(s.start)
	forks := forked.forks(func() { forked.update(&link{s: s}) })
	if len(forks) < 50 {
		t.Fatalf("%d operations", len(forks))
	}
	for i := 0; i < len(forks); i += 7 {
		for _, tear := range emulator.Tears() {
			forked.board.Tear(forks[i], tear)
			cut.board.Restore(s.start)
			cut.board.CutAt(uint64(i+1), tear)
			if cut.update(&link{s: s}); cut.ended != emulator.EndCut {
				t.Fatalf("operation %d, %v: %v", i+1, tear, cut.ended)
			}
			if forked.board.State() != cut.board.State() {
				t.Errorf("operation %d, %v: the states differ", i+1, tear)
			}
		}
	}
}

// TestLinkSweepLimits: in the sweep of the link an application must make room for the update, so that there
// is something to run again.
func TestLinkSweepLimits(t *testing.T) {
	s := subject(t, Shape{Runs: runs(4096, 6), Unit: 8, Page: 256, Erased: 0xFF}, 12<<10)
	tight := subject(t, Shape{Runs: runs(4096, 6), Unit: 8, Page: 256, Erased: 0xFF, RAM: s.info.Workspace}, 12<<10)
	st, err := newStand(tight, false)
	if err != nil {
		t.Fatal(err)
	}
	stopped := 0
	st.event = func(e terminal.Event) {
		if e.Code == terminal.EventStopped {
			stopped++
		}
	}
	st.board.Restore(tight.start)
	// The link ends behind the fifth message: challenge, hello, offer, request, first data.
	if out := st.update(&link{s: tight, at: 5, fault: LinkClosedAfter}); out != terminal.Broken {
		t.Fatalf("the session ended as %v", out)
	}
	if stopped == 0 || !st.after.stopped {
		t.Errorf("%d applications were stopped; limited behind the session: %v", stopped, st.after.stopped)
	}
}

// TestRestoredIsTheWanted: whatever road a device came back by, running the other image is a failure.
func TestRestoredIsTheWanted(t *testing.T) {
	s := subject(t, Shape{Runs: runs(4096, 6), Unit: 8, Page: 256, Erased: 0xFF}, 12<<10)
	for road := range roads {
		j, err := newJudge(s, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []Which{Old, New} {
			if err := j.from(StartBlank); err != nil {
				t.Fatal(err)
			}
			j.counts = [checks]Count{}
			h := j.restored(s.begin(StartBlank), New)
			if err := j.restore(road, New, false); err != nil {
				t.Fatalf("%v: %v", road, err)
			}
			good := j.mended(&h, want, nil, "test")
			if n := j.counts[CheckRestored]; good != (want == New) || n.Runs != 1 || (n.Failures == 0) != good {
				t.Errorf("brought to the new image by %v, wanted %v: good %v, %+v", road, want, good, n)
			}
		}
	}
}

// TestLies: each lie is answered with a no of the device's own, and a host that merely gives up is no refusal.
func TestLies(t *testing.T) {
	s := subject(t, Shape{Runs: runs(4096, 6), Unit: 8, Page: 256, Erased: 0xFF}, 12<<10)
	j, err := newJudge(s, false)
	if err != nil {
		t.Fatal(err)
	}
	tell := func(l lie) (Outcome, Count) {
		t.Helper()
		if err := j.from(StartBlank); err != nil {
			t.Fatal(err)
		}
		j.counts = [checks]Count{}
		return j.lie(l), j.counts[l.check]
	}
	for _, l := range lies {
		if o, n := tell(l); o != OutcomeRestoration || n.Failures != 0 {
			t.Errorf("%s: %v, %+v", l.name, o, n)
		}
	}
	gone := lie{"gives up", CheckProof, func(h *host) { h.prepare(false, func() { h.fail(ErrGaveUp) }) }}
	if o, n := tell(gone); o != OutcomeFailed || n.Failures != 1 {
		t.Errorf("a host that gives up: %v, %+v", o, n)
	}
}

// TestTouchedIsProgrammedToo: also a program without an erase touches a sector.
func TestTouchedIsProgrammedToo(t *testing.T) {
	s := subject(t, Shape{Runs: runs(4096, 8), Unit: 8, Page: 256, Erased: 0xFF}, 12<<10)
	j, err := newJudge(s, false)
	if err != nil {
		t.Fatal(err)
	}
	j.board.Restore(s.start)
	h := s.updated()
	last := s.software.Sectors() - 1
	if touched, _ := j.worn(&h); !touched || h.touch[last] {
		t.Fatalf("before: good %v, the last sector may be touched: %v", touched, h.touch[last])
	}
	addr, _ := s.software.Sector(last)
	raw := slices.Clone(s.raw)
	copy(raw[s.layout.SoftwareBase()+addr:], "programmed")
	if err := j.board.Load(raw, nil); err != nil {
		t.Fatal(err)
	}
	if touched, _ := j.worn(&h); touched {
		t.Error("a program behind the image is not seen")
	}
}

// TestOneSector: an update of one sector alone is tried like any other.
func TestOneSector(t *testing.T) {
	s := subject(t, Shape{Runs: runs(16<<10, 5), Unit: 8, Page: 256, Erased: 0xFF}, 12<<10)
	r, err := s.Sweep(t.Context(), &Options{Sample: 0.05, Hostile: true, Link: true, Cable: 1, Noise: 1})
	if err != nil {
		t.Fatal(err)
	}
	report(t, r)
	for _, k := range []Kind{KindHostile, KindCable, KindNoise} {
		if r.KindRuns[k.String()] == 0 {
			t.Errorf("%v was not tried", k)
		}
	}
}
