package terminal

import (
	"errors"
	"fmt"

	"unbrick/delta"
	"unbrick/delta/bsdiff"
	"unbrick/protocol"
	"unbrick/release"
)

var (
	errDigest = errors.New("update file has another digest than announced")
	errGone   = errors.New("update file is gone, twice")
	errFailed = errors.New("this update file failed its proof before")
)

// consider decides whether an offer may be taken (113): signature, model, floor, order, size, then
// workspace. Nothing is stopped for an offer that is refused.
func (t *Terminal) consider(info *protocol.Info) (protocol.Fault, error) {
	if !t.kinds().Has(info.Kind) {
		return protocol.FaultUnexpected, fmt.Errorf("%w: %s", errUnexpected, info.Kind)
	}
	if t.hasFailed(info.Digest) {
		return protocol.FaultRetry, errFailed
	}
	m, err := t.verify(info.Manifest, t.keys, t.identity.need())
	if err != nil {
		return signatureFault(err), err
	}
	current := &t.running().Manifest
	if rec := t.records.current(); rec.state == Installed && !rec.confirmed && t.from.there && m.Digest == t.from.Digest {
		// Until the installed release confirmed itself, its predecessor may return.
		current = nil
	}
	target := release.Target{Model: t.identity.Model, Software: &t.software, Floor: t.Floor()}
	if err := target.Accept(&m, current); err != nil {
		return acceptFault(err), err
	}
	if addr, dead := t.deadFor(&m); dead {
		return protocol.FaultSector, fmt.Errorf("sector at 0x%x takes no data", addr)
	}
	least := delta.Needs{File: info.Size, Leaves: m.Leaves(), Resident: t.identity.Resident}
	if info.Kind == protocol.KindBsdiff {
		least.State, least.Buffer = bsdiff.LeastMemory, bsdiff.ImageMemory(&t.software, m.Size)
	}
	need := max(info.Workspace, least.Workspace())
	if has := t.workspace(); need > has {
		return protocol.FaultWorkspace, fmt.Errorf("needs %d bytes of workspace, has %d", need, has)
	}
	s := &t.session
	if s.kept && (s.info.digest != info.Digest || s.info.size != info.Size || s.info.workspace != need) {
		t.Abandon()
	}
	s.info = offer{kind: info.Kind, size: info.Size, digest: info.Digest, workspace: need, m: m}
	s.length = copy(s.signed[:], info.Manifest)
	return 0, nil
}

func signatureFault(err error) protocol.Fault {
	switch {
	case errors.Is(err, release.ErrUnknownKey):
		return protocol.FaultKey
	case errors.Is(err, release.ErrSigners):
		return protocol.FaultSignatures
	case errors.Is(err, release.ErrSignature):
		return protocol.FaultSignature
	}
	return protocol.FaultManifest
}

func acceptFault(err error) protocol.Fault {
	var refusal *release.Refusal
	if !errors.As(err, &refusal) {
		return protocol.FaultManifest
	}
	switch refusal.Reason {
	case release.ForeignModel, release.SeveralParts:
		return protocol.FaultModel
	case release.TooLarge, release.ForeignLeaf:
		return protocol.FaultSize
	case release.BelowFloor, release.BelowLeast:
		return protocol.FaultFloor
	case release.NotNewer:
		return protocol.FaultOrder
	case release.TrustTooOld, release.AboveCeiling:
		return protocol.FaultTrust
	case release.EraAhead:
		return protocol.FaultEra
	}
	return protocol.FaultManifest
}

// transfer secures the workspace (114, S07), requests the file (115, S08) and receives it into the
// workspace (116, S11). gone tells that info holds a new offer.
func (t *Terminal) transfer(c protocol.Conn, info *protocol.Info) (gone bool, err error) {
	s := &t.session
	s.kept = false
	if !t.claimed {
		s.stored = 0
		if err := t.secure(s.info.workspace); err != nil {
			return false, err
		}
	}
	in, err := protocol.NewReceiver(s.info.size, s.stored, creditWindow)
	if err != nil {
		return false, err
	}
	request := in.Request(s.info.digest)
	if _, err := protocol.Send(c, &request, s.buf[:]); err != nil {
		return false, err
	}
	t.note(8, 115, EventRequest, s.stored, s.info.size)
	for {
		b, code, err := next(c)
		if err != nil {
			return false, err
		}
		switch code {
		case protocol.CodeData:
			if err := t.store(c, &in, b); err != nil {
				return false, err
			}
		case protocol.CodeEnd:
			return false, t.finish(c, &in, b)
		case protocol.CodeGone:
			var m protocol.Gone
			if err := m.Decode(b); err != nil {
				return false, err
			}
			t.Abandon()
			*info = m.Info
			return true, nil
		default:
			return false, t.unexpected(code, b)
		}
	}
}

// store puts the bytes of one Data into the workspace and grants credit for them afterwards.
func (t *Terminal) store(c protocol.Conn, in *protocol.Receiver, b []byte) error {
	s := &t.session
	var m protocol.Data
	if err := m.Decode(b); err != nil {
		return err
	}
	if err := in.Accept(&m); err != nil {
		return err
	}
	copy(t.work[m.Offset:s.info.size], m.Bytes)
	s.stored = in.Offset()
	t.note(11, 116, EventData, s.stored, s.info.size)
	if n := in.Stored(uint32(len(m.Bytes))); n > 0 {
		if _, err := protocol.Send(c, &protocol.Credit{Bytes: n}, s.buf[:]); err != nil {
			return err
		}
	}
	return nil
}

// finish checks that the whole file is there and says so, then ends the conversation (S12).
func (t *Terminal) finish(c protocol.Conn, in *protocol.Receiver, b []byte) error {
	s := &t.session
	var m protocol.End
	if err := m.Decode(b); err != nil {
		return err
	}
	if !in.Finished() {
		return fmt.Errorf("%w: end after %d of %d bytes", errUnexpected, s.stored, s.info.size)
	}
	t.hash.Reset()
	t.hash.Write(t.work[:s.info.size])
	t.hash.Sum(t.current[:0])
	if t.current != s.info.digest || m.Digest != s.info.digest || m.Size != s.info.size {
		s.stored = 0
		return errDigest
	}
	t.emit(Event{Step: 11, Element: 116, Code: EventReceived, Sector: noSector, A: s.info.size, Digest: s.info.digest})
	// The file is whole and its digest is right; should these last words be lost, nothing else is.
	if _, err := protocol.Send(c, &protocol.Done{Digest: s.info.digest}, s.buf[:]); err == nil {
		t.bye(c)
	}
	return nil
}
