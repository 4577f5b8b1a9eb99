package terminal

import (
	"errors"

	"unbrick/release"
)

// The two record sectors. Each holds at most one whole record and what belongs to it, in this order, all
// of it aligned to program units:
//
//	body | commit mark | seal | mark 0 | mark 1 | ...
//
// Writing a record: erase the sector that does not hold the newest one, program the body, read it back
// twice, program the commit mark, read it back, program the seal, read it back. A power failure may
// cut any of these operations and leave it not begun, done in part, done, or with bits that read
// differently every time. These rules make every such state harmless:
//
//  1. A record is a candidate if body and commit mark read right, twice. A torn body has no commit mark
//     behind it, for the mark is programmed after the body was read back, into units of its own, and
//     names the body's CRC.
//  2. A commit mark whose programming was cut may read right today and wrong tomorrow. Nobody may rely
//     on it so far as to erase the other record. It is solid if the seal was begun after it; so of two
//     candidates the newer counts only if its seal, or any mark, shows a trace of programming. As long
//     as there is no trace, nothing was done in the newer one's name, and the older is still true.
//  3. The older of two candidates is solid: before the newer was begun it was the newest, hence sealed,
//     or the only one left, and then the erase of its neighbour had begun in its name.
//     So the sector that a write erases never holds the only record that can be relied on.
//  4. A cut seal may show its trace in one boot and not in the next. Either way a true record counts
//     (rule 2), and the trace is looked for many times, so that it is all but always seen.
//  5. Marks are programmed only in the power-up that wrote their record: units that read erased later may
//     be units whose programming was cut. Whoever must touch a sector in a later power-up writes a new
//     record first, which carries the doubtful sectors in its body.
//  6. If there is no candidate at all, both sectors are erased before a record is written: one of them
//     may hold a record that could not be read just now.
type records struct {
	sector [2]int    // indexes of the part
	addr   [2]uint32 // where they lie
	size   [2]uint32 // bytes
	slot   uint32    // bytes of one entry: whole program units

	at     [2]record // what the sectors hold, as far as they are candidates
	crc    [2]uint32 // CRC-32 of the bodies
	marks  [2]uint32 // where the marks begin, relative to the sector
	newest int       // which one counts, or -1
	fresh  bool      // the newest was written in this power-up, and no program in its sector went wrong since
	next   int       // first unused mark of a fresh record
	ended  bool      // the last write came to its end, as far as the sectors show it
	failed uint32    // address of the sector that took no data last, 0: none
}

var (
	errNoRecord = errors.New("record could not be written")
	errNoMark   = errors.New("sector could not be marked")
)

// begin fills in where the record sectors are.
func (r *records) begin(t *Terminal) {
	g := &t.hw.Layout.Geometry
	r.sector = t.hw.Layout.Records()
	for i, s := range r.sector {
		r.addr[i], r.size[i] = g.Sector(s)
	}
	r.slot = max(entrySize, g.ProgramUnit)
	r.newest = -1
}

// current returns the record that counts, or nil.
func (r *records) current() *record {
	if r.newest < 0 {
		return nil
	}
	return &r.at[r.newest]
}

// align rounds n up to whole program units.
func (t *Terminal) align(n uint32) uint32 {
	unit := t.hw.Layout.Geometry.ProgramUnit
	return (n + unit - 1) / unit * unit
}

// capacity returns how many marks fit behind the body in record sector i.
func (r *records) capacity(i int) int {
	return int(min(maxMarks, (r.size[i]-r.marks[i])/r.slot))
}

// scan reads both record sectors and decides which record counts. Nothing it reads can make it fail: what
// cannot be read, or reads differently twice, is no record.
func (t *Terminal) scan() {
	r := &t.records
	r.newest, r.fresh = -1, false
	first, second := t.candidate(0), t.candidate(1)
	switch {
	case first && second:
		newer := 0
		if r.at[1].sequence > r.at[0].sequence {
			newer = 1
		}
		r.newest = 1 - newer
		if t.traced(newer) { // rule 2
			r.newest = newer
		}
	case first:
		r.newest = 0
	case second:
		r.newest = 1
	}
	r.ended = false
	switch rec := r.current(); {
	case rec == nil:
	case first && second: // behind a write that ended lies the record before it
		r.ended = r.at[1-r.newest].sequence < rec.sequence
	case rec.sequence == 1: // before the first there is none
		other := 1 - r.newest
		r.ended = t.blank(r.addr[other], r.size[other]) == nil
		t.counts = counts{}
	}
}

