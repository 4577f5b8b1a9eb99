package coding

import "encoding/binary"

// Kind is what a predicted field is, for the contexts of its bytes. Below 16.
type Kind uint8

// Kinds of fields. Numbers are part of the format: append-only.
const (
	KindPlain   Kind = 0 // no field
	KindBranch  Kind = 1 // displacement of a call or jump
	KindLoad    Kind = 2 // displacement of a load from the code
	KindPointer Kind = 3 // address within the image
	KindRAM     Kind = 4 // address in RAM
	KindPair    Kind = 5 // address in two instructions
	KindNear    Kind = 6 // displacement of a jump within a function
)

// MaxField is the most bytes of one field.
const MaxField = 8

// Setup is what the header says about prediction. All but ISA are zero without an instruction set.
//
// Without segments the image runs at Base as a whole, and code refers to offsets in it. With segments both images have some, and
// code and pointers refer to the addresses of these.
type Setup struct {
	ISA      ISA
	Base     uint32   // address that the image runs at, whole pages, 0 with segments; pointers are sought if not NoBase
	RAM      uint32   // start of the RAM that pointers may point into, whole pages
	RAMSize  uint32   // its bytes, whole pages; 0: none are sought
	Old, New Segments // of the old and of the new image
}

// NoBase as Base says that no pointers into the image are sought.
const NoBase = 1<<32 - 1

const (
	pageBits     = 12 // base and RAM are whole pages
	maxPages     = 1<<(32-pageBits) - 1
	flagPointers = 0x01
	flagRAM      = 0x02
	flagSegments = 0x04
	flagOthers   = 0x08 // the new image's segments are others
	seenCount    = 256  // RAM pointers remembered
	seenBytes    = 8    // each: old value, shift
)

// Append writes the setup's part of a header: the instruction set; if there is one, what is sought and
// where, in pages.
func (s *Setup) Append(dst []byte) []byte {
	dst = append(dst, byte(s.ISA))
	if s.ISA == ISANone {
		return dst
	}
	flags := byte(0)
	if s.Base != NoBase {
		flags |= flagPointers
	}
	if s.RAMSize != 0 {
		flags |= flagRAM
	}
	if s.Old.Count > 0 {
		flags |= flagSegments
		if s.New != s.Old {
			flags |= flagOthers
		}
	}
	dst = append(dst, flags)
	if flags&(flagPointers|flagSegments) == flagPointers {
		dst = appendPages(dst, s.Base)
	}
	if flags&flagRAM != 0 {
		dst = appendPages(appendPages(dst, s.RAM), s.RAMSize)
	}
	if flags&flagSegments != 0 {
		dst = s.Old.append(dst)
	}
	if flags&flagOthers != 0 {
		dst = s.New.append(dst)
	}
	return dst
}

func appendPages(dst []byte, n uint32) []byte {
	n >>= pageBits
	return append(dst, byte(n), byte(n>>8), byte(n>>16))
}

// Parse reads what Append wrote, from the front of b, and returns the rest.
func (s *Setup) Parse(b []byte) (rest []byte, ok bool) {
	*s = Setup{}
	if len(b) < 1 || b[0] >= isaCount {
		return b, false
	}
	s.ISA = ISA(b[0])
	if b = b[1:]; s.ISA == ISANone {
		return b, true
	}
	if len(b) < 1 || b[0] > 0x0f || b[0]&(flagSegments|flagOthers) == flagOthers {
		return b, false
	}
	flags := b[0]
	b, ok = b[1:], true
	pages := func() uint32 {
		if len(b) < 3 {
			ok = false
			return 0
		}
		n := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
		b = b[3:]
		ok = ok && n <= maxPages
		return n << pageBits
	}
	switch flags & (flagPointers | flagSegments) {
	case flagPointers:
		s.Base = pages()
	case flagPointers | flagSegments:
	default:
		s.Base = NoBase
	}
	if flags&flagRAM != 0 {
		s.RAM, s.RAMSize = pages(), pages()
		ok = ok && s.RAMSize != 0
	}
	if !ok || flags&flagSegments == 0 {
		return b, ok
	}
	if b, ok = s.Old.parse(b); !ok {
		return b, false
	}
	if s.New = s.Old; flags&flagOthers != 0 {
		b, ok = s.New.parse(b)
		ok = ok && s.New != s.Old
	}
	return b, ok
}

