package emulator

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"unbrick/flash"
)

// The state blob, version 1, all numbers little endian:
//
//	8 bytes   "UBSTATE1"
//	u32       bytes of the part; u32 sectors; u32 program unit
//	u64       virtual time in ns; u64 state of chance; u64 flash operations ever
//	u32       number of defects, then each: u8 kind, u32 address, u32 times, u8 mask, u8 value
//	u32       number of sectors that are not plain, then each, ascending:
//	          u32 index, u32 wear, u8 flags, then as flagged
//	          set of stale units, set of unreadable units (a u64 for each 64 units, not all 0),
//	          u32 number of unstable bytes, not 0, then each, ascending: u32 offset, u8 mask, not 0
const stateMagic = "UBSTATE1"

// Flags of a sector; others are refused.
const (
	flagWeak = 1 << iota
	flagStale
	flagUnreadable
	flagUnstable
	flagsEnd
)

func (s *savedState) encode() []byte {
	le := binary.LittleEndian
	out := []byte(stateMagic)
	out = le.AppendUint32(out, s.geometry.Size())
	out = le.AppendUint32(out, uint32(s.geometry.Sectors()))
	out = le.AppendUint32(out, s.geometry.ProgramUnit)
	out = le.AppendUint64(out, uint64(s.now))
	out = le.AppendUint64(out, uint64(s.random))
	out = le.AppendUint64(out, s.total)
	out = le.AppendUint32(out, uint32(len(s.defects)))
	for _, d := range s.defects {
		out = append(out, byte(d.Kind))
		out = le.AppendUint32(out, d.Addr)
		out = le.AppendUint32(out, d.Times)
		out = append(out, d.Mask, d.Value)
	}
	count := uint32(0)
	for i := range s.sectors {
		if !s.sectors[i].plain() {
			count++
		}
	}
	out = le.AppendUint32(out, count)
	for i := range s.sectors {
		if !s.sectors[i].plain() {
			out = le.AppendUint32(out, uint32(i))
			out = s.sectors[i].encode(out)
		}
	}
	return out
}

func (s *savedSector) encode(out []byte) []byte {
	le := binary.LittleEndian
	var flags byte
	if s.weak {
		flags |= flagWeak
	}
	if s.stale != nil {
		flags |= flagStale
	}
	if s.unreadable != nil {
		flags |= flagUnreadable
	}
	if len(s.unstable) > 0 {
		flags |= flagUnstable
	}
	out = le.AppendUint32(out, s.wear)
	out = append(out, flags)
	for _, set := range []unitSet{s.stale, s.unreadable} {
		for _, w := range set {
			out = le.AppendUint64(out, w)
		}
	}
	if len(s.unstable) > 0 {
		out = le.AppendUint32(out, uint32(len(s.unstable)))
		for _, u := range s.unstable {
			out = le.AppendUint32(out, u.offset)
			out = append(out, u.mask)
		}
	}
	return out
}

// stateReader takes numbers from a blob; the first error sticks.
type stateReader struct {
	b   []byte
	off int
	err error
}

func (r *stateReader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s at byte %d", ErrState, what, r.off)
	}
}

func (r *stateReader) take(n int) []byte {
	if r.err != nil || len(r.b)-r.off < n {
		r.fail("too short")
		return make([]byte, n) // n is at most 8
	}
	r.off += n
	return r.b[r.off-n : r.off]
}

func (r *stateReader) u8() byte    { return r.take(1)[0] }
func (r *stateReader) u32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }
func (r *stateReader) u64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

// count reads a number of things of size bytes each, of which there are at most limit.
func (r *stateReader) count(size int, limit uint64) int {
	n := r.u32()
	if uint64(n) > limit || uint64(n)*uint64(size) > uint64(len(r.b)-r.off) {
		r.fail("count out of range")
		return 0
	}
	return int(n)
}

// decodeState reads a blob that encode made for a part of geometry g.
func decodeState(b []byte, g *flash.Geometry) (savedState, error) {
	s := savedState{geometry: *g, sectors: make([]savedSector, g.Sectors())}
	r := &stateReader{b: b}
	if len(b) < len(stateMagic) || string(b[:len(stateMagic)]) != stateMagic {
		return s, fmt.Errorf("%w: no %q at its start", ErrState, stateMagic)
	}
	r.off = len(stateMagic)
	if r.u32() != g.Size() || r.u32() != uint32(g.Sectors()) || r.u32() != g.ProgramUnit {
		r.fail("another geometry")
	}
	now := r.u64()
	if now > math.MaxInt64/2 {
		r.fail("time out of range")
	}
	s.now = time.Duration(now)
	s.random = random(r.u64())
	s.total = r.u64()
	for range r.count(11, maxDefects) {
		d := Defect{Kind: DefectKind(r.u8()), Addr: r.u32(), Times: r.u32(), Mask: r.u8(), Value: r.u8()}
		if d.Kind < DefectErase || d.Kind > DefectMisprogram || d.Addr >= g.Size() {
			r.fail("defect out of range")
		}
		s.defects = append(s.defects, d)
	}
	last := -1
	for range r.count(9, uint64(len(s.sectors))) {
		i := r.u32()
		if uint64(i) >= uint64(len(s.sectors)) || int(i) <= last {
			r.fail("sector out of order")
			break
		}
		last = int(i)
		_, size := g.Sector(last)
		r.sector(&s.sectors[last], size, g.ProgramUnit)
		if s.sectors[last].plain() {
			r.fail("plain sector")
		}
		if r.err != nil {
			break
		}
	}
	if r.err == nil && r.off != len(b) {
		r.fail("bytes behind the end")
	}
	return s, r.err
}

func (r *stateReader) sector(s *savedSector, size, unit uint32) {
	s.wear = r.u32()
	flags := r.u8()
	if flags >= flagsEnd {
		r.fail("unknown flags")
		return
	}
	s.weak = flags&flagWeak != 0
	if flags&flagStale != 0 {
		s.stale = r.units(size / unit)
	}
	if flags&flagUnreadable != 0 {
		s.unreadable = r.units(size / unit)
	}
	if flags&flagUnstable == 0 {
		return
	}
	n := r.count(5, uint64(size))
	if n == 0 {
		r.fail("no unstable bytes")
	}
	for k := range n {
		u := unstable{r.u32(), r.u8()}
		if u.offset >= size || u.mask == 0 || k > 0 && u.offset <= s.unstable[k-1].offset {
			r.fail("unstable byte out of range")
			return
		}
		s.unstable = append(s.unstable, u)
	}
}

func (r *stateReader) units(n uint32) unitSet {
	set := newUnits(n)
	if len(r.b)-r.off < 8*len(set) {
		r.fail("too short")
		return nil
	}
	for i := range set {
		set[i] = r.u64()
	}
	if !set.any() || n%64 != 0 && set[len(set)-1]>>(n%64) != 0 {
		r.fail("set of units out of range")
	}
	return set
}
