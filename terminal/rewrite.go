package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"unbrick/delta"
	"unbrick/flash"
	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/release"
)

// rewriting is one update file on its way into the flash: the software rewriting section 117.
type rewriting struct {
	dec     delta.Decoder
	m       release.Manifest
	room    []byte           // of the workspace, for update file and decoder
	extra   []byte           // of the workspace, for restoration
	all     []release.Digest // room for the leaves of the largest image
	leaves  []release.Digest // of the image on the way
	planned []byte           // one bit a sector that the file builds
	total   uint32           // sectors in the plan
	done    uint32
	full    bool                                // sectors that hold what they should are among them
	image   []byte                              // of the room: the image that a classic patch built, whole sectors
	source  flash.Reader                        // what the decoder reads
	put     func(sector int, data []byte) error // t.putSector; made once, since a method value allocates
	between func()                              // called between sectors while the flash is idle, may be nil
}

func (r *rewriting) begin(t *Terminal) {
	r.put = t.putSector
	r.source = &source{t}
	leaf := release.LeafSize(&t.software)
	r.all = make([]release.Digest, (t.software.Size()+leaf-1)/leaf)
}

// source is the software area as the decoder may read it: doubtful sectors cannot be read, because what
// they say in the proof need not be what they say in the rewrite.
type source struct{ t *Terminal }

var errDoubtful = errors.New("sector must not be believed")

// Read implements flash.Reader.
func (s *source) Read(addr uint32, p []byte) error {
	t := s.t
	if len(p) == 0 {
		return nil
	}
	if uint64(addr)+uint64(len(p)) > uint64(t.software.Size()) {
		return fmt.Errorf("read %d bytes of software at 0x%x: %w", len(p), addr, flash.ErrBounds)
	}
	last := t.software.SectorAt(addr + uint32(len(p)) - 1)
	for i := t.software.SectorAt(addr); i <= last; i++ {
		if t.doubtful(i) {
			return fmt.Errorf("read sector %d: %w", t.first+i, errDoubtful)
		}
	}
	return t.hw.Flash.Read(t.base+addr, p)
}

// layOut divides the workspace for an image: extra bytes at its end, before what is or will be resident;
// all before that is room for update file and decoder. The leaf digests, which every workspace has room
// for, lie in memory of their own: a slice of bytes cannot become one of digests in safe Go.
func (t *Terminal) layOut(m *release.Manifest, extra uint32) error {
	room := uint64(len(t.work))
	if !t.resident {
		room -= min(room, uint64(t.identity.Resident)) // the tail is for the rewriter
	}
	r := &t.rewrite
	n := m.Leaves()
	if uint64(extra) > room || uint64(n) > uint64(len(r.all)) {
		return fmt.Errorf("%w: %d bytes, %d leaves", delta.ErrMemory, room, n)
	}
	r.m = *m
	r.leaves = r.all[:n]
	r.extra = t.work[room-uint64(extra) : room]
	r.room = t.work[: room-uint64(extra) : room-uint64(extra)]
	return nil
}

// open opens the update file of size bytes that the room begins with.
func (t *Terminal) open(size uint32) error {
	r := &t.rewrite
	if uint64(size) > uint64(len(r.room)) {
		return fmt.Errorf("%w: %d bytes of %d", delta.ErrMemory, len(r.room), size)
	}
	file := r.room[:size:size]
	h, err := delta.ParseHeader(file)
	if err != nil {
		return err
	}
	if need := uint64(size) + uint64(h.Memory()); need > uint64(len(r.room)) {
		return fmt.Errorf("%w: %d bytes of %d", delta.ErrMemory, len(r.room), need)
	}
	r.full = h.Kind == delta.KindFull
	return r.dec.Open(file, &t.software, r.source, r.room[size:][:h.Memory()])
}

// prove decodes the open file without writing anything and fails unless it leads to the signed image.
// With given, the leaves are known and only what the file builds is compared; without, those of the flash
// that r.extra names are there already.
func (t *Terminal) prove(given bool) error {
	r := &t.rewrite
	start := t.hw.Clock.Now()
	if err := delta.ProveKnowing(&r.dec, &r.m, r.source, r.leaves, r.extra, given, r.planned); err != nil {
		return err
	}
	r.total, r.done = 0, 0
	for s := range t.software.Sectors() {
		if r.planned[s/8]>>(s%8)&1 != 0 {
			r.total++
		}
	}
	t.note(t.step, 117, EventProof, r.total, uint32((t.hw.Clock.Now()-start)/time.Microsecond))
	return nil
}

// intend writes the intent record: rewriting From -> wanted. From is what the newest record says was
// there last. Everything doubtful is carried in its body, so that it outlives the marks before it.
func (t *Terminal) intend(wanted []byte, m *release.Manifest, total uint32) error {
	t.counts = counts{}
	t.emit(Event{Step: t.step, Element: 117, Code: EventIntent, Sector: noSector, A: total, Digest: m.Digest})
	was := t.records.current()
	rec := t.draft()
	replaced := false // what was To becomes From
	switch {
	case was == nil:
	case was.state == Installed:
		// What was installed becomes what it came from, with its confirmation.
		rec.setFrom(was.to())
		replaced = true
	case t.match == smp.MatchB:
		// An interrupted rewrite had reached its image, and that is what is there now. Named as From, it
		// runs if power fails before the first erase.
		rec.setFrom(was.to())
		rec.confirmed = false
		replaced = true
	}
	rec.state = Rewriting
	rec.setTo(wanted)
	rec.report = report{}
	t.carry(rec, 0)
	if err := t.write(); err != nil {
		t.note(t.step, 117, EventNotWritten, t.failedRecord(), 0)
		return err
	}
	if replaced {
		t.from = t.to
	}
	t.to = manifest{Manifest: *m, there: true}
	return nil
}

