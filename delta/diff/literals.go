package diff

import (
	"math/bits"

	"unbrick/delta/internal/coding"
)

// finder finds matches of built bytes with bytes built before.
type finder struct {
	data  []byte
	head  []int32 // by hash of three bytes: the last place
	prev  []int32 // the one before it, of the last places only
	mask  int     // of a place in prev
	at    int     // places entered
	depth int
}

const finderBits = 15

// newFinder returns a finder of matches that reach no more than so many bytes back.
func newFinder(data []byte, depth, reach int) *finder {
	places := 1 << bits.Len(uint(min(reach+1, len(data))))
	f := &finder{data: data, head: make([]int32, 1<<finderBits), prev: make([]int32, places), mask: places - 1, depth: depth}
	for i := range f.head {
		f.head[i] = -1
	}
	return f
}

func (f *finder) hash(i int) uint32 {
	return (uint32(f.data[i]) | uint32(f.data[i+1])<<8 | uint32(f.data[i+2])<<16) * 0x9E3779B1 >> (32 - finderBits)
}

// enter makes all places before i known.
func (f *finder) enter(i int) {
	for ; f.at < i && f.at+2 < len(f.data); f.at++ {
		h := f.hash(f.at)
		f.prev[f.at&f.mask], f.head[h] = f.head[h], int32(f.at)
	}
}

// match is n bytes that can be had from a source.
type match struct {
	n    int
	from coding.Source
}

// find appends the matches at place i within room bytes, at most reach back: each longer, and from farther, than the
// one before.
func (f *finder) find(out []match, i, room, reach int) []match {
	f.enter(i)
	if i+2 >= len(f.data) {
		return out
	}
	here, longest := f.data[i:i+room], coding.MinMatch
	j := f.head[f.hash(i)]
	for range f.depth {
		if j < 0 || i-int(j) > reach || longest == room {
			break
		}
		if n := common(f.data[j:], here); n > longest {
			out = append(out, match{n, coding.Source{Back: uint32(i - int(j))}})
			longest = n
		}
		j = f.prev[int(j)&f.mask]
	}
	return out
}
