package fleet

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/storage"
)

// Heard is what a Hello taught besides the device's new state.
type Heard struct {
	Events  []storage.Event
	Refused []storage.Digest // update files that this device refuses, new ones only
	Failed  []Failed         // releases whose rewrite failed here
	Clash   bool             // two seem to have the device's key
}

// How long the server holds a release back from a device by itself: a day after the failure that is one too many, twice
// as long after each further one, up to maxHold. Why a rewrite failed nobody knows, so no such hold is for ever.
const (
	firstHold = 24 * time.Hour
	maxHold   = storage.LongestHold
)

// Failed is a release whose rewrite failed on a device, as the device says, and when it said so before, zero if never.
type Failed struct {
	Image  storage.Digest
	Before time.Time
}

// Hear takes a Hello into the device's record: the identification (211, S02), the outcome of the update before, and
// what the device refuses. It knows versions by version, "" for an unknown image.
func (f *Fleet) Hear(d *storage.Device, h *protocol.Hello, version func(storage.Digest) string) Heard {
	now := f.cfg.Now()
	e := ear{d: d, h: h, now: now, version: version}
	before, fresh := d.Claim, d.Revision == 0
	waiting := d.Target != storage.Digest{} && d.File != storage.Digest{} && (d.State == storage.Rewriting || d.State == storage.Restoration)
	if fresh {
		d.FirstSeen = now
		e.tell(storage.FirstSeen, storage.ByServer, "", h.Release, nil)
	}
	e.proof(fresh)
	e.refusals()
	e.dead()
	failed, counts := e.outcome(waiting)
	installed := waiting && h.Digest == d.Target
	if failed != (storage.Digest{}) {
		e.failure(failed, counts && failed != h.Digest, waiting && failed == d.Target, f.cfg.Failures)
	}
	e.runs(h.Digest)
	if e.restored {
		e.tell(storage.Restored, storage.ByDevice, version(h.Report.From), version(h.Report.To), nil)
	}
	switch {
	case installed:
		e.tell(storage.Installed, storage.ByDevice, before.Version, h.Release, nil)
	case !fresh && before.Image != h.Digest:
		e.tell(storage.Changed, storage.ByDevice, before.Version, h.Release, nil)
	}
	if d.RestoredTo != (storage.Digest{}) && d.RestoredTo == h.Digest {
		e.tell(storage.Verified, storage.ByDevice, "", h.Release, nil)
	}
	if h.Confirmed && !fresh && (!before.Confirmed || before.Image != h.Digest) {
		e.tell(storage.Confirmed, storage.ByDevice, "", h.Release, nil)
	}
	d.RestoredTo = storage.Digest{}
	d.LastSeen = now
	d.Sessions++
	d.Claim = claim(h)
	d.Settle(storage.Running, now)
	d.Target, d.TargetVersion, d.File, d.Needs = storage.Digest{}, "", storage.Digest{}, 0
	return e.Heard
}

func claim(h *protocol.Hello) storage.Claim {
	c := storage.Claim{Version: h.Release, Order: h.Order, Image: h.Digest, Confirmed: h.Confirmed, Workspace: h.Workspace,
		Keys: append([]release.KeyID(nil), h.Keys...)}
	for _, k := range []protocol.Kind{protocol.KindDelta, protocol.KindFull, protocol.KindBsdiff} {
		if h.Kinds.Has(k) {
			c.Kinds = append(c.Kinds, k.String())
		}
	}
	return c
}

// ear is one Hello being heard.
type ear struct {
	Heard
	d       *storage.Device
	h       *protocol.Hello
	now     time.Time
	version func(storage.Digest) string

	restored bool // the device says so, and nobody else did
}

func (e *ear) tell(kind storage.EventKind, by storage.Source, from, to string, detail map[string]any) {
	e.Events = append(e.Events, storage.Event{At: e.now, Kind: kind, Source: by, From: from, To: to, File: e.d.File,
		Detail: storage.Detail(detail)})
}

// proof notes with which key the device signed, and looks at the number of its record, which only rises. If it fell, two boards have
// the key, or somebody put an old flash back; after a restoration it may.
func (e *ear) proof(fresh bool) {
	d := e.d
	var key storage.PublicKey
	copy(key[:], e.h.Device)
	restored := d.RestoredTo != storage.Digest{} || e.h.Report != nil && e.h.Report.Verdict == protocol.VerdictRestored
	if d.Proof == key && e.h.Sequence < d.Sequence && !restored {
		e.conflict(map[string]any{"record": e.h.Sequence, "before": d.Sequence})
	}
	if d.Proof != key && !fresh {
		e.tell(storage.Proof, storage.ByDevice, "", e.h.Release, map[string]any{"key": key.String()})
	}
	d.Proof, d.Sequence = key, e.h.Sequence
}