// candidate reads record sector i into r.at[i] and reports whether its body and commit mark are right.
func (t *Terminal) candidate(i int) bool {
	r := &t.records
	var head [16]byte
	if t.readTwice(r.addr[i], head[:]) != nil {
		return false
	}
	n := recordLength(head[:])
	if n == 0 {
		return false
	}
	body := t.body[:n]
	if t.readTwice(r.addr[i], body) != nil || !r.at[i].decode(body) {
		return false
	}
	r.crc[i] = crcOf(body)
	commit := t.align(uint32(n))
	r.marks[i] = commit + 2*r.slot
	want := entry(entryCommit, r.crc[i])
	var got [entrySize]byte
	return t.readTwice(r.addr[i]+commit, got[:]) == nil && got == want
}

// traces is how often a seal is read before it counts as never begun.
const traces = 16

// traced reports whether anything behind the commit mark of record i shows that it was programmed, which
// was begun only after the commit mark was complete.
func (t *Terminal) traced(i int) bool {
	r := &t.records
	var slot [32]byte
	seal := r.addr[i] + r.marks[i] - r.slot
	for range traces {
		if t.hw.Flash.Read(seal, slot[:r.slot]) != nil || !all(slot[:r.slot], t.hw.Layout.Geometry.Erased) {
			return true
		}
	}
	for k := range r.capacity(i) {
		addr := r.addr[i] + r.marks[i] + uint32(k)*r.slot
		if t.hw.Flash.Read(addr, slot[:r.slot]) != nil || !all(slot[:r.slot], t.hw.Layout.Geometry.Erased) {
			return true
		}
	}
	return false
}

// doubtOf sets t.doubt to the sectors that the newest record says not to believe: those in its body and
// the last marked one. A marked sector followed by another mark is good again, because the second was
// programmed only after the first sector was read back.
func (t *Terminal) doubtOf() {
	r := &t.records
	clear(t.doubt)
	rec := r.current()
	if rec == nil || rec.doubtAll {
		// Without a record nobody knows what was being written when.
		first := 0
		if rec != nil && rec.doubts > 0 {
			first = t.endOf(rec)
		}
		for i := first; i < t.software.Sectors(); i++ {
			t.setDoubt(i)
		}
	}
	if rec == nil {
		return
	}
	for _, s := range rec.doubt[:rec.doubts] {
		t.setDoubt(int(s))
	}
	last := -1
	unreadable := false
	// Marks are read many at a time; what cannot be read so is read one by one.
	many := max(1, chunk/r.slot)
	var slots [chunk]byte
	left := uint32(r.capacity(r.newest))
	for addr := r.addr[r.newest] + r.marks[r.newest]; left > 0; left -= min(left, many) {
		n := min(left, many) * r.slot
		whole := t.readTwice(addr, slots[:n]) == nil
		for at := uint32(0); at < n; at += r.slot {
			slot := slots[at:][:entrySize]
			if !whole && t.readTwice(addr+at, slot) != nil {
				unreadable = true
				continue
			}
			s := markOf(slot, r.crc[r.newest])
			if s < 0 {
				continue
			}
			// With an unreadable unit in between, the one before may have been followed by any sector: a
			// mark that was complete and decays is not expected, but costs only doubt.
			if last >= 0 && last < t.software.Sectors() && !unreadable {
				t.clearDoubt(last)
			}
			last, unreadable = s, false
			t.setDoubt(s)
		}
		addr += n
	}
}

func (t *Terminal) setDoubt(s int) {
	if s < t.software.Sectors() {
		t.doubt[s/8] |= 1 << (s % 8)
	}
}

func (t *Terminal) clearDoubt(s int) { t.doubt[s/8] &^= 1 << (s % 8) }

