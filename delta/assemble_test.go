package delta_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"slices"
	"testing"

	"unbrick/delta"
	"unbrick/delta/internal/coding"
	"unbrick/flash"
	"unbrick/limits"
)

// handPlan is a file that is written by hand: which sectors are built in which order by which operations, of all that the format
// has but a stash. What is built is new; the data stream follows from that.
type handPlan struct {
	geometry string
	old, new []byte
	from     uint32 // from size; 0: all of old. Behind old the flash is erased
	order    []int
	ops      []handOp
	setup    coding.Setup
	batches  []int // steps at which a batch begins, besides 0; nil: there are no batches
	history  uint32
	edge     uint32
	kept     []int // steps whose sector's edges are kept
	repeats  bool  // wrongly: the last match's source goes on in the next batch,
	recalls  bool  // and the history does
}

// handOp is an operation: literal bytes, which are single bytes and matches, and copied ones.
type handOp struct {
	literal []handStep
	copied  int
	shift   int32
}

// handStep is so many single literal bytes, or with a source a match.
type handStep struct {
	n    int
	from coding.Source
}

func single(n int) []handStep { return []handStep{{n: n}} }

// assembler writes the streams of a plan.
type assembler struct {
	*handPlan
	head        delta.Header
	area        flash.Geometry
	flash       []byte
	plan, out   *coding.Writer
	table       coding.Counters
	counters    coding.Counters
	data        coding.Data
	model       coding.Predictor
	moves       coding.Map
	run         coding.Run
	op          int
	literal     []handStep
	copied      int
	long        bool
	flows       bool
	joins       bool
	fresh       bool
	shift       int32
	first, next int32 // diagonal of the first copy: of the sector built before, and of the current one
	built       []byte
	reach       int
	writing     bool // else only the map is drawn
}

// assemble returns the file of a plan, with the smallest budget.
func (p *handPlan) assemble(t testing.TB) []byte {
	t.Helper()
	history := p.history
	for {
		a := p.assembler(t)
		a.head.History = history
		if p.setup.ISA != coding.ISANone {
			a.moves = coding.MakeMap(make([]byte, limits.Map*coding.EntryBytes))
			a.head.MapLeast = delta.MaxImage
			a.sectors(t)
			a.enter()
			a.stay()
			moves, least := a.moves, a.head.MapLeast
			a = p.assembler(t)
			a.moves, a.head.MapRanges, a.head.MapLeast, a.head.History = moves, uint32(moves.Most()), least, history
		}
		a.writing = true
		a.sectors(t)
		if uint32(a.reach) == history {
			return announced(t, a.head.Append(nil, a.plan.Finish(), a.out.Finish()), &a.area, flash.Bytes(a.flash))
		}
		history = uint32(a.reach)
	}
}

// announced returns the file with the smallest budget that it takes, or as it is if it cannot be decoded.
func announced(t testing.TB, file []byte, area *flash.Geometry, old flash.Reader) []byte {
	t.Helper()
	h, err := delta.ParseHeader(file)
	if err != nil {
		return file
	}
	var d delta.Decoder
	if err := d.Open(file, area, old, make([]byte, h.Memory())); err != nil {
		return file
	}
	for err == nil {
		_, _, err = d.Next()
	}
	if err != io.EOF || !h.Announce(d.Work(), d.Built()) {
		return file
	}
	control, data := h.Streams(file)
	return h.Append(nil, control, data)
}

