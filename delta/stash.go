package delta

import "encoding/binary"

// stash keeps old bytes whose sector is given out, until the plan frees them. Its memory is a table
// of entries and the bytes of all entries without gaps, both in the order of keeping.
//
//	entry   old address, length, number of the last sector that may read it
type stash struct {
	table []byte
	bytes []byte
	n     uint32 // entries
	used  uint32 // bytes
}

func (s *stash) entry(i uint32) (addr, n, last uint32) {
	e := s.table[i*keepTableBytes:]
	return binary.LittleEndian.Uint32(e), binary.LittleEndian.Uint32(e[4:]), binary.LittleEndian.Uint32(e[8:])
}

func (s *stash) set(i, addr, n, last uint32) {
	e := s.table[i*keepTableBytes:]
	binary.LittleEndian.PutUint32(e, addr)
	binary.LittleEndian.PutUint32(e[4:], n)
	binary.LittleEndian.PutUint32(e[8:], last)
}

// free drops the entries that no sector after step may read, and closes the gaps.
func (s *stash) free(step uint32) {
	kept, from, to := uint32(0), uint32(0), uint32(0)
	for i := range s.n {
		addr, n, last := s.entry(i)
		if last > step {
			copy(s.bytes[to:to+n], s.bytes[from:from+n])
			s.set(kept, addr, n, last)
			kept++
			to += n
		}
		from += n
	}
	s.n, s.used = kept, to
}

// keep makes an entry and returns the memory for its bytes, nil if there is no room.
func (s *stash) keep(addr, n, last uint32) []byte {
	if (s.n+1)*keepTableBytes > uint32(len(s.table)) || n > uint32(len(s.bytes))-s.used {
		return nil
	}
	s.set(s.n, addr, n, last)
	s.n++
	s.used += n
	return s.bytes[s.used-n : s.used]
}

// find returns stashed bytes from old address addr on: at least one and at most n, nil if that
// byte is not here.
func (s *stash) find(addr, n uint32) []byte {
	at := uint32(0)
	for i := range s.n {
		start, length, _ := s.entry(i)
		if addr >= start && addr-start < length {
			off := addr - start
			return s.bytes[at+off : at+min(length, off+n)]
		}
		at += length
	}
	return nil
}
