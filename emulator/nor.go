package emulator

import (
	"math/bits"
	"slices"

	"unbrick/flash"
)

// sector is the cells of a sector. Snapshots share sectors: one that is not owned is never changed.
type sector struct {
	data       []byte
	used       unitSet    // units that are not surely erased
	unreadable unitSet    // units that cannot be read
	unstable   []unstable // ascending offsets
	weak       bool
	wear       uint32
	sum        uint64 // hash of a sector that a snapshot shares, else anything
}

// unstable is a byte some bits of which read differently each time.
type unstable struct {
	offset uint32
	mask   byte
}

// unitSet is a set of units.
type unitSet []uint64

func newUnits(n uint32) unitSet { return make(unitSet, (n+63)/64) }

func (b unitSet) has(i uint32) bool { return b[i/64]>>(i%64)&1 != 0 }
func (b unitSet) set(i uint32)      { b[i/64] |= 1 << (i % 64) }

func (b unitSet) any() bool {
	for _, w := range b {
		if w != 0 {
			return true
		}
	}
	return false
}

func (b unitSet) count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

func (b unitSet) setAll(n uint32) {
	for i := range n {
		b.set(i)
	}
}

func blankSector(size uint32, g *flash.Geometry) *sector {
	units := size / g.ProgramUnit
	s := &sector{data: make([]byte, size), used: newUnits(units), unreadable: newUnits(units)}
	s.blank(g.Erased)
	return s
}

// blank makes every cell erased.
func (s *sector) blank(erased byte) {
	for i := range s.data {
		s.data[i] = erased
	}
	clear(s.used)
	clear(s.unreadable)
	s.unstable = nil
	s.weak = false
}

func (s *sector) clone() *sector {
	c := *s
	c.data = slices.Clone(s.data)
	c.used = slices.Clone(s.used)
	c.unreadable = slices.Clone(s.unreadable)
	c.unstable = slices.Clone(s.unstable)
	return &c
}

// writable returns sector i for changing. With mu held.
func (b *Board) writable(i int) *sector {
	if !b.owned[i] {
		b.sectors[i] = b.sectors[i].clone()
		b.owned[i] = true
	}
	return b.sectors[i]
}

// read fills p from the cells; it returns the address of a unit that cannot be read, and false.
func (b *Board) read(addr uint32, p []byte) (uint32, bool) {
	i := b.geo.SectorAt(addr)
	for len(p) > 0 {
		base, size := b.geo.Sector(i)
		s := b.sectors[i]
		from := addr - base
		n := min(uint32(len(p)), size-from)
		if s.unreadable.any() {
			for u := from / b.geo.ProgramUnit; u <= (from+n-1)/b.geo.ProgramUnit; u++ {
				if s.unreadable.has(u) {
					return base + u*b.geo.ProgramUnit, false
				}
			}
		}
		copy(p[:n], s.data[from:])
		for _, u := range s.unstable {
			if u.offset >= from && u.offset < from+n {
				p[u.offset-from] ^= byte(b.random.next()) & u.mask
			}
		}
		p = p[n:]
		addr += n
		i++
	}
	return 0, true
}

// towardErased returns old with the bits of mask erased.
func (b *Board) towardErased(old, mask byte) byte {
	if b.geo.Erased == 0 {
		return old &^ mask
	}
	return old | mask
}

// erase does a whole erase, and reports whether the part admits it.
func (b *Board) erase(first, count int) error {
	var failed error
	for i := first; i < first+count; i++ {
		s := b.writable(i)
		s.wear++
		addr, size := b.geo.Sector(i)
		if b.defect(DefectErase, addr, size) {
			s.used.setAll(size / b.geo.ProgramUnit)
			failed = &flash.Error{Op: "wait", Addr: addr, Size: size, Err: flash.ErrErase}
			continue
		}
		s.blank(b.geo.Erased)
		b.stick(i)
	}
	return failed
}

// program does a whole program of p.
func (b *Board) program(addr uint32, p []byte) error {
	i := b.geo.SectorAt(addr)
	base, _ := b.geo.Sector(i)
	s := b.writable(i)
	unit := b.geo.ProgramUnit
	n := uint32(len(p))
	for u := (addr - base) / unit; u*unit < addr-base+n; u++ {
		s.used.set(u)
	}
	if b.defect(DefectProgram, addr, n) {
		return &flash.Error{Op: "wait", Addr: addr, Size: n, Err: flash.ErrProgram}
	}
	copy(s.data[addr-base:], p)
	if at, ok := b.misprogram(addr, n); ok {
		// The highest bit that should have been programmed stays erased.
		if wanted := s.data[at-base] ^ b.geo.Erased; wanted != 0 {
			s.data[at-base] = b.towardErased(s.data[at-base], highest(wanted))
		} else {
			s.data[at-base] ^= 0x80
		}
	}
	b.stick(i)
	return nil
}

func highest(c byte) byte {
	for m := byte(0x80); ; m >>= 1 {
		if c&m != 0 {
			return m
		}
	}
}

// tear leaves the pending operation as an interruption does. With mu held.
func (b *Board) tear(t Tear) {
	o := b.pending
	b.pending = operation{}
	r := derive(b.cfg.Seed, b.total, uint64(o.Addr), uint64(t), 't')
	if o.Kind == OpErase {
		first, count := b.span(o.Addr, o.Size)
		switch t.forErase() {
		case Complete:
			_ = b.erase(first, count)
		case EraseWeak:
			for i := first; i < first+count; i++ {
				s := b.writable(i)
				s.wear++
				s.blank(b.geo.Erased)
				s.weak = true
				_, size := b.geo.Sector(i)
				s.used.setAll(size / b.geo.ProgramUnit)
			}
		case ErasePart:
			for i := first; i < first+count; i++ {
				b.tearErase(i, &r)
			}
		}
		return
	}
	b.tearProgram(o.Addr, b.page[:o.Size], t.forProgram(b.cfg.Part.ECC))
}

