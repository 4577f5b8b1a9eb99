package emulator

import (
	"errors"
	"fmt"
	"time"

	"unbrick/flash"
)

// ErrState is wrapped by what Load says of a state that Save did not make.
var ErrState = errors.New("not the state of this board")

// Save returns the raw flash from address 0 and a blob with all that raw bytes cannot tell: wear,
// weak and unstable cells, units that cannot be read or are not surely erased, defects, the clock and
// the state of chance. No agent may run. RAM is not kept: Load is a power-up.
func (b *Board) Save() (raw, state []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alive {
		panic("emulator: save of a board at work")
	}
	b.settle()
	if b.pending.Kind != 0 {
		b.finish()
	}
	s := savedState{geometry: b.geo, now: b.now + b.debt, random: b.random, total: b.total, defects: b.defects}
	for i, x := range b.sectors {
		raw = append(raw, x.data...)
		s.sectors = append(s.sectors, x.saved(&b.geo, b.stuck(b.defects, i)))
	}
	return raw, s.encode()
}

// saved returns what of a sector the raw bytes do not tell.
func (s *sector) saved(g *flash.Geometry, stuck map[uint32]byte) savedSector {
	out := savedSector{wear: s.wear, weak: s.weak, unstable: s.unstable}
	for u := range uint32(len(s.data)) / g.ProgramUnit {
		if s.used.has(u) && s.readsErased(u, g, stuck) {
			out.stale = out.stale.with(u, len(s.used))
		}
		if s.unreadable.has(u) {
			out.unreadable = out.unreadable.with(u, len(s.used))
		}
	}
	return out
}

// readsErased says whether unit u has no programmed bit, those aside that are stuck.
func (s *sector) readsErased(u uint32, g *flash.Geometry, stuck map[uint32]byte) bool {
	for i := u * g.ProgramUnit; i < (u+1)*g.ProgramUnit; i++ {
		if d := s.data[i] ^ g.Erased; d != 0 && d&^stuck[i] != 0 {
			return false
		}
	}
	return true
}

// stuck returns the stuck bits of sector i by offset, nil if there are none.
func (b *Board) stuck(defects []Defect, i int) map[uint32]byte {
	var m map[uint32]byte
	base, size := b.geo.Sector(i)
	for _, d := range defects {
		if d.Kind == DefectStuck && d.Addr >= base && d.Addr-base < size {
			if m == nil {
				m = make(map[uint32]byte)
			}
			m[d.Addr-base] |= d.Mask
		}
	}
	return m
}

// with returns b with u added, making it first if it is nil.
func (b unitSet) with(u uint32, words int) unitSet {
	if b == nil {
		b = make(unitSet, words)
	}
	b.set(u)
	return b
}

// Load makes the board hold raw, exactly as many bytes as the part has, and state. A nil state means
// a part fresh from a programmer: every unit that is not erased was programmed once and well. The board
// is left without power. If Load fails it has changed nothing. No agent may run.
func (b *Board) Load(raw, state []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alive {
		panic("emulator: load into a board at work")
	}
	if uint64(len(raw)) != uint64(b.geo.Size()) {
		return fmt.Errorf("load flash: %d bytes into a part of %d", len(raw), b.geo.Size())
	}
	s := savedState{now: b.now, random: b.random, total: b.total, sectors: make([]savedSector, len(b.sectors))}
	if state != nil {
		var err error
		if s, err = decodeState(state, &b.geo); err != nil {
			return fmt.Errorf("load flash state: %w", err)
		}
	}
	for i := range b.sectors {
		addr, size := b.geo.Sector(i)
		n := blankSector(size, &b.geo)
		copy(n.data, raw[addr:addr+size])
		n.restore(&s.sectors[i], &b.geo, b.stuck(s.defects, i))
		b.sectors[i], b.owned[i] = n, true
	}
	b.defects = append([]Defect(nil), s.defects...)
	b.now, b.debt, b.random, b.total = s.now, 0, s.random, s.total
	b.power = off
	b.pending, b.busy, b.result = operation{}, false, nil
	b.wakeAll()
	return nil
}

// restore sets what saved returned; every unit that is not erased is used besides.
func (s *sector) restore(x *savedSector, g *flash.Geometry, stuck map[uint32]byte) {
	s.wear, s.weak = x.wear, x.weak
	s.unstable = append([]unstable(nil), x.unstable...)
	copy(s.unreadable, x.unreadable)
	for u := range uint32(len(s.data)) / g.ProgramUnit {
		if x.stale != nil && x.stale.has(u) || s.unreadable.has(u) || !s.readsErased(u, g, stuck) {
			s.used.set(u)
		}
	}
	for _, k := range s.unstable {
		s.used.set(k.offset / g.ProgramUnit)
	}
}

// savedState is the content of a state blob.
type savedState struct {
	geometry flash.Geometry
	now      time.Duration
	random   random
	total    uint64
	defects  []Defect
	sectors  []savedSector
}

// savedSector is the part of it that one sector has.
type savedSector struct {
	wear       uint32
	weak       bool
	stale      unitSet // units that read erased but are not surely so; nil if there is none
	unreadable unitSet // nil if there is none
	unstable   []unstable
}

func (s *savedSector) plain() bool {
	return s.wear == 0 && !s.weak && s.stale == nil && s.unreadable == nil && len(s.unstable) == 0
}
