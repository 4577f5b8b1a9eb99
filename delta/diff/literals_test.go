package diff

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestFinderForgetsOnlyWhatIsTooFar: a finder that keeps no more places than can be reached chooses what one
// that keeps all chooses.
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
		last, matches := 0, 0
		for at := 0; at < len(data); {
			room := 1 + r.IntN(min(100, len(data)-at))
			m := few.choose(at, room, min(at, reach), last)
			if want := all.choose(at, room, min(at, reach), last); m != want {
				t.Fatalf("seed %d: place %d of %d, reach %d: %+v, want %+v", seed, at, len(data), reach, m, want)
			}
			if at += max(m.n, 1); m.n > 0 {
				last, matches = m.back, matches+1
			}
		}
		if reach > 100 && len(data) > 1000 && matches == 0 {
			t.Errorf("seed %d: no match in %d bytes", seed, len(data))
		}
	}
}
