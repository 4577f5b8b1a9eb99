package delta_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/delta/internal/coding"
	"unbrick/flash"
	"unbrick/limits"
)

// workSlack is what one thing that a decoder does may take before it looks at its budget: to free a stash in which nothing
// stays where it is, and to read a sector.
func workSlack(h *delta.Header) uint64 {
	return 3*limits.Keeps + limits.Stash/4 + 2*uint64(h.Buffer) + 1024
}

// workOf decodes a file, to its end or until it is refused, and returns the steps that took. It fails if these are more than
// the budget.
func workOf(t testing.TB, file []byte, old flash.Reader) (work delta.Work, err error) {
	t.Helper()
	h, err := delta.ParseHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	area := h.Geometry()
	var d delta.Decoder
	err = d.Open(file, &area, old, make([]byte, h.Memory()))
	for err == nil {
		_, _, err = d.Next()
	}
	if err == io.EOF {
		err = nil
	}
	work, most, slack := d.Work(), h.Budget(h.ToSize), workSlack(&h)
	if work.Steps > most.Steps+slack || work.Reads > most.Reads+slack {
		t.Errorf("%d steps and %d old bytes for an image of %d bytes, at most %d and %d: %v", work.Steps, work.Reads, h.ToSize, most.Steps, most.Reads, err)
	}
	if err == nil && (work.Steps > h.Budget(d.Built()).Steps || work.Reads > h.Budget(d.Built()).Reads) {
		t.Errorf("%d steps and %d old bytes for %d built, the file announces less", work.Steps, work.Reads, d.Built())
	}
	return work, err
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// hostile is a file for n sectors of size bytes whose control stream is written by hand; its data stream is noise, which a
// decoder takes for anything.
type hostile struct {
	*handWriter
	n, size uint32
	shift   int32
}

func newHostile(t *testing.T, n, size uint32) *hostile {
	t.Helper()
	area, err := flash.ParseGeometry(fmt.Sprintf("%d*%d", size, n), 0)
	if err != nil {
		t.Fatal(err)
	}
	w := &hostile{newHand(t, nil), n, size, 0}
	w.head = delta.Header{Kind: delta.KindDelta, FromSize: n * size, ToSize: n * size, Steps: limits.Work, Reads: limits.Reads, Units: 1, Buffer: size, Changed: n}
	if err := w.head.SetGeometry(&area); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *hostile) file(r *rand.Rand) []byte {
	return w.head.Append(nil, w.plan.Finish(), randomBytes(r, int(min(2*w.n*w.size, 8<<20))))
}

// sector begins sector k, in address order.
func (w *hostile) sector(k uint32) {
	if k == 0 {
		w.bit(coding.PlaceNext, 0, 0)
	}
	if k < w.n-1 {
		w.bit(coding.PlaceNext, 0, 0)
	}
}

// copies writes a copy of n bytes from shift away. rest: it fills the last sector.
func (w *hostile) copies(n uint32, shift int32, rest bool) {
	w.number(coding.PlaceLiteral, 0, 0)
	if rest {
		w.bit(coding.PlaceEnd, 0, 1)
	} else {
		w.number(coding.PlaceCopy, 0, n)
	}
	w.number(coding.PlaceDiagonal, 0, coding.Fold(shift-w.shift))
	w.shift = shift
}

// hostileFiles are small files that make as much work as can be, each in one way.
func hostileFiles(t *testing.T, n, size uint32, r *rand.Rand) map[string][]byte {
	all := map[string][]byte{}

	entries := min(size, delta.MaxKeeps)
	w := newHostile(t, n, size)
	w.head.Keeps, w.head.StashBytes = entries, entries
	for k := range n {
		w.sector(k)
		w.copies(size, -int32(k*size), k == n-1)
		if k > 0 {
			w.number(coding.PlaceKeeps, 0, 0)
			continue
		}
		w.number(coding.PlaceKeeps, 0, entries)
		for range entries {
			w.number(coding.PlaceGap, 0, 0)
			w.number(coding.PlaceKeep, 0, 0)
			w.number(coding.PlaceLife, 0, n-2)
		}
	}
	all["stash entries of one byte"] = w.file(r)

	w = newHostile(t, n, size)
	w.head.Keeps, w.head.StashBytes = entries, entries
	for k := range n {
		w.sector(k)
		if k == 0 {
			w.copies(n*size, 0, false)
		}
		if k == n-1 {
			w.number(coding.PlaceKeeps, 0, 0)
			break
		}
		w.number(coding.PlaceKeeps, 0, entries)
		for range entries {
			w.number(coding.PlaceGap, 0, 0)
			w.number(coding.PlaceKeep, 0, 0)
			w.number(coding.PlaceLife, 0, 0)
		}
	}
	all["a stash that is filled and freed with each sector"] = w.file(r)

	w = newHostile(t, n, size)
	for k := range n {
		w.sector(k)
		if k == n-1 {
			w.copies(size, 0, true)
			break
		}
		for i := range size {
			w.copies(1, int32((n-1-k)*size*(i&1)), false)
		}
	}
	all["copies of one byte from far apart"] = w.file(r)

	w = newHostile(t, n, size)
	w.head.Setup = coding.Setup{ISA: coding.ISAData, Base: coding.NoBase}
	w.head.MapRanges, w.head.MapLeast = delta.MaxMap, 1
	for k := range n {
		w.sector(k)
		if k == n-1 {
			w.copies(size, 0, true)
			break
		}
		for i := range size { // from the end of the old image to its start: each range comes in front of all
			at := k*size + i
			w.copies(1, int32(n*size-1-at)-int32(at), false)
		}
	}
	all["a map that grows in front"] = w.file(r)

	// Ranges with gaps between, which one long copy fills in front of all others.
	w = newHostile(t, n, size)
	w.head.Setup = coding.Setup{ISA: coding.ISAData, Base: coding.NoBase}
	w.head.MapRanges, w.head.MapLeast = delta.MaxMap, 1
	const gaps = delta.MaxMap/2 - 1
	for k, left := uint32(0), uint32(0); k < n; k++ {
		w.sector(k)
		for i := uint32(0); i < size && left == 0; i++ {
			switch at := k*size + i; {
			case at < gaps:
				w.copies(1, int32(at+1), false)
			default:
				left = n*size - at
				w.copies(left, -int32(at), k == n-1)
			}
		}
	}
	all["a map whose gaps are filled"] = w.file(r)

	w = newHostile(t, n, size)
	w.head.Setup = coding.Setup{ISA: coding.ISAx86, Base: coding.NoBase, RAM: 0, RAMSize: 1<<32 - 1<<12}
	w.head.MapRanges = n*size/65535 + 1
	w.head.MapLeast = n * size
	for k := range n {
		w.sector(k)
		if k == 0 {
			w.copies(n*size, 0, false)
		}
	}
	all["words that are all pointers into RAM"] = w.file(r)

	w = newHostile(t, n, size)
	for k := range n {
		w.sector(k)
		if k == 0 {
			w.number(coding.PlaceLiteral, 0, n*size)
			w.number(coding.PlaceCopy, 1, 0)
		}
	}
	all["literals that noise makes matches of"] = w.file(r)
	all["matches of two bytes from far apart"] = hostileMatches(t, n, size)

	w = newHostile(t, n, size)
	w.head.Edge = delta.MaxEdge
	for k := range n {
		w.sector(k)
		if k == 0 {
			w.copies(n*size, 0, false)
		}
		w.bit(coding.PlaceEdge, 0, 1)
	}
	all["edges of every sector"] = w.file(r)
	return all
}

// hostileMatches is a file whose new bytes are all matches of two old bytes, each on a diagonal far from that of the one before.
func hostileMatches(t *testing.T, n, size uint32) []byte {
	t.Helper()
	w := newHostile(t, n, size)
	for k := range n {
		w.sector(k)
		if k == 0 {
			w.number(coding.PlaceLiteral, 0, n*size)
			w.number(coding.PlaceCopy, 1, 0)
		}
		w.data.Literals(size)
		for i := uint32(0); i < size; i += 2 {
			far := int32((n - 1 - k) * size * (i / 2 & 1)) // in the last sector, which is left alone there
			w.out.Bit(&w.counters, w.data.Match(), 0, 1)
			w.data.Matched(1)
			w.out.Bit(&w.counters, coding.Context(coding.PlaceRepeat, 0), 0, 0)
			w.out.Bit(&w.counters, coding.Context(coding.PlaceOld, 0), 0, 1)
			context, least := coding.Length(0, 1)
			w.out.Number(&w.counters, context, 2-least)
			w.out.Number(&w.counters, coding.Where(1, 2), coding.Fold(far))
		}
	}
	return w.handWriter.file()
}

// honestWork is what the worst honest file for an image of size bytes takes: noise, which is all literal.
func honestWork(t *testing.T, n, size uint32, r *rand.Rand) uint64 {
	t.Helper()
	area, err := flash.ParseGeometry(fmt.Sprintf("%d*%d", size, n), 0)
	if err != nil {
		t.Fatal(err)
	}
	file, err := diff.Full(context.Background(), randomBytes(r, int(n*size)), &diff.Options{Geometry: &area, Effort: diff.EffortFast})
	if err != nil {
		t.Fatal(err)
	}
	work, err := workOf(t, file, flash.Bytes(nil))
	if err != nil {
		t.Fatal(err)
	}
	return work.Steps
}

// TestHostileWork: no file makes more than four times the work of the worst honest file for an image of that size.
func TestHostileWork(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	over := 0
	for _, c := range []struct{ n, size uint32 }{{16, 4096}, {64, 4096}, {1024, 256}, {4, 64 << 10}} {
		honest := honestWork(t, c.n, c.size, r)
		old := flash.Bytes(randomBytes(r, int(c.n*c.size)))
		for name, file := range hostileFiles(t, c.n, c.size, r) {
			work, err := workOf(t, file, old)
			t.Logf("%d sectors of %d, %s: %.2f of the worst honest file, %.1f old bytes a byte, %v",
				c.n, c.size, name, float64(work.Steps)/float64(honest), float64(work.Reads)/float64(c.n*c.size), err)
			if work.Steps > 4*honest {
				t.Errorf("%d sectors of %d, %s: %d steps, the worst honest file takes %d", c.n, c.size, name, work.Steps, honest)
			}
			if errors.Is(err, delta.ErrWork) {
				over++
			}
		}
	}
	if over == 0 {
		t.Error("nothing was refused for its work")
	}
}

// TestNoiseWork gives decoders headers that announce as much as can be, and noise for both streams.
func TestNoiseWork(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	runs := 3000
	if testing.Short() {
		runs = 300
	}
	for range runs {
		w := newHostile(t, 1+uint32(r.IntN(64)), []uint32{256, 1024, 4096}[r.IntN(3)])
		h := &w.head
		h.Units = uint8(1 + r.IntN(delta.MaxUnits))
		h.Keeps, h.StashBytes = uint32(r.IntN(delta.MaxKeeps)), uint32(r.IntN(64<<10))
		h.Edge, h.History = uint32(r.IntN(delta.MaxEdge)), uint32(r.IntN(delta.MaxHistory))
		h.MapRanges, h.MapLeast = delta.MaxMap, uint32(1+r.IntN(9))
		h.Setup = coding.Setup{ISA: coding.ISA(1 + r.IntN(10)), Base: uint32(r.IntN(2)) * 0x8000000, RAM: 0, RAMSize: 1<<32 - 1<<12}
		file := h.Append(nil, randomBytes(r, r.IntN(4096)), randomBytes(r, r.IntN(4096)))
		if _, err := delta.ParseHeader(file); err != nil {
			continue // the stash is too large
		}
		_, _ = workOf(t, file, flash.Bytes(randomBytes(r, int(h.FromSize))))
	}
}