// conflict says that two seem to have the device's key. An operator ends that.
func (e *ear) conflict(detail map[string]any) {
	e.d.Conflict = e.now
	e.Clash = true
	e.Events = append(e.Events, storage.Event{At: e.now, Kind: storage.Conflict, Source: storage.ByServer, From: e.h.Release,
		Detail: storage.Detail(detail), Unique: "conflict:" + e.now.Format(time.DateOnly)})
}

// refusals remembers update files whose proof failed on the device.
func (e *ear) refusals() {
	for _, file := range e.h.Refused {
		if e.d.Refuse(file, e.now) {
			e.Refused = append(e.Refused, file)
			e.tell(storage.Refused, storage.ByDevice, e.h.Release, e.d.TargetVersion, map[string]any{"file": release.ShortHex(file)})
		}
	}
}

// dead takes up which sectors take no data. A device says so in every session as long as it is so; what the operator
// freed stays free until the device says that it is mended.
func (e *ear) dead() {
	var now []storage.Dead
	if r := e.h.Report; r != nil {
		for _, addr := range r.Dead {
			now = append(now, storage.Dead{Addr: addr, Freed: slices.Contains(e.d.Dead, storage.Dead{Addr: addr, Freed: true})})
		}
	}
	e.d.Dead = now
}

// outcome finds out which release did not end up running although its update file was transferred. Only what the
// device itself reports counts as a failed rewrite. That it runs something else is worth a line in its history and
// no more: the cut may have come before the first erase, or somebody gave it older flash. A file that failed its
// proof is no failed rewrite either: nothing was erased, and it is not offered to this device again.
func (e *ear) outcome(waiting bool) (failed storage.Digest, counts bool) {
	d, r := e.d, e.h.Report
	if waiting && e.h.Digest != d.Target && !d.HasRefused(d.File, e.now) {
		failed = d.Target
	}
	if r == nil {
		return failed, false
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v", *r))
	if sum == d.Report {
		return failed, false // told again, because the session before did not reach its end
	}
	d.Report = sum
	if r.FailedErases > 0 || len(r.Dead) > 0 {
		dead := make([]string, 0, len(r.Dead))
		for _, a := range r.Dead {
			dead = append(dead, fmt.Sprintf("0x%06x", a))
		}
		e.tell(storage.Worn, storage.ByDevice, "", "", map[string]any{"failed_erases": r.FailedErases, "dead_sectors": dead})
	}
	switch r.Verdict {
	case protocol.VerdictFailed:
		failed, counts = r.To, true
	case protocol.VerdictRestored: // to r.To; what failed is the update before it, if there was one
		if waiting {
			failed, counts = d.Target, true
		}
		if d.RestoredTo != e.h.Digest { // no reporter told of it
			d.Restored, e.restored = e.now, true
		}
	case protocol.VerdictRefused:
		if !waiting {
			e.tell(storage.Refused, storage.ByDevice, e.h.Release, e.version(r.To), map[string]any{"fault": r.Fault.String()})
		}
	case protocol.VerdictGood, protocol.VerdictNone:
	}
	return failed, counts
}

// failure tells of a rewrite that did not succeed. If it counts, the device itself says so, of a release that there is. If
// took, the device had the update file from here since it last spoke; only then the failure counts towards the server's
// hold: what somebody says under this serial who never took the file is a line in the history and an alarm.
func (e *ear) failure(to storage.Digest, counts, took bool, limit uint32) {
	detail := map[string]any{}
	var held bool
	if counts && e.version(to) != "" {
		if tried := e.d.Tried(to); tried != nil {
			e.Failed = append(e.Failed, Failed{to, tried.Last})
			tried.Last = e.now
			if took {
				tried.Failures++
				detail["failures"] = tried.Failures
				if held = tried.Failures >= limit; held {
					tried.Until = e.now.Add(min(maxHold, firstHold<<min(tried.Failures-limit, 3)))
				}
			}
		}
	}
	if r := e.h.Report; r != nil {
		detail["verdict"], detail["erases"], detail["record_erases"] = r.Verdict.String(), r.Erases, r.RecordErases
		if r.Fault != 0 {
			detail["fault"] = r.Fault.String()
		}
	}
	e.tell(storage.Failed, storage.ByDevice, e.h.Release, e.version(to), detail)
	if held {
		a := e.d.Attempt(to)
		e.tell(storage.Held, storage.ByServer, "", e.version(to), map[string]any{"failures": a.Failures,
			"until": a.Until.UTC().Format(time.RFC3339)})
	}
}

// runs forgets the failed rewrites of the release that the device runs, and with them the server's own hold. The
// operator's stays.
func (e *ear) runs(image storage.Digest) {
	a := e.d.Attempt(image)
	if a == nil {
		return
	}
	if a.Until.After(e.now) {
		e.tell(storage.Freed, storage.ByServer, "", e.version(image), nil)
	}
	a.Failures, a.Until = 0, time.Time{}
}
