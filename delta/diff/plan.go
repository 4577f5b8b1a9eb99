package diff

import "unbrick/delta/internal/coding"

// planWriter writes the control stream of a script, step for step what the decoder reads.
type planWriter struct {
	script *script
	area   *area
	out    *coding.Writer
	table  coding.Counters

	flows     bool // the sector built next is the one behind the current
	operation int  // the next one to write
	literal   int  // what the current one still gives
	copied    int
	long      bool // its literals may be matches

	shift  int  // the diagonal
	fresh  bool // no copy yet in the current sector
	first  int  // diagonal of the first copy in the current sector, while there is none of the last that had one
	begins int  // the same of the sector built before
	joins  bool // that lies right behind the current one
}

func newPlanWriter(sc *script, a *area) *planWriter {
	return &planWriter{script: sc, area: a, out: coding.NewWriter(),
		table: coding.MakeCounters(make([]byte, coding.CounterBytes(coding.ControlUnits)), coding.ControlUnits)}
}

// planLength returns the length of the control stream of a script.
func planLength(sc *script, a *area) int {
	w := newPlanWriter(sc, a)
	for t := range sc.sequence {
		w.sector(t)
		for at, end := 0, sc.starts[t+1]-sc.starts[t]; at < end; {
			n, _ := w.piece(end - at)
			at += n
		}
		w.keeps(t)
	}
	return len(w.out.Finish())
}

func (w *planWriter) bit(place uint8, v, bit uint32) {
	w.out.Bit(&w.table, coding.Context(place, v), 0, bit)
}

func (w *planWriter) number(place uint8, v, n uint32) {
	w.out.Number(&w.table, coding.Context(place, v), n)
}

// sector begins the t-th sector: it writes which one comes after it.
func (w *planWriter) sector(t int) {
	sequence := w.script.sequence
	s := sequence[t]
	if t == 0 {
		w.jump(0, s)
	}
	w.joins = t > 0 && s+1 == sequence[t-1]
	w.begins, w.fresh, w.flows = w.first, true, false
	if t+1 < len(sequence) {
		w.jump(s+1, sequence[t+1])
		w.flows = s+1 == sequence[t+1]
		if w.script.o.Batch != 0 {
			bit := uint32(0)
			if w.script.opens[t+1] {
				bit = 1
			}
			w.bit(coding.PlaceBatch, 0, bit)
		}
	}
}

// jump writes that where sector from is expected sector to comes.
func (w *planWriter) jump(from, to int) {
	if from == to {
		w.bit(coding.PlaceNext, 0, 0)
		return
	}
	w.bit(coding.PlaceNext, 0, 1)
	w.number(coding.PlaceSector, 0, coding.Fold(int32(to-from)))
}

// piece returns how many bytes, at most room, come next, and whether they are copied; it writes an
// operation when the one before is used up.
func (w *planWriter) piece(room int) (n int, copied bool) {
	if w.literal == 0 && w.copied == 0 {
		w.begin(w.script.operations[w.operation], room)
		w.operation++
	}
	if w.literal > 0 {
		n = min(w.literal, room)
		w.literal -= n
		return n, false
	}
	n = min(w.copied, room)
	w.copied -= n
	if w.fresh {
		w.first, w.fresh = w.shift, false
	}
	return n, true
}

// begin writes an operation in a sector with room for so many more bytes.
func (w *planWriter) begin(o operation, room int) {
	w.literal, w.copied, w.long = o.literal, o.copied, o.literal >= coding.MatchThreshold
	w.number(coding.PlaceLiteral, 0, uint32(o.literal))
	v := uint32(min(o.literal, 1))
	ends := uint32(0)
	if !w.flows && o.literal < room {
		if o.literal+o.copied == room {
			ends = 1
		}
		w.bit(coding.PlaceEnd, v, ends)
	}
	if ends == 0 {
		w.number(coding.PlaceCopy, v, uint32(o.copied))
	}
	if o.copied == 0 {
		return
	}
	was := w.shift
	w.shift = o.shift
	if w.joins && (v != 0 || w.begins != was) {
		if o.shift == w.begins {
			w.bit(coding.PlaceJoin, ends, 1)
			return
		}
		w.bit(coding.PlaceJoin, ends, 0)
	}
	w.number(coding.PlaceDiagonal, v, coding.Fold(int32(o.shift-was)))
}

// keeps writes what is kept of the t-th sector.
func (w *planWriter) keeps(t int) {
	s := w.script.sequence[t]
	if w.script.edge > 0 {
		if d := w.script.o.Doubtful; d == nil || !d[s] {
			w.bit(coding.PlaceEdge, 0, 1)
		} else {
			w.bit(coding.PlaceEdge, 0, 0)
		}
	}
	if w.script.stash.count == 0 {
		return
	}
	addr, _ := w.area.bounds(s)
	keeps := w.script.stash.keeps[t]
	w.number(coding.PlaceKeeps, 0, uint32(len(keeps)))
	for _, k := range keeps {
		w.number(coding.PlaceGap, 0, uint32(k.addr-addr))
		w.number(coding.PlaceKeep, 0, uint32(k.n-1))
		w.number(coding.PlaceLife, 0, uint32(k.last-t-1))
		addr = k.addr + k.n
	}
}
