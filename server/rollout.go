package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"unbrick/release"
	"unbrick/server/storage"
)

// Rollouts offer a release to growing shares of a model's devices. A device counts against the limit when it tells of a
// failed rewrite to the release, when it was seen in restoration mode on the way there, or when it took the whole update
// file and has not been heard of for Limits.Overdue: one that never comes back says nothing. All that is a claim: nobody
// proves a serial, and any number of them can be invented. So more than the limit raises an alarm and moves nothing. Who
// has no strangers on the network may say that the alarm halts the rollout (Rollout.Halts). Nothing drives one on.

const (
	unlike         = 10 * time.Minute // what the clock may say else than the time that passed before it is worth a word
	rolloutLook    = time.Minute      // how often the server looks for devices that do not come back
	defaultFailing = 3                // devices that may fail where the operator does not say how many
	maxFailing     = 1_000_000        // and at most
)

// parseRollout makes a rollout that begins now. No phases mean none.
func (s *Server) parseRollout(phases, limit, halts string) (r storage.Rollout, err error) {
	if phases == "" {
		if limit != "" || halts != "" {
			return r, problem(http.StatusBadRequest, "malformed", "a limit of failures, and halting at it, are for a rollout with phases")
		}
		return r, nil
	}
	r.Begun, r.Ran, r.Limit = s.now(), -s.clock.uncounted(), defaultFailing
	if r.Phases, err = storage.ParsePhases(phases); err != nil {
		return r, problem(http.StatusBadRequest, "malformed", "%v", err)
	}
	if limit != "" {
		n, err := strconv.ParseUint(limit, 10, 64)
		if err != nil || n > maxFailing {
			return r, problem(http.StatusBadRequest, "malformed", "limit of failures %q is no number of devices, 0 to %d", limit, maxFailing)
		}
		r.Limit = uint32(n)
	}
	if halts != "" {
		if r.Halts, err = strconv.ParseBool(halts); err != nil {
			return r, problem(http.StatusBadRequest, "malformed", "halts is true or false")
		}
	}
	return r, nil
}

// rolloutJSON is a rollout as operators see it.
type rolloutJSON struct {
	Phases string     `json:"phases"`
	Begun  time.Time  `json:"begun"`
	Passed int64      `json:"passed"`          // seconds that it ran, by which the phases go
	Clock  string     `json:"clock,omitempty"` // that the clock says something else
	Share  string     `json:"share"`           // that the release is offered to now
	Next   *time.Time `json:"next,omitempty"`
	Limit  uint32     `json:"limit"`
	Failed uint32     `json:"failed"` // devices that told so
	Lost   uint32     `json:"lost"`   // devices that wait to be restored, or do not answer
	Alarm  bool       `json:"alarm"`  // both together are more than the limit; nothing proves them
	Halts  bool       `json:"halts"`  // the alarm halts it
	Halted *time.Time `json:"halted,omitempty"`
	Why    string     `json:"why,omitempty"`
}

func (s *Server) rolloutJSON(r *storage.Rollout, lost uint32) *rolloutJSON {
	if !r.Active() {
		return nil
	}
	share, next := r.Share(s.at(r))
	v := &rolloutJSON{Phases: storage.FormatPhases(r.Phases), Begun: r.Begun, Share: storage.FormatShare(share), Limit: r.Limit, Failed: r.Failed, Lost: lost, Alarm: r.Exceeded(r.Failed + lost), Halts: r.Halts, Why: r.Why}
	v.Passed = int64(s.ran(r) / time.Second)
	if !next.IsZero() { // as the clock will show then, if it goes on and the clock with it
		next = s.now().Add(next.Sub(s.at(r)))
		v.Next = &next
	}
	if since := s.now().Sub(r.Begun); r.Halted.IsZero() && (since-s.ran(r)).Abs() > unlike {
		v.Clock = fmt.Sprintf("the clock says that it began %v ago; the phases count the %v that a server was there and saw pass", since.Round(time.Minute), s.ran(r).Round(time.Minute))
	}
	if !r.Halted.IsZero() {
		v.Halted = &r.Halted
	}
	return v
}