// tearErase leaves sector i between old and erased: a third of the units each.
func (b *Board) tearErase(i int, r *random) {
	s := b.writable(i)
	s.wear++
	s.weak = true
	unit := b.geo.ProgramUnit
	units := uint32(len(s.data)) / unit
	s.used.setAll(units)
	kept := s.unstable
	s.unstable = nil
	for u := range units {
		cells := s.data[u*unit : (u+1)*unit]
		switch r.next() % 3 {
		case 0: // erased
			for k := range cells {
				cells[k] = b.geo.Erased
			}
			s.unreadable[u/64] &^= 1 << (u % 64)
		case 1: // as it was
			for _, x := range kept {
				if x.offset/unit == u {
					s.unstable = append(s.unstable, x)
				}
			}
		case 2: // in between
			if b.cfg.Part.ECC {
				s.unreadable.set(u)
			}
			for k := range cells {
				old := cells[k]
				cells[k] = b.towardErased(old, byte(r.next()))
				mask := byte(r.next())
				mask &= byte(r.next()) & (old ^ b.geo.Erased)
				if mask != 0 && !b.cfg.Part.ECC {
					s.unstable = append(s.unstable, unstable{u*unit + uint32(k), mask})
				}
			}
		}
	}
}

// tearProgram leaves a program of p as t, a program tear, says.
func (b *Board) tearProgram(addr uint32, p []byte, t Tear) {
	if t == NotBegun {
		return
	}
	unit := b.geo.ProgramUnit
	units := uint32(len(p)) / unit
	if t == Complete || t == Marginal || t == FirstUnit && units == 1 {
		_ = b.program(addr, p)
		if t == Marginal {
			b.waver(addr, p)
		}
		return
	}
	whole := units / 2 // units that are done
	switch {
	case t == FirstUnit:
		whole = 1
	case t == AllButOne:
		whole = units - 1
	}
	if whole > 0 {
		_ = b.program(addr, p[:whole*unit])
	}
	if units > 1 && (t == FirstUnit || t == AllButOne || t == Half && units%2 == 0) {
		return // power failed between two units
	}
	b.tearUnit(addr+whole*unit, p[whole*unit:(whole+1)*unit], t)
}

// waver leaves one bit of p, which is programmed, in between: the last that is not an erased one.
func (b *Board) waver(addr uint32, p []byte) {
	for k := len(p) - 1; k >= 0; k-- {
		if bits := p[k] ^ b.geo.Erased; bits != 0 {
			i := b.geo.SectorAt(addr)
			base, _ := b.geo.Sector(i)
			b.writable(i).addUnstable(addr-base+uint32(k), highest(bits))
			return
		}
	}
}

// tearUnit leaves the one unit at addr half done.
func (b *Board) tearUnit(addr uint32, p []byte, t Tear) {
	i := b.geo.SectorAt(addr)
	base, _ := b.geo.Sector(i)
	s := b.writable(i)
	from := addr - base
	s.used.set(from / b.geo.ProgramUnit)
	if b.cfg.Part.ECC {
		s.unreadable.set(from / b.geo.ProgramUnit)
		copy(s.data[from:], p[:len(p)/2])
		return
	}
	switch {
	case t == Unstable:
		copy(s.data[from:], p)
		for k, c := range p {
			if mask := c ^ b.geo.Erased; mask != 0 {
				s.addUnstable(from+uint32(k), mask)
			}
		}
	case len(p) == 1 && t == Half:
		s.data[from] = b.towardErased(p[0], 0x0F)
	case len(p) == 1:
		s.data[from] = b.towardErased(p[0], 0x01)
	case t == Half:
		copy(s.data[from:], p[:len(p)/2])
	default:
		copy(s.data[from:], p[:len(p)-1])
	}
}

func (s *sector) addUnstable(offset uint32, mask byte) {
	at, found := slices.BinarySearchFunc(s.unstable, offset, func(u unstable, o uint32) int {
		return int(int64(u.offset) - int64(o))
	})
	if found {
		s.unstable[at].mask |= mask
		return
	}
	s.unstable = slices.Insert(s.unstable, at, unstable{offset, mask})
}

// weaken lets bits of weak sectors flip, as at a power-up. With mu held.
func (b *Board) weaken() {
	for i := range b.sectors {
		if !b.sectors[i].weak {
			continue
		}
		s := b.writable(i)
		flips := int(b.random.next() % 5)
		for range flips {
			v := b.random.next()
			at := uint32(v>>8) % uint32(len(s.data))
			bit := byte(1) << (v & 7)
			if b.geo.Erased == 0 {
				s.data[at] |= bit
			} else {
				s.data[at] &^= bit
			}
			// Correction repairs one bit of a unit; every other flip hits a second one.
			if b.cfg.Part.ECC && v>>63 != 0 {
				s.unreadable.set(at / b.geo.ProgramUnit)
			}
		}
	}
}

// span returns the sectors of n bytes from addr on.
func (b *Board) span(addr, n uint32) (first, count int) {
	first = b.geo.SectorAt(addr)
	last := b.geo.SectorAt(addr + n - 1)
	return first, last - first + 1
}
