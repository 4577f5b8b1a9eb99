package release

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"unbrick/limits"
)

// A parts file is the magic, the number of parts (u16), zero (u16), an entry for each part, and the bytes of all parts in that order.
// Numbers are least significant byte first.
const (
	partsMagic = "UNBRKPT1"
	partsHead  = len(partsMagic) + 4
	partsEntry = 48 // offset u32, size u32, name 32, zeros 8
	partsName  = 8  // in an entry
	partsZeros = partsName + MaxText
)

// MaxParts is how many parts a parts file has at most.
const MaxParts = limits.Parts

// ErrParts is the class of every refusal of a parts file.
var ErrParts = errors.New("malformed parts file")

// Part is one piece of software of a device that has several, and where in the device's flash it lies.
type Part struct {
	Name   string // an identifier
	Offset uint32 // in the device's flash
	Data   []byte // at least one byte
}

// AppendParts appends the parts file of parts to dst. It fails with ErrParts if a name is no identifier or is there twice, if a part
// is empty or begins before the end of the one before it, or if they are too many or too large for an image.
func AppendParts(dst []byte, parts []Part) ([]byte, error) {
	if err := checkParts(parts); err != nil {
		return nil, err
	}
	dst = append(dst, partsMagic...)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(parts)))
	dst = append(dst, 0, 0)
	for i := range parts {
		var e [partsEntry]byte
		binary.LittleEndian.PutUint32(e[0:], parts[i].Offset)
		binary.LittleEndian.PutUint32(e[4:], uint32(len(parts[i].Data)))
		copy(e[partsName:], parts[i].Name)
		dst = append(dst, e[:]...)
	}
	for i := range parts {
		dst = append(dst, parts[i].Data...)
	}
	return dst, nil
}

func checkParts(parts []Part) error {
	if n := len(parts); n == 0 || n > MaxParts {
		return fmt.Errorf("%w: %d parts, 1 to %d", ErrParts, n, MaxParts)
	}
	total := partsHead + partsEntry*len(parts)
	end := uint64(0)
	for i := range parts {
		p := &parts[i]
		if err := CheckID(p.Name); err != nil {
			return fmt.Errorf("%w: part %d: %w", ErrParts, i+1, err)
		}
		for j := range i {
			if parts[j].Name == p.Name {
				return fmt.Errorf("%w: %q is there twice", ErrParts, p.Name)
			}
		}
		if len(p.Data) == 0 {
			return fmt.Errorf("%w: %q is empty", ErrParts, p.Name)
		}
		if uint64(p.Offset) < end {
			return fmt.Errorf("%w: %q at 0x%x begins before the end of the one before it, 0x%x", ErrParts, p.Name, p.Offset, end)
		}
		end = uint64(p.Offset) + uint64(len(p.Data))
		if end > math.MaxUint32 {
			return fmt.Errorf("%w: %q ends behind every flash", ErrParts, p.Name)
		}
		if total += len(p.Data); total > MaxImage {
			return fmt.Errorf("%w: more than %d bytes", ErrParts, MaxImage)
		}
	}
	return nil
}

// ParseParts is the inverse of AppendParts and takes nothing else. The parts alias b. It fails with ErrParts.
func ParseParts(b []byte) ([]Part, error) {
	if len(b) < partsHead || string(b[:len(partsMagic)]) != partsMagic || len(b) > MaxImage {
		return nil, fmt.Errorf("%w: does not begin with %q, or has more than %d bytes", ErrParts, partsMagic, MaxImage)
	}
	n := int(binary.LittleEndian.Uint16(b[len(partsMagic):]))
	if b[partsHead-2] != 0 || b[partsHead-1] != 0 || n == 0 || n > MaxParts || len(b) < partsHead+partsEntry*n {
		return nil, fmt.Errorf("%w: %d parts in %d bytes", ErrParts, n, len(b))
	}
	parts := make([]Part, n)
	rest := b[partsHead+partsEntry*n:]
	for i := range parts {
		e := b[partsHead+partsEntry*i:][:partsEntry]
		size := binary.LittleEndian.Uint32(e[4:])
		if uint64(size) > uint64(len(rest)) {
			return nil, fmt.Errorf("%w: part %d of %d bytes, %d are left", ErrParts, i+1, size, len(rest))
		}
		name := bytes.TrimRight(e[partsName:partsZeros], "\x00") // a zero inside is no identifier
		if !bytes.Equal(e[partsZeros:], make([]byte, partsEntry-partsZeros)) {
			return nil, fmt.Errorf("%w: part %d: bytes that mean nothing are not zero", ErrParts, i+1)
		}
		parts[i] = Part{Name: string(name), Offset: binary.LittleEndian.Uint32(e), Data: rest[:size:size]}
		rest = rest[size:]
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%w: %d bytes behind the last part", ErrParts, len(rest))
	}
	if err := checkParts(parts); err != nil {
		return nil, err
	}
	return parts, nil
}
