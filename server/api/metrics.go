package api

import (
	"fmt"
	"io"
	"net/http"

	"unbrick/server/storage"
)

func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) {
	apiHeaders(w.Header())
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	s.cfg.Metrics.Write(w)
	fmt.Fprintf(w, "# HELP unbrick_sessions Sessions that run now.\n# TYPE unbrick_sessions gauge\nunbrick_sessions %d\n", s.cfg.Live.Number())
	fmt.Fprintf(w, "# HELP unbrick_update_files_waiting Update files that sessions wait for.\n# TYPE unbrick_update_files_waiting gauge\nunbrick_update_files_waiting %d\n", s.cfg.Offers.Waiting())
	sum, err := s.cfg.Store.Summary(r.Context(), s.cfg.Fleet.Cutoffs())
	var all []storage.Release
	if err == nil {
		all, err = s.cfg.Store.Releases(r.Context(), "")
	}
	if err != nil {
		s.cfg.Log.Error("metrics", "error", err)
		return
	}
	writeRollouts(w, all)
	fmt.Fprintf(w, "# HELP unbrick_clock_set_total Times that the clock was found set, forward or back.\n# TYPE unbrick_clock_set_total counter\nunbrick_clock_set_total %d\n", s.cfg.Clock.Jumps())
	fmt.Fprint(w, "# HELP unbrick_devices Devices by what the server knows of them.\n# TYPE unbrick_devices gauge\n")
	for g, n := range sum.Groups {
		fmt.Fprintf(w, "unbrick_devices{group=%q} %d\n", storage.Group(g).String(), n)
	}
}

// writeRollouts adds to the metrics how many rollouts there are.
func writeRollouts(w io.Writer, all []storage.Release) {
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
