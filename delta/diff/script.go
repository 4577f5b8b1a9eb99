package diff

// operation is what the control stream says: literal bytes, then copied ones from shift away.
type operation struct{ literal, copied, shift int }

// script is everything the two streams tell, before it is coded.
type script struct {
	*job
	sequence   []int
	step       []int  // by sector: its place in the sequence
	opens      []bool // by place in the sequence: a batch begins there; all false without batches
	operations []operation
	stash      *stashing
	edge       int    // bytes of either end of a sector that are there for the one built right behind it
	changed    []byte // the built bytes in the order they are built; see build
	starts     []int  // where those of each sector begin, and the end
}

const (
	sliver  = 10        // bytes of the shortest copy worth an operation once the order has cut copies to pieces
	farJump = 1<<24 - 1 // the most by which a diagonal can change: folded, it is a number
)

// script carries out a plan: it puts the segments into the order of the sectors and turns into literals what the
// decoder could not serve. again: what is lost is sought elsewhere, and the bytes are there too.
func (j *job) script(p *plan, again bool) *script {
	a := &j.area
	sc := &script{job: j, edge: j.edge, sequence: p.sequence, step: make([]int, a.sectors()), starts: make([]int, len(p.sequence)+1)}
	for i, s := range p.sequence {
		sc.step[s] = i
	}
	sc.opens = j.batches(p.sequence)
	sc.stash = j.planStash(p, sc.step)
	first := make([]int, a.sectors()) // segment that a sector begins in
	for i, at := 0, 0; at < a.sectors() && a.start[at] < len(j.new); at++ {
		for j.segments[i].to+j.segments[i].n <= a.start[at] {
			i++
		}
		first[at] = i
	}
	var b builder
	for t, s := range sc.sequence {
		from, to := a.bounds(s)
		to = min(to, len(j.new))
		sc.starts[t+1] = sc.starts[t] + to - from
		for i := first[s]; i < len(j.segments) && j.segments[i].to < to; i++ {
			g := j.segments[i]
			begin, end := max(g.to, from), min(g.to+g.n, to)
			if !g.copied {
				b.literal(end - begin)
				continue
			}
			for at := begin; at < end; {
				n, live := sc.served(at+g.shift, end-at, t)
				switch {
				case live:
					b.copy(n, g.shift)
				case again:
					sc.replace(&b, at, n, t)
				default:
					b.literal(n)
				}
				at += n
			}
		}
	}
	sc.operations = b.finish()
	sc.edge = sc.edges()
	if again {
		sc.build()
	}
	return sc
}

// batches divides a sequence of sectors: each batch has as many as it may hold bytes for.
func (j *job) batches(sequence []int) []bool {
	opens := make([]bool, len(sequence))
	left := 0
	for t, s := range sequence {
		from, to := j.area.bounds(s)
		if opens[t] = j.o.Batch != 0 && (t == 0 || left < to-from); opens[t] {
			left = int(j.o.Batch)
		}
		left -= to - from
	}
	return opens
}

// build puts the bytes of the new image into the order they are built in.
func (sc *script) build() {
	sc.changed = make([]byte, 0, sc.starts[len(sc.sequence)])
	for _, s := range sc.sequence {
		from, to := sc.area.bounds(s)
		sc.changed = append(sc.changed, sc.new[from:min(to, len(sc.new))]...)
	}
}

// replace adds n new bytes at address at, built at step t, whose old ones are gone: from elsewhere where there are
// such, as literals where not.
func (sc *script) replace(b *builder, at, n, t int) {
	end := at + n
	live := func(from, n int) int {
		if _, live := sc.served(from, 1, t); !live {
			return 0
		}
		n, _ = sc.served(from, n, t)
		return n
	}
	sc.matcher.again(at, n, live, func(from, k, shift int) {
		b.literal(from - at)
		b.copy(k, shift)
		at = from + k
	})
	b.literal(end - at)
}

// served tells whether the old bytes from address from on can be read at step t, and for how many of n
// the answer is the same.
func (sc *script) served(from, n, t int) (int, bool) {
	a, s := &sc.area, sc.area.of(from)
	_, end := a.bounds(s)
	n = min(n, end-from)
	if !sc.planned[s] || sc.step[s] >= t {
		return n, true
	}
	lo, hi := 0, len(sc.old)
	if sc.step[s] == t-1 {
		lo, hi = inner(a, s, sc.edge, len(sc.old))
	}
	kept := func(i int) bool { return i < lo || i >= hi || sc.stash.has(s, i-a.start[s], t) }
	live := kept(from)
	for i := 1; i < n; i++ {
		if kept(from+i) != live {
			return i, live
		}
	}
	return n, live
}

// inner returns the old bytes of a sector that are not among the edge bytes at either end.
func inner(a *area, s, edge, oldLen int) (lo, hi int) {
	from, to := a.bounds(s)
	to = min(to, oldLen)
	edge = min(edge, (to-from+1)>>1)
	return from + edge, to - edge
}

// edges returns how many bytes of its ends the copies read of a sector that was built right before.
func (sc *script) edges() int {
	a, edge := &sc.area, 0
	for _, r := range sc.runs() {
		eachPiece(a, segment{to: int(r.To), n: int(r.N), shift: int(int32(r.Shift))}, func(to, from, n int) {
			s, t := a.of(from), sc.step[a.of(to)]
			if !sc.planned[s] || sc.step[s] != t-1 {
				return
			}
			start, end := a.bounds(s)
			end = min(end, len(sc.old))
			for i := from; i < from+n; i++ {
				if !sc.stash.has(s, i-start, t) {
					edge = max(edge, min(i-start+1, end-i))
				}
			}
		})
	}
	return edge
}

// builder joins pieces into operations.
type builder struct {
	pieces []operation // each either literal or copied
}

func (b *builder) literal(n int) {
	if n == 0 {
		return
	}
	if i := len(b.pieces) - 1; i >= 0 && b.pieces[i].copied == 0 {
		b.pieces[i].literal += n
		return
	}
	b.pieces = append(b.pieces, operation{literal: n})
}

func (b *builder) copy(n, shift int) {
	if i := len(b.pieces) - 1; i >= 0 && b.pieces[i].copied > 0 && b.pieces[i].shift == shift {
		b.pieces[i].copied += n
		return
	}
	b.pieces = append(b.pieces, operation{copied: n, shift: shift})
}

// finish turns slivers, and copies too far from the diagonal before, into literals and returns the operations.
func (b *builder) finish() []operation {
	var joined builder
	last := 0
	for _, p := range b.pieces {
		if p.copied >= sliver && max(p.shift-last, last-p.shift) <= farJump {
			joined.copy(p.copied, p.shift)
			last = p.shift
		} else {
			joined.literal(p.copied + p.literal)
		}
	}
	var out []operation
	var next operation
	for _, p := range joined.pieces {
		next.literal += p.literal
		if p.copied > 0 {
			next.copied, next.shift = p.copied, p.shift
			out = append(out, next)
			next = operation{}
		}
	}
	if next.literal > 0 {
		out = append(out, next)
	}
	return out
}