func (p *handPlan) assembler(t testing.TB) *assembler {
	t.Helper()
	a := &assembler{handPlan: p, plan: coding.NewWriter(), out: coding.NewWriter(),
		table: coding.MakeCounters(make([]byte, coding.CounterBytes(coding.ControlUnits)), coding.ControlUnits)}
	var err error
	if a.area, err = flash.ParseGeometry(p.geometry, 0); err != nil {
		t.Fatal(err)
	}
	a.flash = bytes.Repeat([]byte{0xff}, int(a.area.Size()))
	copy(a.flash, p.old)
	from := p.from
	if from == 0 {
		from = uint32(len(p.old))
	}
	a.head = delta.Header{Kind: delta.KindDelta, Setup: p.setup, FromSize: from, ToSize: uint32(len(p.new)), Steps: limits.Work, Reads: limits.Reads,
		Units: 1, Changed: uint32(len(p.order)), Edge: p.edge}
	if from == 0 {
		a.head.Kind = delta.KindFull
	}
	if err := a.head.SetGeometry(&a.area); err != nil {
		t.Fatal(err)
	}
	batch := uint32(0)
	for step, s := range p.order {
		_, size := a.area.Sector(s)
		a.head.Buffer = max(a.head.Buffer, size)
		if p.batches != nil && (step == 0 || slices.Contains(p.batches, step)) {
			a.head.Batches++
			batch = 0
		}
		if batch += size; p.batches != nil {
			a.head.Batch = max(a.head.Batch, batch)
		}
	}
	sum := sha256.Sum256(p.new)
	copy(a.head.To[:], sum[:])
	return a
}

func (a *assembler) renew() {
	a.counters = coding.MakeCounters(make([]byte, coding.CounterBytes(a.head.Units)), a.head.Units)
	last := a.data.Last
	if a.data = coding.MakeData(a.setup.ISA); a.repeats {
		a.data.Last = last
	}
	a.model = coding.MakePredictor(&a.head.Setup, &a.moves, a.head.FromSize, make([]byte, a.head.Setup.Bytes()))
	if !a.recalls {
		a.built = nil
	}
}

func (a *assembler) bit(place uint8, v, bit uint32) {
	a.plan.Bit(&a.table, coding.Context(place, v), 0, bit)
}

func (a *assembler) number(place uint8, v, n uint32) {
	a.plan.Number(&a.table, coding.Context(place, v), n)
}

func (a *assembler) jump(from, to int) {
	if from == to {
		a.bit(coding.PlaceNext, 0, 0)
		return
	}
	a.bit(coding.PlaceNext, 0, 1)
	a.number(coding.PlaceSector, 0, coding.Fold(int32(to-from)))
}

func (a *assembler) sectors(t testing.TB) {
	t.Helper()
	for step, s := range a.order {
		if step == 0 {
			a.jump(0, s)
		}
		if step == 0 || slices.Contains(a.batches, step) {
			a.renew()
		}
		a.joins, a.flows = step > 0 && s+1 == a.order[step-1], false
		a.first, a.fresh = a.next, true
		if step+1 < len(a.order) {
			a.jump(s+1, a.order[step+1])
			a.flows = s+1 == a.order[step+1]
			if a.batches != nil {
				opens := uint32(0)
				if slices.Contains(a.batches, step+1) {
					opens = 1
				}
				a.bit(coding.PlaceBatch, 0, opens)
			}
		}
		addr, size := a.area.Sector(s)
		end := min(addr+size, uint32(len(a.new)))
		start := addr
		for addr < end {
			if len(a.literal) == 0 && a.copied == 0 {
				a.begin(int(end - addr))
			}
			n := a.piece(addr, int(end-addr), int(addr-start))
			if n == 0 {
				t.Fatalf("the plan does not fit sector %d", s)
			}
			addr += uint32(n)
		}
		if a.edge > 0 {
			keep := uint32(0)
			if slices.Contains(a.kept, step) {
				keep = 1
			}
			a.bit(coding.PlaceEdge, 0, keep)
		}
	}
	if a.op != len(a.ops) || len(a.literal) > 0 || a.copied > 0 {
		t.Fatal("the plan goes on")
	}
}

// begin writes the next operation, in a sector with so much room left.
func (a *assembler) begin(room int) {
	o := a.ops[a.op]
	a.op++
	count := 0
	for _, s := range o.literal {
		count += s.n
	}
	a.literal, a.copied, a.long = slices.Clone(o.literal), o.copied, count >= coding.MatchThreshold
	a.number(coding.PlaceLiteral, 0, uint32(count))
	v, ends := uint32(min(count, 1)), uint32(0)
	if !a.flows && count < room {
		if count+o.copied == room {
			ends = 1
		}
		a.bit(coding.PlaceEnd, v, ends)
	}
	if ends == 0 {
		a.number(coding.PlaceCopy, v, uint32(o.copied))
	}
	if o.copied == 0 {
		return
	}
	was := a.shift
	a.shift = o.shift
	if a.joins && (v != 0 || a.first != was) {
		if o.shift == a.first {
			a.bit(coding.PlaceJoin, ends, 1)
			return
		}
		a.bit(coding.PlaceJoin, ends, 0)
	}
	a.number(coding.PlaceDiagonal, v, coding.Fold(o.shift-was))
}

