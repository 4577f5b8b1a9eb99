package delta_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"unbrick/delta"
	"unbrick/delta/internal/coding"
)

// batchVectors are files with batches, and checkpoints of them.
func batchVectors(t *testing.T) map[string]*vector {
	t.Helper()
	s := makeBatches(t, 2048)
	made := &vector{comment: "batches with edges, stash and history", geometry: s.area.String(), erased: 0xff, expect: "ok", file: s.file, old: s.old, new: s.new}
	all := map[string]*vector{
		"batches":       made,
		"batches-state": stateful(t).vector(t, "all that begins anew with a batch has something in it then"),
	}
	whole := &handPlan{geometry: "256*2", old: s.old[:512], order: []int{0, 1}, batches: []int{}, ops: []handOp{{nil, 400, 20}}}
	all["batches-one"] = whole.fill(t, 400, 0).vector(t, "one batch, whose last sector the image does not fill")
	repeats := stateful(t)
	repeats.repeats = true
	again := repeats.vector(t, "the first match of a batch repeats the last one's source")
	again.expect = "refused"
	all["batches-repeat"] = again
	recalls := &handPlan{geometry: "256*2", order: []int{0, 1}, batches: []int{1}, recalls: true, history: 100, ops: []handOp{{literal: []handStep{{n: 200}, {56, coding.Source{Back: 60}}, {256, coding.Source{Back: 100}}}}}}
	before := recalls.fill(t, 512, 0).vector(t, "a match reaches back into the batch before")
	before.expect = "refused"
	all["batches-recall"] = before
	header := func(name, comment string, change func(h *delta.Header)) {
		all["batches-"+name] = refuse(comment, made, announce(made.file, change))
	}
	header("more", "a batch more than there are", func(h *delta.Header) { h.Batches++ })
	header("less", "a batch less than there are", func(h *delta.Header) { h.Batches-- })
	header("larger", "batches larger than they are", func(h *delta.Header) { h.Batch++ })
	header("smaller", "batches smaller than they are", func(h *delta.Header) { h.Batch-- })
	header("many", "more batches than sectors", func(h *delta.Header) { h.Batches = h.Changed + 1 })
	header("none", "batches in the plan and none in the header", func(h *delta.Header) { h.Batches, h.Batch = 0, 0 })
	zero := bytes.Clone(announce(made.file, func(h *delta.Header) { h.Batches = 0x55 }))
	all["batches-zero"] = refuse("the flag of batches, and none", made, bytes.Replace(zero, []byte{0x55, 0x80, 0x10}, []byte{0, 0x80, 0x10}, 1))

	last := len(s.checkpoints) - 1
	from := func(comment string, i int, c []byte) *vector {
		board := s.boards[i]
		for len(board) > 0 && board[len(board)-1] == 0xff {
			board = board[:len(board)-1]
		}
		return &vector{comment: comment, geometry: s.area.String(), erased: 0xff, expect: "ok", file: s.file, checkpoint: c, old: board, new: s.new}
	}
	all["checkpoint-first"] = from("from before the second batch", 0, s.checkpoints[0])
	all["checkpoint-last"] = from("from before the last batch", last, s.checkpoints[last])
	c := s.checkpoints[1]
	refused := func(name, comment string, b []byte) {
		v := from(comment, 1, b)
		v.expect = "refused"
		all["checkpoint-"+name] = v
	}
	put := func(name, comment string, at int, v uint32) {
		b := bytes.Clone(c)
		binary.LittleEndian.PutUint32(b[at:], v)
		refused(name, comment, sealed(b))
	}
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(c[at:]) }
	flipped := bytes.Clone(c)
	flipped[80] ^= 4
	refused("damaged", "a bit is another one", flipped)
	refused("short", "the last byte is missing", sealed(c[:len(c)-1]))
	refused("long", "a byte too many", sealed(append(bytes.Clone(c), 0)))
	refused("none", "no bytes", c[:4])
	put("magic", "another magic", 0, 0x50434445)
	put("version", "a version to come", 4, 2)
	put("reserved", "a reserved byte", 4, 1|1<<8)
	put("file", "of another file", 8, word(8)^1)
	put("begin", "before the first sector", 24, 0)
	put("end", "behind the last sector", 24, s.head.Changed)
	put("middle", "before a sector that begins no batch", 24, word(24)-1)
	put("place", "less of the data stream taken than is possible", 28, 3)
	_, data := s.head.Streams(s.file)
	put("behind", "more of the data stream taken than is possible", 28, uint32(len(data))+5)
	put("span", "a span that is too small", 32, 1<<24-1)
	put("code", "a code that is not below span", 36, word(32))
	put("idle", "fewer steps than the plan takes", 40, 1000)
	put("steps", "more steps than the budget", 40, uint32(s.head.Budget(uint32(len(s.new))).Steps)+1)
	put("reads", "more old bytes than the budget", 48, uint32(s.head.Budget(uint32(len(s.new))).Reads)+1)
	put("reach", "a longer history than announced", 56, s.head.History+1)
	put("edge", "longer edges than announced", 60, s.head.Edge+1)
	put("edges", "other edges than the plan keeps", 64, word(64)+1)
	put("stash", "another stash than the plan keeps", 68, word(68)+1)
	return all
}

// stateful is a plan for three batches, of which each leaves something in everything that begins anew: differences and units of copies,
// matches and their source, RAM pointers met, an instruction that is not at its end, the history. The second begins in the middle of a copy,
// the third with a literal byte.
func stateful(t testing.TB) *handPlan {
	t.Helper()
	r := randomSegments(rand.New(rand.NewPCG(5, 5)), coding.ISAXtensa)
	p := &handPlan{geometry: "1KiB*10", old: append(r.old, r.old...), order: []int{0, 1, 2, 3, 4, 5}, batches: []int{2, 4}, history: 1500,
		setup: coding.Setup{ISA: coding.ISAXtensa, Base: 0, RAM: 0, RAMSize: 1<<32 - 1<<12}}
	copy(p.old[2048+1801:], []byte{0x21, 0x00, 0xFF}) // an L32R, where the second batch begins in the middle of an instruction
	kept, built := coding.Source{Old: 1, Shift: 1700}, coding.Source{Back: 30}
	p.ops = []handOp{
		{nil, 1500, 1801},
		{[]handStep{{n: 40}, {9, built}, {n: 1}, {5, kept}, {4, kept}, {n: 7}, {3, built}, {n: 6}, {2, kept}}, 871, 1801},
		{[]handStep{{n: 3}, {3, kept}, {n: 1}, {2, kept}, {n: 41}, {8, built}}, 1590, 1803},
		{[]handStep{{n: 4}, {3, kept}, {n: 60}, {7, built}}, 1974, 1803},
	}
	return p.fill(t, 6144, 7)
}
