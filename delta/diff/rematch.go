package diff

// Searching anew.
const (
	againLeast = 20 // bytes of the shortest match worth a copy of its own
	againWalk  = 24 // suffixes looked at on either side of the best place, or places of the same hash
)

// again finds other old bytes for n new ones from address at on whose own are gone: the longest matches
// among those that live says can be read. found is called for them in order.
func (m *matcher) again(at, n int, live func(from, n int) int, found func(at, n, shift int)) {
	for end := at + n; end-at >= againLeast; {
		length, where := m.longestLive(at, end-at, live)
		if length < againLeast {
			at++
			continue
		}
		found(at, length, where-at)
		at += length
	}
}

// longestLive returns where the longest match of the n new bytes from at on lies in bytes of old that
// are live, and its length: among the suffixes around the best place, or the last places of the same hash.
func (m *matcher) longestLive(at, n int, live func(from, n int) int) (length, where int) {
	q := m.new[at : at+min(n, farMatch)]
	length = againLeast - 1
	look := func(s int) bool {
		k := common(m.old[s:], q)
		if k <= length {
			return false
		}
		if k = live(s, k); k > length {
			length, where = k, s
		}
		return true
	}
	if m.sa == nil {
		m.alike(q, againWalk, func(s int) { look(s) })
	} else if lo, hi := m.around(q); hi >= lo {
		for i := lo; i >= max(0, lo-againWalk) && look(int(m.sa[i])); i-- {
		}
		for i := hi; i < min(len(m.sa), hi+againWalk) && look(int(m.sa[i])); i++ {
		}
	}
	if length < againLeast {
		return 0, 0
	}
	return length, where
}
