package server

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"unbrick/release"
	"unbrick/server/storage"
)

// The time of day may be wrong: a server without a clock boots in 1970, and a clock is set while it runs. So what must not
// happen too early counts time that this process saw pass. Rollouts add it up while they go on, and keep it in storage;
// the time while no server ran does not count. What the time of day is used for besides, devices that have not been
// heard of for long, leaves out the time by which the clock was set forward or no server was there to hear them.

// clock tells both kinds of time apart.
type clock struct {
	now    func() time.Time     // of day
	passed func() time.Duration // since the process started

	mu      sync.Mutex
	wall    time.Time     // of day when the two were compared last
	mono    time.Duration // and how much had passed
	counted time.Duration // how much of what passed the rollouts in storage have counted
	leap    time.Duration // by which the clock was set forward last, or no server was there
	leapt   time.Duration // how much had passed then
	jumps   int64         // times that the clock was set
}

// jumped is how far the clock may run away from the time that passes within rolloutLook before it counts as set.
const jumped = 30 * time.Second

// start compares the time of day with the last that a server on this storage wrote down, zero if none did.
func (c *clock) start(last time.Time, log *slog.Logger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.mono, c.counted = c.now(), c.passed(), c.passed()
	switch away := c.wall.Sub(last); {
	case last.IsZero():
	case away < -jumped:
		c.jumps++
		log.Warn("the clock is behind what a server wrote down before: the time of day is not to be believed", "now", c.wall, "before", last)
	case away > rolloutLook+jumped:
		c.leap, c.leapt = away, c.mono
		log.Info("no server was there, or the clock was set: the time between counts for no rollout and against no device", "now", c.wall, "before", last)
	}
}

// compare looks whether the clock was set since it looked last.
func (c *clock) compare(log *slog.Logger) {
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
	log.Warn("the clock was set: rollouts go on by the time that passes, and nobody is overdue for it", "now", wall, "by", away)
}

// uncounted is the time that passed and that no rollout in storage has counted yet.
func (c *clock) uncounted() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.passed() - c.counted
}

// count returns the time that is to be added to rollouts, once.
func (c *clock) count() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	passed := c.passed()
	n := passed - c.counted
	c.counted = passed
	return n
}

// ago is the time of day before which a last word is longer ago than d, for devices that could be heard all the time.
func (c *clock) ago(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.now().Add(-d)
	if c.leap > 0 && c.passed()-c.leapt < d {
		t = t.Add(-c.leap)
	}
	return t
}

// jumpsSeen is how often the clock was set.
func (c *clock) jumpsSeen() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jumps
}

// clockSetting is where the time of day is written down.
const clockSetting = "clock"

func (s *Server) startClock(ctx context.Context) error {
	s.clock = &clock{now: s.now, passed: s.passed}
	var last time.Time
	if b, err := s.store.Setting(ctx, clockSetting); err == nil && len(b) == 8 {
		last = time.UnixMilli(int64(binary.BigEndian.Uint64(b)))
	} else if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	s.clock.start(last, s.log)
	return nil
}

// countTime adds the time that passed to the rollouts that go on, and writes the time of day down. What cannot be stored
// does not count: a rollout is late rather than early.
func (s *Server) countTime(ctx context.Context) error {
	s.clock.compare(s.log)
	all, err := s.store.Releases(ctx, "")
	if err != nil {
		return err
	}
	n := s.clock.count()
	for i := range all {
		m, begun := &all[i].Manifest, all[i].Rollout.Begun
		if !all[i].Rollout.Goes() {
			continue
		}
		_, err := s.store.ChangeRollout(ctx, m.Model, m.Digest, func(r *storage.Rollout) error {
			if !r.Goes() || !r.Begun.Equal(begun) { // halted meanwhile, or another one
				return errNoRollout
			}
			r.Ran += n
			return nil
		})
		if err != nil && !errors.Is(err, errNoRollout) && !errors.Is(err, storage.ErrNotFound) {
			s.log.Error("time of a rollout", "model", m.Model, "image", release.ShortHex(m.Digest), "error", err)
		}
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(s.now().UnixMilli()))
	return s.store.PutSetting(ctx, clockSetting, b[:])
}

// at is the moment at which a rollout stands: when it began, and what it ran.
func (s *Server) at(r *storage.Rollout) time.Time {
	return r.Begun.Add(s.ran(r))
}

// ran is the time that a rollout has run.
func (s *Server) ran(r *storage.Rollout) time.Duration {
	ran := r.Ran
	if r.Goes() {
		ran += s.clock.uncounted()
	}
	return max(ran, 0)
}
