package coding

import (
	"encoding/binary"

	"unbrick/limits"
)

// Segment is a piece of an image and the address that it runs at.
type Segment struct{ Offset, Size, Address uint32 }

// Segments says where the pieces of an image run. They ascend by offset and overlap neither in the image nor where they run, so
// that each address means one byte of the image at most. The zero value has none.
type Segments struct {
	Count uint8
	List  [limits.Segments]Segment
}

// MakeSegments returns a table of list, which must be short enough.
func MakeSegments(list ...Segment) (s Segments) {
	s.Count = uint8(copy(s.List[:], list))
	return s
}

// address returns where the byte at offset of the image runs, if it does.
func (s *Segments) address(offset uint32) (uint32, bool) {
	for i := range s.List[:s.Count] {
		if g := &s.List[i]; offset-g.Offset < g.Size {
			return offset - g.Offset + g.Address, true
		}
	}
	return 0, false
}

// offset returns which byte of the image runs at address, if any does.
func (s *Segments) offset(address uint32) (uint32, bool) {
	for i := range s.List[:s.Count] {
		if g := &s.List[i]; address-g.Address < g.Size {
			return address - g.Address + g.Offset, true
		}
	}
	return 0, false
}

// within reports whether all of the table lies in an image of size bytes.
func (s *Segments) within(size uint32) bool {
	if s.Count == 0 {
		return true
	}
	last := &s.List[s.Count-1]
	return last.Offset <= size && last.Size <= size-last.Offset
}

// append writes the table's part of a header: how many segments, and of each the bytes between it and the one before, its
// length and its address.
func (s *Segments) append(dst []byte) []byte {
	dst = append(dst, s.Count)
	end := uint32(0)
	for _, g := range s.List[:s.Count] {
		dst = AppendShort(AppendShort(dst, g.Offset-end), g.Size)
		dst = binary.LittleEndian.AppendUint32(dst, g.Address)
		end = g.Offset + g.Size
	}
	return dst
}

// parse reads what append wrote from the front of b and returns the rest.
func (s *Segments) parse(b []byte) (rest []byte, ok bool) {
	*s = Segments{}
	if len(b) < 1 || b[0] == 0 || b[0] > limits.Segments {
		return b, false
	}
	count := b[0]
	b = b[1:]
	end := uint32(0)
	for range count {
		var g Segment
		var fine bool
		if g.Offset, b, ok = CutShort(b, limits.Image-end); !ok {
			return b, false
		}
		g.Offset += end
		if g.Size, b, fine = CutShort(b, limits.Image-g.Offset); !fine || g.Size == 0 || len(b) < 4 {
			return b, false
		}
		g.Address, b = binary.LittleEndian.Uint32(b), b[4:]
		if g.Address+(g.Size-1) < g.Address || s.meets(g) {
			return b, false
		}
		s.List[s.Count] = g
		s.Count++
		end = g.Offset + g.Size
	}
	return b, true
}

// meets reports whether g runs where another segment does.
func (s *Segments) meets(g Segment) bool {
	for _, other := range s.List[:s.Count] {
		if g.Address-other.Address < other.Size || other.Address-g.Address < g.Size {
			return true
		}
	}
	return false
}
