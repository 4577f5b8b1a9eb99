package diff

import (
	"bytes"
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
	slack    = 4       // bytes by which a match must beat going on as before
	farMatch = 1 << 15 // matches are not measured beyond this: runs of one byte would take for ever
	ctxEvery = 1 << 12 // positions between looks at the context
)

// matcher finds where new bytes come from, by one of two indexes of the old ones.
type matcher struct {
	old, new []byte
	// All suffixes, which find every match,
	sa     []int32
	bucket []int32 // by first two bytes: their suffixes are sa[bucket[2k]:bucket[2k+1]]
	// or six bytes each at every step-th place, by their hash, which find most of the long ones.
	head  []int32 // the last place, counted in steps from 1; 0 if there is none
	prev  []int32 // the one before it with the same hash
	shift uint
	step  int
	depth int // places looked at
}

const (
	hashedBytes = 8       // that are loaded, and
	hashedShift = 16      // bits of them left out
	takenMost   = 4 << 10 // bytes that the next diagonal may take over whole without being better
)

// newMatcher indexes old by suffixes.
func newMatcher(ctx context.Context, old, new []byte) (*matcher, error) {
	m := &matcher{old: old, new: new, bucket: make([]int32, 2<<16)}
	m.sa = suffixes(old, func() bool { return ctx.Err() != nil })
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i, s := range m.sa {
		if int(s)+1 < len(old) {
			b := m.bucket[2*pair(old[s:]):]
			if b[1] == 0 {
				b[0] = int32(i)
			}
			b[1] = int32(i + 1)
		}
	}
	return m, nil
}

// newRoughMatcher indexes every fourth place of old: enough to see how the images differ.
func newRoughMatcher(old, new []byte) *matcher { return newHashMatcher(old, new, 4, 8) }

// newQuickMatcher indexes all places.
func newQuickMatcher(old, new []byte) *matcher { return newHashMatcher(old, new, 1, 16) }

func newHashMatcher(old, new []byte, step, depth int) *matcher {
	n := max(bits.Len(uint(len(old)/step))-1, 8)
	m := &matcher{old: old, new: new, head: make([]int32, 1<<n), prev: make([]int32, len(old)/step+1), shift: uint(64 - n), step: step, depth: depth}
	for i, k := 0, 1; i+hashedBytes <= len(old); i, k = i+step, k+1 {
		h := m.hash(old[i:])
		m.prev[k], m.head[h] = m.head[h], int32(k)
	}
	return m
}

func (m *matcher) hash(b []byte) uint64 {
	return binary.LittleEndian.Uint64(b) << hashedShift * 0x9E3779B97F4A7C15 >> m.shift
}

// quick is longest by hashes.
func (m *matcher) quick(q []byte) (length, where int) {
	m.alike(q, m.depth, func(i int) {
		if length > 0 && (i+length >= len(m.old) || length == len(q) || m.old[i+length] != q[length]) {
			return
		}
		if n := common(m.old[i:], q); n > length {
			length, where = n, i
		}
	})
	return length, where
}

// alike calls look with the last places, at most so many, that have the hash of q.
func (m *matcher) alike(q []byte, most int, look func(at int)) {
	if len(q) < hashedBytes {
		return
	}
	for k := m.head[m.hash(q)]; k > 0 && most > 0; k = m.prev[k] {
		look(int(k-1) * m.step)
		most--
	}
}

// around returns the suffixes between which q belongs, or the outermost of those that share its first two
// bytes; hi < lo if there are none.
func (m *matcher) around(q []byte) (lo, hi int) {
	if len(q) < 2 {
		return 0, -1
	}
	k := 2 * pair(q)
	lo, hi = int(m.bucket[k]), int(m.bucket[k+1])-1
	for hi-lo > 1 {
		mid := (lo + hi) >> 1
		s := m.old[m.sa[mid]:]
		if bytes.Compare(s[:min(len(s), len(q))], q) < 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo, hi
}

func pair(b []byte) int { return int(b[0])<<8 | int(b[1]) }

// longest returns where the longest match of new bytes from at on lies in old, and its length; matches of
// one byte count as none.
func (m *matcher) longest(at int) (length, where int) {
	q := m.new[at:min(len(m.new), at+farMatch)]
	if m.sa == nil {
		return m.quick(q)
	}
	lo, hi := m.around(q)
	if hi < lo {
		return 0, 0
	}
	a, b := int(m.sa[lo]), int(m.sa[hi])
	la, lb := common(m.old[a:], q), common(m.old[b:], q)
	if la > lb {
		return la, a
	}
	return lb, b
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
			length, where = m.longest(at)
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
			back = shrink(old[:where], new[from:at])
		}
		if over := from + ahead - (at - back); over > 0 {
			// In long runs of one byte each short match could take over all that came before, again and again.
			ties := m.sa == nil && over == ahead && over > takenMost
			split := divide(old[fromOld+ahead-over:], old[where-back:], new[at-back:from+ahead], ties)
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

// divide returns how many of the contested new bytes the first diagonal keeps: as few as are best, or with
// ties as many.
func divide(first, second, contested []byte, ties bool) int {
	best, keep, score := 0, 0, 0
	for i, b := range contested {
		if first[i] == b {
			score++
		}
		if second[i] == b {
			score--
		}
		if score > best || ties && score == best {
			best, keep = score, i+1
		}
	}
	return keep
}
