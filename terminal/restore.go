package terminal

import (
	"bytes"
	"errors"

	"unbrick/delta"
	"unbrick/flash"
	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/release"
)

// forget drops a restoration from RAM. What the flash holds, and what record and marks say of it, stays.
func (t *Terminal) forget() {
	h := &t.host
	h.phase, h.fault, h.addr = smp.PhaseIdle, smp.FaultNone, 0
	h.length, h.m = 0, release.Manifest{}
	h.parts, h.known, h.intended = false, false, false
	h.whole, h.consumed, h.stored, h.size = false, false, 0, 0
	h.applied, h.refreshed, h.worked = 0, 0, 0
	h.before = counts{}
	h.upload = upload{}
	h.files = files{}
	t.rewrite.done, t.rewrite.total = 0, 0
	t.forgetAhead()
	clear(h.promised)
}

// takeBegin accepts or refuses the manifest of the wanted release (S17). Everything that can refuse it
// does so here, before any erase.
func (t *Terminal) takeBegin(q *smp.Header, body []byte) error {
	h := &t.host
	var m smp.BeginRequest
	if m.DecodeBody(body) != nil {
		return t.deny(q, smp.FaultMalformed)
	}
	if h.phase == smp.PhaseReady && h.parts == m.Parts && bytes.Equal(m.Manifest, h.signed[:h.length]) {
		return t.answerStatus(q)
	}
	accepted, fault := t.checkManifest(m.Manifest)
	if fault != smp.FaultNone {
		return t.deny(q, fault)
	}
	if t.enter20(&accepted, m.Manifest, m.Parts) != nil {
		return t.deny(q, smp.FaultWorkspace)
	}
	h.asIs = m.AsIs
	h.phase, h.job = smp.PhasePreparing, jobBegin
	return t.answerStatus(q)
}

// enter20 makes the release of m the wanted one.
func (t *Terminal) enter20(m *release.Manifest, signed []byte, parts bool) error {
	h := &t.host
	t.forget()
	if !t.resident {
		return errRAM
	}
	bits := (m.Leaves() + 7) / 8
	if err := t.layOut(m, bits); err != nil {
		return err
	}
	clear(t.rewrite.extra)
	h.m, h.parts = *m, parts
	h.length = copy(h.signed[:], signed)
	t.counts = counts{}
	t.emit(Event{Step: 17, Element: 120, Code: EventBegun, Sector: noSector, Digest: m.Digest})
	return nil
}

// prepare refreshes the doubtful sectors of the wanted image that read the same twice, so that what they
// hold can be used. Here no digest says whether it is the old or the new content; it need not, for the
// host looks at what is there afterwards, and proof and verdict decide. What matters is that a sector
// in which a power failure left bits in between holds still before anybody builds on it.
func (t *Terminal) prepare() {
	h := &t.host
	end := t.sectorsOf(h.m.Size)
	h.phase = smp.PhaseReady
	if h.asIs || t.doubts(end) == 0 {
		return // proof and verdict pass no doubtful sector that was not written
	}
	h.phase = smp.PhasePreparing
	t.rewrite.total, t.rewrite.done = t.doubts(end), 0
	// Marks of an earlier power-up do not bind (records, rule 5): a record of this one names the doubtful
	// sectors before any is touched.
	var err error
	if t.records.current() == nil {
		err = t.intend(h.signed[:h.length], &h.m, 0)
	} else {
		t.carry(t.draft(), 0)
		if err = t.write(); err == nil {
			t.note(20, 117, EventPrepare, t.records.current().sequence, 0)
		}
	}
	if err != nil {
		t.fail(smp.FaultRecord, t.failedRecord())
		return
	}
	for s := range end {
		if !t.doubtful(s) {
			continue
		}
		if _, n := t.software.Sector(s); uint64(n) <= uint64(len(t.rewrite.room)) && t.refresh(s, nil) {
			h.refreshed++
			t.emit(Event{Step: 20, Element: 117, Code: EventRefreshed, Sector: int32(t.first + s), A: t.doubts(end)})
		}
		t.rewrite.done++
		t.poll()
	}
	t.match = t.findMatch()
	h.phase = smp.PhaseReady
}

