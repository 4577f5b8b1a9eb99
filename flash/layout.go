package flash

import (
	"fmt"

	"unbrick/limits"
)

// Limits of a layout.
const (
	MinBoot         = limits.Identity + limits.KeyBlock // bytes of a boot area: it ends with key block and identification
	MinRecordSector = limits.RecordSector
	MaxSoftware     = limits.Sectors // sectors of the software area
	MaxSettings     = limits.Settings
	MaxAreaName     = limits.AreaName
)

// Area is a named part of the flash.
type Area struct {
	Name       string
	Addr, Size uint32
}

// Layout says what lives where, in address order: the protected boot area, two record sectors, the
// software area, and at the end settings areas, which nobody reads as a base, and which are
// erased only because a person asks for it.
type Layout struct {
	Geometry Geometry
	Boot     uint32 // bytes of the boot area, whole sectors, from address 0
	Settings []Area // ascending, whole sectors; the software area ends where the first begins
}

// Validate reports the first rule that l breaks. The other methods are for layouts that it accepts.
func (l *Layout) Validate() error {
	g := &l.Geometry
	if err := g.Validate(); err != nil {
		return fmt.Errorf("layout: %w", err)
	}
	size := g.Size()
	if l.Boot == 0 || l.Boot >= size {
		return fmt.Errorf("layout: boot area of %d bytes in a part of %d", l.Boot, size)
	}
	if l.Boot < MinBoot {
		return fmt.Errorf("layout: boot area of %d bytes, at least %d for key block and identification", l.Boot, MinBoot)
	}
	if !g.boundary(l.Boot) {
		return fmt.Errorf("layout: boot area ends at 0x%x, inside a sector", l.Boot)
	}
	first := g.SectorAt(l.Boot)
	if g.Sectors()-first < 3 {
		return fmt.Errorf("layout: %d sectors behind the boot area, at least two record sectors and one for software", g.Sectors()-first)
	}
	for i := first; i < first+2; i++ {
		if addr, n := g.Sector(i); n < MinRecordSector {
			return fmt.Errorf("layout: record sector at 0x%x has %d bytes, at least %d", addr, n, MinRecordSector)
		}
	}
	base, _ := g.Sector(first + 2)
	if err := l.validateSettings(base, size); err != nil {
		return err
	}
	return l.validateSoftware()
}

// validateSoftware checks that update files can rewrite the software area.
func (l *Layout) validateSoftware() error {
	var runs [limits.Runs]Run
	var blocks [limits.EraseBlocks]uint32
	software := l.SoftwareIn(runs[:0], blocks[:0])
	if n := software.Sectors(); n > MaxSoftware {
		return fmt.Errorf("layout: software area of %d sectors, at most %d: give the rest of the flash to settings areas", n, MaxSoftware)
	}
	for _, r := range software.Runs {
		if r.Size%limits.SmallLeaf != 0 {
			return fmt.Errorf("layout: sectors of %s in the software area are not whole leaves of %d bytes", FormatSize(r.Size), limits.SmallLeaf)
		}
		if r.Size > limits.SectorSize {
			return fmt.Errorf("layout: sectors of %s in the software area, at most %d bytes", FormatSize(r.Size), limits.SectorSize)
		}
	}
	return nil
}

func (l *Layout) validateSettings(base, size uint32) error {
	if len(l.Settings) > MaxSettings {
		return fmt.Errorf("layout: %d settings areas, at most %d", len(l.Settings), MaxSettings)
	}
	for i, a := range l.Settings {
		if len(a.Name) > MaxAreaName {
			return fmt.Errorf("layout: settings area %d: name of %d bytes, at most %d", i+1, len(a.Name), MaxAreaName)
		}
		if a.Size == 0 || a.Addr >= size || a.Size > size-a.Addr {
			return fmt.Errorf("layout: settings area %q: %d bytes at 0x%x in a part of %d", a.Name, a.Size, a.Addr, size)
		}
		if !l.Geometry.boundary(a.Addr) || !l.Geometry.boundary(a.Addr+a.Size) {
			return fmt.Errorf("layout: settings area %q: %d bytes at 0x%x are not whole sectors", a.Name, a.Size, a.Addr)
		}
		if i == 0 && a.Addr <= base {
			return fmt.Errorf("layout: settings area %q at 0x%x leaves no sector for software, which begins at 0x%x", a.Name, a.Addr, base)
		}
		if i > 0 {
			if b := l.Settings[i-1]; a.Addr < b.Addr+b.Size {
				return fmt.Errorf("layout: settings area %q at 0x%x is not behind area %q", a.Name, a.Addr, b.Name)
			}
		}
	}
	return nil
}

// Records returns the indexes of the two record sectors.
func (l *Layout) Records() [2]int {
	first := l.Geometry.SectorAt(l.Boot)
	return [2]int{first, first + 1}
}

// SoftwareFirst returns the index of the first sector of the software area.
func (l *Layout) SoftwareFirst() int { return l.Geometry.SectorAt(l.Boot) + 2 }

// SoftwareBase returns the address of the software area, where the image starts.
func (l *Layout) SoftwareBase() uint32 {
	addr, _ := l.Geometry.Sector(l.SoftwareFirst())
	return addr
}

// Software returns the geometry of the software area, with addresses from 0. It allocates.
func (l *Layout) Software() Geometry { return l.SoftwareIn(nil, nil) }

// SoftwareIn is Software with memory for runs and blocks, behind the elements that are there: limits.Runs and
// limits.EraseBlocks suffice.
func (l *Layout) SoftwareIn(runs []Run, blocks []uint32) Geometry {
	end := l.Geometry.Sectors()
	if len(l.Settings) > 0 {
		end = l.Geometry.SectorAt(l.Settings[0].Addr)
	}
	first := l.SoftwareFirst()
	return l.Geometry.sub(runs, blocks, first, end-first)
}
