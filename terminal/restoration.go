package terminal

import (
	"bytes"
	"errors"
	"time"

	"unbrick/delta"
	"unbrick/flash"
	"unbrick/limits"
	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal/image"
	"unbrick/terminal/record"
)

// restoration is the conversation with a restoration apparatus, and what it makes of the flash: elements 119 and 120. All of
// it is RAM; what must outlive a power failure is in the record and its marks. Its state is the phase, which status tells:
//
//	not busy ── begin ──> preparing ──> ready ── file whole ──> proving ──> rewriting ──> ready
//	                                    ready ── finish, or behind the last file ──> finishing ──> done, or ready with a code
//	not busy ── upload ──> uploading ──> done, or idle if nothing was written
//	not busy ── abort ──> idle
//	idle, done ── erase ──> erasing ──> as before
//
// A change that could not be written, and an upload of which something was, end in failed. In the phases that are Busy the
// device works by itself; the work of such a phase is begun by Serve, once the request that led to it was answered.
type restoration struct {
	*device
	rewrite *rewriter
	line    line
	why     smp.Why

	phase  smp.Phase
	fault  smp.Fault // how the last work ended
	addr   uint32    // that the fault is about
	ending Ending    // that is due; 0: none
	met    bool      // a host has spoken
	first  []byte    // a request that came before Serve

	wanted   wanted
	leaves   leafMode
	promised sectors // parts: all leaves of the sector came from the host
	files    files
	upload   upload
	settings settings
	ahead    ahead

	applied   uint32 // files since begin
	refreshed uint32
	before    image.Counts  // flash operations of records that were finished since begin
	worked    time.Duration // by itself since begin

	who  smp.Identity                                    // what identify answers
	tree [smp.MaxLevel][smp.Fanout * smp.DigestSize]byte // digests that one of the level above is made of
}

// wanted is the release that is being restored.
type wanted struct {
	release.Manifest
	signed [limits.Manifest]byte
	length int  // of signed; 0: none is wanted
	asIs   bool // the host will write every doubtful sector of it: none is refreshed
}

func (w *wanted) bytes() []byte { return w.signed[:w.length] }

// leafMode says where the leaf digests come from that every built sector must match.
type leafMode uint8

const (
	leavesOfFile leafMode = iota // the proof of a single file makes them, and compares the root
	leavesComing                 // the host brings those of the sectors that will be written
	leavesKnown                  // and the root over them and the flash's own was found to be the signed one
)

// forget drops a restoration from RAM. What the flash holds, and what record and marks say of it, stays.
func (h *restoration) forget() {
	h.phase, h.fault, h.addr = smp.PhaseIdle, smp.FaultNone, 0
	h.wanted = wanted{}
	h.leaves, h.files, h.upload = leavesOfFile, files{}, upload{}
	h.applied, h.refreshed, h.worked, h.before = 0, 0, 0, image.Counts{}
	h.rewrite.done, h.rewrite.total = 0, 0
	h.forgetAhead()
	clear(h.promised[:])
}

// want makes the release of m the wanted one.
func (h *restoration) want(m *release.Manifest, signed []byte) {
	h.wanted.Manifest = *m
	h.wanted.length = copy(h.wanted.signed[:], signed)
	h.area.Counts = image.Counts{}
	h.emit(Event{Step: 17, Element: 120, Code: EventBegun, Sector: noSector, Digest: m.Digest})
}

// takeBegin accepts or refuses the manifest of the wanted release (S17). Everything that can refuse it does so here, before
// any erase.
func (h *restoration) takeBegin(q *smp.Header, body []byte) error {
	var m smp.BeginRequest
	if m.DecodeBody(body) != nil {
		return h.deny(q, smp.FaultMalformed)
	}
	if h.begun(&m) {
		return h.answerStatus(q)
	}
	accepted, fault := h.accept(m.Manifest)
	if fault != smp.FaultNone {
		return h.deny(q, fault)
	}
	h.forget()
	if !h.ram.resident || h.rewrite.layOut(&accepted, (accepted.Leaves()+7)/8) != nil {
		return h.deny(q, smp.FaultWorkspace)
	}
	h.want(&accepted, m.Manifest)
	if m.Parts {
		h.leaves = leavesComing
	}
	h.phase = smp.PhasePreparing
	h.wanted.asIs = m.AsIs
	return h.answerStatus(q)
}

// beginAgain answers a begin during work. A status for another one than is under way would tell its host that its own had begun.
func (h *restoration) beginAgain(q *smp.Header, body []byte) error {
	var m smp.BeginRequest
	switch {
	case m.DecodeBody(body) != nil:
		return h.deny(q, smp.FaultMalformed)
	case h.begun(&m):
		return h.answerStatus(q)
	}
	return h.deny(q, smp.FaultBusy)
}

// begun reports whether it is what m asks for that is ready, or under way.
func (h *restoration) begun(m *smp.BeginRequest) bool {
	switch h.phase {
	case smp.PhasePreparing, smp.PhaseReady, smp.PhaseProving, smp.PhaseRewriting, smp.PhaseFinishing:
		return (h.leaves != leavesOfFile) == m.Parts && bytes.Equal(m.Manifest, h.wanted.bytes())
	case smp.PhaseIdle, smp.PhaseDone, smp.PhaseFailed, smp.PhaseErasing, smp.PhaseUploading:
	}
	return false
}

