package terminal

import (
	"bytes"
	"encoding/binary"

	"unbrick/protocol/smp"
	"unbrick/release"
)

// upload is a release file on its way through the image group, from a host that knows plain SMP: trust statement and long note pass
// by, the manifest is kept and checked before the first erase, then sectors are written as they come. There is no
// proof on this road, since the image never is in RAM as a whole; the verdict decides at the end.
type upload struct {
	phase  uploadPhase
	length uint32 // of the file
	offset uint32 // bytes of it that arrived
	sha    [smp.MaxHash]byte
	shaLen int
	size   uint32 // of what comes in this phase, before the image
	have   uint32 // bytes of it that arrived
	head   [uploadFirst]byte
	signed [release.MaxManifest]byte
	signs  uint32 // bytes of it
	sector int    // the sector being filled
	filled uint32 // bytes of it in the workspace
}

type uploadPhase uint8

// The phases, in the order of the file. Those with a length read it into head.
const (
	uploadNone       uploadPhase = iota
	uploadMagic                  // magic, and length of the trust statement
	uploadStatement              // passes by
	uploadManifestIs             // length of the manifest
	uploadManifest               // is kept
	uploadNoteIs                 // length of the long note
	uploadNote                   // passes by: nothing depends on it
	uploadImage                  // the image comes
	uploadDone                   // all is there, and right
)

// Bytes of a release file's head: with the first length, and what every file has.
const (
	uploadFirst = 12
	uploadLeast = uploadFirst + 4 + 4
)

const uploadMagicBytes = "UNBRICK2"

func (t *Terminal) handleImage(q *smp.Header, body []byte) error {
	switch {
	case q.ID == smp.ImageState && q.Op == smp.Read:
		return t.answerState(q)
	case q.ID == smp.ImageUpload && q.Op == smp.Write:
		return t.takeUpload(q, body)
	}
	return t.answerRC(q, smp.RCNotSupported)
}

// answerState tells the one image there is: the record's, bootable if the flash holds it.
func (t *Terminal) answerState(q *smp.Header) error {
	var images [1]smp.Image
	m := &t.to
	rec := t.records.current()
	if rec != nil && rec.state == Rewriting && t.match == smp.MatchA {
		m = &t.from
	}
	if rec == nil || !m.there {
		return t.answer(q, &smp.State{})
	}
	right := t.match != smp.MatchNone
	images[0] = smp.Image{
		Version: append(t.chunk[:0], m.Version...), Hash: m.Digest[:],
		Bootable: right, Active: right, Confirmed: right && rec.confirmed && rec.state == Installed,
	}
	return t.answer(q, &smp.State{Images: images[:]})
}

// takeUpload takes the next piece. The answer is the offset wanted next, whatever came.
func (t *Terminal) takeUpload(q *smp.Header, body []byte) error {
	u := &t.host.upload
	var m smp.UploadRequest
	if m.DecodeBody(body) != nil || m.Image != 0 {
		return t.answerRC(q, smp.RCInvalid)
	}
	if m.Offset == 0 {
		if fault := t.startUpload(&m); fault != smp.FaultNone {
			return t.deny(q, fault)
		}
	}
	if u.phase == uploadNone {
		return t.deny(q, smp.FaultPhase)
	}
	if m.Offset == u.offset {
		if uint64(len(m.Data)) > uint64(u.length-u.offset) {
			return t.deny(q, smp.FaultSize)
		}
		if fault := t.takePiece(m.Data); fault != smp.FaultNone {
			*u = upload{}
			return t.deny(q, fault)
		}
	}
	return t.answer(q, &smp.Offset{Offset: u.offset})
}

// startUpload begins a file, or goes on with one whose beginning is here: same length and digest.
func (t *Terminal) startUpload(m *smp.UploadRequest) smp.Fault {
	u := &t.host.upload
	if u.phase != uploadNone && len(m.SHA) > 0 && bytes.Equal(m.SHA, u.sha[:u.shaLen]) && (!m.HasLength || m.Length == u.length) {
		return smp.FaultNone
	}
	if !m.HasLength || m.Length < uploadLeast {
		return smp.FaultSize
	}
	if uint64(m.Length) > uint64(release.MaxHead)+uint64(t.software.Size()) {
		return smp.FaultSize
	}
	t.forget()
	if !t.resident {
		return smp.FaultWorkspace
	}
	u.phase, u.length, u.size = uploadMagic, m.Length, uploadFirst
	u.shaLen = copy(u.sha[:], m.SHA)
	return smp.FaultNone
}

