package diff

import (
	"bytes"
	"context"

	"unbrick/delta"
	"unbrick/delta/internal/coding"
)

// encoder writes the two streams of a script, step for step what the decoder reads.
type encoder struct {
	plan   *planWriter
	script *script
	head   *delta.Header
	old    []byte
	area   *area
	finder *finder

	out        *coding.Writer
	table      coding.Counters
	data       coding.Data
	model      coding.Predictor
	moves      coding.Map
	historyLen int
	reach      int // how far back into the history was looked
}

// encode returns the control and the data stream of a script under the parameters of head. ranges is the most
// that the relocation map may have. It sets the fields of head that follow: the map's, and History,
// which it lowers to what the decoder will look at. It fails only with the error of ctx.
func encode(ctx context.Context, sc *script, head *delta.Header, a *area, old []byte, ranges uint32, depth int) (control, data []byte, err error) {
	e := &encoder{plan: newPlanWriter(sc, a), script: sc, head: head, old: old, area: a, finder: newFinder(sc.changed, depth, int(head.History+head.Buffer))}
	e.out = coding.NewWriter()
	e.table = coding.MakeCounters(make([]byte, coding.CounterBytes(head.Units)), head.Units)
	e.data = coding.MakeData()
	if head.Setup.ISA != coding.ISANone {
		e.moves, head.MapLeast = drawMap(sc.runs(a), sc.stays, ranges)
		head.MapRanges = uint32(e.moves.Len())
	}
	e.model = coding.MakePredictor(head.Setup, &e.moves, uint32(len(old)), make([]byte, head.Setup.Bytes()))
	for t, s := range sc.sequence {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		e.plan.sector(t)
		start, end := sc.starts[t], sc.starts[t+1]
		e.historyLen = min(int(head.History), start)
		addr, _ := a.bounds(s)
		for at := start; at < end; {
			n, copied := e.plan.piece(end - at)
			if copied {
				e.copy(at, addr+at-start, n)
			} else {
				e.literals(at, start, addr, n)
			}
			at += n
		}
		e.plan.keeps(t)
	}
	head.History = uint32(e.reach)
	return e.plan.out.Finish(), e.out.Finish(), nil
}

// copy writes the n built bytes at place at, which go to address dst, as copies of old ones.
func (e *encoder) copy(at, dst, n int) {
	built := e.script.changed[at : at+n]
	src := dst + e.plan.shift
	e.model.Start(uint32(src), uint32(n))
	old := e.old[src : src+n]
	for i := 0; i < n; {
		plain, f, kind := e.model.Next(old[i:], uint32(src+i), uint32(dst+i))
		if plain > 0 {
			e.unit(old[i:i+plain], old[i:i+plain], built[i:i+plain], coding.KindPlain, uint32(src+i))
			i += plain
		}
		if f > 0 {
			e.unit(old[i:i+f], e.model.Field[:f], built[i:i+f], kind, uint32(src+i))
			e.model.Learn(built[i:i+f], kind)
			i += f
		}
	}
}

// unit writes the bytes want of one unit, which were old and guess predicts.
func (e *encoder) unit(old, guess, want []byte, kind coding.Kind, src uint32) {
	mixer := e.data.Unit(src, kind, old, guess)
	if bytes.Equal(guess, want) {
		e.out.Mixed(&e.table, mixer, 0)
		e.data.Hit()
		return
	}
	e.out.Mixed(&e.table, mixer, 1)
	missed := uint32(0)
	for i := range old {
		addr := src + uint32(i)
		bit := uint32(0)
		if guess[i] != want[i] {
			bit = 1
		}
		if missed != 0 || i < len(old)-1 {
			e.out.Mixed(&e.table, e.data.Miss(addr, uint32(i), missed, kind, old[i], guess[i]), bit)
		}
		if bit != 0 {
			change := want[i] - old[i]
			e.out.MixedByte(&e.table, e.data.Change(addr, kind, old[i], guess[i]), change)
			e.data.Changed(addr, change)
			missed |= 1 << i
		}
	}
	e.data.Missed()
}

// literals writes the n built bytes at place at, of the sector at addr whose bytes begin at place
// start, as bytes and matches.
func (e *encoder) literals(at, start, addr, n int) {
	built := e.script.changed
	e.data.Literals(uint32(n))
	for end := at + n; at < end; {
		if e.plan.long {
			m := e.finder.choose(at, end-at, at-start+e.historyLen, int(e.data.Last))
			if m.n > 0 {
				e.out.Bit(&e.table, e.data.Match(), 0, 1)
				e.data.Matched(1)
				e.match(m)
				e.reached(m.back - (at - start))
				at += m.n
				continue
			}
			e.out.Bit(&e.table, e.data.Match(), 0, 0)
			e.data.Matched(0)
		}
		m := e.data.Literal(e.before(at, start, 1), e.before(at, start, 2), uint32(addr+at-start))
		e.out.MixedByte(&e.table, m, built[at])
		at++
	}
}

// before returns the byte built back bytes before place at of the sector that begins at place start, 0 if
// it is not remembered.
func (e *encoder) before(at, start, back int) byte {
	if at-back < start-e.historyLen {
		return 0
	}
	e.reached(back - (at - start))
	return e.script.changed[at-back]
}

// reached notes that a byte so far behind the sector's beginning was looked at.
func (e *encoder) reached(back int) { e.reach = max(e.reach, back) }

func (e *encoder) match(m match) {
	if m.back == int(e.data.Last) {
		e.out.Bit(&e.table, coding.Context(coding.PlaceRepeat, 0), 0, 1)
		e.out.Number(&e.table, coding.Context(coding.PlaceLength, 1), uint32(m.n-coding.MinRepeat))
		return
	}
	e.out.Bit(&e.table, coding.Context(coding.PlaceRepeat, 0), 0, 0)
	e.out.Number(&e.table, coding.Context(coding.PlaceLength, 0), uint32(m.n-coding.MinMatch))
	e.out.Number(&e.table, e.data.Distance(uint32(m.n)), uint32(m.back-1))
	e.data.Last = uint32(m.back)
}
