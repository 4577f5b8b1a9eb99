package fleet

import (
	"testing"
	"time"

	"unbrick/server/storage"
)

// A repair is as told until the device has spoken. A report that comes later than the device's own word changes nothing, and
// one that finds it in restoration mode takes the claim back.
func TestRepairAsTold(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 4, 0, 0, time.UTC)
	one, two := storage.Digest{1}, storage.Digest{2}
	for name, c := range map[string]struct {
		state   storage.DeviceState
		runs    storage.Digest
		outcome Outcome
		told    bool
	}{
		"in the middle of a rewrite":   {storage.Rewriting, one, OutcomeRestored, true},
		"in restoration mode":          {storage.Restoration, one, OutcomeRestored, true},
		"running the old one, it said": {storage.Running, one, OutcomeRestored, true},
		"running the new one, it said": {storage.Running, two, OutcomeRestored, false},
		"restored, then not any more":  {storage.Running, one, OutcomeFound, false},
		"restored, then tried in vain": {storage.Running, one, OutcomeNotRestored, false},
	} {
		d := storage.Device{Model: "0001", Serial: "A", State: c.state, Target: two, RestoredTo: storage.Digest{}}
		d.Claim.Image = c.runs
		if c.outcome != OutcomeRestored {
			d.RestoredTo = two
		}
		reported(&d, &Report{Outcome: c.outcome, Image: two}, now)
		if got := d.RestoredTo != (storage.Digest{}); got != c.told {
			t.Errorf("%s: as told %t, want %t", name, got, c.told)
		}
	}
}