// piece builds what comes next at addr, at bytes behind the sector's start, and returns how many bytes that are.
func (a *assembler) piece(addr uint32, room, at int) int {
	if len(a.literal) == 0 {
		n := min(a.copied, room)
		a.copied -= n
		if a.fresh {
			a.next, a.fresh = a.shift, false
		}
		if a.writing {
			a.copyOf(addr+uint32(a.shift), addr, uint32(n))
		} else if !a.run.Extend(addr, uint32(n), uint32(a.shift)) {
			a.enter()
			a.run = coding.Run{To: addr, N: uint32(n), Shift: uint32(a.shift)}
		}
		a.built = append(a.built, a.new[addr:addr+uint32(n)]...)
		return n
	}
	left := 0
	for _, s := range a.literal {
		left += s.n
	}
	n := min(left, room)
	if a.writing {
		a.data.Literals(uint32(n))
	}
	for done := 0; done < n; {
		s := &a.literal[0]
		k := 1
		if s.from != (coding.Source{}) {
			k = s.n
		}
		if done+k > n {
			return 0 // a match does not cross sectors
		}
		if a.writing {
			a.step(s, addr, at)
		}
		a.built = append(a.built, a.new[addr:addr+uint32(k)]...)
		if s.n -= k; s.n == 0 {
			a.literal = a.literal[1:]
		}
		done, addr, at = done+k, addr+uint32(k), at+k
	}
	return n
}

// back returns the byte built so many before, at bytes behind the sector's start, and notes that it was looked at.
func (a *assembler) back(n, at int) byte {
	if n > len(a.built) || n-at > int(a.head.History) && n > at {
		return 0
	}
	a.reach = max(a.reach, n-at)
	return a.built[len(a.built)-n]
}

// step writes a single byte or a match.
func (a *assembler) step(s *handStep, addr uint32, at int) {
	match := uint32(0)
	if s.from != (coding.Source{}) {
		match = 1
	}
	if a.long {
		a.out.Bit(&a.counters, a.data.Match(), 0, match)
		a.data.Matched(match)
	}
	if match == 0 {
		a.out.MixedByte(&a.counters, a.data.Literal(a.back(1, at), a.back(2, at), addr), a.new[addr])
		return
	}
	last, repeat := &a.data.Last, uint32(0)
	if s.from == *last {
		repeat = 1
	}
	a.out.Bit(&a.counters, coding.Context(coding.PlaceRepeat, 0), 0, repeat)
	if repeat == 0 {
		a.out.Bit(&a.counters, coding.Context(coding.PlaceOld, 0), 0, s.from.Old)
	}
	context, least := coding.Length(repeat, s.from.Old)
	a.out.Number(&a.counters, context, uint32(s.n)-least)
	if repeat == 0 {
		where := coding.Fold(s.from.Shift - a.shift)
		if s.from.Old == 0 {
			where = s.from.Back - 1
		}
		a.out.Number(&a.counters, coding.Where(s.from.Old, uint32(s.n)), where)
	}
	if s.from.Old == 0 {
		a.reach = max(a.reach, int(s.from.Back)-at)
	}
	*last = s.from
}

func (a *assembler) enter() {
	if a.run.N > 0 {
		a.moves.Enter(a.run)
		a.head.MapLeast = min(a.head.MapLeast, a.run.N)
	}
	a.run = coding.Run{}
}

// stay enters the sectors that are not built.
func (a *assembler) stay() {
	from := uint32(0)
	for s := 0; s <= a.area.Sectors(); s++ {
		addr, size := a.head.FromSize, uint32(0)
		if s < a.area.Sectors() {
			addr, size = a.area.Sector(s)
		}
		if addr = min(addr, a.head.FromSize); s == a.area.Sectors() || slices.Contains(a.order, s) {
			if from < addr {
				a.moves.Add(from, addr-from, 0)
			}
			from = addr + size
		}
	}
}
