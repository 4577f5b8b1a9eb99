package terminal

import (
	"crypto/sha256"
	"errors"
	"hash"
	"time"

	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
	"unbrick/release"
)

// hasher is a SHA-256 of its own for one level of the digest tree.
type hasher struct {
	hash hash.Hash
	sum  [32]byte
}

func newHasher() hasher { return hasher{hash: sha256.New()} }

// handle answers one packet. Its error is the cable's.
func (t *Terminal) handle(packet []byte) error {
	q, body, err := smp.ParsePacket(packet)
	if err != nil || q.Op&1 != 0 {
		return nil // no request: nothing to answer
	}
	h := &t.host
	if !h.met {
		h.met = true
		t.note(16, 119, EventConnected, 0, 0)
	}
	if q.Version > 1 {
		return t.answerRC(&q, smp.RCTooNew)
	}
	switch q.Group {
	case smp.GroupOS:
		return t.handleOS(&q, body)
	case smp.GroupImage:
		if h.phase.Busy() {
			return t.deny(&q, smp.FaultBusy)
		}
		return t.handleImage(&q, body)
	case smp.GroupUser:
		return t.handleUser(&q, body)
	}
	return t.answerRC(&q, smp.RCNotSupported)
}

func (t *Terminal) answer(q *smp.Header, body smp.Body) error {
	b, err := smp.AppendPacket(t.host.packet[:0], q.Response(), body)
	if err != nil {
		return t.answerRC(q, smp.RCTooLarge)
	}
	return t.send(b)
}

func (t *Terminal) answerRC(q *smp.Header, rc smp.RC) error {
	b, err := smp.AppendRC(t.host.packet[:0], q, rc)
	if err != nil {
		return nil
	}
	return t.send(b)
}

// deny answers with a fault of the user group.
func (t *Terminal) deny(q *smp.Header, f smp.Fault) error {
	t.note(0, 120, EventDenied, uint32(f), 0)
	b, err := smp.AppendFault(t.host.packet[:0], q, f)
	if err != nil {
		return nil
	}
	return t.send(b)
}

func (t *Terminal) send(packet []byte) error {
	if t.host.framing.guard.On() {
		return t.hw.Cable.Write(frame.AppendPacket(t.host.wire[:0], packet))
	}
	return t.hw.Cable.Write(smp.AppendFrames(t.host.wire[:0], packet))
}

// bootloaderName is by what a host recognises a terminal before it says anything of group 64.
var bootloaderName = []byte(smp.BootloaderName)

func (t *Terminal) handleOS(q *smp.Header, body []byte) error {
	switch {
	case q.ID == smp.OSEcho:
		var m smp.EchoRequest
		if m.DecodeBody(body) != nil {
			return t.answerRC(q, smp.RCInvalid)
		}
		return t.answer(q, &smp.EchoResponse{Text: m.Text})
	case q.ID == smp.OSParameters && q.Op == smp.Read:
		return t.answer(q, &smp.Parameters{BufSize: smp.BufSize, BufCount: smp.BufCount})
	case q.ID == smp.OSBootloader && q.Op == smp.Read:
		var m smp.BootloaderRequest
		switch {
		case m.DecodeBody(body) != nil:
			return t.answerRC(q, smp.RCInvalid)
		case m.Query != nil:
			return t.answerRC(q, smp.RCNotSupported)
		}
		return t.answer(q, &smp.Bootloader{Name: bootloaderName})
	case q.ID == smp.OSReset && q.Op == smp.Write:
		if t.host.phase.Busy() {
			return t.answerRC(q, smp.RCBusy)
		}
		t.host.reset = true
		return t.answer(q, &smp.Empty{})
	}
	return t.answerRC(q, smp.RCNotSupported)
}