// putRollout begins a rollout, ends it, halts it or lets it go on.
func (s *Server) putRollout(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Model  string  `json:"model"`
		Phases *string `json:"phases"` // begins a new one; empty ends it: the release is for all
		Limit  *uint64 `json:"limit"`
		Halts  *bool   `json:"halts"` // at the alarm, by itself
		Halt   *bool   `json:"halt"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if in.Phases == nil && in.Limit == nil && in.Halts == nil && in.Halt == nil {
		return problem(http.StatusBadRequest, "malformed", "say phases, limit, halts or halt")
	}
	if in.Limit != nil && *in.Limit > maxFailing {
		return problem(http.StatusBadRequest, "malformed", "limit of failures %d is no number of devices, 0 to %d", *in.Limit, maxFailing)
	}
	v, err := s.releaseAt(r, in.Model)
	if err != nil {
		return err
	}
	missing, err := s.lost(r.Context(), &v.Manifest)
	if err != nil {
		return err
	}
	v.Rollout, err = s.store.ChangeRollout(r.Context(), v.Manifest.Model, v.Manifest.Digest, func(o *storage.Rollout) error {
		if in.Phases != nil {
			fresh, err := s.parseRollout(*in.Phases, "", "")
			if err != nil {
				return err
			}
			fresh.Halts = o.Halts
			*o = fresh
		}
		if !o.Active() {
			if in.Limit != nil || in.Halts != nil || in.Halt != nil {
				return problem(http.StatusConflict, "no-rollout", "the release is offered to all: there is no rollout to halt or to limit")
			}
			return nil
		}
		if in.Limit != nil {
			o.Limit, o.Alarm = uint32(*in.Limit), time.Time{}
		}
		if in.Halts != nil {
			o.Halts = *in.Halts
		}
		if in.Halt == nil {
			return nil
		}
		if *in.Halt {
			if o.Halted.IsZero() {
				o.Ran += s.clock.uncounted()
			}
			o.Halted, o.Why = s.now(), "by the operator"
			return nil
		}
		if o.Halts && o.Exceeded(o.Failed+missing) {
			return problem(http.StatusConflict, "limit", "%d devices failed and %d are lost, the limit is %d: raise it to go on", o.Failed, missing, o.Limit)
		}
		if !o.Halted.IsZero() {
			o.Ran -= s.clock.uncounted()
		}
		o.Halted, o.Why = time.Time{}, ""
		return nil
	})
	if err != nil {
		return err
	}
	s.live.look(v.Manifest.Model)
	s.log.Info("rollout changed", "model", v.Manifest.Model, "version", v.Manifest.Version, "phases", storage.FormatPhases(v.Rollout.Phases), "limit", v.Rollout.Limit, "halted", !v.Rollout.Halted.IsZero())
	return writeJSON(w, http.StatusOK, s.releaseJSON(&v, missing))
}

// rolloutFailed counts a device that told of its first failed rewrite to a release since the rollout began.
func (s *Server) rolloutFailed(model string, f failed) {
	s.limitRollout(s.ctx, model, f.image, func(r *storage.Rollout) uint32 {
		if f.before.Before(r.Begun) {
			r.Failed++
		}
		return r.Failed
	})
}

// limitRollout raises the alarm if count, which may change the rollout, says that more devices failed than may, and halts
// the rollout if the operator wants that.
func (s *Server) limitRollout(ctx context.Context, model string, image storage.Digest, count func(*storage.Rollout) uint32) {
	halted, alarm := false, false
	r, err := s.store.ChangeRollout(ctx, model, image, func(r *storage.Rollout) error {
		if !r.Active() {
			return errNoRollout
		}
		failed := count(r)
		if !r.Exceeded(failed) {
			return nil
		}
		if alarm = r.Alarm.IsZero(); alarm {
			r.Alarm = s.now()
		}
		if halted = r.Halts && r.Halted.IsZero(); halted {
			r.Ran += s.clock.uncounted()
			r.Halted, r.Why = s.now(), fmt.Sprintf("%d devices failed or are lost, %d may", failed, r.Limit)
		}
		return nil
	})
	switch {
	case errors.Is(err, errNoRollout), errors.Is(err, storage.ErrNotFound):
	case err != nil:
		s.log.Error("rollout", "model", model, "image", release.ShortHex(image), "error", err)
	case halted:
		s.metrics.halted.Add(1)
		s.log.Error("rollout halted", "model", model, "image", release.ShortHex(image), "why", r.Why)
		s.live.look(model)
	case alarm:
		s.metrics.alarms.Add(1)
		s.log.Error("rollout alarm: look, and halt it by hand if it is right", "model", model, "image", release.ShortHex(image), "failed", r.Failed, "limit", r.Limit)
	}
}

var errNoRollout = errors.New("there is no rollout")

// lost counts the devices that took a release's update file and do not answer, or wait to be restored.
func (s *Server) lost(ctx context.Context, m *release.Manifest) (uint32, error) {
	n, err := s.store.Lost(ctx, m.Model, m.Digest, s.cut())
	return uint32(n), err
}

// watchRollouts looks after the rollouts until the server closes.
func (s *Server) watchRollouts() {
	defer s.watching.Done()
	look := time.NewTicker(rolloutLook)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			for _, f := range []func(context.Context) error{s.countTime, s.lookAtRollouts} {
				if err := f(s.ctx); err != nil && s.ctx.Err() == nil {
					s.log.Error("look at rollouts", "error", err)
				}
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// lookAtRollouts raises the alarm for those in which too many devices are lost.
func (s *Server) lookAtRollouts(ctx context.Context) error {
	all, err := s.store.Releases(ctx, "")
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
		missing, err := s.lost(ctx, m)
		if err != nil {
			return err
		}
		if r.Rollout.Exceeded(r.Rollout.Failed + missing) {
			s.limitRollout(ctx, m.Model, m.Digest, func(r *storage.Rollout) uint32 { return r.Failed + missing })
		}
	}
	return nil
}

// writeRollouts adds to the metrics how many rollouts there are.
func (s *Server) writeRollouts(w io.Writer, all []storage.Release) {
	running, halted, alarm := 0, 0, 0
	for i := range all {
		switch r := &all[i]; {
		case !r.Rollout.Active() || r.State != storage.Offered:
		case r.Rollout.Halted.IsZero() && !r.Rollout.Alarm.IsZero():
			alarm++
		case r.Rollout.Halted.IsZero():
			running++
		default:
			halted++
		}
	}
	fmt.Fprintf(w, "# HELP unbrick_rollouts Rollouts of releases that are offered.\n# TYPE unbrick_rollouts gauge\nunbrick_rollouts{state=\"running\"} %d\nunbrick_rollouts{state=\"alarm\"} %d\nunbrick_rollouts{state=\"halted\"} %d\n", running, alarm, halted)
}
