package api

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"unbrick/server/form"
	"unbrick/server/storage"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics tells what is counted, and what is looked up for each who asks: an account, or who comes to the operators' listener and does
// not do so by a name, under which a page of another site may have come.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) error {
	if who := asks(r); !s.cfg.Split || who.Known() || !byAddress(r) {
		if err := permit(who, &form.Metrics); err != nil {
			return err
		}
		if err := onModel(who, ""); err != nil {
			return err
		}
	}
	looked := prometheus.NewRegistry()
	looked.MustRegister(&gauges{s, r.Context()})
	promhttp.HandlerFor(prometheus.Gatherers{s.cfg.Metrics, looked}, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	return nil
}

// byAddress reports whether a request names its host by an address, or as the machine itself.
func byAddress(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || host == "localhost"
}

// gauges are what is so at this moment.
type gauges struct {
	*Server
	ctx context.Context // of who asks
}

// Describe implements prometheus.Collector: what there is shows when it is collected.
func (g *gauges) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(all chan<- prometheus.Metric) {
	tell := func(kind prometheus.ValueType, name, help, label, value string, n float64) {
		var labels prometheus.Labels
		if label != "" {
			labels = prometheus.Labels{label: value}
		}
		all <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, labels), kind, n)
	}
	gauge := func(name, help string, n int) { tell(prometheus.GaugeValue, name, help, "", "", float64(n)) }
	gauge("unbrick_sessions", "Sessions that run now.", g.cfg.Live.Number())
	gauge("unbrick_update_files_waiting", "Update files that sessions wait for.", g.cfg.Offers.Waiting())
	tell(prometheus.CounterValue, "unbrick_clock_set_total", "Times that the clock was found set, forward or back.", "", "",
		float64(g.cfg.Clock.Jumps()))
	sum, err := g.cfg.Store.Summary(g.ctx, g.cfg.Fleet.Cutoffs())
	var releases []storage.Release
	if err == nil {
		releases, err = g.cfg.Store.Releases(g.ctx, "")
	}
	if err != nil {
		g.cfg.Log.Error("metrics", "error", err)
		return
	}
	for state, n := range rollouts(releases) {
		tell(prometheus.GaugeValue, "unbrick_rollouts", "Rollouts of releases that are offered.", "state", state, float64(n))
	}
	for group, n := range sum.Groups {
		tell(prometheus.GaugeValue, "unbrick_devices", "Devices by what the server knows of them.", "group", storage.Group(group).String(),
			float64(n))
	}
}

// rollouts counts those of releases that are offered, by what they do.
func rollouts(all []storage.Release) map[string]int {
	count := map[string]int{"running": 0, "alarm": 0, "halted": 0}
	for i := range all {
		switch r := &all[i]; {
		case !r.Rollout.Active() || r.State != storage.Offered:
		case !r.Rollout.Halted.IsZero():
			count["halted"]++
		case !r.Rollout.Alarm.IsZero():
			count["alarm"]++
		default:
			count["running"]++
		}
	}
	return count
}
