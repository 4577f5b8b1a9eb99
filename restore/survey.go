package restore

import (
	"context"
	"crypto/sha256"
	"fmt"

	"unbrick/flash"
	"unbrick/protocol/smp"
)

// SectorState is what is known of one sector of the software area before a restoration.
type SectorState uint8

// The states.
const (
	SectorUnused  SectorState = iota // behind the wanted image: nobody's
	SectorSame                       // right, and the same in the release that was there
	SectorNew                        // right, and another one than in the release that was there
	SectorOld                        // of another known release
	SectorErased                     // reads erased, and should not
	SectorDamaged                    // nothing that is known
)

// digest is the short digest of a sector or of a node of the tree.
type digest [smp.DigestSize]byte

func digestOf(b []byte) digest {
	sum := sha256.Sum256(b)
	return digest(sum[:smp.DigestSize])
}

// content returns the bytes of sector i while the area holds image, nil where the image does not say: in
// sectors behind it. What lies behind the image in its last sector is erased bytes.
func content(g *flash.Geometry, image []byte, i int) []byte {
	addr, size := g.Sector(i)
	if uint64(addr) >= uint64(len(image)) {
		return nil
	}
	end := addr + size
	if uint64(end) <= uint64(len(image)) {
		return image[addr:end]
	}
	b := make([]byte, size)
	n := copy(b, image[addr:])
	for ; n < len(b); n++ {
		b[n] = g.Erased
	}
	return b
}

// sectorsOf returns how many sectors an image of size bytes lies in.
func sectorsOf(g *flash.Geometry, size uint32) int {
	if size == 0 {
		return 0
	}
	return g.SectorAt(size-1) + 1
}

// tree returns the digests of all levels over the given leaves, from level 0 to the level of one digest.
func tree(leaves []digest) [][]digest {
	levels := [][]digest{leaves}
	for len(leaves) > 1 {
		var up []digest
		for at := 0; at < len(leaves); at += smp.Fanout {
			var b []byte
			for _, d := range leaves[at:min(at+smp.Fanout, len(leaves))] {
				b = append(b, d[:]...)
			}
			up = append(up, digestOf(b))
		}
		levels = append(levels, up)
		leaves = up
	}
	return levels
}

// reading is what the device says of its sectors.
type reading struct {
	digests  []digest // by sector, as far as asked
	doubtful []bool
}

// whole asks one question: whether the first sectors of the area hold image, by the top of the tree.
func (s *Session) whole(ctx context.Context, g *flash.Geometry, image []byte) (bool, error) {
	n := sectorsOf(g, uint32(len(image)))
	leaves := make([]digest, n)
	for i := range leaves {
		leaves[i] = digestOf(content(g, image, i))
	}
	levels := tree(leaves)
	top := len(levels) - 1
	if top > smp.MaxLevel {
		return false, nil
	}
	got, err := s.digests(ctx, top, 0, 1, n)
	if err != nil {
		return false, err
	}
	return got.digests[0] == levels[top][0], nil
}

// digestsAtOnce is how many digests fit an answer, if the device's answers are as long as what it takes.
func (s *Session) digestsAtOnce() int {
	const around = smp.HeaderSize + 40
	return max(1, min(smp.MaxDigests, (int(s.params.BufSize)-around)*8/(8*smp.DigestSize+1)))
}

// digests asks for count digests of a level from first on, of the tree over so many sectors.
func (s *Session) digests(ctx context.Context, level, first, count, of int) (*reading, error) {
	r := &reading{digests: make([]digest, count), doubtful: make([]bool, count)}
	var asks []ask
	for at := 0; at < count; at += s.digestsAtOnce() {
		q := smp.DigestsRequest{Level: uint32(level), First: uint32(first + at), Count: uint32(min(count-at, s.digestsAtOnce())), Of: uint32(of)}
		var got smp.Digests
		asks = append(asks, ask{q: &q, answer: &got, take: func() error { return r.take(&q, &got, at) }})
	}
	if err := s.together(ctx, hashes, besides, asks); err != nil {
		return nil, fmt.Errorf("read digests: %w", s.refused(err))
	}
	return r, nil
}

// take copies the answer to q, which is about the sectors or nodes from at on.
func (r *reading) take(q *smp.DigestsRequest, got *smp.Digests, at int) error {
	count := int(q.Count)
	if got.First != q.First || len(got.Digests) != count*smp.DigestSize || q.Level == 0 && len(got.Doubtful) != (count+7)/8 {
		err := fmt.Errorf("digests: %d bytes and %d of doubt from %d, asked for %d from %d",
			len(got.Digests), len(got.Doubtful), got.First, count, q.First)
		return &Error{Code: CodeProtocol, Err: err}
	}
	for i := range count {
		r.digests[at+i] = digest(got.Digests[i*smp.DigestSize:])
		r.doubtful[at+i] = q.Level == 0 && got.Doubtful[i/8]>>(i%8)&1 != 0
	}
	return nil
}
