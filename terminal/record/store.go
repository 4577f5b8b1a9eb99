package record

import (
	"errors"

	"unbrick/flash"
	"unbrick/limits"
)

// Part is the flash as a Store uses it, addressed as a whole. Erase and Program return when the operation has ended.
type Part interface {
	flash.Reader
	// Erase erases the sector with this index of the part.
	Erase(sector int) error
	// Program programs whole program units. It may leave out pages of nothing but erased bytes.
	Program(addr uint32, p []byte) error
	// Told is told what happened, for counters and a trace.
	Told(what What, sector int, n uint32)
}

// What is something that happened in a Store. Sectors are indexes of the part.
type What uint8

// What can happen.
const (
	Retried  What = 1 + iota // sector is written once more; n: the how manieth time
	Mismatch                 // sector does not hold what was programmed
	Renewed                  // a record was written because marks ran out or were of another power-up; n: its sequence
	Marked                   // sector is about to be touched; n: marks left behind the record
	Died                     // a record sector takes no data
	Revived                  // a record sector takes data
)

// Errors of Write and Mark.
var (
	ErrNoRecord = errors.New("record could not be written")
	ErrNoMark   = errors.New("sector could not be marked")
)

// attempts is how often an erase with the programs after it is tried before its sector counts as dead.
const attempts = 3

// Store is the two record sectors, and what they say. Open, then Scan, comes first.
type Store struct {
	part     Part
	layout   *flash.Layout
	software *flash.Geometry

	sector [2]int    // indexes of the part
	addr   [2]uint32 // where they lie
	size   [2]uint32 // bytes
	slot   uint32    // bytes of one entry: whole program units

	body    [2][MaxSize + limits.ProgramUnit]byte
	crc     [2]uint32 // CRC-32 of the bodies
	entries [2]uint32 // where the entries behind the seal begin, relative to the sector
	newest  int       // which one counts, or -1
	rec     Record    // the one that counts; its byte fields lie in body
	fresh   bool      // it was written in this power-up, and no program in its sector went wrong since
	next    int       // first unused entry of a fresh record
	ended   bool      // the last write came to its end, as far as the sectors show it
	failed  uint32    // address of the sector that took no data last, 0: none
	wrong   int       // entries that went wrong in this power-up
	copied  int       // last batch that an entry says is copied, -1: none

	doubt [limits.Sectors / 8]byte // one bit a sector of the software area
	dead  [limits.RecordDead]uint32
	deads int

	slots [chunk]byte
	chunk [chunk]byte
}

// chunk is how much of the flash is looked at in one read; a multiple of every program unit.
const chunk = 512

// Open makes s the store of the part with this layout, whose software area is software. Nothing is read.
func (s *Store) Open(part Part, layout *flash.Layout, software *flash.Geometry) {
	s.part, s.layout, s.software = part, layout, software
	s.sector = layout.Records()
	for i, k := range s.sector {
		s.addr[i], s.size[i] = layout.Geometry.Sector(k)
	}
	s.slot = max(entrySize, layout.Geometry.ProgramUnit)
	s.newest, s.copied = -1, -1
}

// Newest returns the record that counts, or nil. It is valid until the next Write or Scan.
func (s *Store) Newest() *Record {
	if s.newest < 0 {
		return nil
	}
	return &s.rec
}

// Ended reports whether the last write came to its end, as far as the sectors show it. If not it was cut, or its sector
// takes no data.
func (s *Store) Ended() bool { return s.ended }

// Fresh reports whether the record that counts was written in this power-up and may be followed by marks.
func (s *Store) Fresh() bool { return s.fresh }

// Stands reports whether the sector of the record that counts still holds it, read anew. Where there is none, it does.
func (s *Store) Stands() bool {
	if s.newest < 0 {
		return true
	}
	i := s.newest
	body := s.body[i][:length(s.body[i][:])]
	commit := s.addr[i] + s.align(uint32(len(body)))
	mark := entry(tagCommit, s.crc[i])
	return s.compare(s.addr[i], body) == nil && s.compare(commit, mark[:]) == nil
}

// Distrust makes the next mark stand behind a new record: the sector marked last did not take its data, and a mark
// that is followed by another says that its sector did.
func (s *Store) Distrust() { s.fresh = false }

// Copied returns the last batch that an entry behind the record says is in its places, or -1.
func (s *Store) Copied() int { return s.copied }

// align rounds n up to whole program units.
func (s *Store) align(n uint32) uint32 {
	unit := s.layout.Geometry.ProgramUnit
	return (n + unit - 1) / unit * unit
}

// maxEntries bounds the entries behind one record.
const maxEntries = limits.Entries

// capacity returns how many entries fit behind body and seal in record sector i.
func (s *Store) capacity(i int) int {
	return int(min(maxEntries, (s.size[i]-min(s.size[i], s.entries[i]))/s.slot))
}

// Scan reads both record sectors and decides which record counts and which sectors are doubtful. Nothing it reads can
// make it fail: what cannot be read, or reads differently twice, is no record.
func (s *Store) Scan() {
	s.newest, s.fresh, s.ended, s.copied = -1, false, false, -1
	var at [2]Record
	first, second := s.candidate(0, &at[0]), s.candidate(1, &at[1])
	switch {
	case first && second:
		newer := 0
		if at[1].Sequence > at[0].Sequence {
			newer = 1
		}
		s.newest = 1 - newer
		if s.traced(newer) { // rule 2
			s.newest = newer
		}
		s.ended = at[1-s.newest].Sequence < at[s.newest].Sequence // behind a write that ended lies the record before it
	case first:
		s.newest = 0
	case second:
		s.newest = 1
	}
	if s.newest >= 0 {
		s.rec = at[s.newest]
		if first != second && s.rec.Sequence == 1 { // before the first there is none
			other := 1 - s.newest
			s.ended = s.blank(other) == nil
		}
		for _, addr := range s.rec.Report.Dead() {
			s.AddDead(addr)
		}
	}
	s.doubtOf()
}

// candidate reads record sector i into rec and reports whether its body and commit mark are right.
func (s *Store) candidate(i int, rec *Record) bool {
	body := s.body[i][:]
	if s.readTwice(s.addr[i], body[:headSize]) != nil {
		return false
	}
	n := length(body)
	if n == 0 || uint32(n) > s.size[i]-2*s.slot {
		return false
	}
	body = body[:n]
	if s.readTwice(s.addr[i], body) != nil || !rec.decode(body) {
		return false
	}
	s.crc[i] = crcOf(body)
	commit := s.align(uint32(n))
	s.entries[i] = commit + 2*s.slot
	if s.entries[i] > s.size[i] {
		return false
	}
	got := s.slots[:entrySize]
	return s.readTwice(s.addr[i]+commit, got) == nil && [entrySize]byte(got) == entry(tagCommit, s.crc[i])
}

// traces is how often a seal is read before it counts as never begun.
const traces = 16

// traced reports whether anything behind the commit mark of record i shows that it was programmed, which was begun only
// after the commit mark was complete.
func (s *Store) traced(i int) bool {
	seal := s.addr[i] + s.entries[i] - s.slot
	for range traces {
		if s.programmed(seal) {
			return true
		}
	}
	for k := range s.capacity(i) {
		if s.programmed(s.addr[i] + s.entries[i] + uint32(k)*s.slot) {
			return true
		}
	}
	return false
}

// programmed reports whether the slot at addr is anything but erased.
func (s *Store) programmed(addr uint32) bool {
	p := s.slots[:s.slot]
	return s.part.Read(addr, p) != nil || !flash.Erased(p, s.layout.Geometry.Erased)
}
