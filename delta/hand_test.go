package delta_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"unbrick/delta"
	"unbrick/delta/internal/coding"
	"unbrick/flash"
	"unbrick/limits"
)

// handWriter writes the two streams of a file for two sectors of 256 bytes.
type handWriter struct {
	head            delta.Header
	plan, out       *coding.Writer
	table, counters coding.Counters
	data            coding.Data
}

func newHand(t *testing.T, old []byte) *handWriter {
	t.Helper()
	area, err := flash.ParseGeometry("256*2", 0)
	if err != nil {
		t.Fatal(err)
	}
	w := &handWriter{
		head: delta.Header{Kind: delta.KindDelta, FromSize: 512, ToSize: 512, Steps: limits.Work, Reads: limits.Reads, Units: 1, Buffer: 256, Changed: 2},
		plan: coding.NewWriter(), out: coding.NewWriter(), data: coding.MakeData(coding.ISANone),
		table:    coding.MakeCounters(make([]byte, coding.CounterBytes(coding.ControlUnits)), coding.ControlUnits),
		counters: coding.MakeCounters(make([]byte, coding.CounterBytes(1)), 1),
	}
	if err := w.head.SetGeometry(&area); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(old)
	copy(w.head.To[:], sum[:])
	return w
}

func (w *handWriter) number(place uint8, v, n uint32) {
	w.plan.Number(&w.table, coding.Context(place, v), n)
}

func (w *handWriter) bit(place uint8, v, bit uint32) {
	w.plan.Bit(&w.table, coding.Context(place, v), 0, bit)
}

// copied writes units of old bytes as they are.
func (w *handWriter) copied(old []byte, from, to uint32) {
	for from < to {
		n := coding.UnitSize - from%coding.UnitSize
		w.out.Mixed(&w.counters, w.data.Unit(from, coding.KindPlain, old[from:from+n], old[from:from+n]), 0)
		w.data.Hit()
		from += n
	}
}

func (w *handWriter) file() []byte { return w.head.Append(nil, w.plan.Finish(), w.out.Finish()) }

// handMade is a file for two sectors of 256 bytes: the first stays as it is, the second has literal bytes and
// is then copied from shift away, said to end with its sector or not.
func handMade(t *testing.T, old []byte, shift int32, literal uint32, said bool) []byte {
	t.Helper()
	w := newHand(t, old)
	first := uint32(256)
	if shift == 0 && literal == 0 {
		first = 512
	}
	for range 2 {
		w.bit(coding.PlaceNext, 0, 0)
	}
	w.number(coding.PlaceLiteral, 0, 0)
	w.number(coding.PlaceCopy, 0, first)
	w.number(coding.PlaceDiagonal, 0, 0)
	if first == 256 {
		v := min(literal, 1)
		w.number(coding.PlaceLiteral, 0, literal)
		if said {
			w.bit(coding.PlaceEnd, v, 1)
		} else {
			w.bit(coding.PlaceEnd, v, 0)
			w.number(coding.PlaceCopy, v, 256-literal)
		}
		w.number(coding.PlaceDiagonal, v, coding.Fold(shift))
	}
	for i := uint32(0); i < 512; {
		src := i
		if i >= 256 {
			src += uint32(shift)
		}
		if i == 256 && literal > 0 {
			w.data.Literals(literal)
			for ; i < 256+literal; i++ {
				w.out.MixedByte(&w.counters, w.data.Literal(0, 0, i), old[i]) // it remembers none before
			}
			continue
		}
		n := coding.UnitSize - src%coding.UnitSize
		i += n
		b := make([]byte, n) // what the flash has there makes no difference when a copy is refused
		if src < uint32(len(old)) {
			copy(b, old[src:])
		}
		w.out.Mixed(&w.counters, w.data.Unit(src, coding.KindPlain, b, b), 0)
		w.data.Hit()
	}
	return w.file()
}

