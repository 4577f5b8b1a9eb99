package rollout

import (
	"log/slog"
	"sync"
	"time"

	"unbrick/server/storage"
)

// Clock tells the time of day from the time that passes. The time of day may be wrong: a server without a clock boots in
// 1970, and a clock is set while it runs. So what must not happen too early counts time that this process saw pass. What
// the time of day is used for besides, devices that have not been heard of for long, leaves out the time by which the
// clock was set forward or no server was there to hear them. A Clock may be used concurrently.
type Clock struct {
	now    func() time.Time     // of day
	passed func() time.Duration // since the process started
	log    *slog.Logger

	mu      sync.Mutex
	wall    time.Time     // of day when the two were compared last
	mono    time.Duration // and how much had passed
	counted time.Duration // how much of what passed the rollouts in storage have counted
	leap    time.Duration // by which the clock was set forward last, or no server was there
	leapt   time.Duration // how much had passed then
	jumps   int64         // times that the clock was set
}

// NewClock returns a clock that no server's time was compared with yet. passed is the time since any moment; it never falls.
func NewClock(now func() time.Time, passed func() time.Duration, log *slog.Logger) *Clock {
	return &Clock{now: now, passed: passed, log: log}
}

// jumped is how far the clock may run away from the time that passes within Look before it counts as set.
const jumped = 30 * time.Second

// start compares the time of day with the last that a server on this storage wrote down, zero if none did.
func (c *Clock) start(last time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.mono, c.counted = c.now(), c.passed(), c.passed()
	switch away := c.wall.Sub(last); {
	case last.IsZero():
	case away < -jumped:
		c.jumps++
		c.log.Warn("the clock is behind what a server wrote down before: the time of day is not to be believed", "now", c.wall, "before", last)
	case away > Look+jumped:
		c.leap, c.leapt = away, c.mono
		c.log.Info("no server was there, or the clock was set: the time between counts for no rollout and against no device", "now", c.wall,
			"before", last)
	}
}

// compare looks whether the clock was set since it looked last.
func (c *Clock) compare() {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, mono := c.now(), c.passed()
	away := wall.Sub(c.wall) - (mono - c.mono)
	c.wall, c.mono = wall, mono
	if away.Abs() <= jumped {
		return
	}
	c.jumps++
	c.leap, c.leapt = max(away, 0), mono
	c.log.Warn("the clock was set: rollouts go on by the time that passes, and nobody is overdue for it", "now", wall, "by", away)
}

// uncounted is the time that passed and that no rollout in storage has counted yet.
func (c *Clock) uncounted() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.passed() - c.counted
}

// count returns the time that is to be added to rollouts, once.
func (c *Clock) count() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	passed := c.passed()
	n := passed - c.counted
	c.counted = passed
	return n
}

// Ago is the time of day before which a last word is longer ago than d, for devices that could be heard all the time.
func (c *Clock) Ago(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.now().Add(-d)
	if c.leap > 0 && c.passed()-c.leapt < d {
		t = t.Add(-c.leap)
	}
	return t
}

// Jumps is how often the clock was set.
func (c *Clock) Jumps() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jumps
}

// Ran is the time that a rollout has run.
func (c *Clock) Ran(r *storage.Rollout) time.Duration {
	ran := r.Ran
	if r.Goes() {
		ran += c.uncounted()
	}
	return max(ran, 0)
}

// At is the moment at which a rollout stands: when it began, and what it ran.
func (c *Clock) At(r *storage.Rollout) time.Time { return r.Begun.Add(c.Ran(r)) }

// Begin lets a rollout begin now.
func (c *Clock) Begin(r *storage.Rollout) { r.Begun, r.Ran = c.now(), -c.uncounted() }

// halt stops the time of a rollout, and offers its release to nobody.
func (c *Clock) halt(r *storage.Rollout, why string) {
	if r.Halted.IsZero() {
		r.Ran += c.uncounted()
	}
	r.Halted, r.Why = c.now(), why
}

// resume lets a rollout go on where it stood.
func (c *Clock) resume(r *storage.Rollout) {
	if !r.Halted.IsZero() {
		r.Ran -= c.uncounted()
	}
	r.Halted, r.Why = time.Time{}, ""
}
