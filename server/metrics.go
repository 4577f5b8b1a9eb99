package server

import (
	"fmt"
	"io"
	"sort"
	"sync"
	"sync/atomic"

	"unbrick/server/storage"
)

// metrics are the numbers behind /metrics, in the text format of Prometheus. Labels come from small fixed sets
// only, never from what a stranger sent.
type metrics struct {
	sessions, offers, transfers, sent, made, requests, reports, refusedConns             counters
	conflicts, gone, newDevices, refused, withdrawn, limited, unrecorded, halted, alarms atomic.Uint64
	duration, making                                                                     histogram
}

func newMetrics() *metrics {
	m := &metrics{}
	m.duration.bounds = []float64{0.01, 0.1, 1, 10, 60, 600, 3600}
	m.making.bounds = []float64{0.1, 0.5, 1, 5, 10, 30, 60, 300}
	for _, h := range []*histogram{&m.duration, &m.making} {
		h.counts = make([]uint64, len(h.bounds)+1)
	}
	return m
}

// counters is one counter with one label.
type counters struct {
	mu     sync.Mutex
	values map[string]uint64
}

func (c *counters) add(label string, n ...uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values = make(map[string]uint64)
	}
	if len(n) == 0 {
		c.values[label]++
		return
	}
	c.values[label] += n[0]
}

func (c *counters) get(label string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.values[label]
}

func (c *counters) write(w io.Writer, name, label, help string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s counter\n", name, help, name)
	labels := make([]string, 0, len(c.values))
	for v := range c.values {
		labels = append(labels, v)
	}
	sort.Strings(labels)
	for _, v := range labels {
		fmt.Fprintf(w, "%s{%s=%q} %d\n", name, label, v, c.values[v])
	}
}

// histogram counts observations in seconds.
type histogram struct {
	bounds []float64
	mu     sync.Mutex
	counts []uint64
	sum    float64
}

func (h *histogram) observe(v float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[sort.SearchFloat64s(h.bounds, v)]++
	h.sum += v
}

func (h *histogram) write(w io.Writer, name, help string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name)
	total := uint64(0)
	for i, b := range h.bounds {
		total += h.counts[i]
		fmt.Fprintf(w, "%s_bucket{le=\"%g\"} %d\n", name, b, total)
	}
	total += h.counts[len(h.bounds)]
	fmt.Fprintf(w, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %g\n%s_count %d\n", name, total, name, h.sum, name, total)
}

// write writes everything that is counted in memory; gauges are given by the caller.
func (m *metrics) write(w io.Writer) {
	m.sessions.write(w, "unbrick_sessions_total", "result", "Sessions that are over, by how they ended.")
	m.offers.write(w, "unbrick_infos_total", "kind", "Update file information sent, by kind of file; none: nothing to send.")
	m.transfers.write(w, "unbrick_transfers_total", "result", "Transfers of update files, by how they ended.")
	m.sent.write(w, "unbrick_update_bytes_total", "kind", "Bytes of update files sent.")
	m.made.write(w, "unbrick_update_files_made_total", "result", "Update files made.")
	m.requests.write(w, "unbrick_http_requests_total", "code", "HTTP requests to the API, by class of the status.")
	m.refusedConns.write(w, "unbrick_connections_refused_total", "bound", "Connections closed before a byte was read, by the bound that was reached.")
	m.reports.write(w, "unbrick_restoration_reports_total", "outcome", "Restoration reports taken.")
	m.duration.write(w, "unbrick_session_seconds", "Duration of sessions.")
	m.making.write(w, "unbrick_update_file_seconds", "Time that making an update file took.")
	for _, c := range []struct {
		name, help string
		value      *atomic.Uint64
	}{
		{"unbrick_serial_conflicts_total", "Sessions in which two peers spoke under one serial at the same time.", &m.conflicts},
		{"unbrick_gone_total", "Requests for an update file that is no more.", &m.gone},
		{"unbrick_devices_new_total", "Devices seen for the first time.", &m.newDevices},
		{"unbrick_update_files_refused_total", "Devices that found an update file wrong.", &m.refused},
		{"unbrick_update_files_withdrawn_total", "Update files that were damaged or failed the server's own proof, and are made anew.", &m.withdrawn},
		{"unbrick_rollouts_halted_total", "Rollouts that halted by themselves.", &m.halted},
		{"unbrick_rollout_alarms_total", "Rollouts in which more devices than allowed claimed to have failed or are lost, and which nothing halted.", &m.alarms},
		{"unbrick_sessions_unrecorded_total", "Sessions that were told to come again because storage is full.", &m.unrecorded},
		{"unbrick_rate_limited_total", "Requests and sessions turned away for their rate or number.", &m.limited},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s counter\n%s %d\n", c.name, c.help, c.name, c.name, c.value.Load())
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
