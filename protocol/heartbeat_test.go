package protocol

import (
	"errors"
	"testing"
	"time"
)

func TestHeartbeat(t *testing.T) {
	const s = time.Second
	h := Heartbeat{Interval: 10 * s, Timeout: 25 * s}
	h.Heard(100 * s)
	for _, step := range []struct {
		now   time.Duration
		heard bool
		ping  uint32 // number, 0: none
		wait  time.Duration
		err   error
	}{
		{now: 100 * s, wait: 10 * s},
		{now: 109 * s, wait: 1 * s},
		{now: 110 * s, ping: 1, wait: 10 * s},
		{now: 115 * s, wait: 5 * s},
		{now: 116 * s, heard: true, wait: 10 * s},
		{now: 126 * s, ping: 2, wait: 10 * s},
		{now: 136 * s, ping: 3, wait: 5 * s},
		{now: 141 * s, err: ErrDead},
	} {
		if step.heard {
			h.Heard(step.now)
		}
		ping, wait, err := h.Beat(step.now)
		var number uint32
		if ping != nil {
			number = ping.Number
		}
		if number != step.ping || wait != step.wait || !errors.Is(err, step.err) {
			t.Errorf("at %v: got ping %d, wait %v, %v; want %d, %v, %v", step.now, number, wait, err, step.ping, step.wait, step.err)
		}
	}
}
