package terminal

import (
	"hash"

	"unbrick/protocol/smp"
	"unbrick/release"
)

func (h *restoration) answerDigests(q *smp.Header, body []byte) error {
	var m smp.DigestsRequest
	if m.DecodeBody(body) != nil {
		return h.deny(q, smp.FaultMalformed)
	}
	of := uint32(h.area.Software.Sectors())
	if m.Of > of {
		return h.deny(q, smp.FaultRange)
	}
	if m.Of > 0 {
		of = m.Of
	}
	if m.Count == 0 && m.Level == 0 {
		end := h.recordedSectors()
		m.Count = min(end-min(m.First, end), smp.MaxDigests)
	}
	width := widthOf(of, m.Level)
	if m.First > width || m.Count > width-m.First {
		return h.deny(q, smp.FaultRange)
	}
	var out [smp.MaxDigests * smp.DigestSize]byte
	var bad [(smp.MaxDigests + 7) / 8]byte
	for i := range m.Count {
		d := h.treeDigest(m.Level, m.First+i, of)
		copy(out[i*smp.DigestSize:], d[:])
		if m.Level == 0 && h.records.Doubtful(int(m.First+i)) {
			bad[i/8] |= 1 << (i % 8)
		}
	}
	a := smp.Digests{First: m.First, Digests: out[:m.Count*smp.DigestSize]}
	if m.Level == 0 {
		a.Doubtful = bad[:(m.Count+7)/8]
	}
	return h.answer(q, &a)
}

// recordedSectors returns how many sectors the releases of the record lie in.
func (h *restoration) recordedSectors() (end uint32) {
	for _, m := range [...]*manifest{&h.software.from, &h.software.to} {
		if m.there {
			end = max(end, uint32(h.area.Sectors(m.Size)))
		}
	}
	return end
}

// widthOf returns how many digests a level of the tree over of sectors has.
func widthOf(of, level uint32) uint32 {
	for range level {
		of = (of + smp.Fanout - 1) / smp.Fanout
	}
	return of
}

// treeDigest computes the digest with the given index in a level of the tree over of sectors. A sector that cannot be read
// becomes doubtful and has the digest of nothing.
func (h *restoration) treeDigest(level, index, of uint32) [smp.DigestSize]byte {
	if level == 0 {
		return h.sectorDigest(int(index))
	}
	below := h.tree[level-1][:0]
	for i := index * smp.Fanout; i < min((index+1)*smp.Fanout, widthOf(of, level-1)); i++ {
		d := h.treeDigest(level-1, i, of)
		below = append(below, d[:]...)
	}
	sum := h.area.SHA256(below)
	return [smp.DigestSize]byte(sum[:])
}

func (h *restoration) sectorDigest(s int) [smp.DigestSize]byte {
	if d, ok := h.digested(s); ok {
		return d
	}
	a := &h.ahead
	a.at = 0 // the hash is needed here; a sector that was begun is begun again
	for !h.digestPiece(s, a) {
	}
	sum := a.hash.Sum(a.sum[:0])
	a.at = 0
	return [smp.DigestSize]byte(sum)
}

// ahead is what the device computes of its flash while its cable brings nothing, so that no host has to wait for it: in phase
// idle the digests of the sectors, which a host asks for first, in phase ready the leaves of the image, which the proof of a
// single file needs. Nothing is written in either phase.
type ahead struct {
	digests []byte // of the workspace's end, in phase idle: one for each sector, as many as there is room for
	next    uint32 // sector or leaf that is due; all before it are done
	at      uint32 // bytes of that sector that are in hash
	hash    hash.Hash
	sum     release.Digest
}

// begin makes room for the digests.
func (a *ahead) begin(h *restoration) {
	n := min(h.area.Software.Sectors(), len(h.ram.mem)/2/smp.DigestSize)
	a.digests = h.ram.mem[len(h.ram.mem)-n*smp.DigestSize:]
}

// beside returns what of the workspace holds no digests.
func (a *ahead) beside(mem []byte) []byte { return mem[:len(mem)-min(len(mem), len(a.digests))] }

// spare implements lineUser: it computes a piece, as long as a leaf at most.
func (h *restoration) spare() bool {
	switch {
	case h.phase == smp.PhaseIdle:
		return h.digestAhead()
	case h.phase == smp.PhaseReady && h.leaves == leavesOfFile && h.applied == 0:
		return h.leafAhead()
	}
	return false
}

func (h *restoration) digestAhead() bool {
	a := &h.ahead
	at := a.next * smp.DigestSize
	if at >= uint32(len(a.digests)) {
		return false
	}
	if h.digestPiece(int(a.next), a) {
		sum := a.hash.Sum(a.sum[:0])
		copy(a.digests[at:], sum[:smp.DigestSize])
		a.next, a.at = a.next+1, 0
	}
	return true
}

// digestPiece adds the next bytes of sector s, as many as a leaf at most, and reports whether these were the last. A sector that
// cannot be read is doubtful.
func (h *restoration) digestPiece(s int, a *ahead) (whole bool) {
	addr, n := h.area.Software.Sector(s)
	if a.at == 0 {
		a.hash.Reset()
	}
	for end := min(n, a.at+release.MaxLeaf); a.at < end; {
		p := h.chunk[:min(end-a.at, chunk)]
		if h.area.Read(h.area.Base+addr+a.at, p) != nil {
			h.records.SetDoubt(s)
			a.hash.Reset()
			return true
		}
		a.hash.Write(p)
		a.at += uint32(len(p))
	}
	return a.at == n
}

// digested returns the digest of sector s if it was computed ahead.
func (h *restoration) digested(s int) (d [smp.DigestSize]byte, ok bool) {
	if h.phase != smp.PhaseIdle || uint32(s) >= h.ahead.next {
		return d, false
	}
	return [smp.DigestSize]byte(h.ahead.digests[smp.DigestSize*s:]), true
}

func (h *restoration) leafAhead() bool {
	a := &h.ahead
	if a.next >= h.wanted.Leaves() {
		return false
	}
	if h.rewrite.readLeaf(a.next) == nil { // no leaf of a doubtful sector: a file must build it
		h.rewrite.know(a.next)
	}
	a.next++
	return true
}

// forgetAhead drops all of it: the memory gets another use, or what is in the flash may become something else.
func (h *restoration) forgetAhead() { h.ahead.next, h.ahead.at = 0, 0 }
