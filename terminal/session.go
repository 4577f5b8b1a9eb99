package terminal

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/release"
)

// Outcome is how a session ended.
type Outcome uint8

// The outcomes. After Rewritten and Damaged the caller resets the device; after all others the software
// that ran before still runs.
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

// resumeFor is how long a part of an update file is kept, and applications stay limited for it, after
// its transfer broke.
const resumeFor = 10 * time.Minute

// creditWindow is how many bytes may be on their way.
const creditWindow = 64 << 10

// session is what outlives one conversation with the server.
type session struct {
	info     offer
	signed   [release.MaxManifest]byte // manifest of the offer
	length   int
	stored   uint32        // bytes of the update file at the start of the workspace
	kept     bool          // they wait for the next session
	since    time.Duration // from then on
	refused  [protocol.MaxRefused]release.Digest
	refusals int

	buf  [protocol.MaxHello]byte
	keys [KeySlots]protocol.KeyID
	dead [maxDead]uint32

	device    [ed25519.PublicKeySize]byte // of the hello, as what follows
	fresh     [16]byte
	signature [ed25519.SignatureSize]byte
}

// offer is what the server offers.
type offer struct {
	kind      protocol.Kind
	size      uint32
	digest    release.Digest
	workspace uint32
	m         release.Manifest
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
	Operations   uint32          // flash operations from the intent record to the final one
	Erases       uint32          // of these
	RecordErases uint32          // of these, in record sectors
}

// Last returns the summary of the last session.
func (t *Terminal) Last() Summary { return t.last }

// Again says whether the server wants to be asked again before long, after Wait seconds: it is busy, it stops, or it makes the
// update file. Who has many devices adds to that by chance, so that they do not all ask at once.
func (s *Summary) Again() bool {
	return s.Reason == protocol.ReasonPreparing || s.Fault == protocol.FaultBusy || s.Fault == protocol.FaultShutdown
}

var (
	errMode    = errors.New("device is not running")
	errRefused = errors.New("offer refused")
)

// Session asks the server for an update over c and carries it out (S01 to S14). It closes c. The error
// says what went wrong, for a log; the outcome is enough to act on.
func (t *Terminal) Session(c protocol.Conn) (Outcome, error) {
	if t.mode != Running {
		c.Close()
		return Refused, errMode
	}
	t.last = Summary{Has: t.workspace()}
	out, err := t.converse(c)
	c.Close()
	t.step = 12
	switch out {
	case Nothing:
		t.Abandon()
		t.survivor.setFaults(0)
		t.confirm()
		return out, err
	case Refused:
		t.Abandon()
		return out, err
	case Broken:
		t.note(11, 116, EventBroken, t.session.stored, t.session.info.size)
		if t.claimed && t.session.stored > 0 {
			t.session.kept, t.session.since = true, t.hw.Clock.Now()
		} else {
			t.Abandon()
		}
		return out, err
	case ProofFailed, Rewritten, Damaged:
	}
	t.note(12, 116, EventDisconnected, 0, 0)
	s := &t.session
	out = t.rewriteSoftware(s.info.kind, s.info.size, s.signed[:s.length], &s.info.m)
	if out == Refused || out == ProofFailed {
		t.Abandon()
	}
	return out, nil
}

// Abandon forgets the part of an update file that is kept and starts the applications that were limited
// for it again.
func (t *Terminal) Abandon() {
	t.session.kept, t.session.stored = false, 0
	t.session.info = offer{}
	if t.mode == Running {
		t.resume()
	}
}