// doubtful reports whether sector s of the software area must not be believed.
func (t *Terminal) doubtful(s int) bool { return t.doubt[s/8]>>(s%8)&1 != 0 }

// endOf returns how many sectors the image takes of which rec says that it is installed, 0 if it says that of none.
func (t *Terminal) endOf(rec *record) int {
	if rec.state != Installed {
		return 0
	}
	m, _, err := release.Parse(rec.to())
	if err != nil || m.Size > t.software.Size() {
		return 0
	}
	return t.sectorsOf(m.Size)
}

// carry puts into rec the doubtful sectors from first on. More than it can name are all; of an installed image none that is not
// named, or every boot would refresh all of it for the sake of what lies behind.
func (t *Terminal) carry(rec *record, first int) {
	rec.doubts, rec.doubtAll = 0, false
	for s := first; s < t.software.Sectors(); s++ {
		if !t.doubtful(s) {
			continue
		}
		if rec.doubts == maxDoubt {
			rec.doubtAll = true
			if end := t.endOf(rec); end == 0 || s < end {
				rec.doubts = 0
			}
			return
		}
		rec.doubt[rec.doubts] = uint16(s)
		rec.doubts++
	}
}

// failedRecord returns the address of the record sector at fault when no record or mark could be written.
func (t *Terminal) failedRecord() uint32 {
	r := &t.records
	switch {
	case r.failed != 0:
		return r.failed
	case r.newest >= 0:
		return r.addr[1-r.newest]
	}
	return r.addr[0]
}

// deadRecord returns the address of the record sector that the next record needs, if it is known to be dead.
func (t *Terminal) deadRecord() (addr uint32, dead bool) {
	r := &t.records
	for i, addr := range r.addr {
		if i != r.newest && t.isDead(addr) {
			return addr, true
		}
	}
	return 0, false
}

// draft returns the record to be written next, a copy of the newest or empty, and its place.
func (t *Terminal) draft() *record {
	r := &t.records
	if r.newest < 0 {
		r.at[0] = record{floor: t.identity.Floor.Counter}
		return &r.at[0]
	}
	next := &r.at[1-r.newest]
	*next = r.at[r.newest]
	return next
}

// write writes the draft, which counts from its seal on. The flash must be free to be busy. If it fails,
// the record that counted before still does.
func (t *Terminal) write() error {
	r := &t.records
	i := 0
	if r.newest >= 0 {
		i = 1 - r.newest
		r.at[i].sequence = r.at[r.newest].sequence + 1
	} else {
		r.at[0].sequence = 1
		if t.blankOther() != nil { // rule 6
			return errNoRecord
		}
	}
	t.reportDead(&r.at[i], r.addr[i])
	body := r.at[i].encode(t.body[:])
	r.crc[i] = crcOf(body)
	n := t.align(uint32(len(body)))
	for k := len(body); k < int(n); k++ {
		t.body[k] = t.hw.Layout.Geometry.Erased
	}
	r.marks[i] = n + 2*r.slot
	for try := range uint32(attempts) {
		if try > 0 {
			t.emit(Event{Step: t.step, Code: EventRetry, Sector: int32(r.sector[i]), A: try})
		}
		if t.writeOnce(i, t.body[:n]) == nil {
			r.newest, r.fresh, r.next = i, true, 0
			t.alive(r.sector[i])
			return nil
		}
	}
	t.dead(r.sector[i])
	return errNoRecord
}

// blankOther erases record sector 1, so that a record in it that could not be read cannot come back and
// count more than the one about to be written into sector 0.
func (t *Terminal) blankOther() error {
	r := &t.records
	var err error
	for range attempts {
		if err = t.erase(r.sector[1]); err != nil {
			continue
		}
		if err = t.blank(r.addr[1], r.size[1]); err == nil {
			return nil
		}
	}
	t.dead(r.sector[1])
	return err
}

// blank reads n bytes at addr back after an erase.
func (t *Terminal) blank(addr, n uint32) error {
	for n > 0 {
		m := min(n, chunk)
		if err := t.hw.Flash.Read(addr, t.chunk[:m]); err != nil {
			return err
		}
		if !all(t.chunk[:m], t.hw.Layout.Geometry.Erased) {
			t.counts.failed++
			return errVerify
		}
		addr += m
		n -= m
	}
	return nil
}

