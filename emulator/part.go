package emulator

import (
	"time"

	"unbrick/flash"
)

// Span is how long an operation takes: typically, and at most.
type Span struct{ Typ, Max time.Duration }

// EraseSpan is how long it takes to erase Size bytes at once.
type EraseSpan struct {
	Size uint32
	Span
}

// Part is a kind of flash part, with figures of its data sheet.
type Part struct {
	Name     string
	Geometry flash.Geometry
	ECC      bool // units carry error correction: a torn unit cannot be read until it is erased

	// Unit is how long one program unit of the part takes; a program of several takes as long
	// as all of them, one after the other, unless Page is given.
	Unit Span
	// Page is how long a whole page takes on parts with a page buffer, where the time grows
	// linearly from Unit (for the first unit) to Page. Zero on parts without.
	Page     Span
	PageSize uint32 // bytes that Page is for

	Erase   []EraseSpan   // ascending sizes, at least one
	ReadKiB time.Duration // to read 1 KiB
	Source  string        // data sheet, revision, tables; what was not checked
}

// pick chooses between typical and maximum.
func (s Span) pick(slow bool) time.Duration {
	if slow {
		return s.Max
	}
	return s.Typ
}

// programTime returns how long it takes to program n bytes.
func (p *Part) programTime(n uint32, slow bool) time.Duration {
	unit := p.Unit.pick(slow)
	if p.PageSize == 0 {
		units := (n + p.Geometry.ProgramUnit - 1) / p.Geometry.ProgramUnit
		return time.Duration(units) * unit
	}
	page := p.Page.pick(slow)
	first := p.Geometry.ProgramUnit
	if n <= first {
		return unit
	}
	return unit + (page-unit)*time.Duration(n-first)/time.Duration(p.PageSize-first)
}

// eraseTime returns how long it takes to erase n bytes: what the data sheet says for that size, or
// as many erases of the largest smaller size as are needed.
func (p *Part) eraseTime(n uint32, slow bool) time.Duration {
	best := p.Erase[0]
	for _, e := range p.Erase {
		if e.Size <= n {
			best = e
		}
	}
	times := max(1, (n+best.Size-1)/best.Size)
	return time.Duration(times) * best.pick(slow)
}
