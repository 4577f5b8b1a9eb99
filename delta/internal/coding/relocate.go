package coding

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Map says where old bytes went: sorted ranges of old addresses, each with the shift that its bytes
// were copied by. It lives in the caller's memory, EntryBytes an entry.
//
//	word 0   length, low 8 bits | start, 24 bits
//	word 1   length, high 8 bits | shift modulo 2^24
type Map struct {
	mem  []byte
	n    int
	most int // entries there were at a time

	Steps uint64 // so far: a look-up counts the binary digits of the number of entries, an entry that moves counts 2
	Limit uint64 // of steps: with more, Add gives up
}

// Limits of a map.
const (
	EntryBytes = 8
	maxEntry   = 1<<16 - 1 // bytes one entry covers
	addrMask   = 1<<24 - 1 // addresses and shifts are modulo 2^24: images are smaller
)

// MakeMap returns an empty map of at most len(mem)/EntryBytes entries.
func MakeMap(mem []byte) Map { return Map{mem: mem, Limit: math.MaxUint64} }

// Most returns the most entries that there were at a time, which is what the map needs memory for.
func (m *Map) Most() int { return m.most }

func (m *Map) entry(i int) (start, length, shift uint32) {
	a := binary.LittleEndian.Uint32(m.mem[i*EntryBytes:])
	b := binary.LittleEndian.Uint32(m.mem[i*EntryBytes+4:])
	return a & addrMask, a>>24 | b>>24<<8, b & addrMask
}

// after returns the index of the first entry that starts behind addr.
func (m *Map) after(addr uint32) int {
	lo, hi := 0, m.n
	m.Steps += uint64(bits.Len32(uint32(hi)))
	for lo < hi {
		mid := (lo + hi) >> 1
		if start, _, _ := m.entry(mid); start <= addr {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Add notes that n old bytes from start on moved by shift. What is known already stays: only the
// uncovered parts are added, to what they go on from and to. It reports false when the memory is full or
// the steps are used up.
func (m *Map) Add(start, n, shift uint32) bool {
	for end := start + n; start < end; {
		if m.Steps > m.Limit {
			return false
		}
		i := m.after(start)
		if i > 0 {
			if s, l, _ := m.entry(i - 1); start < s+l {
				start = s + l
				continue
			}
		}
		part := min(end-start, maxEntry)
		if i < m.n {
			next, _, _ := m.entry(i)
			part = min(part, next-start)
		}
		if !m.insert(i, start, part, shift&addrMask) {
			return false
		}
		start += part
	}
	return true
}

// insert adds a range as entry i, joined with its neighbours if they go on with the same shift and are not too long
// together.
func (m *Map) insert(i int, start, n, shift uint32) bool {
	joins, behind := 0, uint64(m.n-i) // entries that the range replaces, and those behind it
	if i > 0 {
		if s, l, by := m.entry(i - 1); s+l == start && by == shift && l+n <= maxEntry {
			i, start, n, joins = i-1, s, l+n, 1
		}
	}
	if i+joins < m.n {
		if s, l, by := m.entry(i + joins); s == start+n && by == shift && l+n <= maxEntry {
			n += l
			joins++
		}
	}
	if (m.n+1-joins)*EntryBytes > len(m.mem) {
		return false
	}
	if joins != 1 { // else nothing moves
		m.Steps += behind * (EntryBytes / 4)
	}
	copy(m.mem[(i+1)*EntryBytes:(m.n+1-joins)*EntryBytes], m.mem[(i+joins)*EntryBytes:m.n*EntryBytes])
	m.n += 1 - joins
	m.most = max(m.most, m.n)
	binary.LittleEndian.PutUint32(m.mem[i*EntryBytes:], start&addrMask|n<<24)
	binary.LittleEndian.PutUint32(m.mem[i*EntryBytes+4:], shift|n>>8<<24)
	return true
}

// Move returns where the old address addr went, going by the nearest range before it.
func (m *Map) Move(addr uint32) uint32 {
	i := m.after(addr & addrMask)
	if i == 0 {
		return addr
	}
	_, _, shift := m.entry(i - 1)
	return (addr + shift) & addrMask
}

// Run is a run of copied bytes without a gap: n bytes to new address To from To+Shift.
type Run struct{ To, N, Shift uint32 }

// Extend appends a piece if it goes on where the run ends, from where the run goes on.
func (r *Run) Extend(to, n, shift uint32) bool {
	if r.N == 0 || to != r.To+r.N || shift != r.Shift {
		return false
	}
	r.N += n
	return true
}

// Enter adds where a run's bytes came from. It reports false when the memory is full.
func (m *Map) Enter(r Run) bool { return m.Add(r.To+r.Shift, r.N, -r.Shift) }
