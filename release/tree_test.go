package release_test

import (
	"crypto/sha256"
	"slices"
	"testing"

	"unbrick/flash"
	"unbrick/release"
)

// reference is the tree of RFC 6962 section 2.1 with our leaves, written for reading.
func reference(image []byte, leaf int) []byte {
	var leaves [][]byte
	for i := 0; i*leaf < len(image); i++ {
		part := image[i*leaf : min(len(image), i*leaf+leaf)]
		sum := sha256.Sum256(append([]byte{0, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}, part...))
		leaves = append(leaves, sum[:])
	}
	var root func(l [][]byte) []byte
	root = func(l [][]byte) []byte {
		if len(l) == 1 {
			return l[0]
		}
		k := 1
		for 2*k < len(l) {
			k *= 2
		}
		sum := sha256.Sum256(slices.Concat([]byte{1}, root(l[:k]), root(l[k:])))
		return sum[:]
	}
	return root(leaves)
}

func TestRootAgainstReference(t *testing.T) {
	image := exampleImage(256 * 70)
	var tree release.Tree
	var leaves release.Leaves
	for n := 1; n <= 70; n++ {
		want := release.Digest(reference(image[:n*256], 256))
		last := release.Leaf(uint32(n-1), image[(n-1)*256:n*256])
		leaves = append(leaves, last[:]...)
		before := slices.Clone(leaves)
		if got := release.Root(leaves); got != want {
			t.Fatalf("%d leaves: root %x, want %x", n, got, want)
		}
		if !slices.Equal(before, leaves) {
			t.Fatalf("%d leaves: Root changed them", n)
		}
		tree.Add(last)
		if got := tree.Root(); got != want || tree.Count() != uint32(n) {
			t.Fatalf("%d leaves one by one: root %x, want %x", n, got, want)
		}
	}
	for _, size := range []int{1, 255, 257, 600, 4097, 9999} {
		want := release.Digest(reference(image[:size], 512))
		if got := release.Root(release.AppendLeaves(nil, image[:size], 512)); got != want {
			t.Errorf("%d bytes: root %x, want %x", size, got, want)
		}
	}
}

func TestLeafIsItsPlaceAndBytes(t *testing.T) {
	a := release.Leaf(0, []byte("x"))
	if a == release.Leaf(1, []byte("x")) || a == release.Leaf(0, []byte("x\xff")) {
		t.Error("leaves of different places or bytes are equal")
	}
	l, r := release.Leaf(0, nil), release.Leaf(1, nil)
	if release.Node(l, r) == release.Node(r, l) {
		t.Error("a node does not know left from right")
	}
}

func TestLeafSize(t *testing.T) {
	for _, c := range []struct {
		list string
		runs []flash.Run
		want uint32
	}{
		{"16 of 4 KiB", []flash.Run{{Size: 4096, Count: 16}}, 4096},
		{"even large", []flash.Run{{Size: 128 << 10, Count: 8}}, 4096},
		{"uneven", []flash.Run{{Size: 16 << 10, Count: 4}, {Size: 64 << 10, Count: 1}, {Size: 128 << 10, Count: 7}}, 4096},
		{"one small run decides", []flash.Run{{Size: 4096, Count: 4}, {Size: 512, Count: 8}}, 512},
		{"no power of two", []flash.Run{{Size: 3 * 512, Count: 10}}, 512},
		{"smallest", []flash.Run{{Size: 256, Count: 10}}, 256},
		{"below the smallest", []flash.Run{{Size: 4096, Count: 10}, {Size: 128, Count: 2}}, 0},
		{"nothing", nil, 0},
	} {
		g := flash.Geometry{Runs: c.runs}
		got := release.LeafSize(&g)
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.list, got, c.want)
		}
		for i := range g.Sectors() {
			if addr, size := g.Sector(i); got != 0 && (addr%got != 0 || size%got != 0) {
				t.Errorf("%s: sector %d is cut by a leaf", c.list, i)
			}
		}
	}
}

func TestLeafRange(t *testing.T) {
	m := release.Manifest{Size: 5000, LeafSize: 1024}
	end := uint32(0)
	for i := range m.Leaves() {
		off, n := m.LeafRange(i)
		if off != end || n == 0 || n > 1024 {
			t.Errorf("leaf %d: %d bytes at %d", i, n, off)
		}
		end = off + n
	}
	if end != m.Size {
		t.Errorf("leaves end at %d", end)
	}
	if off, n := m.LeafRange(m.Leaves()); off != m.Size || n != 0 {
		t.Errorf("behind the last leaf: %d bytes at %d", n, off)
	}
	if (&release.Manifest{}).Leaves() != 0 {
		t.Error("a manifest without leaf size has leaves")
	}
}

func TestTreeAllocatesNothing(t *testing.T) {
	block := make([]byte, release.MaxLeaf)
	leaves := release.MakeLeaves(1000)
	var tree release.Tree
	var sum release.Digest
	if n := testing.AllocsPerRun(10, func() {
		leaf := release.Leaf(3, block)
		leaves.Set(3, leaf)
		tree.Add(leaf)
		sum = release.Node(release.Root(leaves), tree.Root())
	}); n != 0 {
		t.Errorf("%v allocations, %x", n, sum[:4])
	}
}
