package delta_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"unbrick/delta"
	"unbrick/delta/internal/coding"
	"unbrick/flash"
	"unbrick/internal/vectors"
)

// The worked example of docs/delta.md: what it says is what decoding its file by the document does.
const (
	exampleOld = "abcdefgh"
	exampleNew = "abcdXfgh!"
	document   = "../docs/delta.md"
)

// exampleFile is the file, written by hand: a copy of eight bytes, one of which changes, and one literal byte.
func exampleFile(t *testing.T) (file []byte, area flash.Geometry) {
	t.Helper()
	area = flash.Geometry{Runs: []flash.Run{{Size: 16, Count: 1}}, ProgramUnit: 1, Page: 1, Erased: 0xff}
	w := newHand(t, []byte(exampleNew))
	w.head = delta.Header{Kind: delta.KindDelta, FromSize: 8, ToSize: 9, Units: 1, Buffer: 16, Changed: 1, To: w.head.To}
	if err := w.head.SetGeometry(&area); err != nil {
		t.Fatal(err)
	}
	w.bit(coding.PlaceNext, 0, 0)
	w.number(coding.PlaceLiteral, 0, 0)
	w.bit(coding.PlaceEnd, 0, 0)
	w.number(coding.PlaceCopy, 0, 8)
	w.number(coding.PlaceDiagonal, 0, 0)
	w.number(coding.PlaceLiteral, 0, 1)
	w.number(coding.PlaceCopy, 1, 0)
	old := []byte(exampleOld)
	w.copied(old, 0, 4)
	unit := old[4:]
	w.out.Mixed(&w.counters, w.data.Unit(4, coding.KindPlain, unit, unit), 1)
	w.out.Mixed(&w.counters, w.data.Miss(4, 0, 0, coding.KindPlain, unit[0], unit[0]), 1)
	change := byte('X') - unit[0]
	w.out.MixedByte(&w.counters, w.data.Change(4, coding.KindPlain, unit[0], unit[0]), change)
	w.data.Changed(4, change)
	for i := uint32(1); i < 4; i++ {
		w.out.Mixed(&w.counters, w.data.Miss(4+i, i, 1, coding.KindPlain, unit[i], unit[i]), 0)
	}
	w.data.Missed()
	w.data.Literals(1)
	w.out.MixedByte(&w.counters, w.data.Literal('h', 'g', 8), '!')
	return w.file(), area
}

// tracer is a reader of one stream as section 3 describes it, in plain words: it writes down each decision.
type tracer struct {
	stream     []byte
	at         int
	span, code uint32
	words      []uint16
	weights    [9][3]int32
	what       string
	rows       []string
}

func newTracer(stream []byte, counters int) *tracer {
	r := &tracer{stream: stream, span: 1<<32 - 1, words: make([]uint16, counters)}
	for range 4 {
		r.code = r.code<<8 | r.next()
	}
	for i := range r.words {
		r.words[i] = 0x8000
	}
	for i := range r.weights {
		r.weights[i] = [3]int32{26000, 26000, 26000}
	}
	return r
}

func (r *tracer) next() (b uint32) {
	if r.at < len(r.stream) {
		b = uint32(r.stream[r.at])
	}
	r.at++
	return b
}

func (r *tracer) decide(bound uint32) (bit uint32) {
	if r.code < bound {
		r.span, bit = bound, 1
	} else {
		r.code -= bound
		r.span -= bound
	}
	for r.span < 1<<24 {
		r.span <<= 8
		r.code = r.code<<8 | r.next()
	}
	return bit
}

// place is one context.
type place struct{ id, v uint32 }

// slot returns the number of the first counter of a slot of the context.
func (r *tracer) slot(p place, part uint32) uint32 {
	x := (p.v^p.id<<24)*0x85EBCA6B + part
	return (x ^ x>>15) * 0xC2B2AE35 >> 16 * uint32(len(r.words)-15) >> 16
}

func learned(w uint16, bit uint32) uint16 {
	rate, want := []int{1, 2, 2, 3, 3, 4, 4, 4}[w&7], int32(bit*0xffff)
	return uint16(int32(w)+(want-int32(w))>>rate)&^7 | min(w&7+1, 7)
}

func (r *tracer) row(places string, node uint32, words, sum string, chance, span, code, bit uint32) {
	r.rows = append(r.rows, fmt.Sprintf("| %d | %s | %s | %d | %s | %s | %d | %08x | %08x | %d |", len(r.rows)+1, r.what, places, node, words, sum, chance, span, code, bit))
	r.what = ""
}

