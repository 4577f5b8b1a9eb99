package delta

import (
	"fmt"
	"math"

	"unbrick/delta/internal/coding"
	"unbrick/flash"
)

// Kind tells what a file starts from. Numbers are part of the format.
type Kind uint8

const (
	KindDelta Kind = 1 // from the old content of the flash
	KindFull  Kind = 2 // from nothing
)

func (k Kind) String() string {
	switch k {
	case KindDelta:
		return "delta"
	case KindFull:
		return "full"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Header is the beginning of a file: all that is known before decoding. State, Stash and the other
// sizes are what the decoder needs, in bytes.
type Header struct {
	Kind     Kind
	Setup    coding.Setup // what predicts relocated fields
	FromSize uint32       // old bytes that may be read, from the start of the software area; 0 for full
	ToSize   uint32       // the new image
	From     [8]byte      // first bytes of the base's SHA-256; zero: mixed or doubtful base
	To       [8]byte      // first bytes of the new image's SHA-256
	Erased   byte         // fills the last sector behind the image
	Runs     [MaxRuns]flash.Run
	RunCount int

	Units      uint8  // counters of the data stream, in units of 256
	Buffer     uint32 // largest sector that the file builds
	History    uint32 // bytes built lately, to copy from
	StashBytes uint32 // most bytes in the stash at a time
	Keeps      uint32 // most entries in it
	Edge       uint32 // old bytes kept from each end of the sector built last
	MapRanges  uint32 // ranges of the relocation map
	MapLeast   uint32 // shortest copy that enters it
	Changed    uint32 // sectors that the file builds

	State uint32 // derived: counters, map and the like
	Stash uint32 // derived: StashBytes and the table of its entries

	largest uint32 // sector of the geometry
	area    uint32 // bytes of all its sectors
	control uint32 // length of the control stream
	body    uint32 // where it starts
}

// Flags of the header's third byte.
const (
	flagKind = 0x03
	flagFrom = 0x04
	magic0   = 'U'
	magic1   = 'D'
)

// Geometry returns the software area that the file is for. Program unit and page are not in the
// file: they are 1. It allocates.
func (h *Header) Geometry() flash.Geometry {
	runs := append([]flash.Run(nil), h.Runs[:h.RunCount]...)
	return flash.Geometry{Runs: runs, ProgramUnit: 1, Page: 1, Erased: h.Erased}
}

// SetGeometry takes the sectors and the erased byte of g, which must be valid.
func (h *Header) SetGeometry(g *flash.Geometry) error {
	if len(g.Runs) > MaxRuns {
		return fmt.Errorf("%w: %d runs of sectors, at most %d", ErrGeometry, len(g.Runs), MaxRuns)
	}
	if n := g.Sectors(); n > MaxSectors {
		return fmt.Errorf("%w: %d sectors, at most %d", ErrGeometry, n, MaxSectors)
	}
	h.Erased, h.RunCount = g.Erased, 0
	for _, r := range g.Runs {
		if n := h.RunCount; n > 0 && h.Runs[n-1].Size == r.Size {
			h.Runs[n-1].Count += r.Count
			continue
		}
		h.Runs[h.RunCount] = r
		h.RunCount++
	}
	return nil
}

// fits reports whether the file is for the geometry g.
func (h *Header) fits(g *flash.Geometry) bool {
	if g.Erased != h.Erased {
		return false
	}
	i, used := 0, uint32(0)
	for _, r := range g.Runs {
		if i < h.RunCount && used == h.Runs[i].Count {
			i, used = i+1, 0
		}
		if i == h.RunCount || r.Size != h.Runs[i].Size || r.Count > h.Runs[i].Count-used {
			return false
		}
		used += r.Count
	}
	return i == h.RunCount-1 && used == h.Runs[i].Count
}

// settle computes what follows from the other fields.
func (h *Header) settle() {
	sectors := uint32(0)
	for _, r := range h.Runs[:h.RunCount] {
		sectors += r.Count
	}
	h.State = coding.CounterBytes(h.Units) + coding.CounterBytes(coding.ControlUnits) +
		(sectors+7)>>3 + h.MapRanges*coding.EntryBytes + h.Setup.Bytes() + 2*h.Edge
	h.Stash = h.StashBytes + h.Keeps*keepTableBytes
}

// Memory returns the bytes that Decoder.Open needs.
func (h *Header) Memory() uint32 { return h.State + h.Stash + h.History + h.Buffer }

// Append writes the file: header, control stream and data stream.
func (h *Header) Append(dst, control, data []byte) []byte {
	flags := byte(h.Kind)
	if h.From != [8]byte{} {
		flags |= flagFrom
	}
	dst = append(dst, magic0, magic1, Version, flags)
	dst = h.Setup.Append(dst)
	dst = append(dst, h.Units, h.Erased, byte(h.RunCount))
	for _, r := range h.Runs[:h.RunCount] {
		dst = appendNumber(appendNumber(dst, r.Size), r.Count)
	}
	for _, n := range [...]uint32{h.FromSize, h.ToSize, h.Buffer, h.History, h.StashBytes, h.Keeps, h.Edge,
		h.MapRanges, h.MapLeast, h.Changed, uint32(len(control))} {
		dst = appendNumber(dst, n)
	}
	if flags&flagFrom != 0 {
		dst = append(dst, h.From[:]...)
	}
	dst = append(dst, h.To[:]...)
	return append(append(dst, control...), data...)
}

// ParseHeader reads the header of a file and checks every limit in it.
func ParseHeader(file []byte) (Header, error) {
	var h Header
	err := h.parse(file)
	return h, err
}

func (h *Header) parse(file []byte) error {
	if uint64(len(file)) > math.MaxUint32 {
		return fmt.Errorf("%w: %d bytes", ErrFormat, len(file))
	}
	s := scanner{rest: file}
	if s.byte() != magic0 || s.byte() != magic1 {
		return fmt.Errorf("%w: no delta", ErrFormat)
	}
	if v := s.byte(); v != Version {
		return fmt.Errorf("%w %d", ErrVersion, v)
	}
	flags := s.byte()
	h.Kind = Kind(flags & flagKind)
	if h.Kind != KindDelta && h.Kind != KindFull || flags&^(flagKind|flagFrom) != 0 {
		return fmt.Errorf("%w: flags 0x%02x", ErrFormat, flags)
	}
	rest, ok := h.Setup.Parse(s.rest)
	s.rest, s.bad = rest, s.bad || !ok
	h.Units, h.Erased = s.byte(), s.byte()
	h.RunCount = int(s.byte())
	if s.bad || h.Units == 0 || h.Units > MaxUnits ||
		h.Erased != 0xff && h.Erased != 0 || h.RunCount == 0 || h.RunCount > MaxRuns {
		return fmt.Errorf("%w: setup", ErrFormat)
	}
	if err := h.parseRuns(&s); err != nil {
		return err
	}
	for _, f := range [...]struct {
		to    *uint32
		limit uint32
	}{
		{&h.FromSize, MaxImage}, {&h.ToSize, MaxImage}, {&h.Buffer, MaxSector}, {&h.History, MaxHistory},
		{&h.StashBytes, MaxStash}, {&h.Keeps, MaxKeeps}, {&h.Edge, MaxEdge}, {&h.MapRanges, MaxMap}, {&h.MapLeast, MaxImage},
		{&h.Changed, MaxSectors}, {&h.control, math.MaxInt32},
	} {
		*f.to = s.number(f.limit)
	}
	if flags&flagFrom != 0 {
		s.digest(&h.From)
		s.bad = s.bad || h.From == [8]byte{}
	}
	s.digest(&h.To)
	h.body = uint32(len(file) - len(s.rest))
	h.settle()
	if s.bad || h.MapRanges == 0 && h.MapLeast != 0 || uint64(h.control) > uint64(len(s.rest)) || h.Stash > MaxStash ||
		h.Buffer > h.largest || h.FromSize > h.area || h.ToSize > h.area || h.ToSize == 0 ||
		h.Kind == KindFull && (h.FromSize != 0 || h.From != [8]byte{} || h.Stash != 0 || h.Edge != 0 || h.MapRanges != 0) {
		return fmt.Errorf("%w: header", ErrFormat)
	}
	return nil
}

func (h *Header) parseRuns(s *scanner) error {
	sectors, size, largest, last := uint64(0), uint64(0), uint32(0), uint32(0)
	for i := range h.RunCount {
		r := flash.Run{Size: s.number(math.MaxUint32), Count: s.number(MaxSectors)}
		if s.bad || r.Size == 0 || r.Count == 0 || r.Size == last {
			return fmt.Errorf("%w: run %d of the geometry", ErrFormat, i)
		}
		sectors += uint64(r.Count)
		size += uint64(r.Size) * uint64(r.Count)
		largest, last = max(largest, r.Size), r.Size
		h.Runs[i] = r
	}
	if sectors > MaxSectors || size > flash.MaxSize {
		return fmt.Errorf("%w: geometry of %d sectors, %d bytes", ErrFormat, sectors, size)
	}
	h.largest, h.area = largest, uint32(size)
	return nil
}

// scanner takes a header apart; bad is sticky.
type scanner struct {
	rest []byte
	bad  bool
}

func (s *scanner) byte() byte {
	if len(s.rest) == 0 {
		s.bad = true
		return 0
	}
	b := s.rest[0]
	s.rest = s.rest[1:]
	return b
}

// number reads base 128, low digits first, in the shortest form.
func (s *scanner) number(limit uint32) uint32 {
	n := uint64(0)
	for shift := 0; shift < 35; shift += 7 {
		b := s.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			s.bad = s.bad || b == 0 && shift > 0 || n > uint64(limit)
			if s.bad {
				return 0
			}
			return uint32(n)
		}
	}
	s.bad = true
	return 0
}

func (s *scanner) digest(d *[8]byte) {
	for i := range d {
		d[i] = s.byte()
	}
}

func appendNumber(dst []byte, n uint32) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

// Streams returns the control and the data stream of the file whose header h is. They share its
// memory.
func (h *Header) Streams(file []byte) (control, data []byte) {
	return file[h.body : h.body+h.control], file[h.body+h.control:]
}