// fail ends a restoration; begin starts again.
func (t *Terminal) fail(f smp.Fault, addr uint32) {
	h := &t.host
	h.phase, h.fault, h.addr = smp.PhaseFailed, f, addr
}

// ready ends long work; f tells how.
func (t *Terminal) ready(f smp.Fault, addr uint32) {
	h := &t.host
	h.phase, h.fault, h.addr = smp.PhaseReady, f, addr
}

func (t *Terminal) takeLeaves(q *smp.Header, body []byte) error {
	h := &t.host
	var m smp.LeavesRequest
	if m.DecodeBody(body) != nil {
		return t.deny(q, smp.FaultMalformed)
	}
	if h.phase != smp.PhaseReady || !h.parts || h.known {
		return t.deny(q, smp.FaultPhase)
	}
	n := uint32(len(m.Data) / smp.LeafDigest)
	total := uint32(len(t.rewrite.leaves))
	if m.First > total || n > total-m.First {
		return t.deny(q, smp.FaultRange)
	}
	for i := range n {
		leaf := m.First + i
		t.rewrite.leaves[leaf] = release.Digest(m.Data[32*i:][:32])
		t.rewrite.extra[leaf/8] |= 1 << (leaf % 8)
	}
	return t.answer(q, &smp.Empty{})
}

func (t *Terminal) takeFile(q *smp.Header, body []byte) error {
	h := &t.host
	var m smp.FileRequest
	if m.DecodeBody(body) != nil {
		return t.deny(q, smp.FaultMalformed)
	}
	if h.phase != smp.PhaseReady {
		return t.deny(q, smp.FaultPhase)
	}
	if m.Size == 0 {
		return t.deny(q, smp.FaultSize)
	}
	if uint64(m.Size) > uint64(len(t.rewrite.room)) || m.Workspace > t.workspace() {
		return t.deny(q, smp.FaultWorkspace)
	}
	h.files.in = numbered{} // one that came in frames lies in the same room
	if !h.whole || h.size != m.Size || h.sha != m.SHA {
		h.whole, h.size, h.sha, h.stored = true, m.Size, m.SHA, 0
	}
	h.fault, h.addr = smp.FaultNone, 0
	return t.answer(q, &smp.Offset{Offset: h.stored})
}

// takeData stores bytes of the update file in the workspace (S19).
func (t *Terminal) takeData(q *smp.Header, body []byte) error {
	h := &t.host
	var m smp.DataRequest
	if m.DecodeBody(body) != nil {
		return t.deny(q, smp.FaultMalformed)
	}
	if h.phase != smp.PhaseReady || !h.whole {
		return t.deny(q, smp.FaultPhase)
	}
	if m.Offset == h.stored {
		if uint64(len(m.Data)) > uint64(h.size-h.stored) {
			return t.deny(q, smp.FaultSize)
		}
		h.stored += uint32(copy(t.rewrite.room[h.stored:h.size], m.Data))
		t.note(19, 120, EventReceiving, h.stored, h.size)
	}
	return t.answer(q, &smp.Offset{Offset: h.stored})
}

// takeApply begins the proof and, if it succeeds, the rewrite.
func (t *Terminal) takeApply(q *smp.Header) error {
	h := &t.host
	if h.consumed && !h.whole {
		return t.answerStatus(q) // asked again after it was done, well or not
	}
	if h.phase != smp.PhaseReady || !h.whole {
		return t.deny(q, smp.FaultPhase)
	}
	if h.stored != h.size {
		return t.deny(q, smp.FaultIncomplete)
	}
	h.phase, h.job = smp.PhaseProving, jobApply
	h.fault, h.addr = smp.FaultNone, 0
	t.rewrite.done, t.rewrite.total = 0, 0
	return t.answerStatus(q)
}

