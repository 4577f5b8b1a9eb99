package diff

import (
	"bytes"

	"unbrick/delta"
	"unbrick/delta/internal/coding"
)

// encoder writes the two streams of a script, step for step what the decoder reads.
type encoder struct {
	plan   *planWriter
	script *script
	old    []byte
	finder *finder // of built bytes
	parser parser
	step   int // sectors built

	out        *coding.Writer
	table      coding.Counters
	data       coding.Data
	model      coding.Predictor
	moves      coding.Map
	setup      *coding.Setup
	batch      int // place where the current batch begins
	historyLen int
	reach      int // how far back into the history was looked
}

// streams returns the control and the data stream of a script under the parameters of head. ranges is the most
// that the relocation map may have. It sets the fields of head that follow: the map's, and History,
// which it lowers to what the decoder will look at. It fails only with the error of the job's context.
func (j *job) streams(sc *script, head *delta.Header, ranges uint32, how parsing) (control, data []byte, err error) {
	a, old := &j.area, j.old
	e := &encoder{plan: newPlanWriter(sc, a), script: sc, old: old}
	e.finder = newFinder(sc.changed, how.recent, int(head.History+head.Buffer))
	e.parser = parser{e: e, parsing: how, parsed: -1}
	e.out, e.setup = coding.NewWriter(), &head.Setup
	if head.Setup.ISA != coding.ISANone {
		e.moves, head.MapLeast = drawMap(sc.runs(), stays(a, j.planned, len(old)), ranges)
		head.MapRanges = uint32(e.moves.Most())
	}
	counters, notes := make([]byte, coding.CounterBytes(head.Units)), make([]byte, head.Setup.Bytes())
	for t, s := range sc.sequence {
		if err := j.ctx.Err(); err != nil {
			return nil, nil, err
		}
		e.step = t
		e.plan.sector(t)
		start, end := sc.starts[t], sc.starts[t+1]
		if t == 0 || sc.opens[t] {
			e.renew(start, head.Units, counters, notes)
		}
		e.historyLen = min(int(head.History), start-e.batch)
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

// renew makes what the decoder learns from the data stream begin anew with the batch whose bytes begin at place start.
func (e *encoder) renew(start int, units uint8, counters, notes []byte) {
	e.table = coding.MakeCounters(counters, units)
	e.data = coding.MakeData(e.setup.ISA)
	e.model = coding.MakePredictor(e.setup, &e.moves, uint32(len(e.old)), notes)
	e.batch, e.parser.parsed = start, -1
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
	e.data.Literals(uint32(n))
	for end := at + n; at < end; {
		if !e.plan.long {
			e.byte(at, start, addr)
			at++
			continue
		}
		for _, m := range e.parser.parse(at, start, addr, min(end-at, parsedMost)) {
			if m.n == 0 {
				e.matched(0)
				e.byte(at, start, addr)
				at++
				continue
			}
			e.matched(1)
			e.match(m)
			if m.from.Old == 0 {
				e.reached(int(m.from.Back) - (at - start))
			}
			at += m.n
		}
	}
}

// matched writes whether a match follows.
func (e *encoder) matched(bit uint32) {
	e.out.Bit(&e.table, e.data.Match(), 0, bit)
	e.data.Matched(bit)
}

// byte writes the built byte at place at.
func (e *encoder) byte(at, start, addr int) {
	m := e.literal(at, start, addr)
	e.reached(min(2, at-start+e.historyLen) - (at - start))
	e.out.MixedByte(&e.table, m, e.script.changed[at])
}

// literal returns the mixer for the built byte at place at.
func (e *encoder) literal(at, start, addr int) *coding.Mixer {
	return e.data.Literal(e.before(at, start, 1), e.before(at, start, 2), uint32(addr+at-start))
}

// before returns the byte built back bytes before place at of the sector that begins at place start, 0 if
// it is not remembered.
func (e *encoder) before(at, start, back int) byte {
	if at-back < start-e.historyLen {
		return 0
	}
	return e.script.changed[at-back]
}

// reached notes that a byte so far behind the sector's beginning was looked at.
func (e *encoder) reached(back int) { e.reach = max(e.reach, back) }

// again returns how many bytes of here, built at the place, are those of the source.
func (e *encoder) again(from coding.Source, place, address, reach int, here []byte) int {
	if from.Old != 0 {
		old := address + int(from.Shift)
		if old < 0 || old >= len(e.old) {
			return 0
		}
		if n := common(e.old[old:], here); n > 0 {
			return e.live(old, n)
		}
		return 0
	}
	if from.Back == 0 || int(from.Back) > reach {
		return 0
	}
	return common(e.script.changed[place-int(from.Back):], here)
}

// live returns how many of n old bytes from address at on can be read.
func (e *encoder) live(at, n int) int {
	for end := at; ; {
		if d := e.script.o.Doubtful; d != nil && d[e.script.area.of(end)] {
			return end - at
		}
		k, live := e.script.served(end, at+n-end, e.step)
		if !live {
			return end - at
		}
		if end += k; end == at+n {
			return n
		}
	}
}

// match writes where a match comes from, and how long it is.
func (e *encoder) match(m match) {
	repeat, last := uint32(0), &e.data.Last
	if m.from == *last {
		repeat = 1
	}
	e.out.Bit(&e.table, coding.Context(coding.PlaceRepeat, 0), 0, repeat)
	if repeat == 0 {
		e.out.Bit(&e.table, coding.Context(coding.PlaceOld, 0), 0, m.from.Old)
	}
	context, least := coding.Length(repeat, m.from.Old)
	e.out.Number(&e.table, context, uint32(m.n)-least)
	if repeat == 0 {
		e.out.Number(&e.table, coding.Where(m.from.Old, uint32(m.n)), e.tell(m.from))
		*last = m.from
	}
}

// tell returns the number that tells a source.
func (e *encoder) tell(from coding.Source) uint32 {
	if from.Old == 0 {
		return from.Back - 1
	}
	return coding.Fold(from.Shift - int32(e.plan.shift))
}

// oldMatches appends the matches of here, which is built at the address, with old bytes that can be read: each
// longer, and from farther away of the plan's diagonal, than the one before.
func (e *encoder) oldMatches(out []match, here []byte, address int) []match {
	longest, near := coding.MinMatch-1, address+e.plan.shift
	look := func(at int) {
		if far := at - near; far > farJump || far < -farJump {
			return
		}
		if at+longest >= len(e.old) || longest >= len(here) || e.old[at+longest] != here[longest] {
			return
		}
		if n := e.live(at, common(e.old[at:], here)); n > longest {
			out = append(out, match{n, coding.Source{Old: 1, Shift: int32(at - address)}})
			longest = n
		}
	}
	if near >= 0 {
		look(near)
	}
	e.script.matcher.index.each(e.script.matcher.new[address:], near, e.parser.kept, look)
	return out
}
