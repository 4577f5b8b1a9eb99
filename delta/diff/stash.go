package diff

import (
	"slices"

	"unbrick/delta"
)

// keep is one stash entry: n old bytes at addr, put aside when the step-th sector is built and freed
// after the last-th.
type keep struct{ addr, n, step, last int }

// Stash planning. An entry costs some bytes of file and of table, so what lies close together is
// kept together.
const (
	keepLeast = 36 // bytes that are worth an entry: it costs about five, a copy that it cuts as many
	keepGap   = 16 // unneeded bytes that may lie between two runs of one entry
	keepShort = 24 // a run shorter than this joins its neighbour whatever their last steps
	keepNear  = 2  // last steps that differ by no more may be one
	keepTable = 12 // stash memory an entry takes besides its bytes
)

// stashing is the stash plan: entries by step, and what it takes.
type stashing struct {
	keeps [][]keep
	bytes int     // most at a time
	count int     // most entries at a time
	until []int16 // per old byte: last step at which the stash has it, -1 if never
}

// planStash decides what the stash keeps, within limit bytes of memory.
func planStash(a *area, segments []segment, sequence []int, planned []bool, oldLen, limit int) *stashing {
	step := make([]int, a.sectors())
	for i, s := range sequence {
		step[s] = i
	}
	needed := make([]int16, oldLen) // last step that wants the byte after its sector is gone
	p := &stashing{keeps: make([][]keep, len(sequence)), until: make([]int16, oldLen)}
	for i := range needed {
		needed[i], p.until[i] = -1, -1
	}
	for _, s := range segments {
		if !s.copied {
			continue
		}
		eachPiece(a, s, func(to, from, n int) {
			source, target := a.of(from), a.of(to)
			if !planned[source] || !planned[target] || step[target] <= step[source] {
				return
			}
			for i := from; i < from+n; i++ {
				needed[i] = max(needed[i], int16(step[target]))
			}
		})
	}
	var held []keep
	for t, s := range sequence {
		held = slices.DeleteFunc(held, func(k keep) bool { return k.last <= t })
		from, to := a.bounds(s)
		wanted := runs(needed, from, min(to, oldLen), t)
		slices.SortStableFunc(wanted, func(x, y keep) int { return x.last - y.last })
		bytes := 0
		for _, k := range held {
			bytes += k.n
		}
		for _, k := range wanted {
			count := max(p.count, len(held)+1)
			k.n = min(k.n, limit-count*keepTable-bytes)
			if k.n < keepLeast || p.bytes+count*keepTable > limit || count > delta.MaxKeeps {
				continue
			}
			bytes += k.n
			p.bytes, p.count = max(p.bytes, bytes), count
			held = append(held, k)
			p.keeps[t] = append(p.keeps[t], k)
			for i := k.addr; i < k.addr+k.n; i++ {
				p.until[i] = int16(k.last)
			}
		}
		slices.SortFunc(p.keeps[t], func(x, y keep) int { return x.addr - y.addr })
	}
	return p
}

// runs returns the needed bytes from address from to to as entries of step t.
func runs(needed []int16, from, to, t int) []keep {
	var out []keep
	for at := max(from, 0); at < to; at++ {
		last := int(needed[at])
		if last < 0 {
			continue
		}
		n := 1
		for at+n < to && int(needed[at+n]) == last {
			n++
		}
		if i := len(out) - 1; i >= 0 && at-(out[i].addr+out[i].n) <= keepGap {
			apart := max(last-out[i].last, out[i].last-last)
			if apart <= keepNear || n < keepShort || out[i].n < keepShort {
				out[i].n = at + n - out[i].addr
				out[i].last = max(out[i].last, last)
				at += n - 1
				continue
			}
		}
		out = append(out, keep{at, n, t, last})
		at += n - 1
	}
	return out
}