// handDescending is a file that builds the second of two sectors of 256 bytes and then the first, both as they
// are, which begins with a literal byte: its copy is said to be on the diagonal of the second's, or by how much
// the diagonal changes.
func handDescending(t *testing.T, old []byte, joined bool) []byte {
	t.Helper()
	w := newHand(t, old)
	for _, jump := range []int32{1, -2} {
		w.bit(coding.PlaceNext, 0, 1)
		w.number(coding.PlaceSector, 0, coding.Fold(jump))
	}
	w.number(coding.PlaceLiteral, 0, 0)
	w.bit(coding.PlaceEnd, 0, 1)
	w.number(coding.PlaceDiagonal, 0, 0)
	w.number(coding.PlaceLiteral, 0, 1)
	w.bit(coding.PlaceEnd, 1, 1)
	if joined {
		w.bit(coding.PlaceJoin, 1, 1)
	} else {
		w.bit(coding.PlaceJoin, 1, 0)
		w.number(coding.PlaceDiagonal, 1, 0)
	}
	w.copied(old, 256, 512)
	w.data.Literals(1)
	w.out.MixedByte(&w.counters, w.data.Literal(0, 0, 0), old[0]) // it remembers none before
	w.copied(old, 1, 256)
	return w.file()
}

// handMatch is a file for two sectors of 256 bytes, of which the first stays as it is and the second is a match with
// the old bytes shift away, or one that repeats the source of a match that there was not.
func handMatch(t *testing.T, old []byte, repeat uint32, shift int32) []byte {
	t.Helper()
	w := newHand(t, old)
	for range 2 {
		w.bit(coding.PlaceNext, 0, 0)
	}
	w.number(coding.PlaceLiteral, 0, 0)
	w.number(coding.PlaceCopy, 0, 256)
	w.number(coding.PlaceDiagonal, 0, 0)
	w.number(coding.PlaceLiteral, 0, 256)
	w.number(coding.PlaceCopy, 1, 0)
	w.copied(old, 0, 256)
	w.data.Literals(256)
	w.out.Bit(&w.counters, w.data.Match(), 0, 1)
	w.out.Bit(&w.counters, coding.Context(coding.PlaceRepeat, 0), 0, repeat)
	if repeat == 0 {
		w.out.Bit(&w.counters, coding.Context(coding.PlaceOld, 0), 0, 1)
	}
	context, least := coding.Length(repeat, 1-repeat)
	w.out.Number(&w.counters, context, 256-least)
	if repeat == 0 {
		w.out.Number(&w.counters, coding.Where(1, 256), coding.Fold(shift))
	}
	return w.file()
}

// copyOf writes n bytes that go to dst as copies of the old ones at src.
func (a *assembler) copyOf(src, dst, n uint32) {
	a.model.Start(src, n)
	old, want := a.flash[src:src+n], a.new[dst:dst+n]
	for i := uint32(0); i < n; {
		plain, f, kind := a.model.Next(old[i:], src+i, dst+i)
		if plain > 0 {
			k := i + uint32(plain)
			a.unit(old[i:k], old[i:k], want[i:k], coding.KindPlain, src+i)
			i = k
		}
		if f > 0 {
			k := i + uint32(f)
			a.unit(old[i:k], a.model.Field[:f], want[i:k], kind, src+i)
			a.model.Learn(want[i:k], kind)
			i = k
		}
	}
}

func (a *assembler) unit(old, guess, want []byte, kind coding.Kind, src uint32) {
	mixer := a.data.Unit(src, kind, old, guess)
	if bytes.Equal(guess, want) {
		a.out.Mixed(&a.counters, mixer, 0)
		a.data.Hit()
		return
	}
	a.out.Mixed(&a.counters, mixer, 1)
	missed := uint32(0)
	for i := range old {
		at, bit := src+uint32(i), uint32(0)
		if guess[i] != want[i] {
			bit = 1
		}
		if missed != 0 || i < len(old)-1 {
			a.out.Mixed(&a.counters, a.data.Miss(at, uint32(i), missed, kind, old[i], guess[i]), bit)
		}
		if bit != 0 {
			change := want[i] - old[i]
			a.out.MixedByte(&a.counters, a.data.Change(at, kind, old[i], guess[i]), change)
			a.data.Changed(at, change)
			missed |= 1 << i
		}
	}
	a.data.Missed()
}
