package flash

import (
	"fmt"

	"unbrick/limits"
)

// Limits of a geometry. Each is checked by Validate.
const (
	MaxSize     = limits.PartSize
	MaxSectors  = limits.PartSectors
	MaxRuns     = limits.Runs
	MaxBlocks   = limits.EraseBlocks
	MaxUnit     = limits.ProgramUnit
	MaxPage     = limits.Page
	DefaultUnit = 8
	DefaultPage = 256
)

// Run is a number of equal sectors that follow each other.
type Run struct{ Size, Count uint32 }

// Geometry says how a part is divided. Its methods are for a geometry that Validate accepts; they
// read only, so a Geometry that nobody changes may be used concurrently.
type Geometry struct {
	Runs        []Run    // sectors in address order, from address 0
	ProgramUnit uint32   // smallest aligned program, a power of two of at most MaxUnit bytes
	Page        uint32   // most bytes of one program operation, a power of two of at most MaxPage bytes
	Erased      byte     // what an erased byte reads as: 0xFF or 0x00
	Blocks      []uint32 // erase sizes larger than a sector, ascending; usually nil
}

// Validate reports the first rule that g breaks, naming it and its place.
func (g *Geometry) Validate() error {
	if len(g.Runs) == 0 {
		return fmt.Errorf("geometry: no sectors")
	}
	if len(g.Runs) > MaxRuns {
		return fmt.Errorf("geometry: %d runs of sectors, at most %d", len(g.Runs), MaxRuns)
	}
	if !powerOfTwo(g.ProgramUnit) || g.ProgramUnit > MaxUnit {
		return fmt.Errorf("geometry: program unit of %d bytes is not a power of two of at most %d", g.ProgramUnit, MaxUnit)
	}
	if !powerOfTwo(g.Page) || g.Page > MaxPage {
		return fmt.Errorf("geometry: page of %d bytes is not a power of two of at most %d", g.Page, MaxPage)
	}
	if g.Page < g.ProgramUnit {
		return fmt.Errorf("geometry: page of %d bytes is smaller than the program unit of %d", g.Page, g.ProgramUnit)
	}
	if g.Erased != 0xFF && g.Erased != 0x00 {
		return fmt.Errorf("geometry: erased byte 0x%02x is neither 0xff nor 0x00", g.Erased)
	}
	var size, sectors uint64
	for i, r := range g.Runs {
		if r.Size == 0 || r.Count == 0 {
			return fmt.Errorf("geometry: run %d (%s*%d) is empty", i+1, FormatSize(r.Size), r.Count)
		}
		if r.Size%g.Page != 0 {
			return fmt.Errorf("geometry: run %d: sectors of %s are not whole pages of %d bytes", i+1, FormatSize(r.Size), g.Page)
		}
		size += uint64(r.Size) * uint64(r.Count)
		sectors += uint64(r.Count)
		if size > MaxSize {
			return fmt.Errorf("geometry: run %d: %d bytes so far, at most %d", i+1, size, MaxSize)
		}
		if sectors > MaxSectors {
			return fmt.Errorf("geometry: run %d: %d sectors so far, at most %d", i+1, sectors, MaxSectors)
		}
	}
	return g.validateBlocks(uint32(size))
}

func (g *Geometry) validateBlocks(size uint32) error {
	if len(g.Blocks) > MaxBlocks {
		return fmt.Errorf("geometry: %d block sizes, at most %d", len(g.Blocks), MaxBlocks)
	}
	smallest := g.Runs[0].Size
	for _, r := range g.Runs {
		smallest = min(smallest, r.Size)
	}
	last := smallest
	for i, b := range g.Blocks {
		if b <= last {
			return fmt.Errorf("geometry: block size %d (%s) is not larger than %s", i+1, FormatSize(b), FormatSize(last))
		}
		if b%smallest != 0 || b > size {
			return fmt.Errorf("geometry: block size %d (%s) is not whole sectors of this part", i+1, FormatSize(b))
		}
		last = b
	}
	return nil
}

// Size returns the bytes of all sectors.
func (g *Geometry) Size() uint32 {
	var n uint32
	for _, r := range g.Runs {
		n += r.Size * r.Count
	}
	return n
}

// Sectors returns the number of sectors.
func (g *Geometry) Sectors() int {
	n := 0
	for _, r := range g.Runs {
		n += int(r.Count)
	}
	return n
}

// Sector returns address and size of sector i. It panics if there is no such sector, as an index
// out of range does.
func (g *Geometry) Sector(i int) (addr, size uint32) {
	if i >= 0 {
		for _, r := range g.Runs {
			if i < int(r.Count) {
				return addr + uint32(i)*r.Size, r.Size
			}
			i -= int(r.Count)
			addr += r.Size * r.Count
		}
	}
	panic("flash: sector index out of range")
}

// SectorAt returns the index of the sector that holds addr, or -1 beyond the end.
func (g *Geometry) SectorAt(addr uint32) int {
	first := 0
	for _, r := range g.Runs {
		if n := r.Size * r.Count; addr >= n {
			addr -= n
			first += int(r.Count)
			continue
		}
		return first + int(addr/r.Size)
	}
	return -1
}

// Largest returns the size of the largest sector.
func (g *Geometry) Largest() uint32 {
	var n uint32
	for _, r := range g.Runs {
		n = max(n, r.Size)
	}
	return n
}

// sub returns the geometry of count sectors from sector first on, with addresses from 0, with runs and blocks as memory.
// Program unit, page and erased byte stay; of the block sizes those stay whose alignment is the same when counted from the
// new start. It panics if the sectors do not exist.
func (g *Geometry) sub(runs []Run, blocks []uint32, first, count int) Geometry {
	if first < 0 || count < 0 || first > g.Sectors() || count > g.Sectors()-first {
		panic("flash: sectors out of range")
	}
	s := Geometry{ProgramUnit: g.ProgramUnit, Page: g.Page, Erased: g.Erased}
	if count == 0 {
		return s
	}
	base, _ := g.Sector(first)
	for _, r := range g.Runs {
		n := int(r.Count)
		if first >= n {
			first -= n
			continue
		}
		take := min(n-first, count)
		runs = append(runs, Run{r.Size, uint32(take)})
		first = 0
		if count -= take; count == 0 {
			break
		}
	}
	s.Runs = runs
	size, smallest := s.Size(), s.Runs[0].Size
	for _, r := range s.Runs {
		smallest = min(smallest, r.Size)
	}
	for _, b := range g.Blocks {
		if base%b == 0 && b <= size && b > smallest {
			blocks = append(blocks, b)
		}
	}
	s.Blocks = blocks
	return s
}

// boundary says whether addr is the start of a sector or the end of the part.
func (g *Geometry) boundary(addr uint32) bool {
	for _, r := range g.Runs {
		n := r.Size * r.Count
		if addr < n {
			return addr%r.Size == 0
		}
		addr -= n
	}
	return addr == 0
}

func powerOfTwo(n uint32) bool { return n != 0 && n&(n-1) == 0 }
