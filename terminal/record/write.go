package record

import (
	"unbrick/flash"
	"unbrick/release"
)

// Draft returns the record to be changed and written next: a copy of the newest, or an empty one with this floor.
func (s *Store) Draft(floor release.Floor) Record {
	if rec := s.Newest(); rec != nil {
		return *rec
	}
	return Record{Floor: floor}
}

// Write writes rec, which counts from its seal on, with the next sequence number and with what is doubtful and dead now.
// The flash must be free to be busy. If it fails, the record that counted before still does. The byte fields of rec may be
// those of the newest record; Newest is another one afterwards.
func (s *Store) Write(rec *Record) error {
	i := 0
	rec.Sequence = 1
	if s.newest >= 0 {
		i = 1 - s.newest
		rec.Sequence = s.rec.Sequence + 1
	} else if s.blankOther() != nil { // rule 6
		return ErrNoRecord
	}
	s.carry(rec, s.slots[:0])
	s.reportDead(&rec.Report, s.addr[i])
	body := rec.encode(s.body[i][:])
	s.crc[i] = crcOf(body)
	n := s.align(uint32(len(body)))
	for k := len(body); k < int(n); k++ {
		s.body[i][k] = s.layout.Geometry.Erased
	}
	s.entries[i] = n + 2*s.slot
	for try := range uint32(attempts) {
		if try > 0 {
			s.part.Told(Retried, s.sector[i], try)
		}
		if s.writeOnce(i, s.body[i][:n]) != nil {
			continue
		}
		s.newest, s.fresh, s.next, s.copied = i, true, 0, -1
		if !s.rec.decode(body) {
			panic("record: encodes what it does not decode")
		}
		s.revived(i)
		return nil
	}
	s.died(i)
	return ErrNoRecord
}

// reportDead puts the addresses of dead sectors into p, but for that of the sector that the record goes to: it takes data
// if it takes the record.
func (s *Store) reportDead(p *Report, to uint32) {
	clear(p.dead[:])
	p.deads = 0
	for _, addr := range s.Dead() {
		if addr != to {
			p.dead[p.deads] = addr
			p.deads++
		}
	}
}

// blankOther erases record sector 1, so that a record in it that could not be read cannot come back and count more than
// the one about to be written into sector 0.
func (s *Store) blankOther() error {
	var err error
	for range attempts {
		if err = s.part.Erase(s.sector[1]); err != nil {
			continue
		}
		if err = s.blank(1); err == nil {
			return nil
		}
		s.part.Told(Mismatch, s.sector[1], 0)
	}
	s.died(1)
	return err
}

func (s *Store) writeOnce(i int, body []byte) error {
	// Erased even if it reads erased: that may be a sector whose erase was cut short.
	if err := s.part.Erase(s.sector[i]); err != nil {
		return err
	}
	// The whole sector must read erased: an entry that was there before must not be taken for one of this record, and
	// the entries need units that can be programmed.
	if err := s.blank(i); err != nil {
		s.part.Told(Mismatch, s.sector[i], 0)
		return err
	}
	if err := s.part.Program(s.addr[i], body); err != nil {
		return err
	}
	for range 2 {
		if err := s.compare(s.addr[i], body); err != nil {
			return err
		}
	}
	at := s.addr[i] + uint32(len(body))
	if err := s.enter(i, at, tagCommit); err != nil {
		return err
	}
	return s.enter(i, at+s.slot, tagSeal)
}

// enter programs an entry behind record i at addr and reads it back.
func (s *Store) enter(i int, addr, tag uint32) error {
	slot := s.slots[:s.slot]
	for k := range slot {
		slot[k] = s.layout.Geometry.Erased
	}
	e := entry(tag, s.crc[i])
	copy(slot, e[:])
	if err := s.part.Program(addr, slot); err != nil {
		return err
	}
	for range 2 {
		if err := s.compare(addr, slot); err != nil {
			s.part.Told(Mismatch, s.sector[i], 0)
			return err
		}
	}
	return nil
}

