//go:build linux

package e2e

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"unbrick/lab"
)

// stillAtMost is how long page and device may show nothing new until they count as stuck. How long something takes that goes on is the
// machine's business: tests run beside others, and a page may be slowed down on purpose.
const stillAtMost = 90 * time.Second

// watch tells whether what it watches is stuck.
type watch struct {
	mark  string
	since time.Time // the mark came
}

// stuck takes what page and device show now.
func (w *watch) stuck(mark string) bool {
	if mark != w.mark || w.since.IsZero() {
		w.mark, w.since = mark, time.Now()
	}
	return time.Since(w.since) >= stillAtMost
}

// shownScript is all in which a page shows that it gets on: what it has loaded, what can be read on it and its details for support.
const shownScript = `[document.readyState, performance.timeOrigin, performance.getEntriesByType('resource').length, document.body?.innerText,
	...[...document.querySelectorAll('.trace')].map(e => e.textContent)].join('\n')`

// waits waits for come, as long as page or device get on; then it says what never came.
func (d *patient) waits(p *technician, come <-chan struct{}, what string) {
	d.t.Helper()
	look := time.NewTicker(5 * time.Second)
	defer look.Stop()
	for w := (watch{}); ; {
		select {
		case <-come:
			return
		case <-look.C:
			if w.stuck(fmt.Sprint(d.events.Load(), p.text())) {
				p.shot("stuck")
				d.t.Fatalf("%s; the device is %v; the page shows:\n%s", what, d.device.State(), p.text())
			}
		}
	}
}

// settled waits until the device has come to an end of what it does, as long as it gets on.
func (d *patient) settled() (state lab.State, err error) {
	for w := (watch{}); !w.stuck(fmt.Sprint(d.events.Load())); {
		ctx, stop := context.WithTimeout(d.t.Context(), stillAtMost)
		state, err = d.device.Settle(ctx)
		stop()
		if err == nil || d.t.Context().Err() != nil {
			break
		}
	}
	return state, err
}

// TestStuck: what gets on is waited for without end, and what shows nothing new is not.
func TestStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w watch
		for i := range 1000 {
			if w.stuck(fmt.Sprint(i)) {
				t.Fatalf("stuck at step %d, though it gets on", i)
			}
			time.Sleep(stillAtMost - 1)
		}
		w.stuck("the end")
		time.Sleep(stillAtMost - 1)
		if w.stuck("the end") {
			t.Error("stuck too early")
		}
		if time.Sleep(time.Nanosecond); !w.stuck("the end") {
			t.Error("not stuck, though nothing is new")
		}
	})
}
