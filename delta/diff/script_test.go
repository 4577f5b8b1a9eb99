package diff

import (
	"math/rand/v2"
	"slices"
	"testing"

	"unbrick/delta/internal/coding"
	"unbrick/flash"
)

// TestFinish holds operations to what the control stream can say: no slivers, and no change of diagonal that is no number.
func TestFinish(t *testing.T) {
	b := builder{}
	b.copy(100, 1)
	b.literal(7)
	b.copy(sliver-1, 5)
	b.copy(200, 1-farJump)
	b.copy(300, 5<<20) // too far from there
	b.copy(400, 2)     // by one
	b.copy(500, 1)
	b.copy(600, 1+farJump)
	want := []operation{{0, 100, 1}, {7 + sliver - 1, 200, 1 - farJump}, {700, 500, 1}, {0, 600, 1 + farJump}}
	if got := b.finish(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	sc := &script{sequence: []int{0}, operations: want, stash: &stashing{}, starts: []int{0, 2115}}
	if planLength(sc, nil) == 0 { // panics if a change is none
		t.Error("no plan")
	}
}

// TestSegmentsOfFill: of long fill no place that is looked at in the old image matches more than a few bytes; these
// matches do not take over each other without end.
func TestSegmentsOfFill(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	old := make([]byte, 64<<10)
	for _, end := range [...][]byte{old[:2048], old[len(old)-2048:]} {
		for i := range end {
			end[i] = byte(r.Uint32())
		}
	}
	new := append(slices.Clone(old[len(old)-2048:]), old[2048:len(old)-2048]...)
	segments, err := newMatcher(old, new, searchRough).segments(t.Context(), func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range segments[1:] {
		if most := segments[i].n + 2*backMost; s.n > most {
			t.Errorf("segment %d has %d bytes, the one before it %d", i+1, s.n, segments[i].n)
		}
	}
	if len(segments) < len(new)/(4*backMost) {
		t.Errorf("%d segments: the fill was found at once", len(segments))
	}
}

// TestChooseOfLargeSectors: what a part of a large entry saves is no number of 32 bits on the way.
func TestChooseOfLargeSectors(t *testing.T) {
	p := stashing{keeps: make([][]keep, 2)}
	p.choose([]keep{{addr: 0, n: 128 << 10, step: 0, last: 1, gain: 128 << 10 * priceLost}}, 16<<10)
	want := keep{addr: 0, n: 16<<10 - keepTable, step: 0, last: 1, gain: (16<<10 - keepTable) * priceLost}
	if len(p.keeps[0]) != 1 || p.keeps[0][0] != want {
		t.Errorf("%+v, want %+v", p.keeps[0], want)
	}
}

// TestOldMatchesAreNumbers: what is too far from the plan's diagonal to be told is not found.
func TestOldMatchesAreNumbers(t *testing.T) {
	area, err := flash.ParseGeometry("4KiB*2", 0)
	if err != nil {
		t.Fatal(err)
	}
	old, new := []byte("what is old is here"), []byte("is old, and new")
	j := &job{area: makeArea(&area), old: old, new: new, planned: make([]bool, 2), matcher: newMatcher(old, new, searches[EffortBest])}
	e := &encoder{plan: &planWriter{}, script: &script{job: j}, old: old}
	e.parser.kept = 8
	for shift, want := range map[int]int{0: 1, farJump: 1, farJump + 6: 0, 5 - farJump: 1, 4 - farJump: 0} {
		e.plan.shift = shift
		found := e.oldMatches(nil, new, 0)
		if len(found) != want {
			t.Errorf("diagonal %d: %d matches, want %d", shift, len(found), want)
		}
		for _, m := range found {
			if m.n != 6 || m.from.Shift != 5 || e.tell(m.from) > coding.MaxNumber {
				t.Errorf("diagonal %d: %+v, told as %d", shift, m, e.tell(m.from))
			}
		}
	}
}
