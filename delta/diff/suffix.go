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
// begin to rise, found by recursion.
func induced[T byte | int32](text []T, sa []int32, top int32, stop func() bool) {
	n := len(text)
	if n == 0 || stop() {
		return
	}
	if n == 1 {
		sa[0] = 0
		return
	}
	rises := make([]bool, n) // suffix i is smaller than suffix i+1
	for i := n - 2; i >= 0; i-- {
		rises[i] = text[i] < text[i+1] || text[i] == text[i+1] && rises[i+1]
	}
	falling := make([]int32, top+2) // start of each value's bucket: falling suffixes first
	rising := make([]int32, top+2)  // start of its rising ones
	for i, v := range text {
		if rises[i] {
			falling[v+1]++
		} else {
			rising[v]++
		}
	}
	for v := int32(0); v <= top; v++ {
		rising[v] += falling[v]
		falling[v+1] += rising[v]
	}
	next := make([]int32, top+2)
	induce := func(starts []int32) {
		for i := range sa {
			sa[i] = -1
		}
		copy(next, rising)
		for _, s := range starts {
			v := text[s]
			sa[next[v]] = s
			next[v]++
		}
		copy(next, falling)
		put := func(s int32) {
			v := text[s]
			sa[next[v]] = s
			next[v]++
		}
		put(int32(n - 1))
		for i := range sa {
			if s := sa[i]; s >= 1 && !rises[s-1] {
				put(s - 1)
			}
		}
		copy(next, falling)
		for i := n - 1; i >= 0; i-- {
			if s := sa[i]; s >= 1 && rises[s-1] {
				v := int32(text[s-1]) + 1
				next[v]--
				sa[next[v]] = s - 1
			}
		}
	}

	isStart := func(s int32) bool { return s > 0 && !rises[s-1] && rises[s] }
	count := 0
	for i := range int32(n) {
		if isStart(i) {
			count++
		}
	}
	starts := make([]int32, 0, count) // where values begin to rise, in text order
	number := make([]int32, n/2+1)    // of the start in each two places, as no two are neighbours
	for i := 1; i < n; i++ {
		if isStart(int32(i)) {
			number[i/2] = int32(len(starts))
			starts = append(starts, int32(i))
		}
	}
	induce(starts)
	if len(starts) == 0 || stop() {
		return
	}
	sorted := make([]int32, 0, len(starts))
	for _, s := range sa {
		if isStart(s) {
			sorted = append(sorted, s)
		}
	}
	names, last := nameStarts(text, starts, sorted, number)
	if induced(names, sorted, last, stop); stop() {
		return
	}
	for i, o := range sorted {
		sorted[i] = starts[o]
	}
	induce(sorted)
}

// nameStarts numbers the pieces of text from one start to the next by their order; equal pieces get
// equal names. It returns the names in text order and the largest.
func nameStarts[T byte | int32](text []T, starts, sorted, number []int32) (names []int32, last int32) {
	names = make([]int32, len(starts))
	end := func(s int32) int {
		if i := int(number[s/2]) + 1; i < len(starts) {
			return int(starts[i])
		}
		return len(text)
	}
	for i := 1; i < len(sorted); i++ {
		a, b := int(sorted[i-1]), int(sorted[i])
		stop, same := end(int32(a)), end(int32(a))-a == end(int32(b))-b
		for same && a < stop && text[a] == text[b] {
			a++
			b++
		}
		if !same || a < stop || a == len(text) || b == len(text) || text[a] != text[b] {
			last++
		}
		names[number[sorted[i]/2]] = last
	}
	return names, last
}
