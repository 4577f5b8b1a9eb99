package main

import "time"

// pace lets device time pass as slowly as time passes for people.
type pace struct {
	now   func() time.Time
	sleep func(time.Duration)
	ahead time.Duration // device time that real time has not reached yet
	last  time.Time     // real time of the last look
}

// The least that is slept, since timers are no finer; and the most real time that counts for device time still to
// come, so that what a timer overslept is caught up with, and a long wait outside is not.
const (
	paceTurn   = time.Millisecond
	paceCredit = 20 * time.Millisecond
)

func newPace() *pace { return &pace{now: time.Now, sleep: time.Sleep, last: time.Now()} }

// pass is called as device time passes, and returns when real time has come as far.
func (p *pace) pass(d time.Duration) {
	now := p.now()
	p.ahead = max(p.ahead-now.Sub(p.last), -paceCredit) + d
	p.last = now
	if p.ahead >= paceTurn {
		p.sleep(p.ahead) // not for order: this is how slow the line is
	}
}
