package diff

import (
	"math/bits"

	"unbrick/delta/internal/coding"
)

// Prices of what literals can be coded as, in sixteenths of a bit, as the adaptive coder has them on
// firmware once it has learned. Only size depends on them.
const (
	priceByte   = 93 // a literal byte
	priceRepeat = 56 // a match at the last distance, with a length of one
	priceMatch  = 72 // a match at another, with the shortest length and distance
	priceLength = 22 // per doubling of the length
	priceFar    = 21 // per doubling of the distance
	lazyGain    = 72 // how much better a match one byte later must be
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

// match is some bytes from back bytes before; gain is what it saves, in sixteenths of a bit.
type match struct{ n, back, gain int }

// best returns the match at place i that saves most: within room bytes, at most reach back. last is
// the distance of the last match.
func (f *finder) best(i, room, reach, last int) match {
	var m match
	here := f.data[i : i+room]
	if last > 0 && last <= reach {
		if n := common(f.data[i-last:], here); n >= coding.MinRepeat {
			if g := n*priceByte - priceRepeat - priceLength*bits.Len(uint(n)); g > 0 {
				m = match{n, last, g}
			}
		}
	}
	f.enter(i)
	if i+2 >= len(f.data) {
		return m
	}
	j := f.head[f.hash(i)]
	for range f.depth {
		if j < 0 || i-int(j) > reach {
			break
		}
		if n := common(f.data[j:], here); n > coding.MinMatch && i-int(j) != last {
			g := n*priceByte - priceMatch - priceLength*bits.Len(uint(n)) - priceFar*bits.Len(uint(i-int(j)))
			if g > m.gain {
				m = match{n, i - int(j), g}
			}
		}
		j = f.prev[int(j)&f.mask]
	}
	return m
}

// choose is best, unless waiting for the next place is better: then it returns no match.
func (f *finder) choose(i, room, reach, last int) match {
	m := f.best(i, room, reach, last)
	if m.n > 0 && room > 1 && m.n < 64 {
		if later := f.best(i+1, room-1, reach+1, last); later.gain > m.gain+lazyGain {
			return match{}
		}
	}
	return m
}
