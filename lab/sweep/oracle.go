package sweep

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// The oracle judges by the emulator's own copy of the cells. It shares no code with the terminal: what
// it must know of records it reads by itself, from docs/record.md.

// cells is what the software area holds at one moment.
type cells struct {
	holds [2]bool // exactly this image, to the end of its last sector
	firm  [2]bool // and none of its cells may change by itself
}

// look compares the cells with both images.
func (st *stand) look() cells {
	c := cells{holds: [2]bool{true, true}, firm: [2]bool{true, true}}
	s := st.s
	first, base := s.layout.SoftwareFirst(), s.layout.SoftwareBase()
	for i := range max(s.goods[Old].end, s.goods[New].end) {
		addr, n := s.software.Sector(i)
		firm := st.board.Firm(first + i)
		for w := range c.holds {
			if i >= s.goods[w].end {
				continue
			}
			c.holds[w] = c.holds[w] && st.board.Holds(base+addr, s.goods[w].padded[addr:addr+n])
			c.firm[w] = c.firm[w] && firm
		}
		if !c.holds[Old] && !c.holds[New] {
			break
		}
	}
	return c
}

// intact says whether either image is there and will stay.
func (c *cells) intact() bool {
	return c.holds[Old] && c.firm[Old] || c.holds[New] && c.firm[New]
}

// bootArea says whether the boot area is what the factory made and was never erased.
func (st *stand) bootArea() bool {
	s := st.s
	for i := range s.layout.SoftwareFirst() - 2 {
		addr, n := s.layout.Geometry.Sector(i)
		if st.board.Wear(i) != 0 || !st.board.Holds(addr, s.raw[addr:addr+n]) {
			return false
		}
	}
	return true
}

// paper is what the record sectors say, as far as their cells can be read.
type paper struct {
	valid    bool
	sequence uint32 // the highest of a whole record
	floor    uint64 // the highest of one
	least    uint64 // the lowest of one
	trusts   bool   // all of them hold the trust statement
	last     sheet  // what the one with the highest sequence says
	doubt    []bool // software sectors that either record names, in its body or by a mark; all: no record
}

// read reads both record sectors from the cells. Marks of a record of which nobody knows whether it
// counts are taken as well: the oracle asks only which sectors may be touched. The result is valid until
// the next call.
func (st *stand) read() paper {
	s := st.s
	if st.names == nil {
		st.names = make([]bool, s.software.Sectors())
		st.sheet = make([]byte, s.layout.Geometry.Largest())
	}
	clear(st.names)
	p := paper{doubt: st.names}
	for _, i := range s.layout.Records() {
		addr, n := s.layout.Geometry.Sector(i)
		_ = st.board.Peek(addr, st.sheet[:n])
		p.take(st.sheet[:n], s.Shape.Unit, s.statement)
	}
	if !p.valid {
		for i := range p.doubt {
			p.doubt[i] = true
		}
	}
	return p
}

// sheet is what one record says of the release that is installed.
type sheet struct {
	installed, confirmed, predecessor bool
	floor                             uint64
}

// Offsets in a record, little endian, its flags, and the entries behind it: docs/record.md.
const (
	paperState     = 5
	paperFlags     = 6
	paperSequence  = 8
	paperLength    = 12
	paperFloor     = 16
	paperEra       = 24
	paperFrom      = 26
	paperTo        = 28
	paperStatement = 30
	paperDoubts    = 32
	paperHead      = 192
	paperOneFlag   = 1 // confirmed
	paperAllFlag   = 2
	paperCommit    = 0xA5C30000
	paperSeal      = 0xA5C40000
)

func (p *paper) take(sector []byte, unit uint32, statement []byte) {
	le := binary.LittleEndian
	n := le.Uint32(sector[paperLength:])
	if le.Uint32(sector) != 0x43524255 || n < paperHead+4 || n > uint32(len(sector)) ||
		le.Uint32(sector[n-4:]) != crc32.ChecksumIEEE(sector[:n-4]) {
		return
	}
	crc := le.Uint32(sector[n-4:])
	slot := max(8, unit)
	at := (n + unit - 1) / unit * unit
	if at+2*slot > uint32(len(sector)) || !stamped(sector[at:], paperCommit, crc) {
		return
	}
	from, to := uint32(le.Uint16(sector[paperFrom:])), uint32(le.Uint16(sector[paperTo:]))
	names := paperHead + from + to + uint32(le.Uint16(sector[paperStatement:]))
	floor, trusts := le.Uint64(sector[paperFloor:]), bytes.Equal(sector[paperHead+from+to:names], statement)
	if !p.valid {
		p.least, p.trusts = floor, trusts
	}
	if sequence := le.Uint32(sector[paperSequence:]); !p.valid || sequence > p.sequence {
		p.sequence = sequence
		p.last = sheet{sector[paperState] == 1, sector[paperFlags]&paperOneFlag != 0, from > 0, floor}
	}
	p.valid = true
	p.floor, p.least, p.trusts = max(p.floor, floor), min(p.least, floor), p.trusts && trusts
	for i := range uint32(le.Uint16(sector[paperDoubts:])) {
		if k := int(le.Uint16(sector[names+2*i:])); k < len(p.doubt) {
			p.doubt[k] = true
		}
	}
	if sector[paperFlags]&paperAllFlag != 0 {
		for i := range p.doubt {
			p.doubt[i] = true
		}
	}
	for at += 2 * slot; at+slot <= uint32(len(sector)); at += slot {
		tag := le.Uint32(sector[at:])
		if k := int(tag & 0xFFFF); tag>>16 == 0x5A00 && stamped(sector[at:], tag, crc) && k < len(p.doubt) {
			p.doubt[k] = true
		}
	}
}

