package emulator

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// Fork is the flash in the moment in which one operation begins, from which every tear of that
// operation can be had: it costs a snapshot, not a run up to the same place.
type Fork struct {
	Operation Operation
	snapshot  *Snapshot
	page      []byte
}

// Fork returns the present moment. It is for the function that OnOperation was given, and for operations
// that are not cut.
func (b *Board) Fork() *Fork {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pending.Kind == 0 {
		panic("emulator: fork without an operation under way")
	}
	f := &Fork{Operation: b.pending.Operation, snapshot: b.snapshot()}
	if f.Operation.Kind == OpProgram {
		f.page = slices.Clone(b.page[:f.Operation.Size])
	}
	return f
}

// Tear makes the board what it would be if power had been cut inside the operation of f: as after
// Restore, but with what the tear leaves. The board is f's or one made from the same Config.
func (b *Board) Tear(f *Fork, tear Tear) {
	b.Restore(f.snapshot)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = operation{Operation: f.Operation}
	copy(b.page[:], f.page)
	b.tear(tear)
	b.result = nil
}

// State returns a number that differs, but for chance, when the cells do: their bytes, which of them are
// weak, unstable, unreadable or not surely erased. Wear, defects, time and chance are not part of
// it. No agent may be inside a flash operation.
func (b *Board) State() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	var sum uint64
	for i, s := range b.sectors {
		h := s.sum // a shared sector has it from the snapshot that shared it
		if b.owned[i] {
			h = s.hash()
		}
		sum ^= mix(h, uint64(i)+1)
	}
	return sum
}

// share computes the sums of the sectors that a snapshot is about to share: later boards only read them.
func (b *Board) share() {
	for i, s := range b.sectors {
		if b.owned[i] { // else of a snapshot already, and another board may be reading it
			s.sum = s.hash()
		}
	}
}

// hash digests all that State looks at; it is never 0.
func (s *sector) hash() uint64 {
	h := uint64(len(s.data))
	if s.weak {
		h = mix(h, 1)
	}
	le := binary.LittleEndian
	p := s.data
	var a, c, d, e uint64 = 1, 2, 3, 4 // four lanes, so that multiplications overlap
	for ; len(p) >= 32; p = p[32:] {
		a = mix(a, le.Uint64(p))
		c = mix(c, le.Uint64(p[8:]))
		d = mix(d, le.Uint64(p[16:]))
		e = mix(e, le.Uint64(p[24:]))
	}
	h = mix(mix(mix(mix(h, a), c), d), e)
	for _, x := range p {
		h = mix(h, uint64(x))
	}
	for _, set := range []unitSet{s.used, s.unreadable} {
		for i, w := range set {
			if w != 0 {
				h = mix(h^uint64(i), w)
			}
		}
		h = mix(h, 2)
	}
	for _, u := range s.unstable {
		h = mix(h, uint64(u.offset)<<8|uint64(u.mask))
	}
	return max(h, 1)
}

// mix folds v into h by the two halves of a product.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^0x9E3779B97F4A7C15, v^0xD6E8FEB86659FD93)
	return hi ^ lo ^ bits.RotateLeft64(h, 23)
}

// Holds says whether the cells from addr on, inside one sector, hold p: unstable bits as they were meant.
// Like Peek it is for oracles.
func (b *Board) Holds(addr uint32, p []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := b.geo.SectorAt(addr)
	if i < 0 {
		return false
	}
	base, size := b.geo.Sector(i)
	return uint64(addr-base)+uint64(len(p)) <= uint64(size) && bytes.Equal(b.sectors[i].data[addr-base:][:len(p)], p)
}

// Firm says whether every cell of sector i reads the same for ever, unless it is written again.
func (b *Board) Firm(i int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sectors[i]
	return !s.weak && len(s.unstable) == 0 && !s.unreadable.any()
}

// Wear returns how many erases of sector i were begun.
func (b *Board) Wear(i int) uint32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sectors[i].wear
}

// Stir gives the board other chances from now on, those of seed: for runs that differ in nothing else.
func (b *Board) Stir(seed uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.random = derive(seed, 's')
	b.line.up.random, b.line.down.random = derive(seed, 'u'), derive(seed, 'd')
}