// touch writes data into sector s of the software area: mark, erase, program, read back.
func (t *Terminal) touch(s int, data []byte) error {
	if err := t.mark(s); err != nil {
		return err
	}
	t.match = smp.MatchNone
	if err := t.writeSector(t.first+s, data); err != nil {
		// A mark that is followed by another says that its sector is good. This one is not: the next
		// mark must stand behind a new record, which names the sector in its body.
		t.records.fresh = false
		return err
	}
	t.clearDoubt(s)
	return nil
}

// putSector takes a built sector, which was compared with its leaves just now.
func (t *Terminal) putSector(s int, data []byte) error {
	r := &t.rewrite
	if !r.full || !t.holds(s, data) {
		if err := t.touch(s, data); err != nil {
			return err
		}
	}
	r.done++
	t.emit(Event{Step: t.step, Element: 117, Code: EventSector, Sector: int32(t.first + s), A: r.done, B: r.total})
	if r.between != nil {
		r.between()
	}
	return nil
}

// holds reports whether sector s holds data already, so that it need not be written: it reads so twice,
// is not doubtful, and is not merely erased, which after a power failure may be a weak erase.
func (t *Terminal) holds(s int, data []byte) bool {
	if t.doubtful(s) || all(data, t.software.Erased) {
		return false
	}
	addr, _ := t.software.Sector(s)
	for range 2 {
		if t.compare(t.base+addr, data) != nil {
			return false
		}
	}
	return true
}

// judge is the rewrite success judgment 118: the digest of the whole image, from the flash.
func (t *Terminal) judge(m *release.Manifest) bool {
	d := t.measure(m.Size)
	good := d == m.Digest
	var a uint32
	if good {
		a = 1
	}
	t.emit(Event{Step: t.step, Element: 118, Code: EventVerdict, Sector: noSector, A: a, Digest: d})
	return good
}

// rewriteSoftware is S13 and S14: the workspace begins with the whole update file, which was found to
// have the digest that was announced. signed is the manifest of the image that it leads to.
func (t *Terminal) rewriteSoftware(kind protocol.Kind, size uint32, signed []byte, m *release.Manifest) Outcome {
	t.step = 13
	if err := t.proveUpdate(kind, size, m); err != nil {
		t.emit(Event{Step: 13, Element: 117, Code: EventProofFailed, Sector: noSector, Digest: t.session.info.digest})
		t.refuse(t.session.info.digest)
		return ProofFailed
	}
	if err := t.reside(); err != nil {
		t.note(13, 117, EventRefused, uint32(protocol.FaultWorkspace), 0)
		return Refused
	}
	if err := t.intend(signed, m, t.rewrite.total); err != nil {
		// The record that counted still does, and nothing was touched.
		return Refused
	}
	// From here on only forward. Whatever stops it leads through a reset: Boot finds the old image
	// untouched and runs it, or waits in restoration mode.
	if err := t.writeUpdate(kind); err != nil {
		t.note(15, 119, EventRestore, 0, 0)
		return Damaged
	}
	t.step = 14
	if !t.judge(m) {
		t.note(15, 119, EventRestore, 0, 0)
		return Damaged
	}
	if err := t.install(true, protocol.VerdictGood); err != nil {
		// The new image is there and right; Boot will record it.
		t.note(14, 118, EventNotWritten, t.failedRecord(), 0)
	}
	return Rewritten
}

// writeUpdate writes what proveUpdate has proven.
func (t *Terminal) writeUpdate(kind protocol.Kind) error {
	if kind == protocol.KindBsdiff {
		return t.writeClassic()
	}
	r := &t.rewrite
	return delta.Rewrite(&r.dec, &r.m, r.leaves, r.put)
}

func (t *Terminal) proveUpdate(kind protocol.Kind, size uint32, m *release.Manifest) error {
	if err := t.layOut(m, 0); err != nil {
		return err
	}
	if kind == protocol.KindBsdiff {
		return t.proveClassic(size)
	}
	if err := t.open(size); err != nil {
		return err
	}
	if err := t.prove(false); err != nil {
		return err
	}
	return t.checkPlan(m)
}

// checkPlan checks that the plan names no sector behind the image: those are nobody's and stay.
func (t *Terminal) checkPlan(m *release.Manifest) error {
	for s := t.sectorsOf(m.Size); s < t.software.Sectors(); s++ {
		if t.rewrite.planned[s/8]>>(s%8)&1 != 0 {
			return fmt.Errorf("%w: sector %d is behind the image", delta.ErrMismatch, s)
		}
	}
	return nil
}

// refuse remembers the digest of an update file that failed its proof.
func (t *Terminal) refuse(d release.Digest) {
	s := &t.session
	for _, known := range s.refused[:s.refusals] {
		if known == d {
			return
		}
	}
	if s.refusals == len(s.refused) {
		copy(s.refused[:], s.refused[1:])
		s.refusals--
	}
	s.refused[s.refusals] = d
	s.refusals++
	t.survivor.setRefused(d)
}

// hasFailed reports whether the update file of this digest failed its proof.
func (t *Terminal) hasFailed(d release.Digest) bool {
	for i := range t.session.refused[:t.session.refusals] {
		if bytes.Equal(t.session.refused[i][:], d[:]) {
			return true
		}
	}
	return false
}