// stamp returns the entry of this tag behind a record of this CRC.
func stamp(tag, crc uint32) []byte {
	le := binary.LittleEndian
	both := le.AppendUint32(le.AppendUint32(nil, tag), crc)
	return le.AppendUint32(both[:4:4], crc32.ChecksumIEEE(both))
}

// stamped says whether b begins with it.
func stamped(b []byte, tag, crc uint32) bool { return bytes.Equal(b[:8], stamp(tag, crc)) }

// history is what may have happened to the flash of a device so far: the bounds that the oracle holds it
// to.
type history struct {
	cuts     uint32
	touch    []bool // software sectors that may have been erased
	software uint32 // erases of software sectors at most, one more for each cut
	records  uint32 // record writes at most, beside those that cuts cause
	floor    uint64 // at most
	least    uint64 // at least
	trusts   bool   // the trust statement must be there
	runs     bool   // the last cut was before the first erase, or behind the last read-back
	dead     bool   // a sector takes no data, so that a doubtful one cannot be refreshed
}

// begin is the history of a device that nothing has happened to yet.
func (s *Subject) begin(start Start) history {
	h := history{touch: make([]bool, s.software.Sectors()), floor: s.id.Floor.Counter}
	if start == StartOld {
		h.floor, h.least, h.trusts = startFloor, startFloor, true
	}
	return h
}

// updated is the history of an update: the sectors that change, the intent and the final record, and new
// records when the marks run out.
func (s *Subject) updated() history {
	h := s.begin(StartOld)
	h.touch = s.changed
	for _, c := range s.changed {
		if c {
			h.software++
		}
	}
	h.records = 2 + s.renewals(h.software)
	return h
}

// confirming is the history of an update and of the session behind it, which confirms the new release.
func (s *Subject) confirming() history {
	h := s.updated()
	h.records++
	h.floor = s.goods[New].m.Counter
	return h
}

// renewals returns how many records are written because marks run out in a rewrite of n sectors.
func (s *Subject) renewals(n uint32) uint32 {
	least := ^uint32(0)
	for _, i := range s.layout.Records() {
		_, size := s.layout.Geometry.Sector(i)
		slot := max(8, s.Shape.Unit)
		// A record holds two manifests and, of doubt, at most one sector of each cut.
		body := uint32(paperHead + len(s.goods[Old].signed) + len(s.goods[New].signed) + len(s.statement) + 2*128 + 4)
		least = min(least, max(1, (size-min(size, body))/slot-2))
	}
	return n / least
}

// restored returns h with a restoration to w that begins from the cells and records as they are now.
func (st *stand) restored(h history, w Which) history {
	s := st.s
	p := st.read()
	first, base := s.layout.SoftwareFirst(), s.layout.SoftwareBase()
	touch := append([]bool(nil), h.touch...)
	count := uint32(0)
	for i := range touch {
		addr, n := s.software.Sector(i)
		wanted := s.cells(w, addr, n)
		// A sector that is to be erased is always erased: that it reads so proves nothing.
		if p.doubt[i] || !st.board.Firm(first+i) || i < s.goods[w].end && (!st.board.Holds(base+addr, wanted) || s.erased(wanted)) {
			touch[i] = true
			count++
		}
	}
	h.touch = touch
	h.software += 2 * count // refreshed, and then rewritten
	h.records += 4 + s.renewals(2*count)
	return h
}

func (s *Subject) erased(p []byte) bool {
	for _, c := range p {
		if c != s.Shape.Erased {
			return false
		}
	}
	return true
}

// worn compares what was erased with the history, and what should not have been touched with what it was.
func (st *stand) worn(h *history) (touched, counted bool) {
	s := st.s
	first, base := s.layout.SoftwareFirst(), s.layout.SoftwareBase()
	touched = true
	sum := uint32(0)
	for i := range s.software.Sectors() {
		n := st.board.Wear(first + i)
		sum += n
		if touched && !h.touch[i] { // a device that knows nothing may touch all: the others began with the old image
			addr, size := s.software.Sector(i)
			touched = n == 0 && st.board.Holds(base+addr, s.raw[base+addr:][:size])
		}
	}
	records := uint32(0)
	for _, i := range s.layout.Records() {
		records += st.board.Wear(i)
	}
	// Each cut can cost the record under way, and costs its boot two: one that names the doubtful sector
	// and one that says it is over.
	return touched, sum <= h.software+h.cuts && records <= h.records+3*h.cuts
}
