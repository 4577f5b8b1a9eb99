package main

import (
	"testing"
	"time"
)

// Device time passes as real time does, whatever the timers oversleep, and a long wait elsewhere lends it little.
func TestPace(t *testing.T) {
	clock := time.Unix(0, 0)
	p := &pace{now: func() time.Time { return clock }, last: clock, sleep: func(d time.Duration) { clock = clock.Add(d + 300*time.Microsecond) }}
	for _, step := range []time.Duration{90 * time.Microsecond, 3 * time.Millisecond, 20 * time.Millisecond} {
		began, device := clock, time.Duration(0)
		for range 1000 {
			p.pass(step)
			device += step
		}
		if took := clock.Sub(began); took < device-paceTurn-paceCredit || took > device+paceTurn {
			t.Errorf("1000 steps of %v took %v, want %v", step, took, device)
		}
		clock = clock.Add(time.Hour)
	}
}