// Within reports whether the segments lie in images of these sizes.
func (s *Setup) Within(from, to uint32) bool { return s.Old.within(from) && s.New.within(to) }

// Bytes returns the memory that a Predictor with this setup needs besides the map.
func (s *Setup) Bytes() uint32 {
	if s.RAMSize == 0 {
		return 0
	}
	return seenCount * seenBytes
}

// Predictor foretells the new bytes of fields that hold addresses, from where the copies moved what
// they point at. It is the seam for instruction sets: maker and reader ask it the same questions.
type Predictor struct {
	setup    *Setup
	moves    *Map
	size     uint32 // of the old image
	pointers uint32 // above Base: size, 0 if none are sought
	align    uint32 // bits that are clear where an instruction begins
	words    uint32 // and where a pointer lies
	told     bool   // instructions are told apart by their lengths
	located  bool   // segments say where things run
	directed bool   // and pointers into them are sought
	seen     []byte // RAM pointers met: old value, shift
	count    int
	next     int    // entry overwritten next
	was      uint32 // the RAM pointer found last
	place    int    // the entry that has its value, -1 if there is none
	end      uint32 // where the last piece ended
	begin    uint32 // where the next instruction begins, if they are told apart

	Field [MaxField]byte // the bytes foretold by the last call of Next
	Steps uint64         // RAM pointers met that were looked at so far
}

// MakePredictor returns a Predictor for setup, which must stay as it is, over the map moves of an old image of size bytes, in mem,
// which must be setup.Bytes() long. The map must be complete.
func MakePredictor(setup *Setup, moves *Map, size uint32, mem []byte) Predictor {
	p := Predictor{setup: setup, moves: moves, size: size, align: setup.ISA.align(), words: setup.ISA.words(),
		told: setup.ISA.length(0) > 0, seen: mem}
	if setup.Old.Count > 0 {
		p.located, p.directed, p.align = true, setup.Base != NoBase, 0 // where an instruction begins is a matter of its address
	} else if setup.Base != NoBase {
		p.pointers = size
	}
	return p
}

// Next looks at the old bytes of a copy from old address src on, which go to address dst: so many of them
// are plain up to the next field or the end of the unit, and then come n that are a field of that kind, 0
// if there is none. The field's new bytes are in Field.
func (p *Predictor) Next(old []byte, src, dst uint32) (plain, n int, kind Kind) {
	end := min(len(old), int(UnitSize-src&(UnitSize-1)))
	if p.setup.ISA == ISANone {
		return end, 0, KindPlain
	}
	for ; plain < end; plain++ {
		rest := old[plain:]
		if src&p.align == 0 && (!p.told || p.begins(src, rest[0])) {
			if p.located {
				if n, kind := p.runs(rest, src, dst); n > 0 {
					return plain, n, kind
				}
			} else if n, kind, to := p.setup.ISA.find(rest, src); n > 0 && p.aim(rest[:n], kind, src, dst, to) {
				return plain, n, kind
			}
		}
		if src&p.words == 0 && len(rest) >= 4 {
			word := binary.LittleEndian.Uint32(rest)
			if p.directed && p.points(word) {
				return plain, 4, KindPointer
			}
			if word-p.setup.Base < p.pointers || word-p.setup.RAM < p.setup.RAMSize {
				return plain, 4, p.word(word)
			}
		}
		src++
		dst++
	}
	return plain, 0, KindPlain
}

// Start says that a piece of a copy of n old bytes from src on comes. Instructions are told apart from
// its first byte on, unless it goes on where the last piece ended.
func (p *Predictor) Start(src, n uint32) {
	if src != p.end {
		p.begin = src
	}
	p.end = src + n
}

// begins reports whether an instruction, whose first byte this is, begins here.
func (p *Predictor) begins(src uint32, first byte) bool {
	if int32(src-p.begin) < 0 {
		return false
	}
	p.begin = src + p.setup.ISA.length(first)
	return true
}

