package delta

import (
	"fmt"
	"math"

	"unbrick/delta/internal/coding"
	"unbrick/flash"
	"unbrick/limits"
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

	Steps      uint8  // what decoding takes at most for each byte that is built, besides limits.WorkFile: see Budget
	Reads      uint8  // old bytes likewise
	Units      uint8  // counters of the data stream, in units of 256
	Buffer     uint32 // largest sector that the file builds
	History    uint32 // bytes built lately, to copy from
	StashBytes uint32 // most bytes in the stash at a time
	Keeps      uint32 // most entries in it
	Edge       uint32 // old bytes kept from each end of the sector built last
	MapRanges  uint32 // ranges of the relocation map
	MapLeast   uint32 // shortest copy that enters it
	Changed    uint32 // sectors that the file builds
	Batches    uint32 // batches of sectors, at the beginning of each of which decoding can go on; 0: it cannot
	Batch      uint32 // bytes of the sectors of the largest

	State uint32 // derived: counters, map and the like
	Stash uint32 // derived: StashBytes and the table of its entries

	largest uint32 // sector of the geometry
	area    uint32 // bytes of all its sectors
	control uint32 // length of the control stream
	body    uint32 // where it starts
}

// Flags of the header's third byte.
const (
	flagKind    = 0x03
	flagFrom    = 0x04
	flagBatches = 0x08
	magic0      = 'U'
	magic1      = 'D'
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
	if h.Batches != 0 {
		flags |= flagBatches
	}
	dst = append(dst, magic0, magic1, Version, flags)
	dst = h.Setup.Append(dst)
	dst = append(dst, h.Steps, h.Reads, h.Units, h.Erased, byte(h.RunCount))
	for _, r := range h.Runs[:h.RunCount] {
		dst = coding.AppendShort(coding.AppendShort(dst, r.Size), r.Count)
	}
	for _, n := range [...]uint32{h.FromSize, h.ToSize, h.Buffer, h.History, h.StashBytes, h.Keeps, h.Edge,
		h.MapRanges, h.MapLeast, h.Changed} {
		dst = coding.AppendShort(dst, n)
	}
	if flags&flagBatches != 0 {
		dst = coding.AppendShort(coding.AppendShort(dst, h.Batches), h.Batch)
	}
	dst = coding.AppendShort(dst, uint32(len(control)))
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
	switch v := s.byte(); v {
	case Version:
	case 1:
		return ErrOld
	default:
		return fmt.Errorf("%w %d", ErrVersion, v)
	}
	flags := s.byte()
	h.Kind = Kind(flags & flagKind)
	if h.Kind != KindDelta && h.Kind != KindFull || flags&^(flagKind|flagFrom|flagBatches) != 0 {
		return fmt.Errorf("%w: flags 0x%02x", ErrFormat, flags)
	}
	rest, ok := h.Setup.Parse(s.rest)
	s.rest = rest
	if !ok {
		return fmt.Errorf("%w: prediction", ErrFormat)
	}
	h.Steps, h.Reads, h.Units, h.Erased = s.byte(), s.byte(), s.byte(), s.byte()
	h.RunCount = int(s.byte())
	if s.bad || h.Units == 0 || h.Units > MaxUnits ||
		h.Erased != 0xff && h.Erased != 0 || h.RunCount == 0 || h.RunCount > MaxRuns {
		return fmt.Errorf("%w: setup", ErrFormat)
	}
	if h.Steps > limits.Work || h.Reads > limits.Reads {
		return fmt.Errorf("%w: it asks for %d steps and %d old bytes for each byte, at most %d and %d",
			ErrWork, h.Steps, h.Reads, limits.Work, limits.Reads)
	}
	if err := h.parseRuns(&s); err != nil {
		return err
	}
	h.parseNumbers(&s, flags)
	h.body = uint32(len(file) - len(s.rest))
	h.settle()
	return h.check(s.bad, uint32(len(s.rest)))
}

// parseNumbers reads what follows the geometry.
func (h *Header) parseNumbers(s *scanner, flags byte) {
	for _, f := range [...]struct {
		to    *uint32
		limit uint32
	}{
		{&h.FromSize, MaxImage}, {&h.ToSize, MaxImage}, {&h.Buffer, MaxSector}, {&h.History, MaxHistory},
		{&h.StashBytes, MaxStash}, {&h.Keeps, MaxKeeps}, {&h.Edge, MaxEdge}, {&h.MapRanges, MaxMap}, {&h.MapLeast, MaxImage},
		{&h.Changed, MaxSectors},
	} {
		*f.to = s.number(f.limit)
	}
	if flags&flagBatches != 0 {
		h.Batches, h.Batch = s.number(h.Changed), s.number(h.area)
		s.bad = s.bad || h.Batches == 0
	}
	h.control = s.number(math.MaxInt32)
	if flags&flagFrom != 0 {
		s.digest(&h.From)
		s.bad = s.bad || h.From == [8]byte{}
	}
	s.digest(&h.To)
}

// check refuses a header that is bad already, or whose fields do not go together; body is the length of both streams.
func (h *Header) check(bad bool, body uint32) error {
	switch {
	case bad:
		return fmt.Errorf("%w: a number of the header is above its limit, not in its shortest form, or missing", ErrFormat)
	case h.control > body:
		return fmt.Errorf("%w: control stream of %d bytes in %d", ErrFormat, h.control, body)
	case h.ToSize == 0 || h.FromSize > h.area || h.ToSize > h.area || h.Buffer > h.largest:
		return fmt.Errorf("%w: images of %d and %d bytes, buffer of %d, in %d bytes of sectors",
			ErrFormat, h.FromSize, h.ToSize, h.Buffer, h.area)
	case h.Stash > MaxStash:
		return fmt.Errorf("%w: stash of %d bytes, its table included", ErrFormat, h.Stash)
	case h.MapRanges == 0 && h.MapLeast != 0:
		return fmt.Errorf("%w: length of the shortest run in a map that there is not", ErrFormat)
	case !h.Setup.Within(h.FromSize, h.ToSize):
		return fmt.Errorf("%w: segments reach behind their image", ErrFormat)
	case h.Kind == KindFull && (h.FromSize != 0 || h.From != [8]byte{} || h.Stash != 0 || h.Edge != 0 || h.MapRanges != 0):
		return fmt.Errorf("%w: a full image that starts from something", ErrFormat)
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

// number reads a number of at most limit.
func (s *scanner) number(limit uint32) uint32 {
	n, rest, ok := coding.CutShort(s.rest, limit)
	s.rest, s.bad = rest, s.bad || !ok
	return n
}

func (s *scanner) digest(d *[8]byte) {
	for i := range d {
		d[i] = s.byte()
	}
}

// Streams returns the control and the data stream of the file whose header h is. They share its
// memory.
func (h *Header) Streams(file []byte) (control, data []byte) {
	return file[h.body : h.body+h.control], file[h.body+h.control:]
}