// converse holds the conversation. Rewritten means that the update file is whole, nothing more.
func (t *Terminal) converse(c protocol.Conn) (Outcome, error) {
	var challenge protocol.Challenge
	b, err := t.receive(c, protocol.CodeChallenge)
	if err == nil {
		err = challenge.Decode(b)
	}
	if err != nil {
		return Broken, err
	}
	if err := t.sendHello(c, &challenge.Nonce); err != nil {
		return Broken, err
	}
	var info protocol.Info
	if b, err = t.receiveInfo(c); err == nil {
		err = info.Decode(b)
	}
	if err != nil {
		return Broken, err
	}
	for range 2 { // once more after Gone
		t.note(5, 113, EventInfo, info.Size, info.Workspace)
		t.last.Kind, t.last.Reason, t.last.Size, t.last.Workspace, t.last.Wait = info.Kind, info.Reason, info.Size, info.Workspace, info.Wait
		if info.Kind == protocol.KindNone {
			t.note(6, 113, EventNothing, uint32(info.Reason), 0)
			t.bye(c)
			return Nothing, nil
		}
		if fault, err := t.consider(&info); err != nil {
			return t.decline(c, fault, err)
		}
		gone, err := t.transfer(c, &info)
		switch {
		case err == nil && !gone:
			return Rewritten, nil
		case errors.Is(err, errDigest):
			return t.decline(c, protocol.FaultDigest, err)
		case err != nil:
			return Broken, err
		}
	}
	return t.decline(c, protocol.FaultUnexpected, errGone)
}

// decline refuses the offer and says why.
func (t *Terminal) decline(c protocol.Conn, fault protocol.Fault, err error) (Outcome, error) {
	t.last.Fault = fault
	t.note(5, 113, EventRefused, uint32(fault), 0)
	m := protocol.Error{Fault: fault, Text: []byte(release.Clean(err.Error(), protocol.MaxReason))}
	if _, e := protocol.Send(c, &m, t.session.buf[:]); e == nil {
		t.bye(c)
	}
	return Refused, fmt.Errorf("%w: %w", errRefused, err)
}

// bye ends the conversation in order; that the other side answers is not waited for longer than the
// link allows, nor does it matter.
func (t *Terminal) bye(c protocol.Conn) {
	if _, err := protocol.Send(c, &protocol.Bye{}, t.session.buf[:]); err != nil {
		return
	}
	for range 64 { // data that was on its way
		b, err := c.Recv()
		if err != nil {
			return
		}
		if code, err := protocol.CodeOf(b); err != nil || code == protocol.CodeBye {
			return
		}
	}
}

var errUnexpected = errors.New("unexpected message")

// receive waits for a message of the given code. An Error of the server ends the conversation.
func (t *Terminal) receive(c protocol.Conn, want protocol.Code) ([]byte, error) {
	b, code, err := next(c)
	if err != nil {
		return nil, err
	}
	if code != want {
		return nil, t.unexpected(code, b)
	}
	return b, nil
}

// receiveInfo waits for the information. What a server says before it of trust, then of freshness, each once, is read and
// dropped: this device keeps no trust statement.
func (t *Terminal) receiveInfo(c protocol.Conn) ([]byte, error) {
	for before := protocol.CodeInfo; ; {
		b, code, err := next(c)
		switch {
		case err != nil:
			return nil, err
		case code == protocol.CodeInfo:
			return b, nil
		case code == protocol.CodeTrust && before == protocol.CodeInfo:
			err = new(protocol.Trust).Decode(b)
		case code == protocol.CodeFresh && before != protocol.CodeFresh:
			err = new(protocol.Fresh).Decode(b)
		default:
			return nil, t.unexpected(code, b)
		}
		if err != nil {
			return nil, err
		}
		before = code
	}
}

// next waits for a message and reads its code.
func next(c protocol.Conn) ([]byte, protocol.Code, error) {
	b, err := c.Recv()
	if err != nil {
		return nil, 0, err
	}
	code, err := protocol.CodeOf(b)
	return b, code, err
}

// unexpected is the error of a message that is not due. What the server says as it ends the session is kept for Last.
func (t *Terminal) unexpected(code protocol.Code, b []byte) error {
	if code == protocol.CodeError {
		var m protocol.Error
		if err := m.Decode(b); err == nil {
			t.last.Fault, t.last.Wait = m.Fault, m.Wait
			return fmt.Errorf("server: %s: %q", m.Fault, m.Text)
		}
	}
	return fmt.Errorf("%w: %s", errUnexpected, code)
}

