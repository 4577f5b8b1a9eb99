package sweep

import (
	"bytes"
	"errors"
	"testing"

	"unbrick/emulator"
)

// TestReplay: each cell of the picture has an id, and the run of that id, done from its beginning by a cut
// armed at the operation, ends as the forked one did.
func TestReplay(t *testing.T) {
	s := subject(t, Shape{Runs: runs(4096, 6), Unit: 8, Page: 256, Erased: 0xFF}, 12<<10)
	r, err := s.Sweep(t.Context(), &Options{Seed: 2, Sample: 0.03, Heal: 0.001})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Outcome]int{}
	for _, c := range r.Grid.Operations {
		for row, text := range c.IDs {
			if text == "" {
				continue
			}
			id, err := ParseID(text)
			if err != nil {
				t.Fatal(err)
			}
			if old, new, err := id.Images(s.goods[New].image, s.goods[Old].image); err != nil || &old[0] != &s.goods[Old].image[0] || &new[0] != &s.goods[New].image[0] {
				t.Fatalf("images of %s: %v", text, err)
			}
			tl, err := s.Replay(t.Context(), &id.Run)
			if err != nil {
				t.Fatal(err)
			}
			if tl.Outcome != c.Cells[row] {
				t.Errorf("%s: replayed to %v, swept to %v", text, tl.Outcome, c.Cells[row])
			}
			if len(tl.Failures) > 0 {
				t.Errorf("%s: %v", text, tl.Failures)
			}
			seen[tl.Outcome]++
			checkTimeline(t, s, tl)
		}
	}
	t.Logf("%v", seen)
	if seen[OutcomeOld] == 0 || seen[OutcomeNew] == 0 || seen[OutcomeRestoration] == 0 {
		t.Errorf("outcomes %v", seen)
	}
}

// checkTimeline folds the steps over the start and compares with what the outcome says.
func checkTimeline(t *testing.T, s *Subject, tl *Timeline) {
	t.Helper()
	looks := append([]Look(nil), tl.Start...)
	cuts := 0
	for i, st := range tl.Steps {
		if i > 0 && st.At < tl.Steps[i-1].At {
			t.Fatalf("step %d is before the one before it", i)
		}
		if st.Sector >= 0 {
			looks[st.Sector] = st.Look
		}
		if st.Cut {
			cuts++
		}
	}
	if cuts != 1 {
		t.Errorf("%s: %d cuts", tl.ID, cuts)
	}
	held := map[Outcome]Held{OutcomeOld: HeldOld, OutcomeNew: HeldNew}
	want, ok := held[tl.Outcome]
	if !ok {
		return
	}
	first := s.layout.SoftwareFirst()
	for i := range s.goods[want-HeldOld].end {
		if l := looks[first+i]; l.Held != want && l.Held != HeldBoth || l.Soft {
			t.Errorf("%s: %v, and sector %d holds %+v", tl.ID, tl.Outcome, first+i, l)
		}
	}
}

func TestReplayOfAnotherRun(t *testing.T) {
	s := subject(t, Shape{Runs: runs(4096, 11), Unit: 8, Page: 256, Erased: 0xFF}, 28<<10)
	_, err := s.Replay(t.Context(), &Run{Cuts: []Cut{{In: ActUpdate, Op: 1 << 20, Tear: emulator.Half}}})
	if !errors.Is(err, ErrReplay) {
		t.Errorf("a cut behind the end: %v, want ErrReplay", err)
	}
}

func FuzzParseID(f *testing.F) {
	s := &Subject{Shape: Shape{Runs: runs(4096, 11), Unit: 8, Page: 256, Boot: 4096}, seed: 7, goods: [2]goods{{image: []byte("a")}, {image: []byte("b")}}}
	for _, r := range []Run{
		{},
		{Cuts: []Cut{{In: ActUpdate, Op: 20, Tear: emulator.Half}, {In: Restoring(RoadFile, New), Op: 3, Tear: emulator.Marginal, Draw: 3}}, Mend: Restoring(RoadUpload, Old)},
		{Start: StartBlank, Link: LinkHit{3, LinkLost}, Frame: FrameHit{2, FrameLate}, Noise: Noise{1, 2, 3, 4}, Lie: 2},
		{Defect: emulator.Defect{Kind: emulator.DefectStuck, Addr: 9000, Times: 1, Mask: 4, Value: 4}},
	} {
		id := s.ID(&r)
		f.Add(id.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseID(text)
		if err != nil {
			if !errors.Is(err, ErrID) {
				t.Errorf("%q: %v is no ErrID", text, err)
			}
			return
		}
		if again := id.String(); again != text {
			t.Errorf("%q is written again as %q", text, again)
		}
	})
}

// TestFailureIsReplayed: the id of a check that failed shows it fail again, and the picture shows the cut as failed.
func TestFailureIsReplayed(t *testing.T) {
	s := subject(t, Shape{Runs: runs(4096, 6), Unit: 8, Page: 256, Erased: 0xFF}, 12<<10)
	for w := range s.goods { // whatever the host uploads, it is not what was signed
		upload := bytes.Clone(s.goods[w].upload)
		upload[len(upload)-1] ^= 1
		s.goods[w].upload = upload
	}
	r, err := s.Sweep(t.Context(), &Options{Seed: 2, Workers: 1, Sample: 0.05, Heal: 0.001, Engine: 1 << 20, Enough: func(f Failure) bool { return f.Check == CheckRestored.String() }})
	if err != nil {
		t.Fatal(err)
	}
	if n := r.Counts[CheckRestored.String()]; !r.Failed() || n.Failures == 0 {
		t.Fatalf("failures %v, %+v", r.Failures, n)
	}
	f := r.Failures[0]
	id, err := ParseID(f.ID)
	if err != nil {
		t.Fatal(err)
	}
	tl, err := s.Replay(t.Context(), &id.Run)
	if err != nil {
		t.Fatal(err)
	}
	if len(tl.Failures) != 1 || tl.Failures[0].Check != f.Check || tl.Outcome != OutcomeFailed {
		t.Errorf("swept %+v, replayed to %v, %+v", f, tl.Outcome, tl.Failures)
	}
	cut := id.Run.Cuts[0]
	c := r.Grid.Operations[cut.Op-1]
	for row, tear := range r.Grid.Tears {
		if tear == cut.Tear && c.Cells[row] != OutcomeFailed {
			t.Errorf("%v shows as %v", cut, c.Cells[row])
		}
	}
}

// TestNoUpdate: a device that takes no update fails a check, and is no reason not to have a result.
func TestNoUpdate(t *testing.T) {
	s := subject(t, Shape{Runs: runs(4096, 6), Unit: 8, Page: 256, Erased: 0xFF}, 12<<10)
	s.file = bytes.Clone(s.file)
	s.file[len(s.file)-1] ^= 1
	r, err := s.Sweep(t.Context(), &Options{Link: true, Defects: true, Hostile: true, Cable: 1, Noise: 1, Pairs: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Failures) != 1 || r.Failures[0].Check != CheckUpdates.String() {
		t.Fatalf("failures %+v", r.Failures)
	}
	id, err := ParseID(r.Failures[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if tl, err := s.Replay(t.Context(), &id.Run); err != nil || tl.Outcome != OutcomeFailed || len(tl.Failures) == 0 {
		t.Errorf("replayed to %+v, %v", tl.Failures, err)
	}
}
