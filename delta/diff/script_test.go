package diff

import (
	"slices"
	"testing"
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
