package diff

import (
	"context"
	"encoding/binary"
	"math/bits"
)

// segment is a run of the new image: n bytes at new address to that resemble the old ones shift
// away, or, if not copied, nothing worth naming.
type segment struct {
	to, n  int
	shift  int
	copied bool
}

const (
	slack      = 4       // bytes by which a match must beat going on as before
	farMatch   = 1 << 15 // matches are not measured beyond this: runs of one byte would take for ever
	ctxEvery   = 1 << 12 // positions between looks at the context
	lead       = 4       // bytes by which a match must be better than another that is nearer,
	nearby     = 4       // and one more for each bit of its distance but so many
	leastSaved = 2       // bytes that the first match must save besides
	backMost   = 1 << 10 // bytes that the next diagonal may begin earlier: in fill it would go over all that came before, again and again
)

// matcher finds where new bytes come from.
type matcher struct {
	old, new []byte
	index    *index // of old
	search
}

// search is how hard a matcher looks.
type search struct {
	step  int // every so many-th place of old is indexed
	depth int // places with the same hash that are looked at
	stay  int // bytes that the diagonal must go on for others not to be looked at
}

var (
	searchRough = search{step: 4, depth: 8, stay: 8} // enough to see how the images differ
	searches    = [...]search{EffortFast: {step: 2, depth: 2, stay: 16}, EffortBest: {step: 1, depth: 4, stay: 16}}
)

func newMatcher(old, new []byte, s search) *matcher {
	return &matcher{old, new, newIndex(old, s.step), s}
}

// longest returns where the match of new bytes from at on lies in old that saves most, and its length: how many of its
// bytes are worth nothing depends on how far it is from where the diagonal goes on.
func (m *matcher) longest(at, offset int) (length, where int) {
	q, near := m.new[at:min(len(m.new), at+farMatch)], at+offset
	if near >= 0 && near < len(m.old) {
		if n := common(m.old[near:], q); n >= hashed {
			if length, where = n, near; n >= m.stay {
				return length, where
			}
		}
	}
	saved := max(leastSaved, length)
	m.index.each(q, near, m.depth, func(i int) {
		price := lead + max(0, bits.Len(uint(max(i-near, near-i)))-nearby)
		need := saved + price
		if need <= len(q) && i+need <= len(m.old) && m.old[i+need-1] == q[need-1] {
			if n := common(m.old[i:], q); n >= need {
				length, where, saved = n, i, n-price+lead
			}
		}
	})
	return length, where
}

// common returns how many bytes a and b begin with alike.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// segments divides the new image into copied and other segments, in address order. The search is
// that of Percival's bsdiff: a new diagonal begins where an exact match is clearly longer than what the
// last diagonal would give, and both grow towards each other over what they mostly agree on.
func (m *matcher) segments(ctx context.Context, progress func(done int)) ([]segment, error) {
	old, new := m.old, m.new
	var out []segment
	from, fromOld := 0, 0 // where the current diagonal begins
	length, where := 0, 0
	for at, look := 0, 0; from < len(new) || at < len(new); {
		offset := fromOld - from
		at += length
		score := 0 // bytes of the match that the current diagonal has too
		for measured := at; at < len(new); at++ {
			if at >= look {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				progress(at)
				look = at + ctxEvery
			}
			length, where = m.longest(at, offset)
			for ; measured < at+length; measured++ {
				if agrees(old, new, measured, offset) {
					score++
				}
			}
			if length != 0 && length == score || length > score+slack {
				break
			}
			if agrees(old, new, at, offset) {
				score--
			}
		}
		if at < len(new) && length == score {
			continue // the diagonal goes on as well as the match would
		}
		ahead := grow(old[fromOld:], new[from:at])
		back := 0
		if at < len(new) {
			back = shrink(old[:where], new[max(from, at-backMost):at])
		}
		if over := from + ahead - (at - back); over > 0 {
			split := divide(old[fromOld+ahead-over:], old[where-back:], new[at-back:from+ahead])
			ahead -= over - split
			back -= split
		}
		if ahead > 0 {
			out = append(out, segment{from, ahead, offset, true})
		}
		if gap := at - back - (from + ahead); gap > 0 {
			out = append(out, segment{from + ahead, gap, 0, false})
		}
		from, fromOld = at-back, where-back
		if at >= len(new) {
			break
		}
	}
	return out, nil
}

func agrees(old, new []byte, at, offset int) bool {
	i := at + offset
	return i >= 0 && i < len(old) && old[i] == new[at]
}

// grow returns how far a diagonal is worth following: the length where agreement most exceeds
// disagreement.
func grow(old, new []byte) int {
	best, length, score := 0, 0, 0
	for i := 0; i < len(new) && i < len(old); i++ {
		if old[i] == new[i] {
			score++
		}
		if s := 2*score - (i + 1); s > best {
			best, length = s, i+1
		}
	}
	return length
}

// shrink is grow backwards from the ends.
func shrink(old, new []byte) int {
	best, length, score := 0, 0, 0
	for i := 1; i <= len(new) && i <= len(old); i++ {
		if old[len(old)-i] == new[len(new)-i] {
			score++
		}
		if s := 2*score - i; s > best {
			best, length = s, i
		}
	}
	return length
}

// divide returns how many of the contested new bytes the first diagonal keeps: as few as are best.
func divide(first, second, contested []byte) int {
	best, keep, score := 0, 0, 0
	for i, b := range contested {
		if first[i] == b {
			score++
		}
		if second[i] == b {
			score--
		}
		if score > best {
			best, keep = score, i+1
		}
	}
	return keep
}
