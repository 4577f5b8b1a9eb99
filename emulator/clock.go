package emulator

import (
	"math"
	"time"
)

// never is later than any time.
const never = time.Duration(math.MaxInt64)

// paceStep is the most virtual time between two calls of the pace hook.
const paceStep = 20 * time.Millisecond

// side is one end of the line as the clock sees it.
type side struct {
	waiting  bool
	deadline time.Duration
	read     int  // bytes it wants, 0 if it waits for time alone
	outer    bool // a host outside the emulator may end the wait: it takes real time
	idle     bool // the device has no agent, so that losing power does not end the wait
}

// Clock is the device's clock. Now may be called by anyone, Sleep by the agent.
type Clock struct{ b *Board }

// Now returns the virtual time since the board was made.
func (c *Clock) Now() time.Duration {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	return c.b.now + c.b.debt
}

// Sleep waits for d. Attached to a host outside the emulator it takes real time.
func (c *Clock) Sleep(d time.Duration) {
	b := c.b
	b.mu.Lock()
	err := b.enter()
	if err == nil {
		err = b.deviceWait(d, 0, true)
	}
	_ = b.leave(err)
}

// Spend lets d pass for a computation that the emulator cannot see.
func (c *Clock) Spend(d time.Duration) {
	b := c.b
	b.mu.Lock()
	err := b.enter()
	if err == nil {
		err = b.deviceWait(d, 0, false)
	}
	_ = b.leave(err)
}

// Elapse lets d pass while no agent runs, with or without power.
func (b *Board) Elapse(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alive {
		panic("emulator: Elapse while an agent runs")
	}
	b.dev.deadline, b.dev.read, b.dev.outer, b.dev.idle = after(b.now, d), 0, false, true
	b.await(&b.dev, &b.host)
	b.dev.idle = false
}

// SetPace sets a function that is called as virtual time passes, in steps of at most 20 ms, by the
// goroutine that waits; a user interface sleeps in it. It must not call the agent's methods. nil, the
// default, means full speed.
func (b *Board) SetPace(pace func(time.Duration)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pace = pace
}

// deviceWait lets the device wait for d, or until it can read n bytes if n is not 0. With mu held.
// It returns ErrOff if power went or the agent was latched off meanwhile.
func (b *Board) deviceWait(d time.Duration, n int, outer bool) error {
	if b.debt > 0 {
		debt := b.debt
		b.debt = 0
		d = after(debt, d)
		if n > 0 {
			// What was computed before the read is over before the read begins.
			if err := b.deviceWait(debt, 0, false); err != nil {
				return err
			}
			d -= debt
		}
	}
	b.dev.deadline, b.dev.read, b.dev.outer = after(b.now, d), n, outer
	b.await(&b.dev, &b.host)
	b.dev.read = 0
	if err := b.enter(); err != nil {
		return err
	}
	return b.checkPause("wait")
}

// await is the rule of the clock: while the other end computes, wait for it; when both wait, time
// goes to the first thing that one of them waits for. It returns when time has reached what self
// waits for, or the end is there no longer. With mu held.
func (b *Board) await(self, other *side) {
	self.waiting = true
	defer func() { self.waiting = false }()
	for {
		b.settle()
		if b.stopped(self) || b.now >= b.wake(self) {
			return
		}
		if b.advancing || b.computes(other) {
			b.cond.Wait()
			continue
		}
		next := b.wake(self)
		if other.waiting {
			next = min(next, b.wake(other))
		}
		switch {
		case b.att != nil && self == &b.dev && self.outer && next == self.deadline:
			b.realWait(next)
		case next == never:
			b.cond.Wait()
		default:
			b.advance(next)
		}
	}
}

// stopped says whether s has nothing to wait for any more.
func (b *Board) stopped(s *side) bool {
	if s == &b.host {
		return b.line.port.state != portOpen
	}
	return !s.idle && b.enter() != nil
}

// computes says whether the other end takes part and is not waiting, or waits no longer.
func (b *Board) computes(other *side) bool {
	if other.waiting {
		return b.now >= b.wake(other)
	}
	if other == &b.host {
		return b.line.port.state == portOpen
	}
	switch {
	case b.alive && b.outside > 0:
		return false
	case b.alive:
		return true
	}
	return b.power == starting || b.keep
}

// wake returns when s has what it waits for, as far as is known now.
func (b *Board) wake(s *side) time.Duration {
	if s.read == 0 {
		return s.deadline
	}
	if s == &b.dev {
		return min(s.deadline, b.line.deviceWake(s.read))
	}
	return min(s.deadline, b.line.hostWake(s.read))
}

// advance lets time pass until t, or a step of it if someone watches. With mu held, but released
// during the watching.
func (b *Board) advance(t time.Duration) {
	pace := b.pace
	if pace == nil {
		b.now = t
		b.settle()
		b.cond.Broadcast()
		return
	}
	step := min(t-b.now, paceStep)
	b.now += step
	b.settle()
	b.advancing = true
	b.cond.Broadcast()
	b.mu.Unlock()
	pace(step)
	b.mu.Lock()
	b.advancing = false
	b.cond.Broadcast()
}

// settle lets everything happen that is due. With mu held.
func (b *Board) settle() {
	if b.pending.Kind != 0 && b.now >= b.pending.end {
		b.finish()
	}
	b.line.deliver(b.now)
}

// after adds without wrapping; what is negative counts as 0.
func after(t, d time.Duration) time.Duration {
	if d <= 0 {
		return t
	}
	if d > never-t {
		return never
	}
	return t + d
}
