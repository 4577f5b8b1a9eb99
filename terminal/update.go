package terminal

import (
	"errors"
	"fmt"
	"time"

	"unbrick/limits"
	"unbrick/protocol"
	"unbrick/release"
)

// Outcome is how a session ended.
type Outcome uint8

// The outcomes. After Rewritten and Damaged the caller resets the device; after all others the software that ran before still
// runs.
const (
	Nothing     Outcome = 1 + iota // the server offers nothing (S06); Last says why
	Refused                        // the offer was not taken; Last says why
	Broken                         // the link broke; what arrived is kept for a while
	ProofFailed                    // the update file does not lead to the signed image from here
	Rewritten                      // the new image is in the flash (S14)
	Damaged                        // the rewrite did not end as it should (S15)
)

func (o Outcome) String() string {
	switch o {
	case Nothing:
		return "nothing"
	case Refused:
		return "refused"
	case Broken:
		return "broken"
	case ProofFailed:
		return "proof failed"
	case Rewritten:
		return "rewritten"
	case Damaged:
		return "damaged"
	}
	return "unknown"
}

// resumeFor is how long a part of an update file is kept, and applications stay limited for it, after its transfer broke.
const resumeFor = 10 * time.Minute

// update is the conversation with the server (112 to 116), and what outlives one of them.
type update struct {
	*device
	rewrite *rewriter

	offer    offer
	stored   uint32        // bytes of its update file at the start of the workspace
	kept     bool          // they wait for the next session
	since    time.Duration // from then on
	refused  [protocol.MaxRefused]release.Digest
	refusals int

	buf       [protocol.MaxHello]byte // a message under construction
	keys      [protocol.MaxKeys]protocol.KeyID
	fresh     [16]byte
	public    [32]byte
	signature [64]byte
}

// offer is what the server offers.
type offer struct {
	kind      protocol.Kind
	size      uint32
	digest    release.Digest
	workspace uint32
	m         release.Manifest
	signed    [limits.Manifest]byte
	length    int // of signed
}

// Summary is what there is to say of the last session and rewrite.
type Summary struct {
	Kind         protocol.Kind
	Reason       protocol.Reason // why nothing is offered
	Fault        protocol.Fault  // why an offer was refused, or what the server said when it ended the session
	Wait         uint32          // seconds after which the server said that asking again is of use; 0: it did not say
	Size         uint32          // of the update file
	Workspace    uint32          // that it needs
	Has          uint32          // that could be secured
	Erases       uint32          // from the intent record to the final one
	RecordErases uint32          // of these, in record sectors
}

// Again says whether the server wants to be asked again before long, after Wait seconds: it is busy, it stops, or it makes the
// update file. Who has many devices adds to that by chance, so that they do not all ask at once.
func (s *Summary) Again() bool {
	return s.Reason == protocol.ReasonPreparing || s.Fault == protocol.FaultBusy || s.Fault == protocol.FaultShutdown
}

// Last returns the summary of the last session.
func (t *Terminal) Last() Summary { return t.last }

var (
	errMode    = errors.New("device is not running")
	errRefused = errors.New("offer refused")
	errVerdict = errors.New("flash does not hold the signed image")
)

// Session asks the server for an update over c and carries it out (S01 to S14). It closes c. The error says what went wrong,
// for a log; the outcome is enough to act on.
func (t *Terminal) Session(c protocol.Conn) (Outcome, error) {
	if t.mode != Running {
		c.Close()
		return Refused, errMode
	}
	return t.update.session(c)
}

func (u *update) session(c protocol.Conn) (Outcome, error) {
	u.last = Summary{Has: u.ram.size()}
	said, err := u.converse(c)
	c.Close()
	u.step = 12
	switch said {
	case saidNothing:
		u.abandon()
		u.survivor.setFaults(0)
		u.confirm()
		return Nothing, err
	case saidNo:
		u.abandon()
		return Refused, err
	case saidWhole:
		u.note(12, 116, EventDisconnected, 0, 0)
		out, err := u.carryOut()
		if out == Refused || out == ProofFailed {
			u.abandon()
		}
		return out, err
	case saidHalf:
	}
	u.note(11, 116, EventBroken, u.stored, u.offer.size)
	if u.ram.claimed && u.stored > 0 {
		u.kept, u.since = true, u.clock.Now()
	} else {
		u.abandon()
	}
	return Broken, err
}

// abandon forgets the part of an update file that is kept and starts the applications that were limited for it again.
func (u *update) abandon() {
	u.kept, u.stored = false, 0
	u.offer = offer{} // by itself: together with others it would be made on the stack first
	u.ram.resume()
}

// Alive is called by the running release now and then. It lets a transfer go that nobody resumed for resumeFor, and starts the
// applications that were limited for it again.
func (t *Terminal) Alive() {
	if u := &t.update; u.kept && u.clock.Now()-u.since >= resumeFor {
		u.abandon()
	}
}

// carryOut is S13 and S14: the workspace begins with the whole update file of the offer, which was found to have the digest
// that was announced.
func (u *update) carryOut() (Outcome, error) {
	o := &u.offer
	u.step = 13
	if err := u.rewrite.proveUpdate(o.kind, o.size, &o.m); err != nil {
		u.emit(Event{Step: 13, Element: 117, Code: EventProofFailed, Sector: noSector, Digest: o.digest})
		u.refuse(o.digest)
		return ProofFailed, err
	}
	if err := u.ram.reside(); err != nil {
		u.last.Fault = protocol.FaultWorkspace
		u.note(13, 117, EventRefused, uint32(protocol.FaultWorkspace), 0)
		return Refused, err
	}
	if err := u.intend(o.signed[:o.length], &o.m, u.rewrite.total); err != nil {
		// The record that counted still does, and nothing was touched.
		u.last.Fault = protocol.FaultSector
		return Refused, err
	}
	// From here on only forward. Whatever stops it leads through a reset: Boot finds the old image untouched and runs it, or
	// waits in restoration mode.
	if err := u.rewrite.writeUpdate(o.kind); err != nil {
		u.note(15, 119, EventRestore, 0, 0)
		return Damaged, err
	}
	u.step = 14
	if !u.judge(&o.m) {
		u.note(15, 119, EventRestore, 0, 0)
		return Damaged, errVerdict
	}
	if u.install(true, protocol.VerdictGood) != nil {
		// The new image is there and right; Boot will record it.
		u.note(14, 118, EventNotWritten, u.records.Failed(), 0)
	}
	return Rewritten, nil
}

// refuse remembers the digest of an update file that failed its proof.
func (u *update) refuse(d release.Digest) {
	if u.hasFailed(d) {
		return
	}
	if u.refusals == len(u.refused) {
		copy(u.refused[:], u.refused[1:])
		u.refusals--
	}
	u.refused[u.refusals] = d
	u.refusals++
	u.survivor.setRefused(d)
}

// hasFailed reports whether the update file of this digest failed its proof.
func (u *update) hasFailed(d release.Digest) bool {
	for _, known := range u.refused[:u.refusals] {
		if known == d {
			return true
		}
	}
	return false
}

var errUnexpected = errors.New("unexpected message")

// unexpected is the error of a message that is not due. What the server says as it ends the session is kept for Last.
func (u *update) unexpected(code protocol.Code, b []byte) error {
	if code == protocol.CodeError {
		var m protocol.Error
		if err := m.Decode(b); err == nil {
			u.last.Fault, u.last.Wait = m.Fault, m.Wait
			return fmt.Errorf("server: %s: %q", m.Fault, m.Text)
		}
	}
	return fmt.Errorf("%w: %s", errUnexpected, code)
}
