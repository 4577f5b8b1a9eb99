package diff

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

func TestSuffixesAreSorted(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 400 {
		text := make([]byte, r.IntN(300))
		for i, letters := 0, 1+r.IntN(6); i < len(text); i++ {
			text[i] = byte(255 - r.IntN(letters))
		}
		if r.IntN(3) == 0 && len(text) > 0 {
			text = bytes.Repeat(text[:1+r.IntN(len(text))], 3)
		}
		never := func() bool { return false }
		sa := suffixes(text, never)
		seen := make([]bool, len(text))
		for i, s := range sa {
			if seen[s] {
				t.Fatalf("suffix %d of % x comes twice", s, text)
			}
			seen[s] = true
			if i > 0 && bytes.Compare(text[sa[i-1]:], text[s:]) >= 0 {
				t.Fatalf("suffixes %d and %d of % x are not in order", sa[i-1], s, text)
			}
		}
	}
}

// TestSegmentsCover: segments follow each other over the whole new image, and copies lie within the old.
func TestSegmentsCover(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 300 {
		old, new := make([]byte, r.IntN(600)), make([]byte, 1+r.IntN(600))
		for _, b := range [][]byte{old, new} {
			for i := range b {
				b[i] = byte(r.IntN(3))
			}
		}
		if len(old) > 0 && r.IntN(2) == 0 {
			copy(new, old[r.IntN(len(old)):])
		}
		m, err := newMatcher(t.Context(), old, new)
		switch r.IntN(3) {
		case 0:
			m = newRoughMatcher(old, new)
		case 1:
			m = newQuickMatcher(old, new)
		}
		if err != nil {
			t.Fatal(err)
		}
		segments, err := m.segments(t.Context(), func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		for _, s := range refine(old, new, segments) {
			if s.to != at || s.n <= 0 || s.copied && (s.to+s.shift < 0 || s.to+s.shift+s.n > len(old)) {
				t.Fatalf("segment %+v at %d of %d from %d bytes", s, at, len(new), len(old))
			}
			at += s.n
		}
		if at != len(new) {
			t.Fatalf("segments cover %d of %d bytes", at, len(new))
		}
	}
}
