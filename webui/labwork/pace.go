package labwork

import (
	"sync"
	"time"

	"unbrick/webui/state"
)

const (
	paceTurn = 4 * time.Millisecond  // the least that is slept: timers are no finer
	fullTurn = 24 * time.Millisecond // of work at full speed before others get a turn
	paceDebt = 200 * time.Millisecond
)

// pacer lets device time pass for human eyes. Its tick is called in the device's goroutine as device time
// passes and sleeps there; that also gives the browser's event loop its turn, without which no command
// would arrive while the device works.
type pacer struct {
	mu   sync.Mutex
	pace state.Pace
	owed time.Duration // real time that was not yet slept
	turn time.Time     // when others last had their turn
}

func (p *pacer) set(pace state.Pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pace, p.owed = pace, 0
}

// tick lets d of device time pass.
func (p *pacer) tick(d time.Duration) {
	p.mu.Lock()
	now := time.Now()
	var sleep time.Duration
	switch p.pace {
	case state.PaceLife:
		p.owed += d
	case state.PaceTen:
		p.owed += d / 10
	default:
		p.owed = 0
		if now.Sub(p.turn) >= fullTurn {
			sleep = time.Millisecond
		}
	}
	if p.owed >= paceTurn {
		sleep = min(p.owed, paceDebt)
	}
	p.mu.Unlock()
	if sleep == 0 {
		return
	}
	time.Sleep(sleep) // not for order: this is how slow a person wants it
	woke := time.Now()
	p.mu.Lock()
	p.turn = woke
	// What a coarse timer overslept is taken off the next sleep.
	p.owed = max(p.owed-woke.Sub(now), -paceDebt)
	if p.pace == state.PaceFull {
		p.owed = 0
	}
	p.mu.Unlock()
}
