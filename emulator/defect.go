package emulator

import "fmt"

// DefectKind is how cells are worn.
type DefectKind uint8

// The defects.
const (
	DefectErase      DefectKind = iota + 1 // erasing the sector at Addr fails, and the part says so
	DefectProgram                          // programming the byte at Addr fails, and the part says so
	DefectStuck                            // bits Mask of the byte at Addr are always Value; the part says nothing
	DefectMisprogram                       // programming the byte at Addr leaves one bit wrong; the part says nothing
)

// Defect is a worn or faulty place.
type Defect struct {
	Kind        DefectKind
	Addr        uint32
	Times       uint32 // how often it acts; 0 means always. DefectStuck always acts.
	Mask, Value byte
}

// maxDefects bounds what a board and its saved state hold.
const maxDefects = 256

// Inject adds a defect.
func (b *Board) Inject(d Defect) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d.Kind < DefectErase || d.Kind > DefectMisprogram {
		return fmt.Errorf("emulator: unknown defect %d", d.Kind)
	}
	if d.Addr >= b.geo.Size() {
		return fmt.Errorf("emulator: defect at 0x%x is outside the part", d.Addr)
	}
	if len(b.defects) >= maxDefects {
		return fmt.Errorf("emulator: more than %d defects", maxDefects)
	}
	b.defects = append(b.defects, d)
	if d.Kind == DefectStuck {
		b.stick(b.geo.SectorAt(d.Addr))
	}
	return nil
}

// Mend removes all defects. What they did to cells stays until the next erase.
func (b *Board) Mend() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.defects = nil
}

// defect says whether a defect of that kind acts in n bytes from addr on, and counts it off. For an
// erase the defect may lie anywhere in the sector.
func (b *Board) defect(kind DefectKind, addr, n uint32) bool {
	_, ok := b.take(kind, addr, n)
	return ok
}

// misprogram returns the address of a byte that will be wrong.
func (b *Board) misprogram(addr, n uint32) (uint32, bool) {
	return b.take(DefectMisprogram, addr, n)
}

func (b *Board) take(kind DefectKind, addr, n uint32) (uint32, bool) {
	for i := range b.defects {
		d := &b.defects[i]
		if d.Kind != kind || d.Addr < addr || d.Addr-addr >= n {
			continue
		}
		at := d.Addr
		if d.Times > 0 {
			if d.Times--; d.Times == 0 {
				b.defects = append(b.defects[:i], b.defects[i+1:]...)
			}
		}
		return at, true
	}
	return 0, false
}

// stick forces the stuck bits of sector i.
func (b *Board) stick(i int) {
	base, size := b.geo.Sector(i)
	for _, d := range b.defects {
		if d.Kind == DefectStuck && d.Addr >= base && d.Addr-base < size {
			s := b.writable(i)
			s.data[d.Addr-base] = s.data[d.Addr-base]&^d.Mask | d.Value&d.Mask
		}
	}
}
