package delta

import (
	"encoding/binary"
	"math/bits"
)

// stash keeps old bytes whose sector is given out, until the plan frees them. Its memory is a table of entries, in the order
// of keeping, and the bytes of all entries, in the same order and without gaps. No two entries hold the same old byte, since a
// sector is built once and its entries follow each other; so there is one order by address, too, which each place of the table
// holds an index of, and a byte is found in it by halving.
//
//	word 0   old address
//	word 1   length less 1, 18 bits | number of the last sector that may read it, 12 bits
//	word 2   where its bytes begin, 18 bits | entry that comes in this place by address, 12 bits
type stash struct {
	table []byte
	bytes []byte
	n     uint32 // entries
	used  uint32 // bytes
	place uint32 // by address, of the next entry of the sector that is being kept
	first uint32 // last sector of the entry that is freed first
	steps uint64 // what it took, by docs/delta.md, section 8
}

// Parts of an entry's words.
const (
	stashLength = 1<<18 - 1
	stashOffset = 1<<18 - 1
	stashShift  = 18
	stashGone   = stashOffset // no offset: the entry is being freed
)

func (s *stash) word(i, w uint32) uint32 {
	return binary.LittleEndian.Uint32(s.table[i*keepTableBytes+4*w:])
}

func (s *stash) put(i, w, v uint32) {
	binary.LittleEndian.PutUint32(s.table[i*keepTableBytes+4*w:], v)
}

func (s *stash) length(i uint32) uint32 { return s.word(i, 1)&stashLength + 1 }
func (s *stash) last(i uint32) uint32   { return s.word(i, 1) >> stashShift }
func (s *stash) offset(i uint32) uint32 { return s.word(i, 2) & stashOffset }

func (s *stash) setOffset(i, v uint32) { s.put(i, 2, s.word(i, 2)&^stashOffset|v) }

// sorted returns the entry in a place by address.
func (s *stash) sorted(place uint32) uint32 { return s.word(place, 2) >> stashShift }

func (s *stash) setSorted(place, i uint32) {
	s.put(place, 2, s.word(place, 2)&stashOffset|i<<stashShift)
}

// free drops the entries that no sector after step may read, and closes the gaps.
func (s *stash) free(step uint32) {
	if s.n == 0 || s.first > step {
		return
	}
	// Each entry is told its new number first, then the order is made of these.
	left := uint32(0)
	for i := range s.n {
		v := uint32(stashGone)
		if s.last(i) > step {
			v = left
			left++
		}
		s.setOffset(i, v)
	}
	place := uint32(0)
	for p := range s.n {
		if v := s.offset(s.sorted(p)); v != stashGone {
			s.setSorted(place, v)
			place++
		}
	}
	s.steps += 3 * uint64(s.n)
	to, from, kept, first := uint32(0), uint32(0), uint32(0), uint32(1<<32-1)
	for i := range s.n {
		n := s.length(i)
		if s.offset(i) != stashGone {
			if to != from {
				copy(s.bytes[to:to+n], s.bytes[from:from+n])
				s.steps += uint64(n >> 2)
			}
			s.put(kept, 0, s.word(i, 0))
			s.put(kept, 1, s.word(i, 1))
			s.setOffset(kept, to)
			first = min(first, s.last(i))
			kept++
			to += n
		}
		from += n
	}
	s.n, s.used, s.first = kept, to, first
}

// begin makes place for the count entries of the sector at addr, which come in the order of their addresses: it reports
// false if there is none.
func (s *stash) begin(addr, count uint32) bool {
	if count > uint32(len(s.table))/keepTableBytes-s.n {
		return false
	}
	if count == 0 {
		return true
	}
	s.place = s.behind(addr)
	for p := s.n; p > s.place; p-- {
		s.setSorted(p-1+count, s.sorted(p-1))
	}
	s.steps += uint64(s.n - s.place)
	if s.n == 0 {
		s.first = 1<<32 - 1
	}
	return true
}

// keep makes the next entry and returns the memory for its bytes, nil if there is no room.
func (s *stash) keep(addr, n, last uint32) []byte {
	if n > uint32(len(s.bytes))-s.used {
		return nil
	}
	i := s.n
	s.put(i, 0, addr)
	s.put(i, 1, n-1|last<<stashShift)
	s.setOffset(i, s.used)
	s.setSorted(s.place, i)
	s.place++
	s.n++
	s.used += n
	s.first = min(s.first, last)
	s.steps += uint64(1 + n>>2)
	return s.bytes[s.used-n : s.used]
}

// behind returns the first place by address whose entry begins behind addr.
func (s *stash) behind(addr uint32) uint32 {
	low, high := uint32(0), s.n
	s.steps += 2 * uint64(bits.Len32(s.n)) // places, and their entries
	for low < high {
		mid := (low + high) >> 1
		if s.word(s.sorted(mid), 0) <= addr {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// find returns stashed bytes from old address addr on: at least one and at most n, nil if that
// byte is not here.
func (s *stash) find(addr, n uint32) []byte {
	p := s.behind(addr)
	if p == 0 {
		return nil
	}
	i := s.sorted(p - 1)
	off, length := addr-s.word(i, 0), s.length(i)
	if off >= length {
		return nil
	}
	at := s.offset(i)
	return s.bytes[at+off : at+min(length, off+n)]
}