// handleUser answers the commands of group 64. While the device works by itself it says only how far it
// is.
func (t *Terminal) handleUser(q *smp.Header, body []byte) error {
	h := &t.host
	read := q.Op == smp.Read
	if h.phase.Busy() && q.ID != smp.UserStatus {
		switch q.ID {
		case smp.UserFrames:
			return t.takeFrames(q, body)
		case smp.UserNext:
			return t.takeNext(q, body)
		case smp.UserErase:
			return t.takeErase(q, body)
		case smp.UserBegin, smp.UserApply, smp.UserFinish:
			return t.answerStatus(q) // asked again
		}
		return t.deny(q, smp.FaultBusy)
	}
	switch {
	case q.ID == smp.UserIdentify && read:
		t.describe()
		t.note(16, 111, EventIdentity, uint32(len(t.keys)), 0)
		return t.answer(q, &h.identity)
	case q.ID == smp.UserRecord && read:
		return t.answerRecord(q, body)
	case q.ID == smp.UserDigests && read:
		return t.answerDigests(q, body)
	case q.ID == smp.UserStatus && read:
		return t.answerStatus(q)
	case q.ID == smp.UserReadout && read:
		return t.answerReadout(q, body)
	case read:
		return t.answerRC(q, smp.RCNotSupported)
	}
	switch q.ID {
	case smp.UserFrames:
		return t.takeFrames(q, body)
	case smp.UserNext:
		return t.takeNext(q, body)
	case smp.UserBegin:
		return t.takeBegin(q, body)
	case smp.UserLeaves:
		return t.takeLeaves(q, body)
	case smp.UserFile:
		return t.takeFile(q, body)
	case smp.UserData:
		return t.takeData(q, body)
	case smp.UserApply:
		return t.takeApply(q)
	case smp.UserFinish:
		return t.takeFinish(q)
	case smp.UserErase:
		return t.takeErase(q, body)
	case smp.UserAbort:
		t.forget()
		return t.answer(q, &smp.Empty{})
	}
	return t.answerRC(q, smp.RCNotSupported)
}

// describe fills in the identification (S16): the boot area's part, the record's and the flash's.
func (t *Terminal) describe() {
	id := &t.host.identity
	id.Version = smp.UserVersion
	id.Model, id.Serial = t.identity.Model, t.identity.Serial
	id.Keys, id.Threshold = t.identity.Keys, t.identity.Threshold
	id.Retired = id.Retired[:0]
	id.Layout = *t.hw.Layout
	id.Workspace = t.workspace()
	id.Resident = t.identity.Resident
	id.State, id.Confirmed, id.A, id.B = smp.RecordNone, false, 0, 0
	id.Why, id.Match, id.Floor = t.why, t.match, t.Floor().Counter
	id.Doubtful = t.doubts(t.software.Sectors())
	id.Frames, id.Speed, id.Buffer = smp.FramesVersion, 0, smp.BufSize
	id.Erases = len(t.hw.Layout.Settings) > 0
	if t.speeder != nil {
		id.Speed = t.hw.MaxSpeed
	}
	rec := t.records.current()
	if rec == nil {
		return
	}
	for i, key := range t.identity.Keys {
		if rec.retired>>i&1 != 0 {
			id.Retired = append(id.Retired, release.IDOf(key[:]))
		}
	}
	a, b := t.namedRecord()
	id.A, id.B = uint32(len(a)), uint32(len(b))
	id.State = smp.RecordInstalled
	if rec.state == Rewriting {
		id.State = smp.RecordRewriting
	} else {
		id.Confirmed = rec.confirmed
	}
}

// namedRecord returns the manifests as the cable names them: A is installed, or was; B is on the way.
func (t *Terminal) namedRecord() (a, b []byte) {
	rec := t.records.current()
	switch {
	case rec == nil:
		return nil, nil
	case rec.state == Installed:
		return rec.to(), nil
	}
	return rec.from(), rec.to()
}

// doubts counts the doubtful ones of the first end sectors.
func (t *Terminal) doubts(end int) uint32 {
	n := uint32(0)
	for s := range end {
		if t.doubtful(s) {
			n++
		}
	}
	return n
}

func (t *Terminal) answerRecord(q *smp.Header, body []byte) error {
	var m smp.RecordRequest
	if m.DecodeBody(body) != nil {
		return t.deny(q, smp.FaultMalformed)
	}
	signed, b := t.namedRecord()
	if m.B {
		signed = b
	}
	if uint64(m.Offset) > uint64(len(signed)) {
		return t.deny(q, smp.FaultRange)
	}
	part := signed[m.Offset:]
	return t.answer(q, &smp.Record{Length: uint32(len(signed)), Offset: m.Offset, Data: part[:min(len(part), smp.MaxPart)]})
}

// answerStatus says where the restoration stands.
func (t *Terminal) answerStatus(q *smp.Header) error {
	h := &t.host
	end := t.software.Sectors()
	if h.length > 0 {
		end = t.sectorsOf(h.m.Size)
	}
	return t.answer(q, &smp.Status{
		Phase: h.phase, Fault: h.fault, Addr: h.addr,
		Done: t.rewrite.done, Total: t.rewrite.total, Applied: h.applied,
		Operations: h.before.operations + t.counts.operations,
		Failures:   h.before.failed + t.counts.failed,
		Refreshed:  h.refreshed, Doubtful: t.doubts(end),
		Millis: uint32(min(h.worked/time.Millisecond, 1<<32-1)), Floor: t.Floor().Counter,
	})
}

