package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"unbrick/server/form"
	"unbrick/server/rollout"
	"unbrick/server/storage"
)

// unlike is what the clock may say else than the time that passed before it is worth a word.
const unlike = 10 * time.Minute

// rolloutJSON is how a release's rollout goes, nil if there is none. Lost devices are a part of it; strangers stand beside.
func (s *Server) rolloutJSON(ctx context.Context, of *storage.Release) (*form.Rollout, error) {
	r := &of.Rollout
	if !r.Active() {
		return nil, nil
	}
	lost, err := s.cfg.Rollouts.Lost(ctx, &of.Manifest)
	if err != nil {
		return nil, err
	}
	strangers, err := s.cfg.Store.StrangersFailed(ctx, of.Manifest.Model, of.Manifest.Digest)
	if err != nil {
		return nil, err
	}
	share, next := r.Share(s.cfg.Clock.At(r))
	v := &form.Rollout{Phases: storage.FormatPhases(r.Phases), Begun: r.Begun, Share: storage.FormatShare(share), Limit: r.Limit,
		Failed: r.Failed, Lost: lost, Alarm: r.Exceeded(r.Failed + lost), Halts: r.Halts, Why: r.Why,
		Strangers: strangers}
	v.Passed = int64(s.cfg.Clock.Ran(r) / time.Second)
	if !next.IsZero() { // as the clock will show then, if it goes on and the clock with it
		v.Next = new(s.cfg.Now().Add(next.Sub(s.cfg.Clock.At(r))))
	}
	if since := s.cfg.Now().Sub(r.Begun); r.Halted.IsZero() && (since-s.cfg.Clock.Ran(r)).Abs() > unlike {
		v.Clock = fmt.Sprintf("the clock says that it began %v ago; the phases count the %v that a server was there and saw pass",
			since.Round(time.Minute), s.cfg.Clock.Ran(r).Round(time.Minute))
	}
	if !r.Halted.IsZero() {
		v.Halted = &r.Halted
	}
	return v, nil
}

// wasRollout says in words what a rollout is.
func wasRollout(r *storage.Rollout) string {
	if !r.Active() {
		return "for all"
	}
	halted := map[bool]string{true: "going on", false: "halted"}[r.Halted.IsZero()]
	return fmt.Sprintf("%s, %d may fail, %s", storage.FormatPhases(r.Phases), r.Limit, halted)
}

// changed says in words what a change of a rollout is.
func changed(c *form.Change) string {
	var parts []string
	if c.Phases != nil {
		parts = append(parts, cmp.Or(*c.Phases, "ended, for all"))
	}
	if c.Limit != nil {
		parts = append(parts, fmt.Sprintf("%d may fail", *c.Limit))
	}
	if c.Halts != nil {
		parts = append(parts, map[bool]string{true: "its alarm halts it", false: "its alarm does not halt it"}[*c.Halts])
	}
	if c.Halt != nil {
		parts = append(parts, map[bool]string{true: "halted", false: "goes on"}[*c.Halt])
	}
	return strings.Join(parts, ", ")
}

// putRollout begins a rollout, ends it, halts it or lets it go on.
func (s *Server) putRollout(_ http.ResponseWriter, r *http.Request, in *form.RolloutChange) (*form.Release, error) {
	if err := rollout.Check(&in.Body.Change); err != nil {
		return nil, malformed("%v", err)
	}
	v, err := s.releaseAt(r, in.Body.Model, in.Image)
	if err != nil {
		return nil, err
	}
	if c := in.Body.Change; !asks(r).May(form.MayPublish) && (c.Halt == nil || !*c.Halt || c != (form.Change{Halt: c.Halt})) {
		return nil, problem(http.StatusForbidden, "forbidden", "the account %s may halt a rollout; the rest needs %s", asks(r).Name,
			storage.Publish)
	}
	before(r, wasRollout(&v.Rollout))
	after(r, changed(&in.Body.Change))
	if v.Rollout, err = s.cfg.Rollouts.Change(r.Context(), &v.Manifest, &in.Body.Change); err != nil {
		return nil, err
	}
	s.cfg.Live.Look(v.Manifest.Model)
	s.cfg.Log.Info("rollout changed", "model", v.Manifest.Model, "version", v.Manifest.Version, "phases",
		storage.FormatPhases(v.Rollout.Phases), "limit", v.Rollout.Limit, "halted", !v.Rollout.Halted.IsZero())
	return s.releaseJSON(r.Context(), &v)
}
