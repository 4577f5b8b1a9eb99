package diff

// order returns the planned sectors in the order in which they are built: always the one next whose
// old bytes the sectors still to come need least, the lowest of equals; but a neighbour of the last
// one, which costs less to say and cuts fewer copies, if these need at most patience bytes more of it.
func order(a *area, segments []segment, planned []bool, patience int) []int {
	needs := make([][]need, a.sectors()) // by needing sector
	damage := make([]int, a.sectors())   // bytes of a sector that others, still to come, need
	for _, s := range segments {
		if !s.copied {
			continue
		}
		eachPiece(a, s, func(to, from, n int) {
			source, target := a.of(from), a.of(to)
			if source != target && planned[source] && planned[target] {
				needs[target] = addNeed(needs[target], source, n)
				damage[source] += n
			}
		})
	}
	left := 0
	for _, p := range planned {
		if p {
			left++
		}
	}
	out := make([]int, 0, left)
	done := make([]bool, a.sectors())
	for last := -1; len(out) < left; {
		best := -1
		for s, p := range planned {
			if !p || done[s] {
				continue
			}
			if best < 0 || damage[s] < damage[best] {
				best = s
			}
		}
		for _, s := range [...]int{last + 1, last - 1} {
			if s >= 0 && s < len(planned) && planned[s] && !done[s] && damage[s] <= damage[best]+patience {
				best = s
				break
			}
		}
		done[best] = true
		for _, n := range needs[best] {
			damage[n.source] -= n.bytes
		}
		out = append(out, best)
		last = best
	}
	return out
}

// need says that a sector wants bytes of another one's old content.
type need struct{ source, bytes int }

func addNeed(needs []need, source, n int) []need {
	for i := range needs {
		if needs[i].source == source {
			needs[i].bytes += n
			return needs
		}
	}
	return append(needs, need{source, n})
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
