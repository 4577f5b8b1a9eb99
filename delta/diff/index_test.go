package diff

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestIndex: of the places of a text that begin like what is sought the nearest come first, none is missing, and none
// comes that was not indexed.
func TestIndex(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 7))
	for range 200 {
		text := make([]byte, r.IntN(600))
		for i := range text {
			text[i] = byte(r.IntN(2))
		}
		step := 1 + r.IntN(4)
		x := newIndex(text, step)
		q := []byte{byte(r.IntN(2)), byte(r.IntN(2)), byte(r.IntN(2)), byte(r.IntN(2)), 9}
		near := r.IntN(len(text)+200) - 100
		var want, got []int
		for i := 0; i+hashed <= len(text); i += step {
			if common(text[i:], q) >= hashed {
				want = append(want, i)
			}
		}
		last := -1
		x.each(q, near, len(text), func(at int) {
			apart := max(at-near, near-at)
			if apart < last {
				t.Fatalf("seed %d: place %d is %d from %d, the one before it %d", seed, at, apart, near, last)
			}
			last = apart
			if common(text[at:], q) >= hashed {
				got = append(got, at)
			}
			if at%step != 0 {
				t.Fatalf("seed %d: place %d was not indexed", seed, at)
			}
		})
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: found %v, want %v", seed, got, want)
		}
		few := 0
		x.each(q, near, 3, func(int) { few++ })
		if few > 3 || few < min(3, len(want)) {
			t.Fatalf("seed %d: %d places, at most 3 of %d wanted", seed, few, len(want))
		}
	}
}
