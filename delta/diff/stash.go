package diff

import (
	"slices"
	"sort"

	"unbrick/delta"
)

// keep is one stash entry: n old bytes at addr, put aside when the step-th sector is built and freed
// after the last-th. gain is what it saves, in sixteenths of a bit.
type keep struct{ addr, n, step, last, gain int }

// Stash planning. An entry costs some bytes of file and of table, so what lies close together is
// kept together.
const (
	keepPrice = 3200 // what an entry and the copy that it serves cost, in sixteenths of a bit
	keepGap   = 16   // unneeded bytes that may lie between two runs of one entry
	keepShort = 24   // a run shorter than this joins its neighbour whatever their last steps
	keepNear  = 2    // last steps that differ by no more may be one
	priceLost = 72   // a byte that is not kept, but wanted, in sixteenths of a bit
	keepTable = 12   // stash memory an entry takes besides its bytes
)

// stashing is the stash plan: entries by step, and what it takes.
type stashing struct {
	keeps [][]keep
	bytes int       // most at a time
	count int       // most entries at a time
	until [][]int16 // by sector and byte of it: last step at which the stash has it, 0 if never; nil if none is ever
}

// has reports whether byte i of sector s is in the stash at step t, behind the first.
func (p *stashing) has(s, i, t int) bool { return p.until[s] != nil && int(p.until[s][i]) >= t }

// want tells of an old byte the last step that wants it after its sector is gone, 0 if none does, and what keeping it
// saves, in sixteenths of a bit.
type want struct{ last, gain int16 }

// planStash decides what the stash keeps under a plan. step is, by sector, its place in the sequence.
func (j *job) planStash(of *plan, step []int) *stashing {
	a, sequence, planned, m, oldLen := &j.area, of.sequence, j.planned, j.matcher, len(j.old)
	p := &stashing{keeps: make([][]keep, len(sequence)), until: make([][]int16, a.sectors())}
	wants := make([][]want, a.sectors()) // nil: none of its bytes is wanted
	for _, s := range j.segments {
		if !s.copied {
			continue
		}
		eachPiece(a, s, func(to, from, n int) {
			source, target := a.of(from), a.of(to)
			if !planned[source] || !planned[target] || step[target] <= step[source] {
				return
			}
			lo, hi := 0, oldLen
			if step[target] == step[source]+1 {
				lo, hi = inner(a, source, j.edge, oldLen)
			}
			begin, end := max(from, lo), min(from+n, hi)
			if begin >= end {
				return
			}
			start, next := a.bounds(source)
			if wants[source] == nil {
				wants[source] = make([]want, next-start)
			}
			for i := begin; i < end; i++ {
				w := &wants[source][i-start]
				w.last = max(w.last, int16(step[target]))
				saved := priceLost
				if m.old[i] != m.new[to+i-from] {
					saved -= priceMiss
				}
				w.gain = int16(min(int(w.gain)+saved, 1<<14))
			}
		})
	}
	var wanted []keep
	for t, s := range sequence {
		wanted = append(wanted, runs(wants[s], a.start[s], t)...)
	}
	p.choose(wanted, int(of.limit))
	for t, now := range p.keeps {
		if len(now) == 0 {
			continue
		}
		sort.Slice(now, func(x, y int) bool { return now[x].addr < now[y].addr })
		s := sequence[t]
		start, next := a.bounds(s)
		p.until[s] = make([]int16, next-start)
		for _, k := range now {
			for i := k.addr; i < k.addr+k.n; i++ {
				p.until[s][i-start] = int16(k.last)
			}
		}
	}
	return p
}

// choose takes those of wanted that save most for the memory and the time they take, as long as there is
// room at every step they last.
func (p *stashing) choose(wanted []keep, limit int) {
	wanted = slices.DeleteFunc(wanted, func(k keep) bool { return k.gain < keepPrice })
	worth := func(k keep) float64 {
		return float64(k.gain-keepPrice/2) / float64(int64(k.n+keepTable)*int64(k.last-k.step))
	}
	sort.SliceStable(wanted, func(x, y int) bool { return worth(wanted[x]) > worth(wanted[y]) })
	bytes, count := make([]int, len(p.keeps)), make([]int, len(p.keeps)) // held when the step has been built
	for _, k := range wanted {
		most, entries := 0, p.count
		for t := k.step; t < k.last; t++ {
			most, entries = max(most, bytes[t]), max(entries, count[t]+1)
		}
		if room := limit - entries*keepTable - most; room < k.n {
			k.gain = int(int64(k.gain) * int64(max(room, 0)) / int64(k.n))
			k.n = room
		}
		if k.gain < keepPrice || p.bytes+entries*keepTable > limit || entries > delta.MaxKeeps {
			continue
		}
		for t := k.step; t < k.last; t++ {
			bytes[t] += k.n
			count[t]++
			p.bytes = max(p.bytes, bytes[t])
		}
		p.count = entries
		p.keeps[k.step] = append(p.keeps[k.step], k)
	}
}

// held returns the number of all entries.
func (p *stashing) held() (n int) {
	for _, k := range p.keeps {
		n += len(k)
	}
	return n
}

// runs returns the wanted bytes of the sector at addr, built at step t, as entries.
func runs(wants []want, addr, t int) []keep {
	var out []keep
	for at := 0; at < len(wants); at++ {
		last := int(wants[at].last)
		if last == 0 {
			continue
		}
		n, saved := 1, int(wants[at].gain)
		for at+n < len(wants) && int(wants[at+n].last) == last {
			saved += int(wants[at+n].gain)
			n++
		}
		if i := len(out) - 1; i >= 0 && addr+at-(out[i].addr+out[i].n) <= keepGap {
			apart := max(last-out[i].last, out[i].last-last)
			if apart <= keepNear || n < keepShort || out[i].n < keepShort {
				out[i].n = addr + at + n - out[i].addr
				out[i].gain += saved
				out[i].last = max(out[i].last, last)
				at += n - 1
				continue
			}
		}
		out = append(out, keep{addr + at, n, t, last, saved})
		at += n - 1
	}
	return out
}
