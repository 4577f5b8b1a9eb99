package diff

// Searching anew.
const (
	againLeast = 20 // bytes of the shortest match worth a copy of its own
	againDepth = 32 // places looked at
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
// are live, and its length.
func (m *matcher) longestLive(at, n int, live func(from, n int) int) (length, where int) {
	q := m.new[at : at+min(n, farMatch)]
	length = againLeast - 1
	m.index.each(q, at, againDepth, func(i int) {
		if n := live(i, common(m.old[i:], q)); n > length {
			length, where = n, i
		}
	})
	if length < againLeast {
		return 0, 0
	}
	return length, where
}
