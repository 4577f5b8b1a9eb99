package diff

import (
	"bytes"

	"unbrick/flash"
)

// area is the software area as arrays: what every step asks for per sector.
type area struct {
	start  []int // address of each sector, and the end of the last one
	of     func(addr int) int
	erased byte
}

func makeArea(g *flash.Geometry) area {
	n := g.Sectors()
	a := area{start: make([]int, n+1), erased: g.Erased}
	i, at := 0, 0
	for _, r := range g.Runs {
		for range r.Count {
			a.start[i] = at
			i++
			at += int(r.Size)
		}
	}
	a.start[n] = at
	a.of = func(addr int) int { return g.SectorAt(uint32(addr)) }
	return a
}

func (a *area) sectors() int            { return len(a.start) - 1 }
func (a *area) size() int               { return a.start[len(a.start)-1] }
func (a *area) bounds(s int) (int, int) { return a.start[s], a.start[s+1] }

// changed returns which sectors hold other bytes than the new image wants there. Behind old the
// flash counts as erased up to the end of the sector where old ends, and as unknown from there on.
func (a *area) changed(old, new []byte) []bool {
	out := make([]bool, a.sectors())
	for s := range out {
		from, to := a.bounds(s)
		if from >= len(new) {
			break
		}
		if from >= len(old) {
			out[s] = true
			continue
		}
		for at := from; at < to && !out[s]; at++ {
			was, is := a.erased, a.erased
			if at < len(old) {
				was = old[at]
			}
			if at < len(new) {
				is = new[at]
			}
			out[s] = was != is
		}
	}
	return out
}

// holds reports whether content is the whole content that sector s shall have.
func (a *area) holds(s int, content, new []byte) bool {
	from, to := a.bounds(s)
	image := new[min(from, len(new)):min(to, len(new))]
	if len(content) != to-from || !bytes.Equal(content[:len(image)], image) {
		return false
	}
	for _, b := range content[len(image):] {
		if b != a.erased {
			return false
		}
	}
	return true
}
