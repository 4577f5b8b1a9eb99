package diff

// suffixes returns the starts of all suffixes of text in lexical order; in none if stop, which is
// asked now and then, says so.
func suffixes(text []byte, stop func() bool) []int32 {
	sa := make([]int32, len(text))
	induced(text, sa, 255, stop)
	return sa
}

// induced sorts the suffixes of text, whose values are 0 to top, into sa by induced sorting (SA-IS,
// Nong, Zhang and Chan 2009): in linear time, from the order of the suffixes that start where values
// begin to rise, found by recursion. Starts and names of these, at most half of all, lie in sa too.
func induced[T byte | int32](text []T, sa []int32, top int32, stop func() bool) {
	n := len(text)
	if n == 0 || stop() {
		return
	}
	if n == 1 {
		sa[0] = 0
		return
	}
	s := sorter[T]{text: text, rises: make([]bool, n), start: make([]int32, top+2), next: make([]int32, top+2)}
	for i := n - 2; i >= 0; i-- {
		s.rises[i] = text[i] < text[i+1] || text[i] == text[i+1] && s.rises[i+1]
	}
	for _, v := range text {
		s.start[int(v)+1]++
	}
	for v := int32(0); v <= top; v++ {
		s.start[v+1] += s.start[v]
	}

	// The pieces from one start to the next are sorted as suffixes are, from any order of the starts.
	for i := range sa {
		sa[i] = -1
	}
	copy(s.next, s.start[1:])
	for i := 1; i < n; i++ {
		if s.starts(i) {
			s.put(sa, int32(i))
		}
	}
	s.induce(sa)
	if stop() {
		return
	}
	count := 0
	for _, i := range sa {
		if s.starts(int(i)) {
			sa[count] = i
			count++
		}
	}
	sorted, names := sa[:count], sa[n-count:]
	if last := s.name(sa, count); int(last)+1 < count {
		if induced(names, sorted, last, stop); stop() {
			return
		}
		at := 0
		for i := 1; i < n; i++ {
			if s.starts(i) {
				names[at] = int32(i)
				at++
			}
		}
		for i, o := range sorted {
			sorted[i] = names[o]
		}
	}
	for i := range sa[count:] {
		sa[count+i] = -1
	}
	copy(s.next, s.start[1:])
	for k := count - 1; k >= 0; k-- { // the places of the larger ones lie behind those that are still to be put
		i := sa[k]
		sa[k] = -1
		s.put(sa, i)
	}
	s.induce(sa)
}

// sorter is one level of induced sorting.
type sorter[T byte | int32] struct {
	text  []T
	rises []bool  // suffix i is smaller than suffix i+1
	start []int32 // of each value's bucket: falling suffixes first, then rising ones
	next  []int32 // places in the buckets
}

// starts reports whether values begin to rise at place i.
func (s *sorter[T]) starts(i int) bool { return i > 0 && s.rises[i] && !s.rises[i-1] }

// put places suffix i before those that were put into its bucket's end.
func (s *sorter[T]) put(sa []int32, i int32) {
	v := s.text[i]
	s.next[v]--
	sa[s.next[v]] = i
}

// induce sorts all suffixes into sa, in which the starts lie at the ends of their buckets, in their order, and
// else -1.
func (s *sorter[T]) induce(sa []int32) {
	text, rises, next := s.text, s.rises, s.next
	copy(next, s.start)
	v := text[len(text)-1]
	sa[next[v]] = int32(len(text) - 1)
	next[v]++
	for k := range sa {
		if i := sa[k] - 1; i >= 0 && !rises[i] {
			v := text[i]
			sa[next[v]] = i
			next[v]++
		}
	}
	copy(next, s.start[1:])
	for k := len(sa) - 1; k >= 0; k-- {
		if i := sa[k] - 1; i >= 0 && rises[i] {
			v := text[i]
			next[v]--
			sa[next[v]] = i
		}
	}
}

// name numbers the pieces that begin at the first count places in sa by their order; equal pieces get
// equal names. It puts the names, in the order of the text, into the end of sa, and returns the largest.
func (s *sorter[T]) name(sa []int32, count int) (last int32) {
	free := sa[count:] // no two starts are neighbours: each has a place in half as many
	for i := range free {
		free[i] = -1
	}
	for k, i := range sa[:count] {
		if k > 0 && !s.alike(int(sa[k-1]), int(i)) {
			last++
		}
		free[i/2] = last
	}
	to := len(sa)
	for k := len(free) - 1; k >= 0; k-- {
		if free[k] >= 0 {
			to--
			sa[to] = free[k]
		}
	}
	return last
}

// alike reports whether the pieces that begin at a and b are equal, the next one's first value included.
func (s *sorter[T]) alike(a, b int) bool {
	for d := 0; a+d < len(s.text) && b+d < len(s.text); d++ {
		if s.text[a+d] != s.text[b+d] {
			return false
		}
		if d > 0 && (s.starts(a+d) || s.starts(b+d)) {
			return s.starts(a+d) && s.starts(b+d)
		}
	}
	return false
}
