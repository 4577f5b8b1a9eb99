package rollout

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/storage"
)

const (
	// DefaultLimit is how many devices may fail where the operator does not say.
	DefaultLimit = 3
	maxLimit     = 1_000_000 // and at most
)

// Parse reads a rollout as an operator writes it: no phases mean none. It has not begun yet (Clock.Begin).
func Parse(phases, limit, halts string) (r storage.Rollout, err error) {
	if phases == "" {
		if limit != "" || halts != "" {
			return r, errors.New("a limit of failures, and halting at it, are for a rollout with phases")
		}
		return r, nil
	}
	r.Limit = DefaultLimit
	if r.Phases, err = storage.ParsePhases(phases); err != nil {
		return r, err
	}
	if limit != "" {
		n, err := strconv.ParseUint(limit, 10, 64)
		if err != nil || n > maxLimit {
			return r, fmt.Errorf("limit of failures %q is no number of devices, 0 to %d", limit, maxLimit)
		}
		r.Limit = uint32(n)
	}
	if halts != "" {
		if r.Halts, err = strconv.ParseBool(halts); err != nil {
			return r, errors.New("halts is true or false")
		}
	}
	return r, nil
}

// Check refuses a change of nothing, and a limit that no rollout has.
func Check(c *form.Change) error {
	if *c == (form.Change{}) {
		return errors.New("say phases, limit, halts or halt")
	}
	if c.Limit != nil && *c.Limit > maxLimit {
		return fmt.Errorf("limit of failures %d is no number of devices, 0 to %d", *c.Limit, maxLimit)
	}
	return nil
}

// ErrNone says that there is no rollout to be changed.
var ErrNone = errors.New("the release is offered to all: there is no rollout to halt or to limit")

// LimitError says that a rollout that halts at its alarm would halt again at once.
type LimitError struct{ Failed, Lost, Limit uint32 }

func (e *LimitError) Error() string {
	return fmt.Sprintf("%d devices failed and %d are lost, the limit is %d: raise it to go on", e.Failed, e.Lost, e.Limit)
}

// Change begins a rollout, ends it, halts it or lets it go on, as c, which was checked, says. It returns what became of it.
// Besides those of storage its errors are ErrNone, a *LimitError, or of storage.ErrPhases.
func (w *Watch) Change(ctx context.Context, m *release.Manifest, c *form.Change) (r storage.Rollout, err error) {
	lost, err := w.Lost(ctx, m)
	if err != nil {
		return r, err
	}
	return w.cfg.Store.ChangeRollout(ctx, m.Model, m.Digest, func(r *storage.Rollout) error { return w.apply(r, c, lost) })
}

func (w *Watch) apply(r *storage.Rollout, c *form.Change, lost uint32) error {
	if c.Phases != nil {
		fresh, err := Parse(*c.Phases, "", "")
		if err != nil {
			return err
		}
		if fresh.Active() {
			w.cfg.Clock.Begin(&fresh)
		}
		fresh.Halts = r.Halts
		*r = fresh
	}
	if !r.Active() {
		if c.Limit != nil || c.Halts != nil || c.Halt != nil {
			return ErrNone
		}
		return nil
	}
	if c.Limit != nil {
		r.Limit, r.Alarm = uint32(*c.Limit), time.Time{}
	}
	if c.Halts != nil {
		r.Halts = *c.Halts
	}
	switch {
	case c.Halt == nil:
	case *c.Halt:
		w.cfg.Clock.halt(r, "by the operator")
	case r.Halts && r.Exceeded(r.Failed+lost):
		return &LimitError{r.Failed, lost, r.Limit}
	default:
		w.cfg.Clock.resume(r)
	}
	return nil
}