// apply proves the file against the flash as it is now, and rewrites (S20).
func (t *Terminal) apply() {
	h := &t.host
	h.whole, h.consumed = false, true // whatever comes of it, the next apply needs a file
	h.files.cur = numbered{}
	t.applyFile(t.rewrite.room[:h.size:h.size], t.rewrite.room[h.size:], h.sha)
	if h.fault == smp.FaultDigest {
		h.stored = 0
	}
}

// applyFile does so with the file of that digest; rest is memory for the decoder.
func (t *Terminal) applyFile(file, rest []byte, sha [32]byte) {
	h := &t.host
	t.step = 20
	t.hash.Reset()
	t.hash.Write(file)
	t.hash.Sum(t.current[:0])
	if t.current != sha {
		t.ready(smp.FaultDigest, 0)
		return
	}
	if fault, addr := t.proveFile(file, rest); fault != smp.FaultNone {
		t.emit(Event{Step: 20, Element: 117, Code: EventProofFailed, Sector: noSector, A: uint32(fault), Digest: sha})
		t.ready(fault, addr)
		return
	}
	h.phase = smp.PhaseRewriting
	if err := t.intendOnce(t.rewrite.total); err != nil {
		t.fail(smp.FaultRecord, t.failedRecord())
		return
	}
	r := &t.rewrite
	if err := delta.Rewrite(&r.dec, &r.m, r.leaves, r.put); err != nil {
		t.fail(t.rewriteFault(err))
		return
	}
	h.applied++
	t.ready(smp.FaultNone, 0)
}

// intendOnce writes the intent record before the first erase of a restoration, and again when the one
// there is not of this power-up or something went wrong since.
func (t *Terminal) intendOnce(total uint32) error {
	h := &t.host
	if h.intended && t.records.fresh {
		return nil
	}
	h.before.operations += t.counts.operations
	h.before.failed += t.counts.failed
	if err := t.intend(h.signed[:h.length], &h.m, total); err != nil {
		return err
	}
	h.intended = true
	return nil
}

// rewriteFault says to the host what stopped a rewrite.
func (t *Terminal) rewriteFault(err error) (smp.Fault, uint32) {
	var dead *DeadSectorError
	switch {
	case errors.As(err, &dead) && errors.Is(err, flash.ErrErase):
		return smp.FaultErase, dead.Addr
	case errors.As(err, &dead):
		return smp.FaultProgram, dead.Addr
	case errors.Is(err, errNoRecord), errors.Is(err, errNoMark):
		return smp.FaultRecord, t.failedRecord()
	case errors.Is(err, flash.ErrUnreadable):
		return smp.FaultUnreadable, 0
	}
	return smp.FaultProof, 0
}

// proveFile proves the file in the workspace. In parts mode the leaf digests that the host brought, and
// those of the flash for all other sectors, must lead to the signed root first. No plan may leave a
// doubtful sector of the image out.
func (t *Terminal) proveFile(file, rest []byte) (smp.Fault, uint32) {
	h := &t.host
	r := &t.rewrite
	if err := t.openFile(file, rest); err != nil {
		if errors.Is(err, delta.ErrMemory) {
			return smp.FaultWorkspace, 0
		}
		return smp.FaultFormat, 0
	}
	if h.parts && !h.known {
		if fault, addr := t.completeLeaves(); fault != smp.FaultNone {
			return fault, addr
		}
	}
	err := t.prove(h.parts)
	if !h.parts {
		clear(r.extra) // its leaves are those of the file now
		t.forgetAhead()
	}
	if err != nil {
		if errors.Is(err, errDoubtful) {
			return smp.FaultProof, t.firstDoubt(r.planned)
		}
		return smp.FaultProof, 0
	}
	if t.checkPlan(&h.m) != nil {
		return smp.FaultProof, 0
	}
	covered := r.planned
	if h.parts {
		covered = h.promised
	}
	for s := range t.sectorsOf(h.m.Size) {
		if t.doubtful(s) && covered[s/8]>>(s%8)&1 == 0 {
			addr, _ := t.software.Sector(s)
			return smp.FaultProof, t.base + addr
		}
	}
	return smp.FaultNone, 0
}