func (t *Terminal) answerDigests(q *smp.Header, body []byte) error {
	var m smp.DigestsRequest
	if m.DecodeBody(body) != nil {
		return t.deny(q, smp.FaultMalformed)
	}
	of := uint32(t.software.Sectors())
	if m.Of > of {
		return t.deny(q, smp.FaultRange)
	}
	if m.Of > 0 {
		of = m.Of
	}
	if m.Count == 0 && m.Level == 0 {
		end := uint32(0)
		for _, k := range [...]*manifest{&t.from, &t.to} {
			if k.there {
				end = max(end, uint32(t.sectorsOf(k.Size)))
			}
		}
		m.Count = min(end-min(m.First, end), smp.MaxDigests)
	}
	width := of // digests of the level
	for range m.Level {
		width = (width + smp.Fanout - 1) / smp.Fanout
	}
	if m.First > width || m.Count > width-m.First {
		return t.deny(q, smp.FaultRange)
	}
	var out [smp.MaxDigests * smp.DigestSize]byte
	var bad [(smp.MaxDigests + 7) / 8]byte
	for i := range m.Count {
		d := t.treeDigest(m.Level, m.First+i, of)
		copy(out[i*smp.DigestSize:], d[:])
		if m.Level == 0 && t.doubtful(int(m.First+i)) {
			bad[i/8] |= 1 << (i % 8)
		}
	}
	a := smp.Digests{First: m.First, Digests: out[:m.Count*smp.DigestSize]}
	if m.Level == 0 {
		a.Doubtful = bad[:(m.Count+7)/8]
	}
	return t.answer(q, &a)
}

// treeDigest computes the digest with the given index in a level of the tree over of sectors. A sector
// that cannot be read becomes doubtful and has the digest of nothing.
func (t *Terminal) treeDigest(level, index, of uint32) [smp.DigestSize]byte {
	if level == 0 {
		if d, ok := t.digested(index); ok {
			return d
		}
	}
	h := &t.host.hashes[level]
	h.hash.Reset()
	if level == 0 {
		addr, n := t.software.Sector(int(index))
		for at := uint32(0); at < n; at += chunk {
			p := t.chunk[:min(n-at, chunk)]
			if t.hw.Flash.Read(t.base+addr+at, p) != nil {
				t.setDoubt(int(index))
				h.hash.Reset()
				break
			}
			h.hash.Write(p)
		}
	} else {
		below := of
		for range level - 1 {
			below = (below + smp.Fanout - 1) / smp.Fanout
		}
		for i := index * smp.Fanout; i < min((index+1)*smp.Fanout, below); i++ {
			d := t.treeDigest(level-1, i, of)
			// The level below used its own hash; d is a copy on the stack.
			copy(h.sum[:], d[:])
			h.hash.Write(h.sum[:smp.DigestSize])
		}
	}
	h.hash.Sum(h.sum[:0])
	return [smp.DigestSize]byte(h.sum[:smp.DigestSize])
}

// checkManifest decides whether a signed manifest may be restored: signature, model, size, leaf size,
// floor. Order does not count on the cable.
func (t *Terminal) checkManifest(signed []byte) (release.Manifest, smp.Fault) {
	m, err := t.verify(signed, t.keys, t.identity.need())
	if err != nil {
		return release.Manifest{}, t.cableFault(signed, err)
	}
	target := release.Target{Model: t.identity.Model, Software: &t.software, Floor: t.Floor()}
	err = target.Accept(&m, nil)
	var refusal *release.Refusal
	switch {
	case err == nil:
		return m, smp.FaultNone
	case !errors.As(err, &refusal):
		return m, smp.FaultManifest
	}
	switch refusal.Reason {
	case release.ForeignModel:
		return m, smp.FaultModel
	case release.TooLarge, release.ForeignLeaf:
		return m, smp.FaultSize
	case release.BelowFloor:
		return m, smp.FaultFloor
	case release.NotNewer:
		return m, smp.FaultFloor
	case release.SeveralParts:
		return m, smp.FaultModel
	case release.BelowLeast:
		return m, smp.FaultFloor
	case release.TrustTooOld, release.EraAhead, release.AboveCeiling:
		return m, smp.FaultTrust
	}
	return m, smp.FaultManifest
}

// cableFault tells why a signature was not taken.
func (t *Terminal) cableFault(signed []byte, err error) smp.Fault {
	switch {
	case errors.Is(err, release.ErrSignature):
		return smp.FaultSignature
	case errors.Is(err, release.ErrUnknownKey):
		if _, signers, err := release.Parse(signed); err == nil {
			for _, key := range t.identity.Keys {
				if signers.Has(release.IDOf(key[:])) {
					return smp.FaultRetired
				}
			}
		}
		return smp.FaultKey
	case errors.Is(err, release.ErrSigners):
		return smp.FaultSigners
	}
	return smp.FaultManifest
}