// sendHello says who the device is (112, S01), signed over the server's nonce if it has a key.
func (t *Terminal) sendHello(c protocol.Conn, nonce *protocol.Nonce) error {
	rec := t.records.current()
	runs := t.running()
	if t.match == smp.MatchNone || !runs.there {
		return errMode
	}
	hello := protocol.Hello{
		Model: t.identity.Model, Serial: t.identity.Serial,
		Release: runs.Version, Era: runs.Era, Order: runs.Order, Digest: runs.Digest, Floor: t.Floor(),
		Threshold: t.identity.Threshold,
		Reads:     uint16(t.identity.Reads),
		Stages:    uint8(t.identity.Stages),
		Workspace: t.last.Has,
		Kinds:     t.kinds(),
		Confirmed: rec.confirmed && t.match == smp.MatchA, // B was never confirmed
		Sequence:  rec.sequence,
	}
	if t.hw.Random != nil && t.hw.Random(t.session.fresh[:]) == nil {
		hello.Fresh = t.session.fresh[:]
	}
	for i, key := range t.keys {
		t.session.keys[i] = release.IDOf(key)
	}
	hello.Keys = t.session.keys[:len(t.keys)]
	if d, ok := t.survivor.refused(); ok && !t.hasFailed(d) {
		t.refuse(d)
	}
	hello.Refused = t.session.refused[:t.session.refusals]
	// What is known of dead sectors is told as long as it is so, with or without a rewrite to report.
	t.session.dead = t.deadAddrs
	report := protocol.Report{Dead: t.session.dead[:t.deads]}
	switch p := &rec.report; {
	case p.verdict != protocol.VerdictNone:
		report.From, report.To, report.Verdict, report.Fault = p.from, p.to, p.verdict, p.fault
		report.Erases, report.RecordErases, report.FailedErases = p.erases, p.recordErases, p.failed
		hello.Report = &report
	case t.deads > 0:
		report.From, report.To, report.Verdict, report.Fault = runs.Digest, runs.Digest, protocol.VerdictRefused, protocol.FaultSector
		hello.Report = &report
	}
	t.signHello(&hello, nonce, c.Host())
	if _, err := protocol.Send(c, &hello, t.session.buf[:]); err != nil {
		return fmt.Errorf("send hello: %w", err)
	}
	t.emit(Event{Step: 1, Element: 112, Code: EventHello, Sector: noSector, A: hello.Workspace, Digest: hello.Digest})
	return nil
}

// signHello signs a hello with the device key. Where that does not work, because of the hardware or of a host without a proper name,
// the device says hello as one without a key: one that cannot show who it is must still be updated.
func (t *Terminal) signHello(hello *protocol.Hello, nonce *protocol.Nonce, host string) {
	s := &t.session
	key, there := t.deviceKey()
	if !there {
		return
	}
	s.device = key
	hello.Device = s.device[:]
	signed, err := hello.AppendSigned(s.buf[:0], nonce, host)
	if err == nil {
		err = t.sign(signed, &s.signature)
	}
	if err != nil {
		hello.Device = nil
		return
	}
	hello.Signature = s.signature[:]
}

// confirm is the release's own word that it works: its first session is complete. Only here the security
// floor rises, and the predecessor may not return from now on. A report that was told is dropped with
// it. Applications stop for as long as the record takes, since the flash is busy meanwhile.
func (t *Terminal) confirm() {
	rec := t.records.current()
	floor := max(rec.floor, t.to.Counter)
	if rec.state != Installed || rec.confirmed && rec.report.verdict == protocol.VerdictNone {
		return
	}
	if addr, dead := t.deadRecord(); dead {
		t.note(0, 0, EventNotWritten, addr, 0) // known before anything is stopped for it
		return
	}
	defer t.resume()
	if err := t.seize(0); err != nil {
		t.note(0, 0, EventNotWritten, 0, 0)
		return
	}
	next := t.draft()
	next.confirmed, next.floor = true, floor
	next.setFrom(nil)
	next.report = report{}
	if err := t.write(); err != nil {
		t.note(0, 0, EventNotWritten, t.failedRecord(), 0)
		return
	}
	t.readManifests()
	t.note(0, 0, EventConfirmed, uint32(floor), 0)
}
