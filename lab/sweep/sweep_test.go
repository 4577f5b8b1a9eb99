package sweep

import (
	"testing"

	"unbrick/flash"
	"unbrick/internal/firmware"
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

func TestSweepSampled(t *testing.T) {
	s := subject(t, Shape{Runs: runs(4096, 11), Unit: 8, Page: 256, Erased: 0xFF}, 28<<10)
	r, err := s.Sweep(t.Context(), &Options{Seed: 1, Sample: 0.03, Pairs: 0.002, Triples: 50, Link: true, Cable: 6, Defects: true, Noise: 1, Hostile: true})
	if err != nil {
		t.Fatal(err)
	}
	report(t, r)
}