// prepare refreshes the doubtful sectors of the wanted image that read the same twice, so that what they hold can be used.
// Here no digest says whether it is the old or the new content; it need not, for the host looks at what is there afterwards,
// and proof and verdict decide. What matters is that a sector in which a power failure left bits in between holds still
// before anybody builds on it.
func (h *restoration) prepare() {
	end := h.area.Sectors(h.wanted.Size)
	doubts := h.records.Doubts(end)
	if h.wanted.asIs || doubts == 0 {
		h.ready(smp.FaultNone, 0) // proof and verdict pass no doubtful sector that was not written
		return
	}
	h.rewrite.total, h.rewrite.done = doubts, 0
	// Marks of an earlier power-up do not bind (package record, rule 5): a record of this one names the doubtful sectors
	// before any is touched.
	var err error
	if h.records.Newest() == nil {
		err = h.intend(h.wanted.bytes(), &h.wanted.Manifest, 0)
	} else {
		err = h.renew()
	}
	if err != nil {
		h.fail(smp.FaultRecord, h.records.Failed())
		return
	}
	for s := range end {
		if !h.records.Doubtful(s) {
			continue
		}
		if _, n := h.area.Software.Sector(s); uint64(n) <= uint64(len(h.rewrite.room)) && h.refresh(s, nil) {
			h.refreshed++
			h.emit(Event{Step: 20, Element: 117, Code: EventRefreshed, Sector: int32(h.area.First + s), A: h.records.Doubts(end)})
		}
		h.rewrite.done++
		h.poll()
	}
	h.software.match = h.findMatch()
	h.ready(smp.FaultNone, 0)
}

// fail ends a restoration; begin starts again.
func (h *restoration) fail(f smp.Fault, addr uint32) {
	h.phase, h.fault, h.addr = smp.PhaseFailed, f, addr
}

// ready ends long work; f tells how.
func (h *restoration) ready(f smp.Fault, addr uint32) {
	h.phase, h.fault, h.addr = smp.PhaseReady, f, addr
}

func (h *restoration) takeLeaves(q *smp.Header, body []byte) error {
	var m smp.LeavesRequest
	if m.DecodeBody(body) != nil {
		return h.deny(q, smp.FaultMalformed)
	}
	if h.phase != smp.PhaseReady || h.leaves != leavesComing {
		return h.deny(q, smp.FaultPhase)
	}
	n, total := uint32(len(m.Data)/smp.LeafDigest), h.wanted.Leaves()
	if m.First > total || n > total-m.First {
		return h.deny(q, smp.FaultRange)
	}
	for i := range n {
		h.rewrite.leaves.Set(m.First+i, release.Digest(m.Data[smp.LeafDigest*i:]))
		h.rewrite.know(m.First + i)
	}
	return h.answer(q, &smp.Empty{})
}

// apply proves a file whose digest is sha against the flash as it is now, and rewrites (S20); rest is memory for the decoder.
func (h *restoration) apply(file, rest []byte, sha [32]byte, atEnd bool) {
	h.step = 20
	if h.area.SHA256(file) != sha {
		h.ready(smp.FaultDigest, 0)
		return
	}
	if fault, addr := h.prove(file, rest, atEnd); fault != smp.FaultNone {
		h.emit(Event{Step: 20, Element: 117, Code: EventProofFailed, Sector: noSector, A: uint32(fault), Digest: sha})
		h.ready(fault, addr)
		return
	}
	h.phase = smp.PhaseRewriting
	if err := h.intendOnce(h.rewrite.total); err != nil {
		h.fail(smp.FaultRecord, h.records.Failed())
		return
	}
	if err := h.rewrite.write(); err != nil {
		h.fail(h.faultOf(err))
		return
	}
	h.applied++
	h.ready(smp.FaultNone, 0)
}

// intendOnce writes the intent record before the first erase of a restoration, and again when the one there is not of this
// power-up or something went wrong since.
func (h *restoration) intendOnce(total uint32) error {
	if rec := h.records.Newest(); rec != nil && h.records.Fresh() && rec.State == record.Rewriting && bytes.Equal(rec.To, h.wanted.bytes()) {
		return nil
	}
	h.before.Operations += h.area.Counts.Operations
	h.before.Failed += h.area.Counts.Failed
	return h.intend(h.wanted.bytes(), &h.wanted.Manifest, total)
}

// faultOf says to the host what stopped a rewrite.
func (h *restoration) faultOf(err error) (smp.Fault, uint32) {
	var dead *image.DeadSectorError
	switch {
	case errors.As(err, &dead) && errors.Is(err, flash.ErrErase):
		return smp.FaultErase, dead.Addr
	case errors.As(err, &dead):
		return smp.FaultProgram, dead.Addr
	case errors.Is(err, record.ErrNoRecord), errors.Is(err, record.ErrNoMark):
		return smp.FaultRecord, h.records.Failed()
	case errors.Is(err, flash.ErrUnreadable):
		return smp.FaultUnreadable, 0
	}
	return smp.FaultProof, 0
}

