package storage

import (
	"encoding/json"
	"slices"
	"time"

	"unbrick/release"
)

// DeviceState is what the server knows of a device's situation. The numbers are stored: append only.
type DeviceState uint8

const (
	Running     DeviceState = 1 // its last session ended with nothing to do, or was broken off without harm
	Receiving   DeviceState = 2 // an update file is on its way
	Rewriting   DeviceState = 3 // it acknowledged the whole file and has not been heard since
	NeedsCable  DeviceState = 4 // newer software exists, and none of its update files fits its workspace
	HeldBack    DeviceState = 5 // the newest release failed too often on it, or no update file that leads there is to be had
	Restoration DeviceState = 6 // a reporter saw it in restoration mode, and it has not been heard since
)

// Device is one terminal. Everything in Claim is what it said of itself, by its own key if it has one.
type Device struct {
	Model, Serial string
	Revision      int64 // optimistic lock; 0 = not stored yet
	Demo          bool  // made by --demo, not a terminal
	FirstSeen     time.Time
	LastSeen      time.Time
	Sessions      int64
	Claim         Claim
	State         DeviceState
	Since         time.Time // of State
	Target        Digest    // release that State is about; zero if none
	TargetVersion string
	File          Digest    // update file sent last; zero if none
	Needs         uint32    // bytes of workspace the smallest update file needs; NeedsCable only
	Restored      time.Time // as a reporter said last
	RestoredTo    Digest    // image it was restored to, as the reporter said; zero once the device has spoken itself in a session
	Attested      bool      // RestoredTo is the device's own word, by a receipt
	Receipt       uint32    // sequence of the record of the last receipt that was believed; 0: none was
	Report        Digest    // of the last rewrite report, so that a repeated one counts once
	Reports       []string  // ids of restoration reports taken, newest last, at most MaxReports
	Attempts      []Attempt // newest first, at most MaxAttempts
	Refusals      []Refusal // update files that failed their proof on it, newest last, at most MaxRefused
	Dead          []Dead    // sectors that take no data, as it said in its last session
	Conflict      time.Time // when two last spoke with its key, as far as can be seen; zero if never, or an operator has seen to it
	Proof         PublicKey // that its last session was signed with; zero: it never proved itself
	Sequence      uint32    // of its record, as it said last
}

// Claim is what a device said in its last session.
type Claim struct {
	Version   string
	Order     uint64
	Image     Digest
	Confirmed bool
	Workspace uint32
	Keys      []release.KeyID
	Kinds     []string
}

// Attempt is what became of one release on one device. An operator's hold and the server's are two things, and each
// is ended by its own rules only.
type Attempt struct {
	Image    Digest
	Failures uint32    // rewrites that the device says failed after it had the update file from here
	Last     time.Time // when it last said so, also without having had a file; zero if never
	Until    time.Time // the server's hold: not offered again before; zero if there is none
	Held     bool      // the operator's hold
}

// LongestHold is how long the server itself holds a release back at most.
const LongestHold = 8 * 24 * time.Hour

// HeldAt says whether the release is held back at a time, by whomever. A hold of the server that ends later than it can was
// set by a clock that was wrong, and is none.
func (a *Attempt) HeldAt(now time.Time) bool {
	return a.Held || now.Before(a.Until) && a.Until.Sub(now) <= LongestHold
}

// Dead is a sector of a device that takes no data, as the device says. No release that needs it is offered.
type Dead struct {
	Addr  uint32
	Freed bool // an operator wants it tried all the same
}

// Refusal is an update file that failed its proof on a device, as the device says.
type Refusal struct {
	File Digest
	At   time.Time // of the last time
}

// Attempt finds the attempt of a release, nil if there was none.
func (d *Device) Attempt(image Digest) *Attempt {
	if i := slices.IndexFunc(d.Attempts, func(a Attempt) bool { return a.Image == image }); i >= 0 {
		return &d.Attempts[i]
	}
	return nil
}

// Tried returns the attempt of a release and makes one if there is none; the oldest that no operator holds gives way.
// It is nil when operators hold all that there may be.
func (d *Device) Tried(image Digest) *Attempt {
	if a := d.Attempt(image); a != nil {
		return a
	}
	keep := d.Attempts
	if len(keep) >= MaxAttempts {
		oldest := len(keep) - 1
		for oldest >= 0 && keep[oldest].Held {
			oldest--
		}
		if oldest < 0 {
			return nil
		}
		keep = append(keep[:oldest:oldest], keep[oldest+1:]...)
	}
	d.Attempts = append([]Attempt{{Image: image}}, keep...)
	return &d.Attempts[0]
}

// Refuse remembers an update file that failed its proof on the device. It reports whether this is news: said for the
// first time, or again after it had been tried again.
func (d *Device) Refuse(file Digest, now time.Time) (news bool) {
	if d.HasRefused(file, now) {
		return false
	}
	d.Refusals = slices.DeleteFunc(d.Refusals, func(r Refusal) bool { return r.File == file })
	if len(d.Refusals) >= MaxRefused {
		d.Refusals = d.Refusals[len(d.Refusals)-MaxRefused+1:]
	}
	d.Refusals = append(d.Refusals, Refusal{file, now})
	return true
}

