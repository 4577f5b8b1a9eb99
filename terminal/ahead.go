package terminal

import (
	"unbrick/protocol/smp"
	"unbrick/release"
)

// ahead is what the device computes of its flash while its cable brings nothing, so that no host has to wait
// for it: in phase idle the digests of the sectors, which a host asks for first, in phase ready the leaves of
// the image, which the proof of a single file needs. Nothing is written in either phase. Both kinds lie in
// the memory for leaves.
type ahead struct {
	on   bool   // restoration mode has begun
	next uint32 // sector or leaf that is due; all before it are done
	at   uint32 // bytes of that sector that are in sum
	sum  hasher
}

// lookAhead computes a piece, as long as a leaf at most, and reports whether any was left.
func (t *Terminal) lookAhead() bool {
	h := &t.host
	switch {
	case !h.ahead.on:
	case h.phase == smp.PhaseIdle && h.upload.phase == uploadNone:
		return t.digestAhead()
	case h.phase == smp.PhaseReady && !h.parts && h.applied == 0:
		return t.leafAhead()
	}
	return false
}

func (t *Terminal) digestAhead() bool {
	a := &t.host.ahead
	if a.next >= uint32(t.software.Sectors()) {
		return false
	}
	addr, n := t.software.Sector(int(a.next))
	if a.at == 0 {
		a.sum.hash.Reset()
	}
	for end := min(n, a.at+release.MaxLeaf); a.at < end; {
		p := t.chunk[:min(end-a.at, chunk)]
		if t.hw.Flash.Read(t.base+addr+a.at, p) != nil {
			t.setDoubt(int(a.next))
			a.sum.hash.Reset()
			a.at = n
			break
		}
		a.sum.hash.Write(p)
		a.at += uint32(len(p))
	}
	if a.at == n {
		a.sum.hash.Sum(t.rewrite.all[a.next][:0])
		a.next, a.at = a.next+1, 0
	}
	return true
}

// digested returns the digest of sector s if it was computed.
func (t *Terminal) digested(s uint32) (d [smp.DigestSize]byte, ok bool) {
	h := &t.host
	if h.phase != smp.PhaseIdle || h.upload.phase != uploadNone || s >= h.ahead.next {
		return d, false
	}
	return [smp.DigestSize]byte(t.rewrite.all[s][:]), true
}

func (t *Terminal) leafAhead() bool {
	h := &t.host
	r := &t.rewrite
	i := h.ahead.next
	if i >= uint32(len(r.leaves)) {
		return false
	}
	h.ahead.next++
	addr, n := h.m.LeafRange(i)
	if r.source.Read(addr, t.leaf[:n]) == nil { // no leaf of a doubtful sector: a file must build it
		r.leaves[i] = release.Leaf(i, t.leaf[:n])
		r.extra[i/8] |= 1 << (i % 8)
	}
	return true
}

// forgetAhead drops all of it: the memory gets another use, or what is in the flash may become something else.
func (t *Terminal) forgetAhead() {
	a := &t.host.ahead
	a.next, a.at = 0, 0
}