func (t *Terminal) writeOnce(i int, body []byte) error {
	r := &t.records
	// Erased even if it reads erased: that may be a sector whose erase was cut short.
	if err := t.erase(r.sector[i]); err != nil {
		return err
	}
	// The whole sector must read erased: an entry that was there before must not be taken for one of
	// this record, and the marks need units that can be programmed.
	if err := t.blank(r.addr[i], r.size[i]); err != nil {
		return err
	}
	if err := t.program(r.addr[i], body); err != nil {
		return err
	}
	for range 2 {
		if err := t.compare(r.addr[i], body); err != nil {
			return err
		}
	}
	at := r.addr[i] + uint32(len(body))
	if err := t.enter(at, entry(entryCommit, r.crc[i])); err != nil {
		return err
	}
	return t.enter(at+r.slot, entry(entrySeal, r.crc[i]))
}

// enter programs one entry at addr and reads it back.
func (t *Terminal) enter(addr uint32, e [entrySize]byte) error {
	slot := t.slot[:t.records.slot]
	for k := range slot {
		slot[k] = t.hw.Layout.Geometry.Erased
	}
	copy(slot, e[:])
	if err := t.program(addr, slot); err != nil {
		return err
	}
	for range 2 {
		if err := t.compare(addr, slot); err != nil {
			t.counts.failed++
			return err
		}
	}
	return nil
}

// mark says, so that it outlives a power failure, that sector s of the software area is about to be
// touched. The record it stands behind is renewed when its marks are used up or when it is not of this
// power-up (rule 5); what was doubtful is then carried over in the new one's body.
func (t *Terminal) mark(s int) error {
	r := &t.records
	for r.newest >= 0 {
		if !r.fresh || r.next >= r.capacity(r.newest) {
			t.carry(t.draft(), 0)
			if err := t.write(); err != nil {
				return err
			}
			t.note(t.step, 117, EventPrepare, r.current().sequence, 0)
			if r.capacity(r.newest) == 0 {
				return errNoMark
			}
		}
		addr := r.addr[r.newest] + r.marks[r.newest] + uint32(r.next)*r.slot
		r.next++ // a unit is tried once: after a failure it is not erased any more
		if err := t.enter(addr, entry(entryMark|uint32(s), r.crc[r.newest])); err == nil {
			t.setDoubt(s)
			t.emit(Event{Step: t.step, Element: 117, Code: EventMark, Sector: int32(t.first + s), A: uint32(r.capacity(r.newest) - r.next)})
			return nil
		}
		t.failedMarks++
		if t.failedMarks > maxFailedMarks {
			t.dead(r.sector[r.newest])
			return errNoMark
		}
	}
	return errNoRecord
}

// maxFailedMarks bounds the marks that go wrong in one power-up.
const maxFailedMarks = 64

// vouch takes back, by marks, what the newest record says of doubt that is gone, when it cannot be replaced by one that says
// so: a sector that is marked and followed by another mark is good. It is for a record of this power-up, whose
// sectors were all read back; otherwise, or if there are no units left, the doubt stays.
func (t *Terminal) vouch() {
	r := &t.records
	rec := r.current()
	if rec == nil || !r.fresh || rec.doubtAll {
		return
	}
	put := func(s int) bool {
		for r.next < r.capacity(r.newest) && t.failedMarks <= maxFailedMarks {
			addr := r.addr[r.newest] + r.marks[r.newest] + uint32(r.next)*r.slot
			r.next++
			if t.enter(addr, entry(entryMark|uint32(s), r.crc[r.newest])) == nil {
				return true
			}
			t.failedMarks++
		}
		return false
	}
	for _, s := range rec.doubt[:rec.doubts] {
		if int(s) < t.software.Sectors() && !t.doubtful(int(s)) && !put(int(s)) {
			return
		}
	}
	put(noMark)
}

// noMark is a mark that names no sector: there are at most limits.Sectors.
const noMark = 0xFFFF
