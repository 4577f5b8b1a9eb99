package diff

import (
	"slices"
	"sort"
)

// needs says which planned sectors want old bytes of which others: a graph without weights of nothing
// and without loops.
type needs struct {
	planned []bool
	from    [][]need // by sector: whose bytes it wants
	to      [][]need // by sector: who wants its bytes
	price   int      // bytes that it costs to build something else than a neighbour next
}

// need is one edge: so many bytes of, or for, the sector other.
type need struct{ other, bytes int }

func makeNeeds(a *area, segments []segment, planned []bool, edge, oldLen int) *needs {
	g := &needs{planned: planned, from: make([][]need, a.sectors()), to: make([][]need, a.sectors())}
	literal := 0
	for _, s := range segments {
		if !s.copied {
			literal += s.n
			continue
		}
		eachPiece(a, s, func(to, from, n int) {
			source, target := a.of(from), a.of(to)
			if source != target && planned[source] && planned[target] {
				if source-target == 1 || target-source == 1 {
					lo, hi := inner(a, source, edge, oldLen)
					if n = min(from+n, hi) - max(from, lo); n <= 0 {
						return
					}
				}
				g.from[target] = addNeed(g.from[target], source, n)
				g.to[source] = addNeed(g.to[source], target, n)
			}
		})
	}
	g.price = breakPrice + literal/(breakFresh*max(1, len(g.ascending())))
	return g
}

func addNeed(list []need, other, n int) []need {
	for i := range list {
		if list[i].other == other {
			list[i].bytes += n
			return list
		}
	}
	return append(list, need{other, n})
}

// ascending returns the planned sectors in address order.
func (g *needs) ascending() []int {
	var out []int
	for s, p := range g.planned {
		if p {
			out = append(out, s)
		}
	}
	return out
}

// breaks returns what it costs that sectors in sequence are followed by others than their neighbours.
func (g *needs) breaks(sequence []int) int {
	sum := 0
	for i := 1; i < len(sequence); i++ {
		if d := sequence[i] - sequence[i-1]; d != 1 && d != -1 {
			sum += g.price
		}
	}
	return sum
}

// greedy returns the planned sectors in an order that is found step by step: always the one next
// whose old bytes the sectors still to come need least, the lowest of equals; but a neighbour of the
// last one, which costs less to say and cuts fewer copies, if these need at most patience bytes more of
// it.
func (g *needs) greedy(patience int) []int {
	damage := make([]int, len(g.planned)) // bytes of a sector that others, still to come, need
	left := 0
	for s, p := range g.planned {
		for _, n := range g.to[s] {
			damage[s] += n.bytes
		}
		if p {
			left++
		}
	}
	out := make([]int, 0, left)
	done := make([]bool, len(g.planned))
	for last := -1; len(out) < left; {
		best := -1
		for s, p := range g.planned {
			if p && !done[s] && (best < 0 || damage[s] < damage[best]) {
				best = s
			}
		}
		for _, s := range [...]int{last + 1, last - 1} {
			if s >= 0 && s < len(g.planned) && g.planned[s] && !done[s] && damage[s] <= damage[best]+patience {
				best = s
				break
			}
		}
		done[best] = true
		for _, n := range g.from[best] {
			damage[n.other] -= n.bytes
		}
		out = append(out, best)
		last = best
	}
	return out
}

// Sifting.
const (
	siftRounds = 20 // sweeps over all sectors at most
	breakPrice = 6  // bytes that it costs to build something else than a neighbour next
	breakFresh = 50 // and one more for so many literals a sector: what was built last resembles them less
)

// sift improves an order: it takes each sector out and puts it where least is lost, as long as that
// helps.
func (g *needs) sift(sequence []int) []int {
	seq := slices.Clone(sequence)
	n := len(seq)
	place := make([]int, len(g.planned))
	var at []need // place from which on being there costs so much more
	breaks := func(a, b int) int {
		if a >= 0 && b < n && a < n && b >= 0 && seq[a]-seq[b] != 1 && seq[b]-seq[a] != 1 {
			return g.price
		}
		return 0
	}
	for round, better := 0, true; better && round < siftRounds; round++ {
		better = false
		for _, x := range slices.Clone(seq) {
			for i, s := range seq {
				place[s] = i
			}
			was := place[x]
			at = at[:0]
			// Behind those whose bytes x wants, they are lost; before those that want x's, these are.
			for _, e := range g.from[x] {
				at = append(at, need{place[e.other], e.bytes})
			}
			for _, e := range g.to[x] {
				at = append(at, need{place[e.other], -e.bytes})
			}
			sort.Slice(at, func(i, j int) bool { return at[i].other < at[j].other })
			// cost(p) for a place p: between what is at p-1 and p now, x itself left out.
			around := func(p int) int { // p: x goes before what is at place p
				a, b := p-1, p
				if a == was {
					a--
				}
				if b == was {
					b++
				}
				c := 0
				if a >= 0 && x-seq[a] != 1 && seq[a]-x != 1 {
					c += g.price
				}
				if b < n && x-seq[b] != 1 && seq[b]-x != 1 {
					c += g.price
				}
				return c - breaks(a, b)
			}
			sum, next := 0, 0
			least, to, now := 0, -1, 0
			for p := 0; p <= n; p++ {
				for next < len(at) && at[next].other < p {
					sum += at[next].bytes
					next++
				}
				if p == was+1 {
					continue // the same as was
				}
				c := sum + around(p)
				if p == was {
					now = c
				}
				if to < 0 || c < least {
					least, to = c, p
				}
			}
			if least < now {
				better = true
				if to > was {
					copy(seq[was:], seq[was+1:to])
					seq[to-1] = x
				} else {
					copy(seq[to+1:was+1], seq[to:was])
					seq[to] = x
				}
			}
		}
	}
	return seq
}

// eachPiece divides a copy where either side crosses into another sector.
func eachPiece(a *area, s segment, f func(to, from, n int)) {
	for at := s.to; at < s.to+s.n; {
		from := at + s.shift
		_, endTo := a.bounds(a.of(at))
		_, endFrom := a.bounds(a.of(from))
		n := min(s.to+s.n-at, endTo-at, endFrom-from)
		f(at, from, n)
		at += n
	}
}
