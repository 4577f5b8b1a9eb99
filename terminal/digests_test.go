package terminal_test

import (
	"bytes"
	"testing"

	"unbrick/protocol/smp"
)

// TestDigestsOfTheRecord: a question for no number of digests is answered with those of the sectors in which the
// longer release of the record lies, from the wanted one on, and with none behind them.
func TestDigestsOfTheRecord(t *testing.T) {
	for _, k := range kinds {
		f := fixtureOf(t, k)
		r := f.broken(t)
		end := f.software.SectorAt(uint32(max(k.old, k.new)-1)) + 1
		_, err := r.restoring(func(a *apparatus) error {
			var all, got smp.Digests
			if err := a.ask(&smp.DigestsRequest{Count: uint32(end)}, &all); err != nil {
				return err
			}
			want := bytes.Clone(all.Digests)
			for _, first := range []int{0, 1, end} {
				if err := a.ask(&smp.DigestsRequest{First: uint32(first)}, &got); err != nil {
					return err
				}
				if got.First != uint32(first) || !bytes.Equal(got.Digests, want[first*smp.DigestSize:]) || len(got.Doubtful) != (end-first+7)/8 {
					t.Errorf("%s, from %d: %d bytes of digests and %d of doubt from %d, want %d digests", k.name, first, len(got.Digests), len(got.Doubtful), got.First, end-first)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
	}
}