// firstDoubt returns the address of the first doubtful sector that planned does not name, or 0.
func (t *Terminal) firstDoubt(planned []byte) uint32 {
	for s := range t.software.Sectors() {
		if t.doubtful(s) && planned[s/8]>>(s%8)&1 == 0 {
			addr, _ := t.software.Sector(s)
			return t.base + addr
		}
	}
	return 0
}

// completeLeaves fills in, from the flash, the leaves that the host did not bring, and compares the root.
// h.promised then names the sectors all of whose leaves came from the host.
func (t *Terminal) completeLeaves() (smp.Fault, uint32) {
	h := &t.host
	r := &t.rewrite
	for i := range h.promised {
		h.promised[i] = 0xFF
	}
	for i := range uint32(len(r.leaves)) {
		if r.extra[i/8]>>(i%8)&1 != 0 {
			continue
		}
		addr, n := h.m.LeafRange(i)
		s := t.software.SectorAt(addr)
		h.promised[s/8] &^= 1 << (s % 8)
		if err := r.source.Read(addr, t.leaf[:n]); err != nil {
			return smp.FaultLeaves, t.base + addr
		}
		r.leaves[i] = release.Leaf(i, t.leaf[:n])
	}
	if release.Root(r.leaves) != h.m.Root {
		return smp.FaultLeaves, 0
	}
	h.known = true
	return smp.FaultNone, 0
}

// takeFinish asks for the verdict.
func (t *Terminal) takeFinish(q *smp.Header) error {
	h := &t.host
	switch h.phase {
	case smp.PhaseDone:
		return t.answerStatus(q)
	case smp.PhaseReady:
	default:
		return t.deny(q, smp.FaultPhase)
	}
	h.files.in = numbered{} // should its rest still come, nobody would apply it
	h.phase, h.job = smp.PhaseFinishing, jobFinish
	h.fault, h.addr = smp.FaultNone, 0
	return t.answerStatus(q)
}

// conclude gives the verdict, the device's own: no doubtful sector is left in the image, and its digest,
// from the flash, is the signed one. Then it writes the `installed` record.
func (t *Terminal) conclude() {
	h := &t.host
	t.step = 20
	for s := range t.sectorsOf(h.m.Size) {
		if t.doubtful(s) {
			// It may read right now and need not tomorrow.
			addr, _ := t.software.Sector(s)
			t.ready(smp.FaultVerify, t.base+addr)
			return
		}
	}
	if !t.judge(&h.m) {
		t.ready(smp.FaultVerify, 0)
		return
	}
	signed := h.signed[:h.length]
	rec := t.records.current()
	if rec != nil && rec.state == Installed && bytes.Equal(rec.to(), signed) && rec.doubts == 0 && !rec.doubtAll {
		t.restored() // there and recorded: nothing had to be written
		return
	}
	if rec == nil || rec.state != Rewriting || !bytes.Equal(rec.to(), signed) {
		if err := t.intendOnce(0); err != nil {
			t.fail(smp.FaultRecord, t.failedRecord())
			return
		}
	}
	ran := t.counts
	if err := t.install(true, protocol.VerdictRestored); err != nil {
		t.fail(smp.FaultRecord, t.failedRecord())
		return
	}
	h.before.operations += ran.operations
	h.before.failed += ran.failed
	t.restored()
}

func (t *Terminal) restored() {
	h := &t.host
	h.phase, h.fault, h.addr = smp.PhaseDone, smp.FaultNone, 0
	t.match = smp.MatchA
	t.survivor.setFaults(0)
	t.emit(Event{Step: 20, Element: 120, Code: EventRestored, Sector: noSector, Digest: h.m.Digest})
}
