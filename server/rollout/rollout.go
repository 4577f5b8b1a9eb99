// Package rollout offers a release to growing shares of a model's devices, in phases that go by the time that passes, and
// says when too many of those devices fail.
//
// A device counts against the limit when it tells of a failed rewrite to the release, when it was seen in restoration mode
// on the way there, or when it took the whole update file and has not been heard of for long: one that never comes back
// says nothing. Only what signs with its enrolled key is a device, and one whose key two seem to have does not count; why a
// rewrite failed stays its claim. More than the limit raises an alarm; that it halts the rollout, too, is said with it
// (storage.Rollout.Halts), since where the first key that speaks is enrolled, devices can be invented. Nothing drives one on.
//
// Rollouts add up the time that they ran while they go on, and keep it in storage; the time while no server ran does not
// count (Clock). What a rollout is, its phases and whom they reach, is storage.Rollout, since it is stored with its
// release.
package rollout

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"unbrick/release"
	"unbrick/server/storage"
)

// Look is how often Run counts the time and looks for devices that do not come back.
const Look = time.Minute

// Store is what rollouts need of the server's storage.
type Store interface {
	Releases(ctx context.Context, model string) ([]storage.Release, error)
	ChangeRollout(ctx context.Context, model string, image storage.Digest, f func(*storage.Rollout) error) (storage.Rollout, error)
	Lost(ctx context.Context, model string, image storage.Digest, cut storage.Cutoffs) (int, error)
	Setting(ctx context.Context, name string) ([]byte, error)
	PutSetting(ctx context.Context, name string, value []byte) error
}

// Config is what a Watch is made of. All of it is required.
type Config struct {
	Store   Store
	Clock   *Clock
	Log     *slog.Logger
	Cutoffs func() storage.Cutoffs // by which devices count as lost
	// Alarm is told of each alarm, after it is stored, and whether it halted the rollout.
	Alarm func(model string, halted bool)
}

// Watch looks after all rollouts of a store. It may be used concurrently.
type Watch struct{ cfg Config }

// clockSetting is where the time of day is written down.
const clockSetting = "clock"

// New returns a watch whose clock was compared with the time of day that a server on this storage wrote down last.
func New(ctx context.Context, cfg Config) (*Watch, error) {
	var last time.Time
	if b, err := cfg.Store.Setting(ctx, clockSetting); err == nil && len(b) == 8 {
		last = time.UnixMilli(int64(binary.BigEndian.Uint64(b)))
	} else if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	cfg.Clock.start(last)
	return &Watch{cfg}, nil
}

// Run looks after the rollouts until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	look := time.NewTicker(Look)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			for _, f := range []func(context.Context) error{w.CountTime, w.LookForLost} {
				if err := f(ctx); err != nil && ctx.Err() == nil {
					w.cfg.Log.Error("look at rollouts", "error", err)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// errNone ends a change of a rollout that there is not any more.
var errNone = errors.New("there is no rollout")

// CountTime adds the time that passed to the rollouts that go on, and writes the time of day down. What cannot be stored
// does not count: a rollout is late rather than early.
func (w *Watch) CountTime(ctx context.Context) error {
	w.cfg.Clock.compare()
	all, err := w.cfg.Store.Releases(ctx, "")
	if err != nil {
		return err
	}
	n := w.cfg.Clock.count()
	for i := range all {
		m, begun := &all[i].Manifest, all[i].Rollout.Begun
		if !all[i].Rollout.Goes() {
			continue
		}
		_, err := w.cfg.Store.ChangeRollout(ctx, m.Model, m.Digest, func(r *storage.Rollout) error {
			if !r.Goes() || !r.Begun.Equal(begun) { // halted meanwhile, or another one
				return errNone
			}
			r.Ran += n
			return nil
		})
		if err != nil && !errors.Is(err, errNone) && !errors.Is(err, storage.ErrNotFound) {
			w.cfg.Log.Error("time of a rollout", "model", m.Model, "image", release.ShortHex(m.Digest), "error", err)
		}
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(w.cfg.Clock.now().UnixMilli()))
	return w.cfg.Store.PutSetting(ctx, clockSetting, b[:])
}

// LookForLost raises the alarm for rollouts in which too many devices are lost.
func (w *Watch) LookForLost(ctx context.Context) error {
	all, err := w.cfg.Store.Releases(ctx, "")
	if err != nil {
		return err
	}
	for i := range all {
		r := &all[i]
		m := &r.Manifest
		done := !r.Rollout.Halted.IsZero() || !r.Rollout.Alarm.IsZero() && !r.Rollout.Halts
		if !r.Rollout.Active() || done || r.State != storage.Offered {
			continue
		}
		missing, err := w.Lost(ctx, m)
		if err != nil {
			return err
		}
		if r.Rollout.Exceeded(r.Rollout.Failed + missing) {
			w.limit(ctx, m.Model, m.Digest, func(r *storage.Rollout) uint32 { return r.Failed + missing })
		}
	}
	return nil
}

// Lost counts the devices that took a release's update file and do not answer, or wait to be restored.
func (w *Watch) Lost(ctx context.Context, m *release.Manifest) (uint32, error) {
	n, err := w.cfg.Store.Lost(ctx, m.Model, m.Digest, w.cfg.Cutoffs())
	return uint32(n), err
}

// Failed counts a device that told of a failed rewrite to a release; before is when it told of one before, zero if never.
// In each rollout it counts once.
func (w *Watch) Failed(ctx context.Context, model string, image storage.Digest, before time.Time) {
	w.limit(ctx, model, image, func(r *storage.Rollout) uint32 {
		if before.Before(r.Begun) {
			r.Failed++
		}
		return r.Failed
	})
}

// limit raises the alarm if count, which may change the rollout, says that more devices failed than may, and halts the
// rollout if the operator wants that.
func (w *Watch) limit(ctx context.Context, model string, image storage.Digest, count func(*storage.Rollout) uint32) {
	halted, alarm := false, false
	r, err := w.cfg.Store.ChangeRollout(ctx, model, image, func(r *storage.Rollout) error {
		if !r.Active() {
			return errNone
		}
		failed := count(r)
		if !r.Exceeded(failed) {
			return nil
		}
		if alarm = r.Alarm.IsZero(); alarm {
			r.Alarm = w.cfg.Clock.now()
		}
		if halted = r.Halts && r.Halted.IsZero(); halted {
			w.cfg.Clock.halt(r, fmt.Sprintf("%d devices failed or are lost, %d may", failed, r.Limit))
		}
		return nil
	})
	switch {
	case errors.Is(err, errNone), errors.Is(err, storage.ErrNotFound):
	case err != nil:
		w.cfg.Log.Error("rollout", "model", model, "image", release.ShortHex(image), "error", err)
	case halted:
		w.cfg.Log.Error("rollout halted", "model", model, "image", release.ShortHex(image), "why", r.Why)
		w.cfg.Alarm(model, true)
	case alarm:
		w.cfg.Log.Error("rollout alarm: look, and halt it by hand if it is right", "model", model, "image", release.ShortHex(image), "failed",
			r.Failed, "limit", r.Limit)
		w.cfg.Alarm(model, false)
	}
}
