package sweep

import (
	"errors"
	"fmt"
	"time"

	"unbrick/emulator"
	"unbrick/flash"
)

// Shape is the device that a sweep runs on: its flash part and its memory. The zero values of all but
// Runs mean defaults.
type Shape struct {
	Runs   []flash.Run // of the whole part, boot area and record sectors included
	Unit   uint32      // program unit in bytes; 0: 8
	Page   uint32      // most bytes one program takes; 0: 256, or the unit if that is larger
	Erased byte        // byte after erase: 0xFF or 0x00
	ECC    bool        // torn units cannot be read
	Boot   uint32      // bytes of the boot area; 0: the first sector
	RAM    uint32      // bytes that an update can have; 0: as many as old and new image need
}

// resident is the code that must be in RAM while the flash is busy, in bytes.
const resident = 2 << 10

// Limits of a shape, so that an id from outside stays small.
const (
	maxPart = 16 << 20
	maxRAM  = 16 << 20
)

// normal returns s with its defaults filled in.
func (s Shape) normal() Shape {
	if s.Unit == 0 {
		s.Unit = 8
	}
	if s.Page == 0 {
		s.Page = max(256, s.Unit)
	}
	if s.Boot == 0 && len(s.Runs) > 0 {
		s.Boot = s.Runs[0].Size
	}
	return s
}

// layout returns what lives where.
func (s *Shape) layout() (flash.Layout, error) {
	l := flash.Layout{Geometry: flash.Geometry{Runs: s.Runs, ProgramUnit: s.Unit, Page: s.Page, Erased: s.Erased}, Boot: s.Boot}
	if err := l.Validate(); err != nil {
		return l, err
	}
	if n := l.Geometry.Size(); n > maxPart {
		return l, fmt.Errorf("part of %s, at most %s in a sweep", flash.FormatSize(n), flash.FormatSize(maxPart))
	}
	if s.RAM > maxRAM {
		return l, fmt.Errorf("RAM of %d bytes, at most %d in a sweep", s.RAM, maxRAM)
	}
	return l, nil
}

// part is the hardware; its times do not matter to a sweep and are those of ordinary serial NOR flash.
func (s *Shape) part(g *flash.Geometry) emulator.Part {
	return emulator.Part{
		Name: "sweep", Geometry: *g, ECC: s.ECC,
		Unit:    emulator.Span{Typ: 30 * time.Microsecond, Max: 50 * time.Microsecond},
		Erase:   []emulator.EraseSpan{{Size: 4096, Span: emulator.Span{Typ: 45 * time.Millisecond, Max: 400 * time.Millisecond}}},
		ReadKiB: 41 * time.Microsecond, Source: "typical serial NOR flash; for sweeps only",
	}
}

// String tells the shape in one line.
func (s *Shape) String() string {
	g := flash.Geometry{Runs: s.Runs}
	t := fmt.Sprintf("%s unit %d page %d erased %02x", g.String(), s.Unit, s.Page, s.Erased)
	if s.ECC {
		t += " ecc"
	}
	return t
}

// Fit returns runs with as many sectors as an image of size bytes needs, behind a boot area of one
// sector and two record sectors; with a list of several runs, the list as it is. It is what the
// command does with a geometry that names no number of sectors.
func Fit(list string, size uint32) ([]flash.Run, error) {
	if g, err := flash.ParseGeometry(list, 0); err == nil && (len(g.Runs) > 1 || g.Runs[0].Count > 1) {
		return g.Runs, nil
	}
	n, err := flash.ParseSize(list)
	if err != nil {
		return nil, fmt.Errorf("geometry %q: %w", list, err)
	}
	if n < flash.MinRecordSector {
		return nil, fmt.Errorf("geometry %q: a record sector has at least %s", list, flash.FormatSize(flash.MinRecordSector))
	}
	if size > maxPart {
		return nil, errTooLarge
	}
	return []flash.Run{{Size: n, Count: 3 + (size+n-1)/n}}, nil
}

var errTooLarge = errors.New("image is too large for a sweep")
