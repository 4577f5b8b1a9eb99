// Package bsdiff reads classic patches: those of bsdiff in the form that go-bsdiff writes. One bzip2
// stream says, piece by piece, how many bytes to take from the old image and what to add to them, how many
// new ones follow, and where to go on in the old image. The new image is built as a whole in RAM, so
// that only devices with much of it take this kind; deltas need kilobytes.
//
// The package is fit for a device: the caller's memory, no allocation, work that is counted and bounded by the size of the
// new image, whatever the patch holds. Layout of a patch, normative: 16 bytes "ENDSLEY/BSDIFF43"; size of the
// new image, 8 bytes, big endian; one bzip2 stream. In the stream, until the new image is whole:
// bytes to take a, bytes that are new b, and the distance c to the next place in the old image, 8 bytes each, little
// endian, with the sign in the highest bit; a bytes that are added to old bytes modulo 256; b bytes. The stream ends there
// and the patch with it.
package bsdiff

import (
	"encoding/binary"
	"errors"
	"fmt"

	"unbrick/delta"
	"unbrick/flash"
	"unbrick/limits"
)

// MaxImage is the largest image, old or new, in bytes.
const MaxImage = limits.Image

// What a patch can be refused for. Errors of Apply wrap one of these or come from reading old bytes.
var (
	ErrFormat = errors.New("malformed patch")
	ErrWork   = errors.New("patch makes more work than any honest one")
	ErrMemory = errors.New("memory is smaller than the patch needs")
)

const (
	magic      = "ENDSLEY/BSDIFF43"
	headerSize = len(magic) + 8
	streamHead = 4 // "BZh" and the level
	pieceSteps = 16
	piece      = 24
	window     = 256 // old bytes that are read at a time
)

// Header is what the beginning of a patch says.
type Header struct {
	Size  uint32 // of the new image, at least 1
	Level uint32 // of bzip2, 1 to 9: most bytes of a block in units of 100,000
}

// ParseHeader reads the beginning of a patch.
func ParseHeader(patch []byte) (Header, error) {
	if len(patch) < headerSize+streamHead || string(patch[:len(magic)]) != magic {
		return Header{}, fmt.Errorf("%w: it does not begin as one", ErrFormat)
	}
	size := binary.BigEndian.Uint64(patch[len(magic):])
	head := patch[headerSize:]
	if size == 0 || size > MaxImage || string(head[:3]) != "BZh" || head[3] < '1' || head[3] > '9' {
		return Header{}, fmt.Errorf("%w: header", ErrFormat)
	}
	return Header{Size: uint32(size), Level: uint32(head[3] - '0')}, nil
}

// Memory returns the bytes that Apply wants besides patch and new image.
func (h Header) Memory() uint32 { return memoryOf(h.Level) }

// LeastMemory is Memory for the lowest level: a device with less never reads a patch.
const LeastMemory = entryBytes*blockUnit + maxSelectors + 2*maxSymbols*maxCodes

// ImageMemory returns the bytes that an image of size bytes is built in: whole sectors of area. It is size if the area
// ends before.
func ImageMemory(area *flash.Geometry, size uint32) uint32 {
	if size == 0 || size > area.Size() {
		return size
	}
	addr, n := area.Sector(area.SectorAt(size - 1))
	return addr + n
}

// NeedsOf returns what applying a patch of fileSize bytes with header h takes of a terminal with this software
// area: besides patch and tables, the whole new image.
func NeedsOf(h *Header, area *flash.Geometry, fileSize, leaves, resident uint32) delta.Needs {
	return delta.Needs{File: fileSize, State: h.Memory(), Buffer: ImageMemory(area, h.Size), Leaves: leaves, Resident: resident}
}

// Patch reads one patch at a time. The zero value is ready; its memory is the caller's.
type Patch struct {
	z   bunzip
	old [window]byte
	raw [piece]byte
}

// Apply builds in image, which has Header.Size bytes, what patch makes of the first oldSize bytes of old. mem has
// at least Header.Memory bytes. After an error image and mem hold anything.
func (p *Patch) Apply(patch []byte, old flash.Reader, oldSize uint32, image, mem []byte) error {
	h, err := ParseHeader(patch)
	if err != nil {
		return err
	}
	if uint64(len(image)) != uint64(h.Size) || uint64(len(mem)) < uint64(h.Memory()) || oldSize > MaxImage {
		return fmt.Errorf("%w: %d bytes for %d, %d of %d", ErrMemory, len(image), h.Size, len(mem), h.Memory())
	}
	p.z.budget = limits.PatchFile + limits.Patch*uint64(h.Size)
	p.z.open(patch[headerSize+streamHead:], h.Level, mem)
	var done, from uint32
	for done < h.Size { // a stream that says nothing for ever uses up its steps
		p.z.steps += pieceSteps
		if err := p.z.read(p.raw[:]); err != nil {
			return fmt.Errorf("piece at byte %d: %w", done, err)
		}
		take, fresh, step := number(p.raw[0:]), number(p.raw[8:]), number(p.raw[16:])
		left := int64(h.Size - done)
		if take < 0 || fresh < 0 || take > left || fresh > left-take || take > int64(oldSize-from) {
			return fmt.Errorf("%w: piece at byte %d is out of bounds", ErrFormat, done)
		}
		if err := p.z.read(image[done:][:take+fresh]); err != nil {
			return fmt.Errorf("piece at byte %d: %w", done, err)
		}
		if err := p.add(image[done:][:take], old, from); err != nil {
			return err
		}
		done += uint32(take + fresh)
		next := int64(from) + take + step
		if step < -MaxImage || step > MaxImage || next < 0 || next > int64(oldSize) {
			return fmt.Errorf("%w: piece at byte %d is out of bounds", ErrFormat, done)
		}
		from = uint32(next)
	}
	if !p.z.end() {
		return fmt.Errorf("%w: more than the image", ErrFormat)
	}
	return nil
}

// Work returns how many steps the last Apply has taken.
func (p *Patch) Work() uint64 { return p.z.steps }

// add adds the old bytes from from on to those of dst.
func (p *Patch) add(dst []byte, old flash.Reader, from uint32) error {
	for len(dst) > 0 {
		n := min(len(dst), window)
		p.z.steps += uint64(n)
		if err := old.Read(from, p.old[:n]); err != nil {
			return fmt.Errorf("old byte 0x%x: %w", from, err)
		}
		for i, b := range p.old[:n] {
			dst[i] += b
		}
		dst = dst[n:]
		from += uint32(n)
	}
	return nil
}

// number reads eight bytes: amount, little endian, and sign.
func number(b []byte) int64 {
	v := binary.LittleEndian.Uint64(b)
	n := int64(v &^ (1 << 63))
	if v>>63 != 0 {
		return -n
	}
	return n
}