func (r *tracer) bit(p place, node uint32) uint32 {
	c := &r.words[r.slot(p, node)]
	w, span, code := *c, r.span, r.code
	chance := uint32(w&^7 | 4)
	bit := r.decide(span >> 16 * chance)
	*c = learned(w, bit)
	r.row(fmt.Sprintf("%d,%d", p.id, p.v), node, fmt.Sprintf("%04x", w), "", chance, span, code, bit)
	return bit
}

func (r *tracer) number(p place) uint32 {
	k, n := uint32(0), uint32(1)
	for r.bit(p, k) == 1 {
		k++
	}
	for range k { // at most three in the example
		n = n<<1 | r.bit(p, 32+8*k+n)
	}
	return n - 1
}

func odds(w uint16) int32 {
	log := func(n int32) int32 {
		k := int32(math.Log2(float64(n)))
		i := n << (12 - k) >> 5 & 127
		return k<<8 + min(255, int32(math.Round(256*math.Log2(1+float64(i)/128))))
	}
	p := max(int32(w>>4), 1)
	return log(p) - log(4096-p)
}

func (r *tracer) mixedAt(places [3]place, slots [3]uint32, node, set uint32) uint32 {
	var at, words []string
	sum := int32(0)
	for i, p := range places {
		at = append(at, fmt.Sprintf("%d,%d", p.id, p.v))
		words = append(words, fmt.Sprintf("%04x", r.words[slots[i]+node]))
		sum += odds(r.words[slots[i]+node]) * r.weights[set][i] >> 8
	}
	sum = max(-4096, min(4095, sum>>8))&^7 | 4
	m := min(max(sum, -sum), 3839)
	squashed := func(i int32) int32 { return int32(math.Round(65536 / (1 + math.Exp2(float64(i)/8)))) }
	q := squashed(m/32) - (squashed(m/32)-squashed(m/32+1))*(m%32)/32
	if sum > 0 {
		q = 65536 - q
	}
	span, code := r.span, r.code
	bit := r.decide(span >> 16 * uint32(q))
	for i := range places {
		c := &r.words[slots[i]+node]
		r.weights[set][i] += (odds(*c)*((int32(bit*0xffff)-q)>>4) + 4096) >> 13
	}
	var before [3]uint16
	for i := range places {
		before[i] = r.words[slots[i]+node]
	}
	for i := range places {
		r.words[slots[i]+node] = learned(before[i], bit)
	}
	r.row(strings.Join(at, " "), node, strings.Join(words, " "), fmt.Sprint(sum), uint32(q), span, code, bit)
	return bit
}

func (r *tracer) slots(places [3]place, part uint32) (s [3]uint32) {
	for i, p := range places {
		s[i] = r.slot(p, part)
	}
	return s
}

func (r *tracer) mixed(places [3]place, set uint32) uint32 {
	return r.mixedAt(places, r.slots(places, 0), 1, set)
}

func (r *tracer) mixedByte(places [3]place, set uint32) byte {
	high := uint32(1)
	for range 4 {
		high = high*2 + r.mixedAt(places, r.slots(places, 0), high, set)
	}
	low := uint32(1)
	for range 4 {
		low = low*2 + r.mixedAt(places, r.slots(places, high), low, set)
	}
	return byte(high<<4 | low&15)
}

