package diff

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// index finds places of a text by the bytes that stand there.
type index struct {
	start  []int32 // by hash: where its places begin in places, and where the next one's do
	places []int32 // ascending
	shift  uint
}

const hashed = 4 // bytes that a place is known by

// newIndex returns an index of every step-th place of a text.
func newIndex(text []byte, step int) *index {
	n := max(bits.Len(uint(len(text)/step))-2, 4)
	x := &index{start: make([]int32, 1<<n+1), shift: uint(32 - n)}
	if len(text) < hashed {
		return x
	}
	last := len(text) - hashed
	x.places = make([]int32, last/step+1)
	for i := 0; i <= last; i += step {
		x.start[x.hash(text[i:])]++
	}
	sum := int32(0)
	for h, n := range x.start {
		sum += n
		x.start[h] = sum
	}
	for i := last / step * step; i >= 0; i -= step {
		h := x.hash(text[i:])
		x.start[h]--
		x.places[x.start[h]] = int32(i)
	}
	return x
}

func (x *index) hash(b []byte) uint32 { return binary.LittleEndian.Uint32(b) * 0x9E3779B1 >> x.shift }

// each calls look with the places that have the hash of q, at most so many, the nearest ones to near first.
func (x *index) each(q []byte, near, most int, look func(at int)) {
	if len(q) < hashed || len(x.places) == 0 {
		return
	}
	h := x.hash(q)
	places := x.places[x.start[h]:x.start[h+1]]
	if len(places) == 1 {
		look(int(places[0]))
		return
	}
	above, _ := slices.BinarySearch(places, int32(near))
	below := above - 1
	for range min(most, len(places)) {
		if below >= 0 && (above == len(places) || near-int(places[below]) < int(places[above])-near) {
			look(int(places[below]))
			below--
		} else {
			look(int(places[above]))
			above++
		}
	}
}
