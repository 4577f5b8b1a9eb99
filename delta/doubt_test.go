package delta_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"unbrick/delta"
	"unbrick/delta/internal/coding"
	"unbrick/flash"
)

// fill sets what the plan builds, of size bytes, from its operations: copies, in which every so many-th byte changes, single bytes
// that are random, and matches. Sectors that are not built stay as they are.
func (p *handPlan) fill(t testing.TB, size, every int) *handPlan {
	t.Helper()
	area, err := flash.ParseGeometry(p.geometry, 0)
	if err != nil {
		t.Fatal(err)
	}
	board := bytes.Repeat([]byte{0xff}, int(area.Size()))
	copy(board, p.old)
	p.new = bytes.Clone(board[:size])
	r := rand.New(rand.NewPCG(uint64(size), uint64(every)))
	var built []byte
	op, copied := 0, 0
	var literal []handStep
	for step, s := range p.order {
		if slices.Contains(p.batches, step) && !p.recalls {
			built = nil
		}
		addr, n := area.Sector(s)
		for end := min(addr+n, uint32(size)); addr < end; addr++ {
			if len(literal) == 0 && copied == 0 {
				literal, copied = slices.Clone(p.ops[op].literal), p.ops[op].copied
				op++
			}
			var b byte
			switch {
			case len(literal) == 0:
				b = board[int32(addr)+p.ops[op-1].shift]
				if copied--; every > 0 && int(addr)%every == every-1 && addr%1024 < 1012 {
					b += byte(1 + r.IntN(3))
				}
			case literal[0].from == coding.Source{}:
				b = byte(r.Uint32())
			case literal[0].from.Old != 0:
				b = board[int32(addr)+literal[0].from.Shift]
			default:
				b = built[len(built)-int(literal[0].from.Back)]
			}
			if len(literal) > 0 {
				if literal[0].n--; literal[0].n == 0 {
					literal = literal[1:]
				}
			}
			p.new[addr] = b
			built = append(built, b)
		}
	}
	return p
}

// vector returns the plan's file as a vector.
func (p *handPlan) vector(t testing.TB, comment string) *vector {
	t.Helper()
	return byHand(comment, p.geometry, p.assemble(t), p.old, p.new)
}

// doubtVectors are files that decoders read differently which take the document in another way than it means: each stands for a question that was asked.
func doubtVectors(t *testing.T, s *sample) map[string]*vector {
	t.Helper()
	old := s.old
	kept := func(shift int32) coding.Source { return coding.Source{Old: 1, Shift: shift} }
	built := func(back uint32) coding.Source { return coding.Source{Back: back} }
	own := &handPlan{geometry: "256*4", old: old[:1024], order: []int{0, 1, 2, 3}, ops: []handOp{
		{nil, 300, 0},
		{[]handStep{{n: 4}, {20, kept(33)}, {3, kept(33)}}, 100, 7},
		{[]handStep{{n: 2}, {30, kept(-2)}, {n: 1}, {5, built(11)}}, 400, 20},
		{[]handStep{{n: 1}, {40, kept(22)}, {n: 118}}, 0, 0},
	}}
	continued := &handPlan{geometry: "256*9", old: old[:2200], order: []int{3, 1, 0}, ops: []handOp{
		{nil, 356, 1100}, {nil, 156, -20}, {single(1), 255, 1100},
	}}
	far := &handPlan{geometry: "256,64KiB*129", old: old[:16], from: 8<<20 + 256, order: []int{0}, ops: []handOp{{nil, 256, 8 << 20}}}
	history := &handPlan{geometry: "4KiB*6", order: []int{0, 1, 2, 3, 4, 5}, history: 20400, ops: []handOp{{literal: []handStep{
		{n: 64}, {4032, built(64)}, {4096, built(64)}, {4096, built(4000)}, {4096, built(64)}, {n: 40}, {4056, built(16000)}, {4096, built(20400)}}}}}
	split := &handPlan{geometry: "256*4", old: old[:1024], order: []int{0, 1, 2, 3}, ops: []handOp{
		{nil, 255, 0}, {[]handStep{{n: 1}, {2, kept(5)}, {n: 2}}, 764, 0},
	}}
	lanes := &handPlan{geometry: "1KiB*1", old: old[:1024], order: []int{0}, ops: []handOp{
		{nil, 200, 0}, {single(1), 300, 3}, {single(2), 200, 1}, {nil, 321, -2},
	}}
	// Sectors 2, 1 and 0: what is wanted of the one before lies in its edges, or no longer does.
	edges := func(kept []int, ops ...handOp) *handPlan {
		return &handPlan{geometry: "256*3", old: old[:517], order: []int{2, 1, 0}, edge: 3, kept: kept, ops: append([]handOp{{nil, 5, -9}}, ops...)}
	}
	edge := edges([]int{0}, handOp{nil, 3, 256}, handOp{nil, 253, 1}, handOp{nil, 256, 0})
	edgeLong := edges([]int{0}, handOp{nil, 256, 0}, handOp{nil, 3, 512}, handOp{nil, 253, 0})
	longer := history.fill(t, 24<<10, 0).vector(t, "matches from farther back than 16 KiB")
	if h, _ := delta.ParseHeader(longer.file); h.History != 20400 {
		t.Fatalf("a history of %d bytes", h.History)
	}
	gone := edgeLong.fill(t, 517, 0).vector(t, "the edges of a sector built two before, whose successor keeps none")
	gone.expect = "refused"
	return map[string]*vector{
		"edge-gone":       gone,
		"doubt-diagonal":  own.fill(t, 1024, 50).vector(t, "matches whose diagonal is relative to the copy that follows them, and to the last copy where none does"),
		"doubt-continued": continued.fill(t, 2200, 0).vector(t, "the diagonal of the sector behind is that of a copy that had begun in the sector before it"),
		"doubt-24":        far.fill(t, 256, 0).vector(t, "a change of the diagonal whose number has 24 ones, and a zero behind"),
		"doubt-address":   lanes.fill(t, 1024, 7).vector(t, "differences in copies from other addresses modulo 4: they are kept by old addresses"),
		"edge-odd":        edge.fill(t, 517, 0).vector(t, "a sector has five old bytes: the first edge has three of them"),
		"doubt-pieces":    split.fill(t, 1024, 9).vector(t, "three literals in two sectors: matches may be in the second piece"),
		"history-long":    longer,
		"history-less":    refuse("announces less history than it uses", longer, announce(longer.file, func(h *delta.Header) { h.History-- })),
		"history-more":    refuse("announces more history than it uses", longer, announce(longer.file, func(h *delta.Header) { h.History++ })),
		"history-limit":   refuse("announces more history than there can be", longer, announce(longer.file, func(h *delta.Header) { h.History = 1<<20 + 1 })),
	}
}