// HasRefused says whether the device found the update file wrong less than RefusedFor ago, or so much ahead by a clock that was wrong.
func (d *Device) HasRefused(file Digest, now time.Time) bool {
	return slices.ContainsFunc(d.Refusals, func(r Refusal) bool { return r.File == file && now.Sub(r.At).Abs() < RefusedFor })
}

// Awaited is the release that the device counts for among the lost when it does not come back, zero if none.
func (d *Device) Awaited() Digest {
	if d.Demo || !d.Conflict.IsZero() {
		return Digest{}
	}
	return d.Target
}

// Source says whose word an event is. The numbers are stored: append only.
type Source uint8

const (
	ByServer   Source = 1 // the server saw it itself
	ByDevice   Source = 2 // the device says so
	ByReporter Source = 3 // the page or command that restored it says so
	ByOperator Source = 4 // an account that may operate did it
)

// EventKind is what happened. The words are stored and shown: append only.
type EventKind string

const (
	FirstSeen   EventKind = "first-seen"
	Offer       EventKind = "offer"       // update file information sent
	Transferred EventKind = "transferred" // the device acknowledged the whole file
	Broken      EventKind = "broken"      // the transfer was broken off; it can be resumed
	Installed   EventKind = "installed"   // the device runs the release
	Confirmed   EventKind = "confirmed"   // the release confirmed itself
	Failed      EventKind = "failed"      // a transferred update did not end in the release running
	Refused     EventKind = "refused"     // the proof found the update file wrong, nothing was erased
	Held        EventKind = "held"
	Freed       EventKind = "freed"
	NoFit       EventKind = "needs-cable"
	Unmade      EventKind = "not-made"      // no update file could be made for it, again and again
	Restored    EventKind = "restored"      // over the cable, as reported
	NotRestored EventKind = "not-restored"  // over the cable, as reported
	Found       EventKind = "found"         // in restoration mode, as reported
	Verified    EventKind = "verified"      // the device itself says that it runs what a reporter restored
	Changed     EventKind = "changed"       // runs other software than it was known to run, and not by an update from here
	Worn        EventKind = "flash-problem" // failed erases or dead sectors reported
	Conflict    EventKind = "conflict"      // two seem to have its key
	Proof       EventKind = "proven"        // it signed with this key for the first time
	Settled     EventKind = "settled"       // an account that may operate set it back to running, and ended its marks
)

// Event is one line of a device's history.
type Event struct {
	ID     int64 // given by the store, rising
	At     time.Time
	Kind   EventKind
	Source Source
	From   string // release version, may be empty
	To     string
	File   Digest
	Bytes  uint64
	Detail string // JSON object of at most MaxDetail bytes, or empty
	Unique string // if not empty: an event of the same device with the same word is stored once
}

// Group is a set of devices for the fleet's list, in order of need.
type Group uint8

const (
	GroupRestoration Group = iota // in restoration mode, as reported
	GroupCable                    // needs the cable
	GroupOverdue                  // transferred, and no word since Cutoffs.Overdue
	GroupHeld
	GroupSilent // no word since Cutoffs.Silent
	GroupReceiving
	GroupRewriting
	GroupRunning
	Groups // number of groups
)

// Cutoffs are the times before which a last word is long ago.
type Cutoffs struct{ Silent, Overdue time.Time }

// Group says to which group a device belongs.
func (d *Device) Group(cut Cutoffs) Group {
	switch d.State {
	case Restoration:
		return GroupRestoration
	case NeedsCable:
		return GroupCable
	case HeldBack:
		return GroupHeld
	case Rewriting:
		if d.LastSeen.Before(cut.Overdue) {
			return GroupOverdue
		}
		return GroupRewriting
	case Receiving:
		return GroupReceiving
	case Running:
	}
	if d.LastSeen.Before(cut.Silent) {
		return GroupSilent
	}
	return GroupRunning
}

// Query asks for devices, those in need first, within a group the latest word first.
type Query struct {
	Search string  // part of the serial, or the start of model or version; empty = all
	Model  string  // exactly, empty = all
	Image  *Digest // exactly, nil = all
	Group  *Group  // only this group, nil = all
	Cut    Cutoffs
	Cursor string // Page.Next of the page before, empty = first
	Limit  int    // 1 to MaxPage
}

// Page is a part of a list.
type Page struct {
	Devices []Device
	Total   int    // devices that match, on all pages
	Next    string // empty on the last page
}

// Summary counts the fleet.
type Summary struct {
	Devices  int
	Groups   [Groups]int
	Releases []ReleaseCount // of the images of releases, and then those of no release that most devices run, at most MaxUnknown
}

// ReleaseCount counts the devices of a model by the image and order they say they run. The image need not be of a known
// release.
type ReleaseCount struct {
	Model     string
	Image     Digest
	Order     uint64
	Version   string // as the devices say
	Installed int    // including the confirmed ones
	Confirmed int
}

// Settle sets the state of a device; Since stays if it had that state already.
func (d *Device) Settle(state DeviceState, now time.Time) {
	if d.State != state {
		d.State, d.Since = state, now
	}
}

// Detail encodes what an event's Detail holds; what is too long is left out rather than cut.
func Detail(detail map[string]any) string {
	if len(detail) == 0 {
		return ""
	}
	b, err := json.Marshal(detail)
	if err != nil || len(b) > MaxDetail {
		return ""
	}
	return string(b)
}