// Mark says, so that it outlives a power failure, that sector k of the software area is about to be touched. The record it
// stands behind is renewed when its entries are used up or when it is not of this power-up (rule 5); what was doubtful is
// then carried over in the new one's body.
func (s *Store) Mark(k int) error {
	for s.newest >= 0 {
		if !s.fresh || s.next >= s.capacity(s.newest) {
			if err := s.renew(); err != nil {
				return err
			}
		}
		if s.append(tagMark | uint32(k)) {
			s.SetDoubt(k)
			s.part.Told(Marked, s.layout.SoftwareFirst()+k, uint32(s.capacity(s.newest)-s.next))
			return nil
		}
		if s.wrong > maxWrong {
			s.died(s.newest)
			return ErrNoMark
		}
	}
	return ErrNoRecord
}

// renew writes the record that counts once more, into the other sector.
func (s *Store) renew() error {
	next := s.rec
	if err := s.Write(&next); err != nil {
		return err
	}
	s.part.Told(Renewed, s.sector[s.newest], s.rec.Sequence)
	if s.capacity(s.newest) == 0 {
		return ErrNoMark
	}
	return nil
}

// append programs an entry into the next free slot and reports whether it is there. A slot is tried once: after a failure
// it is not erased any more.
func (s *Store) append(tag uint32) bool {
	addr := s.addr[s.newest] + s.entries[s.newest] + uint32(s.next)*s.slot
	s.next++
	if s.enter(s.newest, addr, tag) == nil {
		return true
	}
	s.wrong++
	return false
}

// maxWrong bounds the entries that go wrong in one power-up.
const maxWrong = 64

// Vouch takes back, by marks, what the newest record says of doubt that is gone, when it cannot be replaced by one that
// says so: a sector that is marked and followed by another entry is good. It is for a record of this power-up, whose
// sectors were all read back; otherwise, or if there are no units left, the doubt stays.
func (s *Store) Vouch() {
	rec := s.Newest()
	if rec == nil || !s.fresh || rec.DoubtAll {
		return
	}
	for i := range rec.Doubts() {
		if k := rec.Doubt(i); k < s.software.Sectors() && !s.Doubtful(k) && !s.vouchFor(k) {
			return
		}
	}
	s.vouchFor(noSector)
}

func (s *Store) vouchFor(k int) bool {
	for s.next < s.capacity(s.newest) && s.wrong <= maxWrong {
		if s.append(tagMark | uint32(k)) {
			return true
		}
	}
	return false
}

func (s *Store) died(i int) {
	s.failed = s.addr[i]
	s.AddDead(s.addr[i])
	s.part.Told(Died, s.sector[i], 0)
}

func (s *Store) revived(i int) {
	s.Revive(s.addr[i])
	s.part.Told(Revived, s.sector[i], 0)
}

// reader is the part of a Store as package flash reads it. To make a flash.Reader of a Part where it is read would now and then allocate: Go
// remembers some of the conversions of one interface to another.
type reader struct{ *Store }

// Read implements flash.Reader.
func (r reader) Read(addr uint32, p []byte) error { return r.part.Read(addr, p) }

// readTwice, compare and blank are package flash's, with the store's memory.
func (s *Store) readTwice(addr uint32, p []byte) error {
	return flash.ReadTwice(reader{s}, addr, p, s.chunk[:])
}

func (s *Store) compare(addr uint32, p []byte) error {
	return flash.Compare(reader{s}, addr, p, s.chunk[:])
}

// blank reports whether all of record sector i reads erased.
func (s *Store) blank(i int) error {
	return flash.Blank(reader{s}, s.addr[i], s.size[i], s.layout.Geometry.Erased, s.chunk[:])
}

// Put writes rec as it stands in a record sector when it leaves the factory, body, commit mark and seal, with program units
// of unit bytes.
func Put(sector []byte, rec *Record, unit uint32) {
	var mem [MaxSize]byte
	body := rec.encode(mem[:])
	copy(sector, body)
	slot := max(entrySize, unit)
	at := (uint32(len(body)) + unit - 1) / unit * unit
	commit, seal := entry(tagCommit, crcOf(body)), entry(tagSeal, crcOf(body))
	copy(sector[at:], commit[:])
	copy(sector[at+slot:], seal[:])
}
