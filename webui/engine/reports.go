package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"unbrick/internal/cbor"
	"unbrick/internal/pack"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/webui/state"
)

// Outcomes of a report, as the server numbers them.
const (
	Restored    = 1
	NotRestored = 2
	Found       = 3
)

const (
	reportPrefix = "report-" // of the blobs that wait for the server
	maxWaiting   = 32        // reports that wait; the oldest go first
	maxWords     = 200       // bytes of a report's words
)

// Report is what a restoration came to, as the server is told.
type Report struct {
	Model, Serial string
	Outcome       uint64
	From, Version string
	Image         release.Digest
	Why           uint64
	Sectors       uint64
	Sent          uint64
	Received      uint64
	Full          uint64
	Took          time.Duration
	Baud          uint64
	Words         string
	Receipt       *restore.Receipt // the device's; nil: it gave none
}

// reports tells the server what was restored, and keeps it for later when nobody answers. The server
// takes the same report twice for one, so sending again is safe.
type reports struct {
	e       *Engine
	count   uint64
	sending bool
}

// encode returns the report in the server's form, with an id of its own.
func (r *Report) encode(id [16]byte) ([]byte, error) {
	w := cbor.Appending(nil)
	w.Array(19)
	w.Uint(2)
	w.Bytes(id[:])
	w.Text(pack.Clip(r.Model, state.MaxText))
	w.Text(pack.Clip(r.Serial, state.MaxText))
	w.Uint(r.Outcome)
	w.Text(pack.Clip(r.From, state.MaxText))
	w.Text(pack.Clip(r.Version, state.MaxText))
	w.Bytes(r.Image[:])
	w.Uint(r.Why)
	w.Uint(r.Sectors)
	w.Uint(r.Sent)
	w.Uint(r.Received)
	w.Uint(r.Full)
	w.Uint(uint64(max(r.Took, 0) / time.Millisecond))
	w.Uint(r.Baud)
	w.Text("page")
	w.Text(release.Clean(r.Words, maxWords))
	if r.Receipt == nil {
		w.Bytes(nil)
		w.Bytes(nil)
	} else {
		w.Bytes(r.Receipt.Bytes)
		w.Bytes(r.Receipt.Signature[:])
	}
	return w.Result()
}

// nonceTime bounds how long a restoration waits for the server before it begins.
const nonceTime = 3 * time.Second

// Nonce returns a number that the server has drawn for a device's receipt, zeros where no server answers. It is for Go's functions.
func (e *Engine) Nonce(ctx context.Context) (nonce [16]byte) {
	if e.world.Backend == nil {
		return nonce
	}
	ctx, cancel := context.WithTimeout(ctx, nonceTime)
	defer cancel()
	status, b, err := e.world.Backend.Fetch(ctx, "POST", "/api/reports/nonce", nil)
	if err == nil && status == 200 && len(b) == len(nonce) {
		copy(nonce[:], b)
	}
	return nonce
}

// Tell sends a report to the server, or keeps it. done learns, in Run's goroutine, which of the two it was.
func (e *Engine) Tell(r Report, done func(state.Reported)) {
	q := &e.reports
	if e.world.Backend == nil {
		done(state.ReportNone)
		return
	}
	q.count++
	var seed [24]byte
	binary.BigEndian.PutUint64(seed[:], e.world.Seed)
	binary.BigEndian.PutUint64(seed[8:], uint64(e.world.Now().UnixNano()))
	binary.BigEndian.PutUint64(seed[16:], q.count)
	sum := sha256.Sum256(seed[:])
	body, err := r.encode([16]byte(sum[:16]))
	if err != nil {
		done(state.ReportNone)
		return
	}
	name := reportPrefix + release.Hex(sum)[:32]
	e.Go(func(ctx context.Context) func() {
		outcome := state.ReportSent
		if !q.post(ctx, body) {
			outcome = state.ReportKept
			if !e.lib.Keep(name, body) {
				outcome = state.ReportNone
			}
		}
		return func() { done(outcome) }
	})
}

// post reports whether the server has dealt with a report, be it by refusing it.
func (q *reports) post(ctx context.Context, body []byte) bool {
	status, _, err := q.e.world.Backend.Fetch(ctx, "POST", "/api/reports", body)
	return err == nil && status < 500 && status != 429
}

// send sends what waits. It runs after the store was opened and whenever the server answers.
func (q *reports) send() {
	e := q.e
	if q.sending || !e.opened || e.world.Backend == nil || e.world.Lent {
		return
	}
	q.sending = true
	e.Go(func(ctx context.Context) func() {
		names := e.lib.Names(reportPrefix)
		slices.Sort(names)
		for i, name := range names {
			body, ok := e.lib.Kept(name)
			if ok && i >= len(names)-maxWaiting && !q.post(ctx, body) {
				break
			}
			e.lib.Drop(name)
		}
		return func() { q.sending = false }
	})
}
