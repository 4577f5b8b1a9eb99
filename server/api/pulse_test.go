package api

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"unbrick/server/storage"
)

// TestPulseIsFeltOnceInAWhile: however many ask, the disk is written to once in pulseEvery.
func TestPulseIsFeltOnceInAWhile(t *testing.T) {
	var now time.Duration
	pings, trouble := 0, error(nil)
	p := pulse{ping: func(context.Context) error { pings++; return trouble }, passed: func() time.Duration { return now }, log: slog.New(slog.DiscardHandler)}
	for _, step := range []struct {
		at            time.Duration
		trouble, want error
		pings         int
	}{{0, nil, nil, 1}, {pulseEvery - 1, storage.ErrFull, nil, 1}, {pulseEvery, storage.ErrFull, storage.ErrFull, 2}, {2*pulseEvery - 1, nil, storage.ErrFull, 2}, {2 * pulseEvery, nil, nil, 3}} {
		now, trouble = step.at, step.trouble
		for range 100 {
			if err := p.feel(); !errors.Is(err, step.want) || pings != step.pings {
				t.Fatalf("at %v: %v after %d writes, want %v after %d", step.at, err, pings, step.want, step.pings)
			}
		}
	}
}

// TestPulseOfAnotherTrouble: a store that does not answer is another trouble than a full one, and the wait for it ends.
func TestPulseOfAnotherTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		p := pulse{ping: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, passed: func() time.Duration { return time.Since(begun) }, log: slog.New(slog.DiscardHandler)}
		if err := p.feel(); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != pulseTime {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}
