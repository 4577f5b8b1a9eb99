package terminal

import (
	"errors"
	"fmt"

	"unbrick/delta"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/terminal/record"
)

var (
	errDigest = errors.New("update file has another digest than announced")
	errGone   = errors.New("update file is gone, twice")
	errFailed = errors.New("this update file failed its proof before")
)

// creditWindow is how many bytes may be on their way.
const creditWindow = 64 << 10

// consider decides whether an offer may be taken (113): signatures, model, floor, order, size, then workspace. Nothing is
// stopped for an offer that is refused.
func (u *update) consider(info *protocol.Info) (protocol.Fault, error) {
	if !u.rewrite.kinds().Has(info.Kind) {
		return protocol.FaultUnexpected, fmt.Errorf("%w: %s", errUnexpected, info.Kind)
	}
	if u.hasFailed(info.Digest) {
		return protocol.FaultRetry, errFailed
	}
	m, err := u.mayInstall(info.Manifest, u.replaced(info.Manifest))
	if err != nil {
		return linkFault(err), err
	}
	if addr, dead := u.deadFor(&m); dead {
		return protocol.FaultSector, fmt.Errorf("sector at 0x%x takes no data", addr)
	}
	least := delta.Needs{File: info.Size, Leaves: m.Leaves(), Resident: u.identity.resident()}
	if info.Kind == protocol.KindBsdiff {
		least = u.rewrite.classicNeeds(&m)
		least.File = info.Size
	}
	need := max(info.Workspace, least.Workspace())
	if has := u.ram.size(); need > has {
		return protocol.FaultWorkspace, fmt.Errorf("needs %d bytes of workspace, has %d", need, has)
	}
	o := &u.offer
	if u.kept && (o.digest != info.Digest || o.size != info.Size || o.workspace != need) {
		u.abandon()
	}
	o.kind, o.size, o.digest, o.workspace, o.m = info.Kind, info.Size, info.Digest, need, m
	o.length = copy(o.signed[:], info.Manifest)
	return 0, nil
}

// replaced returns the release that an offer must be newer than. Until the installed release confirmed itself, its predecessor
// may return: then there is none.
func (u *update) replaced(signed []byte) *release.Manifest {
	rec, from := u.records.Newest(), &u.software.from
	if rec.State == record.Installed && !rec.Confirmed && from.there {
		if m, _, err := release.Parse(signed); err == nil && m.Digest == from.Digest {
			return nil
		}
	}
	return &u.running().Manifest
}

// transfer secures the workspace (114, S07), requests the file (115, S08) and receives it into the workspace (116, S11). gone
// tells that info holds a new offer.
func (u *update) transfer(c protocol.Conn, info *protocol.Info) (gone bool, err error) {
	o := &u.offer
	u.kept = false
	if !u.ram.claimed {
		u.stored = 0
		if err := u.ram.secure(o.workspace); err != nil {
			return false, err
		}
	}
	in, err := protocol.NewReceiver(o.size, u.stored, creditWindow)
	if err != nil {
		return false, err
	}
	request := in.Request(o.digest)
	if _, err := protocol.Send(c, &request, u.buf[:]); err != nil {
		return false, err
	}
	u.note(8, 115, EventRequest, u.stored, o.size)
	for {
		b, code, err := next(c)
		if err != nil {
			return false, err
		}
		switch code {
		case protocol.CodeData:
			if err := u.store(c, &in, b); err != nil {
				return false, err
			}
		case protocol.CodeEnd:
			return false, u.finish(c, &in, b)
		case protocol.CodeGone:
			var m protocol.Gone
			if err := m.Decode(b); err != nil {
				return false, err
			}
			u.abandon()
			*info = m.Info
			return true, nil
		default:
			return false, u.unexpected(code, b)
		}
	}
}

// store puts the bytes of one Data into the workspace and grants credit for them afterwards.
func (u *update) store(c protocol.Conn, in *protocol.Receiver, b []byte) error {
	var m protocol.Data
	if err := m.Decode(b); err != nil {
		return err
	}
	if err := in.Accept(&m); err != nil {
		return err
	}
	copy(u.ram.mem[m.Offset:u.offer.size], m.Bytes)
	u.stored = in.Offset()
	u.note(11, 116, EventData, u.stored, u.offer.size)
	if n := in.Stored(uint32(len(m.Bytes))); n > 0 {
		if _, err := protocol.Send(c, &protocol.Credit{Bytes: n}, u.buf[:]); err != nil {
			return err
		}
	}
	return nil
}

// finish checks that the whole file is there and says so, then ends the conversation (S12).
func (u *update) finish(c protocol.Conn, in *protocol.Receiver, b []byte) error {
	o := &u.offer
	var m protocol.End
	if err := m.Decode(b); err != nil {
		return err
	}
	if !in.Finished() {
		return fmt.Errorf("%w: end after %d of %d bytes", errUnexpected, u.stored, o.size)
	}
	if u.area.SHA256(u.ram.mem[:o.size]) != o.digest || m.Digest != o.digest || m.Size != o.size {
		u.stored = 0
		return errDigest
	}
	u.emit(Event{Step: 11, Element: 116, Code: EventReceived, Sector: noSector, A: o.size, Digest: o.digest})
	// The file is whole and its digest is right; should these last words be lost, nothing else is.
	if _, err := protocol.Send(c, &protocol.Done{Digest: o.digest}, u.buf[:]); err == nil {
		u.bye(c)
	}
	return nil
}