// decodeExample decodes the example's streams by sections 4 to 6, as far as it needs them.
func decodeExample(t *testing.T, control, data []byte) (plan, out *tracer, image []byte) {
	t.Helper()
	plan, out = newTracer(control, 512), newTracer(data, 256)
	say := func(r *tracer, what string) *tracer { r.what = what; return r }
	is := func(what string, got, want uint32) {
		t.Helper()
		if got != want {
			t.Fatalf("%s: %d, want %d", what, got, want)
		}
	}
	is("first sector", say(plan, "first sector: 0").bit(place{0, 0}, 0), 0)
	is("literals", say(plan, "literals of the first operation: 0").number(place{2, 0}), 0)
	is("ends", say(plan, "its copy ends with the sector: no").bit(place{9, 0}, 0), 0)
	is("copied", say(plan, "copied bytes: 8").number(place{3, 0}), 8)
	is("diagonal", say(plan, "change of the diagonal: 0").number(place{4, 0}), 0)
	is("literals", say(plan, "literals of the second operation: 1").number(place{2, 0}), 1)
	is("copied", say(plan, "copied bytes: 0").number(place{3, 1}), 0)

	old := []byte(exampleOld)
	history := uint32(0) // H
	for at := uint32(0); at < 8; at += 4 {
		h, run, k := history&7, at/4, uint32(3) // one unit as predicted before the second
		last := uint32(old[at+3])
		if say(out, fmt.Sprintf("unit %q as predicted", old[at:at+4])).mixed([3]place{{17, h | run<<3 | at&3<<6 | k<<8}, {25, last | h&1<<8 | k<<9}, {26, history | k<<8}}, 2+h&3) == 0 {
			image = append(image, old[at:at+4]...)
			history <<= 1
			continue
		}
		missed := uint32(0)
		for i := range uint32(4) {
			a, b := at+i, uint32(old[at+i])
			say(out, fmt.Sprintf("%q is not as predicted", rune(b)))
			if out.mixed([3]place{{29, missed | i<<8}, {30, missed | b<<8 | a&1<<16}, {31, missed | a&3<<8 | history&15<<10}}, 6) == 0 {
				image = append(image, byte(b))
				continue
			}
			change := say(out, fmt.Sprintf("%q less %q", exampleNew[a], rune(b))).mixedByte([3]place{{18, 0}, {27, b<<1 | a&1}, {28, 0}}, 7)
			image = append(image, byte(b)+change)
			missed |= 1 << i
		}
		history = history<<1 | 1
	}
	image = append(image, say(out, "the literal '!'").mixedByte([3]place{{16, 'h' << 2}, {23, 'g' << 2}, {24, 0}}, 0))
	return plan, out, image
}

// exampleText is the part of the document that is made from the file.
func exampleText(t *testing.T, file []byte, plan, out *tracer) string {
	t.Helper()
	var b strings.Builder
	for i := 0; i < len(file); i += 16 {
		fmt.Fprintf(&b, "    % x\n", file[i:min(len(file), i+16)])
	}
	for _, s := range []struct {
		name string
		r    *tracer
	}{{"Control stream", plan}, {"Data stream", out}} {
		fmt.Fprintf(&b, "\n%s, `% x`:\n\n| | decided | context(s) | node | word(s) | sum | chance | span | code | bit |\n|---|---|---|---|---|---|---|---|---|---|\n", s.name, s.r.stream)
		for _, row := range s.r.rows {
			b.WriteString(row + "\n")
		}
	}
	return b.String()
}

const (
	exampleBegin = "<!-- example -->\n"
	exampleEnd   = "<!-- end of the example -->\n"
)

// TestWorkedExample decodes the file whose bytes stand in the document by the document, and compares each decision with what
// stands there. The decoder makes the same of it, and its counters end as the trace's do: so it decided the same in the same places.
func TestWorkedExample(t *testing.T) {
	file, area := exampleFile(t)
	h, err := delta.ParseHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	control, data := h.Streams(file)
	plan, out, image := decodeExample(t, control, data)
	if string(image) != exampleNew {
		t.Fatalf("by the document: %q", image)
	}
	page, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), exampleBegin)
	said, after, ok2 := strings.Cut(rest, exampleEnd)
	if !ok || !ok2 {
		t.Fatal("the document has no example")
	}
	want := exampleText(t, file, plan, out)
	if *vectors.Update {
		if err := os.WriteFile(document, []byte(before+exampleBegin+want+exampleEnd+after), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, expected := strings.Split(said, "\n"), strings.Split(want, "\n")
	for i := range max(len(got), len(expected)) {
		if i >= len(got) || i >= len(expected) || got[i] != expected[i] {
			t.Fatalf("line %d of the example is\n%s\nwant\n%s", i+1, line(got, i), line(expected, i))
		}
	}

	mem := make([]byte, h.Memory())
	var d delta.Decoder
	if err := d.Open(file, &area, flash.Bytes(exampleOld), mem); err != nil {
		t.Fatal(err)
	}
	_, built, err := d.Next()
	if err != nil || string(built) != exampleNew+strings.Repeat("\xff", 7) {
		t.Fatalf("the decoder makes %q: %v", built, err)
	}
	if _, _, err := d.Next(); err != io.EOF {
		t.Fatal(err)
	}
	var counters []byte
	for _, w := range append(out.words, plan.words...) {
		counters = append(counters, byte(w), byte(w>>8))
	}
	if !bytes.Equal(counters, mem[:len(counters)]) {
		t.Error("the decoder's counters are others than those of the trace")
	}
}

func line(all []string, i int) string {
	if i < len(all) {
		return all[i]
	}
	return "(nothing)"
}