// prove proves the file. In parts the leaf digests that the host brought, and those of the flash for all other sectors, must
// lead to the signed root first. No plan may leave a doubtful sector of the image out.
func (h *restoration) prove(file, rest []byte, atEnd bool) (smp.Fault, uint32) {
	r := h.rewrite
	if err := r.open(file, rest, atEnd); err != nil {
		if errors.Is(err, delta.ErrMemory) {
			return smp.FaultWorkspace, 0
		}
		return smp.FaultFormat, 0
	}
	if h.leaves == leavesComing {
		if fault, addr := h.completeLeaves(); fault != smp.FaultNone {
			return fault, addr
		}
	}
	parts := h.leaves == leavesKnown
	err := r.prove(parts)
	covered := &h.promised
	if !parts {
		clear(r.have) // its leaves are those of the file now
		h.forgetAhead()
		covered = &r.planned
	}
	if errors.Is(err, image.ErrDoubtful) {
		return smp.FaultProof, h.doubtOutside(&r.planned, h.area.Software.Sectors())
	}
	if err != nil {
		return smp.FaultProof, 0
	}
	if addr := h.doubtOutside(covered, h.area.Sectors(h.wanted.Size)); addr != 0 {
		return smp.FaultProof, addr
	}
	return smp.FaultNone, 0
}

// doubtOutside returns the address of the first doubtful one of the first end sectors that covered does not name, or 0.
func (h *restoration) doubtOutside(covered *sectors, end int) uint32 {
	for s := range end {
		if h.records.Doubtful(s) && !covered.has(s) {
			addr, _ := h.area.Software.Sector(s)
			return h.area.Base + addr
		}
	}
	return 0
}

// completeLeaves fills in, from the flash, the leaves that the host did not bring, and compares the root. h.promised then
// names the sectors all of whose leaves came from the host.
func (h *restoration) completeLeaves() (smp.Fault, uint32) {
	r := h.rewrite
	for i := range h.promised {
		h.promised[i] = 0xFF
	}
	for i := range h.wanted.Leaves() {
		if r.knows(i) {
			continue
		}
		addr, _ := h.wanted.LeafRange(i)
		h.promised.drop(h.area.Software.SectorAt(addr))
		if r.readLeaf(i) != nil {
			return smp.FaultLeaves, h.area.Base + addr
		}
	}
	if release.Root(r.leaves) != h.wanted.Root {
		return smp.FaultLeaves, 0
	}
	h.leaves = leavesKnown
	return smp.FaultNone, 0
}

// takeFinish asks for the verdict.
func (h *restoration) takeFinish(q *smp.Header) error {
	switch h.phase {
	case smp.PhaseDone:
		return h.answerStatus(q)
	case smp.PhaseReady:
	default:
		return h.deny(q, smp.FaultPhase)
	}
	h.files.in = numbered{} // should its rest still come, nobody would apply it
	h.phase = smp.PhaseFinishing
	h.fault, h.addr = smp.FaultNone, 0
	return h.answerStatus(q)
}

// conclude gives the verdict, the device's own: no doubtful sector is left in the image, and its digest, from the flash, is
// the signed one. Then it writes the `installed` record.
func (h *restoration) conclude() {
	h.step = 20
	none := sectors{}
	if addr := h.doubtOutside(&none, h.area.Sectors(h.wanted.Size)); addr != 0 {
		h.ready(smp.FaultVerify, addr) // it may read right now and need not tomorrow
		return
	}
	if !h.judge(&h.wanted.Manifest) {
		h.ready(smp.FaultVerify, 0)
		return
	}
	if h.recorded() {
		h.restored() // there and recorded: nothing had to be written
		return
	}
	if rec := h.records.Newest(); rec == nil || rec.State != record.Rewriting || !bytes.Equal(rec.To, h.wanted.bytes()) {
		if err := h.intendOnce(0); err != nil {
			h.fail(smp.FaultRecord, h.records.Failed())
			return
		}
	}
	ran := h.area.Counts
	if err := h.install(true, protocol.VerdictRestored); err != nil {
		h.fail(smp.FaultRecord, h.records.Failed())
		return
	}
	h.before.Operations += ran.Operations
	h.before.Failed += ran.Failed
	h.restored()
}

// recorded reports whether the record says that the wanted image is installed, and doubts nothing.
func (h *restoration) recorded() bool {
	rec := h.records.Newest()
	return rec != nil && rec.State == record.Installed && bytes.Equal(rec.To, h.wanted.bytes()) && rec.Doubts() == 0 && !rec.DoubtAll
}

func (h *restoration) restored() {
	h.phase, h.fault, h.addr = smp.PhaseDone, smp.FaultNone, 0
	h.software.match = matchTo
	h.survivor.setFaults(0)
	h.emit(Event{Step: 20, Element: 120, Code: EventRestored, Sector: noSector, Digest: h.wanted.Digest})
}
