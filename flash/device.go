package flash

import (
	"errors"
	"fmt"
)

// What an operation can fail with. Device methods return them inside an *Error that names the
// place; test with errors.Is.
var (
	ErrBusy       = errors.New("part is busy")
	ErrBounds     = errors.New("outside what the part allows")
	ErrUnreadable = errors.New("unit cannot be read until its sector is erased")
	ErrErase      = errors.New("sector did not erase")
	ErrProgram    = errors.New("unit did not program")
	ErrProtected  = errors.New("area is protected")
)

// Error is a failed operation with its place.
type Error struct {
	Op   string // "read", "erase", "program", "wait"
	Addr uint32 // for ErrUnreadable the address of the unit, else where the operation starts
	Size uint32
	Err  error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s %d bytes at 0x%x: %v", e.Op, e.Size, e.Addr, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Reader reads bytes of a part, or of an area of it.
type Reader interface {
	// Read fills p from addr on or fails as a whole; p is then not to be used.
	Read(addr uint32, p []byte) error
}

// Bytes is a Reader over memory.
type Bytes []byte

// Read implements Reader; ErrBounds beyond the end.
func (b Bytes) Read(addr uint32, p []byte) error {
	if uint64(addr)+uint64(len(p)) > uint64(len(b)) {
		return ErrBounds
	}
	copy(p, b[addr:])
	return nil
}

// Device is a NOR flash part. It cannot be read, erased or programmed while it is busy: from a
// successful Erase or Program until Wait returns. A call that is refused has changed nothing. A
// Device is used by one goroutine at a time.
type Device interface {
	// Geometry returns the part's geometry, the same every time, not to be changed.
	Geometry() *Geometry

	// Read fills p from addr on. It fails with ErrBusy while the part is busy, ErrBounds if not
	// all bytes exist, and ErrUnreadable, with the unit's address, if the part knows that a unit
	// is damaged. An empty read within bounds succeeds.
	Read(addr uint32, p []byte) error

	// Erase starts to erase n bytes from addr on: one sector, or a block of one of
	// Geometry().Blocks aligned to its size.
	Erase(addr, n uint32) error

	// Program starts to program p at addr: whole aligned units, at least one, at most a page, and
	// within one page. A unit that was programmed since it was erased, with whatever bytes, is
	// refused with ErrProgram and nothing changes. The Device keeps no reference to p after
	// Program returned.
	Program(addr uint32, p []byte) error

	// Wait returns when the part is idle: nil if it was idle or the operation ended as it
	// should, ErrErase or ErrProgram if the part says that it failed. What the sector holds then
	// must be read back.
	Wait() error
}

// CheckRead returns an *Error with ErrBounds unless all n bytes from addr on exist.
func (g *Geometry) CheckRead(addr uint32, n int) error {
	size := g.Size()
	if addr > size || n < 0 || uint64(n) > uint64(size-addr) {
		return &Error{"read", addr, clamp(n), ErrBounds}
	}
	return nil
}

// CheckErase returns an *Error with ErrBounds unless n bytes at addr are a sector or a block.
func (g *Geometry) CheckErase(addr, n uint32) error {
	if i := g.SectorAt(addr); i < 0 {
		return &Error{"erase", addr, n, ErrBounds}
	} else if a, size := g.Sector(i); a == addr && size == n {
		return nil
	}
	for _, b := range g.Blocks {
		if n == b && addr%b == 0 && g.boundary(addr) && n <= g.Size()-addr && g.boundary(addr+n) {
			return nil
		}
	}
	return &Error{"erase", addr, n, ErrBounds}
}

// CheckProgram returns an *Error with ErrBounds unless n bytes at addr can be one program
// operation by place and size.
func (g *Geometry) CheckProgram(addr uint32, n int) error {
	size := g.Size()
	if n <= 0 || uint64(n) > uint64(g.Page) || addr%g.ProgramUnit != 0 || uint32(n)%g.ProgramUnit != 0 ||
		addr >= size || uint32(n) > size-addr || addr/g.Page != (addr+uint32(n)-1)/g.Page {
		return &Error{"program", addr, clamp(n), ErrBounds}
	}
	return nil
}

// clamp makes a length fit an Error.
func clamp(n int) uint32 {
	if n < 0 {
		return 0
	}
	if uint64(n) > uint64(^uint32(0)) {
		return ^uint32(0)
	}
	return uint32(n)
}
