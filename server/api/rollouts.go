package api

import (
	"fmt"
	"net/http"
	"time"

	"unbrick/server/rollout"
	"unbrick/server/storage"
)

// unlike is what the clock may say else than the time that passed before it is worth a word.
const unlike = 10 * time.Minute

// Rollout is a rollout as operators see it.
type Rollout struct {
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

func (s *Server) rolloutJSON(r *storage.Rollout, lost uint32) *Rollout {
	if !r.Active() {
		return nil
	}
	share, next := r.Share(s.cfg.Clock.At(r))
	v := &Rollout{Phases: storage.FormatPhases(r.Phases), Begun: r.Begun, Share: storage.FormatShare(share), Limit: r.Limit, Failed: r.Failed, Lost: lost, Alarm: r.Exceeded(r.Failed + lost), Halts: r.Halts, Why: r.Why}
	v.Passed = int64(s.cfg.Clock.Ran(r) / time.Second)
	if !next.IsZero() { // as the clock will show then, if it goes on and the clock with it
		next = s.cfg.Now().Add(next.Sub(s.cfg.Clock.At(r)))
		v.Next = &next
	}
	if since := s.cfg.Now().Sub(r.Begun); r.Halted.IsZero() && (since-s.cfg.Clock.Ran(r)).Abs() > unlike {
		v.Clock = fmt.Sprintf("the clock says that it began %v ago; the phases count the %v that a server was there and saw pass", since.Round(time.Minute), s.cfg.Clock.Ran(r).Round(time.Minute))
	}
	if !r.Halted.IsZero() {
		v.Halted = &r.Halted
	}
	return v
}

// putRollout begins a rollout, ends it, halts it or lets it go on.
func (s *Server) putRollout(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Model string `json:"model"`
		rollout.Change
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	if err := in.Check(); err != nil {
		return problem(http.StatusBadRequest, "malformed", "%v", err)
	}
	v, err := s.releaseAt(r, in.Model)
	if err != nil {
		return err
	}
	var missing uint32
	if v.Rollout, missing, err = s.cfg.Rollouts.Change(r.Context(), &v.Manifest, &in.Change); err != nil {
		return err
	}
	s.cfg.Live.Look(v.Manifest.Model)
	s.cfg.Log.Info("rollout changed", "model", v.Manifest.Model, "version", v.Manifest.Version, "phases", storage.FormatPhases(v.Rollout.Phases), "limit", v.Rollout.Limit, "halted", !v.Rollout.Halted.IsZero())
	return writeJSON(w, http.StatusOK, s.releaseJSON(&v, missing))
}