// takePiece takes the bytes that follow.
func (t *Terminal) takePiece(p []byte) smp.Fault {
	u := &t.host.upload
	for u.phase < uploadImage && len(p) > 0 {
		n := min(u.size-u.have, uint32(len(p)))
		switch u.phase {
		case uploadMagic, uploadManifestIs, uploadNoteIs:
			copy(u.head[u.have:u.size], p[:n])
		case uploadManifest:
			copy(u.signed[u.have:u.size], p[:n])
		case uploadStatement, uploadNote, uploadNone, uploadImage, uploadDone:
		}
		u.have += n
		u.offset += n
		p = p[n:]
		for u.phase < uploadImage && u.have == u.size { // what is empty is over at once
			if fault := t.nextOfHead(); fault != smp.FaultNone {
				return fault
			}
		}
	}
	for u.phase == uploadImage && len(p) > 0 {
		_, size := t.software.Sector(u.sector)
		n := copy(t.work[u.filled:size], p)
		u.filled += uint32(n)
		u.offset += uint32(n)
		p = p[n:]
		t.note(19, 120, EventReceiving, u.offset, u.length)
		if u.filled < size && u.offset < u.length {
			continue
		}
		if fault := t.storeSector(size); fault != smp.FaultNone {
			return fault
		}
	}
	if u.phase == uploadImage && u.offset == u.length {
		t.conclude()
		u.phase = uploadDone
		if fault := t.host.fault; fault != smp.FaultNone {
			t.fail(fault, t.host.addr)
			return fault
		}
	}
	return smp.FaultNone
}

// nextOfHead goes on to what comes next in the file, when what came is whole.
func (t *Terminal) nextOfHead() smp.Fault {
	u := &t.host.upload
	was := u.phase
	u.phase++
	u.have, u.size = 0, 4
	switch was {
	case uploadMagic:
		u.size = binary.LittleEndian.Uint32(u.head[len(uploadMagicBytes):])
		if string(u.head[:len(uploadMagicBytes)]) != uploadMagicBytes || u.size > release.MaxStatement {
			return smp.FaultManifest
		}
	case uploadManifestIs:
		u.size = binary.LittleEndian.Uint32(u.head[:])
		if u.size == 0 || u.size > release.MaxManifest {
			return smp.FaultManifest
		}
		u.signs = u.size
	case uploadNoteIs:
		if u.size = binary.LittleEndian.Uint32(u.head[:]); u.size > release.MaxLongNote {
			return smp.FaultManifest
		}
	case uploadNote:
		return t.beginUpload(u.signed[:u.signs])
	case uploadStatement, uploadManifest, uploadNone, uploadImage, uploadDone:
	}
	return smp.FaultNone
}

// beginUpload checks the manifest, before any erase, and that the file's length is that of its image.
func (t *Terminal) beginUpload(signed []byte) smp.Fault {
	h := &t.host
	m, fault := t.checkManifest(signed)
	if fault != smp.FaultNone {
		return fault
	}
	if uint64(h.upload.length) != uint64(h.upload.offset)+uint64(m.Size) {
		return smp.FaultSize
	}
	largest := uint32(0)
	end := t.sectorsOf(m.Size)
	for s := range end {
		_, n := t.software.Sector(s)
		largest = max(largest, n)
	}
	if uint64(largest) > uint64(len(t.work)) {
		return smp.FaultWorkspace
	}
	h.m = m
	h.length = copy(h.signed[:], signed)
	t.rewrite.total, t.rewrite.done = uint32(end), 0
	t.counts = counts{}
	t.emit(Event{Step: 17, Element: 120, Code: EventBegun, Sector: noSector, Digest: m.Digest})
	return smp.FaultNone
}

// storeSector writes the sector that is full, or the last one, whose rest is erased bytes. The first one
// that has to be written makes the intent record due.
func (t *Terminal) storeSector(size uint32) smp.Fault {
	h := &t.host
	u := &h.upload
	data := t.work[:size]
	for i := u.filled; i < size; i++ {
		data[i] = t.software.Erased
	}
	if !t.holds(u.sector, data) {
		if err := t.intendOnce(t.rewrite.total); err != nil {
			h.fault, h.addr = smp.FaultRecord, t.failedRecord()
			return smp.FaultRecord
		}
		if err := t.touch(u.sector, data); err != nil {
			fault, addr := t.rewriteFault(err)
			h.fault, h.addr = fault, addr
			return fault
		}
	}
	t.rewrite.done++
	t.emit(Event{Step: 20, Element: 117, Code: EventSector, Sector: int32(t.first + u.sector), A: t.rewrite.done, B: t.rewrite.total})
	u.sector++
	u.filled = 0
	return smp.FaultNone
}
