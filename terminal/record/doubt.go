package record

import "unbrick/release"

// Doubtful reports whether sector i of the software area must not be believed.
func (s *Store) Doubtful(i int) bool { return s.doubt[i/8]>>(i%8)&1 != 0 }

// Doubts counts the doubtful ones of the first end sectors.
func (s *Store) Doubts(end int) uint32 {
	n := uint32(0)
	for i := range end {
		if s.Doubtful(i) {
			n++
		}
	}
	return n
}

// SetDoubt makes sector i of the software area doubtful; one that does not exist is left alone.
func (s *Store) SetDoubt(i int) {
	if i < s.software.Sectors() {
		s.doubt[i/8] |= 1 << (i % 8)
	}
}

// ClearDoubt says that sector i was written and read back in this power-up.
func (s *Store) ClearDoubt(i int) { s.doubt[i/8] &^= 1 << (i % 8) }

// doubtOf notes the sectors that the newest record says not to believe: those in its body and the last marked one. A
// marked sector followed by another entry is good again, because that was programmed only after the sector was read back.
func (s *Store) doubtOf() {
	clear(s.doubt[:])
	rec := s.Newest()
	if rec == nil || rec.DoubtAll {
		// Without a record nobody knows what was being written when.
		first := 0
		if rec != nil && rec.Doubts() > 0 {
			first = s.endOf(rec)
		}
		for i := first; i < s.software.Sectors(); i++ {
			s.SetDoubt(i)
		}
	}
	if rec == nil {
		return
	}
	for i := range rec.Doubts() {
		s.SetDoubt(rec.Doubt(i))
	}
	s.readEntries()
}

// readEntries goes through the entries behind the record that counts.
func (s *Store) readEntries() {
	last, unreadable := -1, false
	// Many are read at a time; what cannot be read so is read one by one.
	many := max(1, chunk/s.slot)
	left := uint32(s.capacity(s.newest))
	for addr := s.addr[s.newest] + s.entries[s.newest]; left > 0; left -= min(left, many) {
		n := min(left, many) * s.slot
		whole := s.readTwice(addr, s.slots[:n]) == nil
		for at := uint32(0); at < n; at += s.slot {
			slot := s.slots[at:][:entrySize]
			if !whole && s.readTwice(addr+at, slot) != nil {
				unreadable = true
				continue
			}
			mark, copied := numbered(slot, tagMark, s.crc[s.newest]), numbered(slot, tagCopied, s.crc[s.newest])
			if mark < 0 && copied < 0 {
				continue
			}
			// With an unreadable unit in between, the one before may have been followed by any sector: an entry that
			// was complete and decays is not expected, but costs only doubt.
			if last >= 0 && last < s.software.Sectors() && !unreadable {
				s.ClearDoubt(last)
			}
			last, unreadable = mark, false
			if mark >= 0 {
				s.SetDoubt(mark)
			} else {
				s.copied = copied
			}
		}
		addr += n
	}
}

// endOf returns how many sectors the image takes of which rec says that it is installed, 0 if it says that of none.
func (s *Store) endOf(rec *Record) int {
	if rec.State != Installed {
		return 0
	}
	m, _, err := release.Parse(rec.To)
	if err != nil || m.Size > s.software.Size() {
		return 0
	}
	return s.software.SectorAt(m.Size-1) + 1
}

// carry makes rec name all sectors that are doubtful now. More than it can name are all; of an installed image none that
// is not named, or every boot would refresh all of it for the sake of what lies behind. names is memory for the list.
func (s *Store) carry(rec *Record, names []byte) {
	rec.doubt, rec.DoubtAll = nil, false
	for i := range s.software.Sectors() {
		if !s.Doubtful(i) {
			continue
		}
		if rec.Doubts() == maxDoubts {
			rec.DoubtAll = true
			if end := s.endOf(rec); end == 0 || i < end {
				rec.doubt = nil
			}
			return
		}
		names = append(names, byte(i), byte(i>>8))
		rec.doubt = names
	}
}

// AddDead notes that the sector at addr takes no data. Every record that is written from now on says so.
func (s *Store) AddDead(addr uint32) {
	if !s.IsDead(addr) && s.deads < len(s.dead) {
		s.dead[s.deads] = addr
		s.deads++
	}
}

// Revive notes that the sector at addr has taken its data.
func (s *Store) Revive(addr uint32) {
	for k, known := range s.dead[:s.deads] {
		if known == addr {
			s.deads--
			s.dead[k] = s.dead[s.deads]
			return
		}
	}
}

// IsDead reports whether the sector at addr is known to take no data.
func (s *Store) IsDead(addr uint32) bool {
	for _, known := range s.Dead() {
		if known == addr {
			return true
		}
	}
	return false
}

// Dead returns the addresses of sectors that take no data, valid until the next call of any method.
func (s *Store) Dead() []uint32 { return s.dead[:s.deads] }

// DeadRecord returns the address of the record sector that the next record needs, if it is known to be dead.
func (s *Store) DeadRecord() (addr uint32, dead bool) {
	for i, addr := range s.addr {
		if i != s.newest && s.IsDead(addr) {
			return addr, true
		}
	}
	return 0, false
}

// Failed returns the address of the record sector at fault when no record or mark could be written.
func (s *Store) Failed() uint32 {
	switch {
	case s.failed != 0:
		return s.failed
	case s.newest >= 0:
		return s.addr[1-s.newest]
	}
	return s.addr[0]
}
