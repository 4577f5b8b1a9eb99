// Package metrics counts what the server does, and writes it in the text format of Prometheus. Labels come from small fixed sets only,
// never from what a stranger sent.
package metrics

import (
	"fmt"
	"io"
	"sort"
	"sync"
	"sync/atomic"
)

// Metrics are the numbers behind /metrics that are counted in memory; Write says what each is. They may be used concurrently.
type Metrics struct {
	Sessions, Offers, Transfers, Sent, Made, Requests, Reports, RefusedConns             Counters
	Conflicts, Gone, NewDevices, Refused, Withdrawn, Limited, Unrecorded, Halted, Alarms atomic.Uint64
	Duration, Making                                                                     Histogram
}

// New returns metrics that have counted nothing.
func New() *Metrics {
	m := &Metrics{}
	m.Duration.bounds = []float64{0.01, 0.1, 1, 10, 60, 600, 3600}
	m.Making.bounds = []float64{0.1, 0.5, 1, 5, 10, 30, 60, 300}
	for _, h := range []*Histogram{&m.Duration, &m.Making} {
		h.counts = make([]uint64, len(h.bounds)+1)
	}
	return m
}

// Counters is one counter with one label.
type Counters struct {
	mu     sync.Mutex
	values map[string]uint64
}

// Add adds one, or n, to the counter of a label.
func (c *Counters) Add(label string, n ...uint64) {
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

// Get is the count of a label.
func (c *Counters) Get(label string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.values[label]
}

func (c *Counters) Write(w io.Writer, name, label, help string) {
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

// Histogram counts observations in seconds.
type Histogram struct {
	bounds []float64
	mu     sync.Mutex
	counts []uint64
	sum    float64
}

// Observe counts one observation.
func (h *Histogram) Observe(v float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[sort.SearchFloat64s(h.bounds, v)]++
	h.sum += v
}

func (h *Histogram) Write(w io.Writer, name, help string) {
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

// Write writes everything that is counted in memory; gauges are given by the caller.
func (m *Metrics) Write(w io.Writer) {
	m.Sessions.Write(w, "unbrick_sessions_total", "result", "Sessions that are over, by how they ended.")
	m.Offers.Write(w, "unbrick_infos_total", "kind", "Update file information sent, by kind of file; none: nothing to send.")
	m.Transfers.Write(w, "unbrick_transfers_total", "result", "Transfers of update files, by how they ended.")
	m.Sent.Write(w, "unbrick_update_bytes_total", "kind", "Bytes of update files sent.")
	m.Made.Write(w, "unbrick_update_files_made_total", "result", "Update files made.")
	m.Requests.Write(w, "unbrick_http_requests_total", "code", "HTTP requests to the API, by class of the status.")
	m.RefusedConns.Write(w, "unbrick_connections_refused_total", "bound", "Connections closed before a byte was read, by the bound that was reached.")
	m.Reports.Write(w, "unbrick_restoration_reports_total", "outcome", "Restoration reports taken.")
	m.Duration.Write(w, "unbrick_session_seconds", "Duration of sessions.")
	m.Making.Write(w, "unbrick_update_file_seconds", "Time that making an update file took.")
	for _, c := range []struct {
		name, help string
		value      *atomic.Uint64
	}{
		{"unbrick_serial_conflicts_total", "Sessions in which two peers spoke under one serial at the same time.", &m.Conflicts},
		{"unbrick_gone_total", "Requests for an update file that is no more.", &m.Gone},
		{"unbrick_devices_new_total", "Devices seen for the first time.", &m.NewDevices},
		{"unbrick_update_files_refused_total", "Devices that found an update file wrong.", &m.Refused},
		{"unbrick_update_files_withdrawn_total", "Update files that were damaged or failed the server's own proof, and are made anew.", &m.Withdrawn},
		{"unbrick_rollouts_halted_total", "Rollouts that halted by themselves.", &m.Halted},
		{"unbrick_rollout_alarms_total", "Rollouts in which more devices than allowed claimed to have failed or are lost, and which nothing halted.", &m.Alarms},
		{"unbrick_sessions_unrecorded_total", "Sessions that were told to come again because storage is full.", &m.Unrecorded},
		{"unbrick_rate_limited_total", "Requests and sessions turned away for their rate or number.", &m.Limited},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s counter\n%s %d\n", c.name, c.help, c.name, c.name, c.value.Load())
	}
}
