// Package metrics counts what the server does, for Prometheus. Labels come from small fixed sets only, never from what a stranger sent,
// so that nobody can make the server remember more series than there are here.
package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Metrics are the numbers behind /metrics that are counted as things happen, those of the Go runtime and the process, and how the
// program was built. They may be used concurrently.
type Metrics struct {
	*prometheus.Registry
	Sessions, Made, Requests, Reports, RefusedConns, Wasted, Hellos                                               Counters
	Offers, Transfers, Sent                                                                                       Split
	Conflicts, Gone, NewDevices, Refused, Withdrawn, Limited, Unrecorded, Halted, Alarms, NoLinks, Lines, Unnoted prometheus.Counter
	Duration, Making                                                                                              prometheus.Histogram
}

// Listeners of a server. Where there is one alone it is the public one.
const (
	Public    = "public"
	Operators = "operators"
)

// Counters is one counter for each set of labels.
type Counters struct{ *prometheus.CounterVec }

// Add counts one of these labels.
func (c Counters) Add(labels ...string) { c.WithLabelValues(labels...).Inc() }

// Split is one counter with one label, and another that tells devices from strangers: what a stranger says must not look like the fleet.
type Split struct{ *prometheus.CounterVec }

// Add counts one of a label.
func (s Split) Add(label string, proven bool) { s.More(label, proven, 1) }

// More counts so many.
func (s Split) More(label string, proven bool, n float64) {
	word := "no"
	if proven {
		word = "yes"
	}
	s.WithLabelValues(label, word).Add(n)
}

// New returns metrics of a program of this version that have counted nothing.
func New(version string) *Metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "unbrick_build_info", Help: "What runs; always 1.", ConstLabels: prometheus.Labels{"version": version},
		}, func() float64 { return 1 }))
	labelled := func(name, labels, help string) Counters {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, strings.Fields(labels))
		r.MustRegister(c)
		return Counters{c}
	}
	split := func(name, label, help string) Split {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label, "proven"})
		r.MustRegister(c)
		return Split{c}
	}
	plain := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		r.MustRegister(c)
		return c
	}
	seconds := func(name, help string, bounds ...float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: bounds})
		r.MustRegister(h)
		return h
	}
	m := &Metrics{
		Registry:  r,
		Sessions:  labelled("unbrick_sessions_total", "result", "Sessions that are over, by how they ended."),
		Hellos:    labelled("unbrick_hellos_total", "standing", "Identifications received, by for whom the sender is taken."),
		Offers:    split("unbrick_infos_total", "kind", "Update file information sent, by kind of file; none: nothing to send."),
		Transfers: split("unbrick_transfers_total", "result", "Transfers of update files, by how they ended."),
		Sent:      split("unbrick_update_bytes_total", "kind", "Bytes of update files sent."),
		Made:      labelled("unbrick_update_files_made_total", "result", "Update files made."),
		Requests:  labelled("unbrick_http_requests_total", "code", "HTTP requests to the API, by class of the status."),
		RefusedConns: labelled("unbrick_connections_refused_total", "listener bound",
			"Connections closed before a byte was read, by the listener and the bound that was reached."),
		Wasted: labelled("unbrick_connections_wasted_total", "listener",
			"Connections that ended before a whole request had come on them, by the listener."),
		Reports:    labelled("unbrick_restoration_reports_total", "outcome", "Restoration reports taken."),
		Duration:   seconds("unbrick_session_seconds", "Duration of sessions.", 0.01, 0.1, 1, 10, 60, 600, 3600),
		Making:     seconds("unbrick_update_file_seconds", "Time that making an update file took.", 0.1, 0.5, 1, 5, 10, 30, 60, 300),
		Conflicts:  plain("unbrick_serial_conflicts_total", "Sessions by which two seem to have the key of one device."),
		Gone:       plain("unbrick_gone_total", "Requests for an update file that is no more."),
		NewDevices: plain("unbrick_devices_new_total", "Devices seen for the first time."),
		Refused:    plain("unbrick_update_files_refused_total", "Devices that found an update file wrong."),
		Withdrawn: plain("unbrick_update_files_withdrawn_total",
			"Update files that were damaged or failed the server's own proof, and are made anew."),
		Halted: plain("unbrick_rollouts_halted_total", "Rollouts that halted by themselves."),
		Alarms: plain("unbrick_rollout_alarms_total",
			"Rollouts in which more devices than allowed claimed to have failed or are lost, and which nothing halted."),
		Unnoted:    plain("unbrick_strangers_unnoted_total", "Strangers who were not written down, since too many came at once."),
		Unrecorded: plain("unbrick_sessions_unrecorded_total", "Sessions that were told to come again because storage is full."),
		NoLinks:    plain("unbrick_links_refused_total", "Requests at /link that were no WebSocket of a terminal."),
		Lines:      plain("unbrick_log_lines_left_out_total", "Log lines that were left out because too many of their kind came."),
		Limited:    plain("unbrick_rate_limited_total", "Requests and sessions turned away for their rate or number."),
	}
	for _, listener := range []string{Public, Operators} {
		m.Wasted.WithLabelValues(listener) // so that a first one is a rise, from 0
	}
	return m
}
