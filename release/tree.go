package release

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"

	"unbrick/flash"
	"unbrick/limits"
)

// Bounds of the leaf size, in bytes.
const (
	MinLeaf = limits.SmallLeaf
	MaxLeaf = limits.Leaf
)

// Prefixes that keep a leaf from ever being taken for a node.
const (
	leafPrefix = 0
	nodePrefix = 1
)

// LeafSize returns the leaf size for images in this software area: the largest power of two from
// MinLeaf to MaxLeaf that divides every sector boundary, so that no leaf lies in two sectors. It
// returns 0 for an area that is empty or has a sector boundary not divisible by MinLeaf.
func LeafSize(software *flash.Geometry) uint32 {
	all := uint32(0)
	for _, run := range software.Runs {
		if run.Count > 0 {
			all |= run.Size // a sum of sizes is divisible by what divides each of them
		}
	}
	size := all & -all
	if size < MinLeaf {
		return 0
	}
	return min(size, MaxLeaf)
}

// Leaf returns the digest of leaf number index, which covers b: SHA-256(0x00, index as four bytes, most
// significant first, b). Only the last leaf of an image may be shorter than its leaf size.
func Leaf(index uint32, b []byte) Digest {
	var head [5]byte
	head[0] = leafPrefix
	binary.BigEndian.PutUint32(head[1:], index)
	h := sha256.New()
	h.Write(head[:])
	h.Write(b)
	var d Digest
	h.Sum(d[:0])
	return d
}

// Node returns the digest over two others: SHA-256(0x01, l, r).
func Node(l, r Digest) Digest {
	var b [1 + 2*len(l)]byte
	b[0] = nodePrefix
	copy(b[1:], l[:])
	copy(b[1+len(l):], r[:])
	return sha256.Sum256(b[:])
}

// Leaves are the digests of the leaves of a tree, one behind the other: bytes, so that they can lie in any memory.
type Leaves []byte

// LeafBytes is how many bytes of Leaves one digest takes.
const LeafBytes = len(Digest{})

// MakeLeaves returns memory for n digests.
func MakeLeaves(n uint32) Leaves { return make(Leaves, int(n)*LeafBytes) }

// Count returns how many digests there are.
func (l Leaves) Count() uint32 { return uint32(len(l) / LeafBytes) }

// At returns the digest of leaf i.
func (l Leaves) At(i uint32) Digest { return Digest(l[int(i)*LeafBytes:]) }

// Set makes d the digest of leaf i.
func (l Leaves) Set(i uint32, d Digest) { copy(l[int(i)*LeafBytes:], d[:]) }

// Root returns the root of the tree over leaves: a single leaf is its own root; otherwise the left
// part is the largest power of two smaller than their number (the split of RFC 6962). It leaves its
// argument as it is and recurses at most 32 deep. No leaves have no root: it panics.
func Root(leaves Leaves) Digest {
	switch n := leaves.Count(); n {
	case 0:
		panic("release: root of no leaves")
	case 1:
		return leaves.At(0)
	default:
		left := LeafBytes << (bits.Len32(n-1) - 1)
		return Node(Root(leaves[:left]), Root(leaves[left:]))
	}
}

// Tree computes a root from leaves that come one by one, in 1 KiB. Its zero value has no leaves.
type Tree struct {
	// peaks holds the roots of the whole subtrees seen so far, largest first: one for each bit set
	// in count.
	peaks [32]Digest
	count uint32
}

// Add appends a leaf. There may be at most 2^32-1.
func (t *Tree) Add(leaf Digest) {
	n := bits.OnesCount32(t.count)
	for merge := t.count; merge&1 == 1; merge >>= 1 {
		n--
		leaf = Node(t.peaks[n], leaf)
	}
	t.peaks[n] = leaf
	t.count++
}

// Count returns how many leaves were added.
func (t *Tree) Count() uint32 { return t.count }

// Root returns the root over the leaves added so far; more may be added after. Without any it panics.
func (t *Tree) Root() Digest {
	n := bits.OnesCount32(t.count)
	if n == 0 {
		panic("release: root of no leaves")
	}
	d := t.peaks[n-1]
	for n -= 2; n >= 0; n-- {
		d = Node(t.peaks[n], d)
	}
	return d
}

// Leaves returns the number of leaves of the tree over m's image.
func (m *Manifest) Leaves() uint32 {
	if m.LeafSize == 0 {
		return 0
	}
	return uint32((uint64(m.Size) + uint64(m.LeafSize) - 1) / uint64(m.LeafSize))
}

// LeafRange returns where in the image leaf number index lies; n is 0 behind the last one.
func (m *Manifest) LeafRange(index uint32) (offset, n uint32) {
	if index >= m.Leaves() {
		return m.Size, 0
	}
	offset = index * m.LeafSize
	return offset, min(m.LeafSize, m.Size-offset)
}

// AppendLeaves appends the digests of all leaves of image to dst.
func AppendLeaves(dst Leaves, image []byte, leafSize uint32) Leaves {
	for i := uint32(0); len(image) > 0; i++ {
		n := min(len(image), int(leafSize))
		leaf := Leaf(i, image[:n])
		dst = append(dst, leaf[:]...)
		image = image[n:]
	}
	return dst
}
