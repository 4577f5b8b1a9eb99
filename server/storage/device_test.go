package storage

import (
	"testing"
	"time"
)

// TestWrongClock: what was stored by a clock that was far ahead does not bind for years.
func TestWrongClock(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		until   time.Time
		refused time.Time
		holds   bool
	}{
		{"just now", now.Add(LongestHold), now, true},
		{"almost over", now.Add(time.Second), now.Add(-RefusedFor + time.Second), true},
		{"over", now, now.Add(-RefusedFor), false},
		{"set back by an hour since", now.Add(time.Hour), now.Add(time.Hour), true},
		{"by a clock in 2038", now.AddDate(12, 0, 0), now.AddDate(12, 0, 0), false},
	} {
		a := Attempt{Until: c.until}
		d := Device{Refusals: []Refusal{{Digest{1}, c.refused}}}
		if held, refused := a.HeldAt(now), d.HasRefused(Digest{1}, now); held != c.holds || refused != c.holds {
			t.Errorf("%s: held %v, refused %v, want %v", c.name, held, refused, c.holds)
		}
		a.Held = true
		if !a.HeldAt(now) {
			t.Errorf("%s: the operator's hold has ended", c.name)
		}
	}
}