// aim makes Field the old bytes of a field that pointed at address to, aimed to where that went. It reports
// false if they count as plain.
func (p *Predictor) aim(old []byte, kind Kind, src, dst, to uint32) bool {
	// A load is aimed anew only where the alignment changed: else it moves with its pool.
	if to > p.size || kind == KindLoad && (src^dst)&3 == 0 {
		return false
	}
	n := copy(p.Field[:], old)
	return p.setup.ISA.aim(p.Field[:n], kind, dst, p.moves.Move(to))
}

// runs looks for a field at the start of code, from old address src to address dst, where segments say at which addresses code
// runs and what it points at, and makes Field what it becomes. It returns its length, 0 if there is none.
func (p *Predictor) runs(code []byte, src, dst uint32) (n int, kind Kind) {
	at, ok := p.setup.Old.address(src)
	if !ok {
		return 0, 0
	}
	n, kind, to := p.setup.ISA.find(code, at)
	if n == 0 {
		return 0, 0
	}
	from, ok := p.setup.New.address(dst)
	if !ok || kind == KindLoad && (at^from)&3 == 0 {
		return 0, 0
	}
	if to, ok = p.moved(to); !ok {
		return 0, 0
	}
	copy(p.Field[:], code[:n])
	if !p.setup.ISA.aim(p.Field[:n], kind, from, to) {
		return 0, 0
	}
	return n, kind
}

// moved returns at which address runs what ran at address to, if segments had and have that.
func (p *Predictor) moved(to uint32) (uint32, bool) {
	was, ok := p.setup.Old.offset(to)
	if !ok {
		return 0, false
	}
	return p.setup.New.address(p.moves.Move(was))
}

// points makes Field what a pointer into a segment becomes, and reports false if the word is none.
func (p *Predictor) points(word uint32) bool {
	to, ok := p.moved(word)
	if ok {
		binary.LittleEndian.PutUint32(p.Field[:], to)
	}
	return ok
}

// word makes Field what a pointer becomes.
func (p *Predictor) word(word uint32) (kind Kind) {
	if word-p.setup.Base < p.pointers {
		word, kind = p.moves.Move(word-p.setup.Base)+p.setup.Base, KindPointer
	} else {
		p.was = word
		word, kind = word+p.near(word), KindRAM
	}
	binary.LittleEndian.PutUint32(p.Field[:], word)
	return kind
}

// near returns the shift of the RAM pointer met whose old value was nearest, and remembers its place if it
// was the same.
func (p *Predictor) near(word uint32) uint32 {
	shift, best := uint32(0), uint32(1<<32-1)
	p.place = -1
	for at, rest := 0, p.seen[:p.count*seenBytes]; len(rest) >= seenBytes; at++ {
		was, moved := binary.LittleEndian.Uint32(rest), binary.LittleEndian.Uint32(rest[4:])
		rest = rest[seenBytes:]
		p.Steps++
		if was == word {
			p.place = at
			return moved
		}
		if apart := min(was-word, word-was); apart <= best {
			best, shift = apart, moved
		}
	}
	return shift
}

// Learn is told the new bytes of the field that Next found last.
func (p *Predictor) Learn(new []byte, kind Kind) {
	if kind != KindRAM {
		return
	}
	place := p.place
	if place < 0 {
		place = p.next
		p.count = max(p.count, place+1)
		p.next = (place + 1) & (seenCount - 1)
	}
	entry := p.seen[place*seenBytes:][:seenBytes]
	binary.LittleEndian.PutUint32(entry, p.was)
	binary.LittleEndian.PutUint32(entry[4:], binary.LittleEndian.Uint32(new)-p.was)
}

// Blank makes the field at the start of code, which lies at address at, point nowhere, so that
// equal code looks equal wherever it lies. It returns the field's length, 0 if there is none. It is
// for makers, who match images without their fields, and know no segments.
func (s *Setup) Blank(code []byte, at, size uint32) int {
	if n, kind, to := s.ISA.find(code, at); n > 0 && (kind == KindBranch || kind == KindPair) && to <= size {
		s.ISA.aim(code[:n], kind, 0, 0)
		return n
	}
	if s.Base != NoBase && at&s.ISA.words() == 0 && len(code) >= 4 {
		// Small numbers are everywhere: an image that runs at 0 has more of them than of pointers.
		if word := binary.LittleEndian.Uint32(code); word-s.Base < size && word >= 1<<16 {
			code[0], code[1] = 0, 0
			return 4
		}
	}
	return 0
}
