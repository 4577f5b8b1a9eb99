package terminal

import (
	"bytes"
	"encoding/binary"

	"unbrick/limits"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal/image"
)

// upload is a release file on its way through the image group, from a host that knows plain SMP: what stands before the image
// is checked before the first erase, then sectors are written as they come. There is no proof on this road, since the image
// never is in RAM as a whole; the verdict decides at the end.
type upload struct {
	length  uint32 // of the file
	offset  uint32 // bytes of it that arrived
	sha     [smp.MaxHash]byte
	shaLen  int
	section uploadSection
	left    uint32 // bytes of the section that have not come
	head    [8]byte
	sector  int    // the sector being filled
	filled  uint32 // bytes of it in the workspace
}

// uploadSection is a part of a release file, in the order of the file.
type uploadSection uint8

const (
	sectionMagic uploadSection = iota
	sectionStatementSize
	sectionStatement
	sectionManifestSize
	sectionManifest
	sectionNoteSize
	sectionNote
	sectionImage
)

// leastFile is the least that stands before an image.
const leastFile = 8 + 3*4

// takeUpload takes the next piece. The answer is the offset wanted next, whatever came.
func (h *restoration) takeUpload(q *smp.Header, body []byte) error {
	u := &h.upload
	var m smp.UploadRequest
	if m.DecodeBody(body) != nil || m.Image != 0 {
		return h.answerRC(q, smp.RCInvalid)
	}
	if m.Offset == 0 {
		if fault := h.startUpload(&m); fault != smp.FaultNone {
			return h.deny(q, fault)
		}
	}
	if u.length == 0 {
		return h.deny(q, smp.FaultPhase)
	}
	if m.Offset == u.offset {
		if uint64(len(m.Data)) > uint64(u.length-u.offset) {
			return h.deny(q, smp.FaultSize)
		}
		if fault := h.takePiece(m.Data); fault != smp.FaultNone {
			h.endUpload(fault)
			return h.deny(q, fault)
		}
	}
	return h.answer(q, &smp.Offset{Offset: u.offset})
}

// startUpload begins a file, or goes on with one whose beginning is here: same length and digest.
func (h *restoration) startUpload(m *smp.UploadRequest) smp.Fault {
	u := &h.upload
	if u.length > 0 && len(m.SHA) > 0 && bytes.Equal(m.SHA, u.sha[:u.shaLen]) && (!m.HasLength || m.Length == u.length) {
		return smp.FaultNone
	}
	const most = leastFile + limits.Statement + limits.Manifest + limits.LongNote
	if !m.HasLength || m.Length < leastFile || uint64(m.Length) > most+uint64(h.area.Software.Size()) {
		return smp.FaultSize
	}
	h.forget()
	if !h.ram.resident {
		return smp.FaultWorkspace
	}
	h.phase = smp.PhaseUploading
	h.area.Counts = image.Counts{} // of this upload, see endUpload
	u.length, u.left = m.Length, 8
	u.shaLen = copy(u.sha[:], m.SHA)
	return smp.FaultNone
}

// endUpload ends an upload that cannot go on. Before anything was written it is as if it had not begun.
func (h *restoration) endUpload(fault smp.Fault) {
	addr := h.addr
	if h.phase == smp.PhaseUploading && h.area.Counts.Operations == 0 {
		h.forget()
		return
	}
	h.upload = upload{}
	h.fail(fault, addr)
}

// takePiece takes the bytes that follow.
func (h *restoration) takePiece(p []byte) smp.Fault {
	u := &h.upload
	for len(p) > 0 && u.section != sectionImage {
		n := min(uint32(len(p)), u.left)
		h.keepHead(p[:n])
		u.offset, u.left, p = u.offset+n, u.left-n, p[n:]
		for u.left == 0 && u.section != sectionImage {
			if fault := h.endSection(); fault != smp.FaultNone {
				return fault
			}
		}
	}
	for len(p) > 0 {
		_, size := h.area.Software.Sector(u.sector)
		n := uint32(copy(h.ram.mem[u.filled:size], p))
		u.filled, u.offset, p = u.filled+n, u.offset+n, p[n:]
		h.note(19, 120, EventReceiving, u.offset, u.length)
		if u.filled < size && u.offset < u.length {
			continue
		}
		if fault := h.storeSector(size); fault != smp.FaultNone {
			return fault
		}
	}
	if u.section == sectionImage && u.offset == u.length && h.phase == smp.PhaseUploading {
		h.conclude()
		return h.fault
	}
	return smp.FaultNone
}

// keepHead keeps what is wanted of the bytes before the image. A statement and a long note pass by.
func (h *restoration) keepHead(p []byte) {
	u := &h.upload
	switch u.section {
	case sectionMagic:
		copy(u.head[8-u.left:], p)
	case sectionStatementSize, sectionManifestSize, sectionNoteSize:
		copy(u.head[4-u.left:], p)
	case sectionManifest:
		h.wanted.length += copy(h.wanted.signed[h.wanted.length:], p)
	case sectionStatement, sectionNote, sectionImage:
	}
}

// endSection looks at a section that is whole and goes on to the next one.
func (h *restoration) endSection() smp.Fault {
	u := &h.upload
	size := binary.LittleEndian.Uint32(u.head[:])
	switch u.section {
	case sectionMagic:
		if string(u.head[:]) != release.FileMagic {
			return smp.FaultManifest
		}
		u.left = 4
	case sectionStatementSize:
		u.left = size
		if size > limits.Statement {
			return smp.FaultStatement
		}
	case sectionManifestSize:
		u.left = size
		if size == 0 || size > limits.Manifest {
			return smp.FaultManifest
		}
	case sectionNoteSize:
		u.left = size
		if size > limits.LongNote {
			return smp.FaultManifest
		}
	case sectionStatement, sectionManifest:
		u.left = 4
	case sectionNote:
		u.section = sectionImage
		return h.beginImage()
	case sectionImage:
	}
	u.section++
	return smp.FaultNone
}

// beginImage checks the manifest, before any erase, and that the file's length is that of its image.
func (h *restoration) beginImage() smp.Fault {
	m, fault := h.accept(h.wanted.bytes())
	if fault != smp.FaultNone {
		return fault
	}
	if uint64(h.upload.length) != uint64(h.upload.offset)+uint64(m.Size) {
		return smp.FaultSize
	}
	largest, end := uint32(0), h.area.Sectors(m.Size)
	for s := range end {
		_, n := h.area.Software.Sector(s)
		largest = max(largest, n)
	}
	if uint64(largest) > uint64(len(h.ram.mem)) {
		return smp.FaultWorkspace
	}
	h.rewrite.total, h.rewrite.done = uint32(end), 0
	h.want(&m, h.wanted.bytes())
	return smp.FaultNone
}

// storeSector writes the sector that is full, or the last one, whose rest is erased bytes. The first one that has to be
// written makes the intent record due.
func (h *restoration) storeSector(size uint32) smp.Fault {
	u := &h.upload
	data := h.ram.mem[:size]
	for i := u.filled; i < size; i++ {
		data[i] = h.area.Software.Erased
	}
	if !h.holds(u.sector, data) {
		if h.intendOnce(h.rewrite.total) != nil {
			h.addr = h.records.Failed()
			return smp.FaultRecord
		}
		if err := h.touch(u.sector, data); err != nil {
			h.fault, h.addr = h.faultOf(err)
			return h.fault
		}
	}
	h.rewrite.wrote(u.sector)
	u.sector++
	u.filled = 0
	return smp.FaultNone
}
