package diff

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestFinderForgetsOnlyWhatIsTooFar: a finder that keeps no more places than can be reached finds what one
// that keeps all finds: real matches, each longer and farther than the one before.
func TestFinderForgetsOnlyWhatIsTooFar(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 5))
	for range 50 {
		data := make([]byte, 1+r.IntN(3000))
		for i := range data {
			data[i] = byte(r.IntN(3))
		}
		reach := r.IntN(700)
		few, all := newFinder(data, 64, reach), newFinder(data, 64, len(data))
		matches := 0
		for at := 0; at < len(data); at += 1 + r.IntN(3) {
			room := 1 + r.IntN(min(100, len(data)-at))
			found := few.find(nil, at, room, min(at, reach))
			if want := all.find(nil, at, room, min(at, reach)); !slices.Equal(found, want) {
				t.Fatalf("seed %d: place %d of %d, reach %d: %+v, want %+v", seed, at, len(data), reach, found, want)
			}
			var last match
			for _, m := range found {
				if m.n <= last.n || m.from.Back <= last.from.Back || m.n > room || common(data[at-int(m.from.Back):], data[at:at+m.n]) < m.n {
					t.Fatalf("seed %d: place %d: match %+v after %+v", seed, at, m, last)
				}
				last = m
			}
			matches += len(found)
		}
		if reach > 100 && len(data) > 1000 && matches == 0 {
			t.Errorf("seed %d: no match in %d bytes", seed, len(data))
		}
	}
}
