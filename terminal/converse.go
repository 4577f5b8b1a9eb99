package terminal

import (
	"errors"
	"fmt"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/terminal/record"
)

// said is how a conversation ended.
type said uint8

const (
	saidHalf    said = iota // the link broke, or nobody kept to the rules
	saidNothing             // in order, and there is nothing to do
	saidNo                  // the offer was not taken
	saidWhole               // the update file is there, and its digest is right
)

// converse holds the conversation.
func (u *update) converse(c protocol.Conn) (said, error) {
	info, err := u.greet(c)
	if err != nil {
		return saidHalf, err
	}
	for range 2 { // once more after Gone
		u.note(5, 113, EventInfo, info.Size, info.Workspace)
		l := &u.last
		l.Kind, l.Reason, l.Size, l.Workspace, l.Wait = info.Kind, info.Reason, info.Size, info.Workspace, info.Wait
		if info.Kind == protocol.KindNone {
			u.note(6, 113, EventNothing, uint32(info.Reason), 0)
			u.bye(c)
			return saidNothing, nil
		}
		if fault, err := u.consider(&info); err != nil {
			return u.decline(c, fault, err)
		}
		gone, err := u.transfer(c, &info)
		switch {
		case err == nil && !gone:
			return saidWhole, nil
		case errors.Is(err, errDigest):
			return u.decline(c, protocol.FaultDigest, err)
		case err != nil:
			return saidHalf, err
		}
	}
	return u.decline(c, protocol.FaultUnexpected, errGone)
}

// greet waits for the challenge, says who the device is, and waits for the information.
func (u *update) greet(c protocol.Conn) (info protocol.Info, err error) {
	var challenge protocol.Challenge
	b, code, err := next(c)
	if err == nil && code != protocol.CodeChallenge {
		err = u.unexpected(code, b)
	}
	if err == nil {
		err = challenge.Decode(b)
	}
	if err == nil {
		err = u.sendHello(c, &challenge.Nonce)
	}
	if err == nil {
		b, err = u.receiveInfo(c)
	}
	if err == nil {
		err = info.Decode(b)
	}
	return info, err
}

// decline refuses the offer and says why.
func (u *update) decline(c protocol.Conn, fault protocol.Fault, err error) (said, error) {
	u.last.Fault = fault
	u.note(5, 113, EventRefused, uint32(fault), 0)
	m := protocol.Error{Fault: fault, Text: []byte(release.Clean(err.Error(), protocol.MaxReason))}
	if _, e := protocol.Send(c, &m, u.buf[:]); e == nil {
		u.bye(c)
	}
	return saidNo, fmt.Errorf("%w: %w", errRefused, err)
}

// bye ends the conversation in order; that the other side answers is not waited for longer than the link allows, nor does it
// matter.
func (u *update) bye(c protocol.Conn) {
	if _, err := protocol.Send(c, &protocol.Bye{}, u.buf[:]); err != nil {
		return
	}
	for range 64 { // data that was on its way
		if _, code, err := next(c); err != nil || code == protocol.CodeBye {
			return
		}
	}
}

// receiveInfo waits for the information. What a server says before it of trust, then of freshness, each once, is read and
// dropped: this device adopts no trust statement over the link.
func (u *update) receiveInfo(c protocol.Conn) ([]byte, error) {
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
			return nil, u.unexpected(code, b)
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

// sendHello says who the device is (112, S01), signed over the server's nonce if it has a key.
func (u *update) sendHello(c protocol.Conn, nonce *protocol.Nonce) error {
	rec, runs := u.records.Newest(), u.running()
	if u.software.match == matchNone || !runs.there {
		return errMode
	}
	var report protocol.Report
	hello := protocol.Hello{
		Model: string(u.identity.model()), Serial: string(u.identity.serial()),
		Release: runs.Version, Era: runs.Era, Order: runs.Order, Digest: runs.Digest,
		Floor: u.floor(),
		Keys:  u.software.trust.ids(u.keys[:0]), Threshold: u.software.trust.need,
		Statement: u.software.trust.version(),
		Reads:     uint16(u.identity.reads()), Stages: uint8(u.identity.stages()),
		Workspace: u.last.Has,
		Kinds:     u.rewrite.kinds(),
		Confirmed: rec.Confirmed && (rec.State == record.Installed || u.software.match == matchFrom), // what is on the way never was
		Sequence:  rec.Sequence,
		Report:    u.report(&report, rec, runs),
	}
	if d, ok := u.survivor.refused(); ok {
		u.refuse(d)
	}
	hello.Refused = u.refused[:u.refusals]
	if u.hw.Random != nil && u.hw.Random(u.fresh[:]) == nil {
		hello.Fresh = u.fresh[:]
	}
	u.signHello(&hello, nonce, c.Host())
	if _, err := protocol.Send(c, &hello, u.buf[:]); err != nil {
		return fmt.Errorf("send hello: %w", err)
	}
	u.emit(Event{Step: 1, Element: 112, Code: EventHello, Sector: noSector, A: hello.Workspace, Digest: hello.Digest})
	return nil
}

// signHello signs a hello with the device key. Where that does not work, because of the hardware or of a host without a proper name,
// the device says hello as one without a key: one that cannot show who it is must still be updated.
func (u *update) signHello(hello *protocol.Hello, nonce *protocol.Nonce, host string) {
	key, there := u.deviceKey()
	if !there {
		return
	}
	u.public = key
	hello.Device = u.public[:]
	signed, err := hello.AppendSigned(u.buf[:0], nonce, host)
	if err == nil {
		err = u.sign(signed, &u.signature)
	}
	if err != nil {
		hello.Device = nil
		return
	}
	hello.Signature = u.signature[:]
}

// report fills in what there is to report, nil: nothing. What is known of dead sectors is told as long as it is so, with or
// without a rewrite to report.
func (u *update) report(p *protocol.Report, rec *record.Record, runs *manifest) *protocol.Report {
	p.Dead = u.records.Dead()
	switch was := &rec.Report; {
	case was.Verdict != protocol.VerdictNone:
		p.From, p.To, p.Verdict, p.Fault = was.From, was.To, was.Verdict, was.Fault
		p.Erases, p.RecordErases, p.FailedErases = was.Erases, was.RecordErases, was.Failed
		return p
	case len(p.Dead) > 0:
		p.From, p.To, p.Verdict, p.Fault = runs.Digest, runs.Digest, protocol.VerdictRefused, protocol.FaultSector
		return p
	}
	return nil
}
