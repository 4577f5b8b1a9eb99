package delta_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"unbrick/delta"
	"unbrick/limits"
)

// headerVectors are files whose header is refused. Places are those of hand's, whose header begins 55 44 02, flags, instruction set,
// steps, reads, units, erased, runs.
func headerVectors(hand, moved *vector) map[string]*vector {
	with := func(comment string, at int, b ...byte) *vector {
		file := bytes.Clone(hand.file)
		copy(file[at:], b)
		return refuse(comment, hand, file)
	}
	header := func(comment string, from *vector, change func(h *delta.Header)) *vector {
		return refuse(comment, from, announce(from.file, change))
	}
	return map[string]*vector{
		"header-magic":       with("another magic", 1, 'E'),
		"header-kind":        with("no kind", 3, 0),
		"header-flags":       with("a flag to come", 3, 1|0x10),
		"header-set":         with("an instruction set to come", 4, 11),
		"header-steps":       with("asks for more steps than any file may", 5, limits.Work+1),
		"header-reads":       with("asks for more old bytes than any file may", 6, limits.Reads+1),
		"header-units":       with("no counters", 7, 0),
		"header-many-units":  with("more counters than there can be", 7, limits.Units+1),
		"header-erased":      with("erased bytes that no flash has", 8, 0x55),
		"header-runs":        with("no run of sectors", 9, 0),
		"header-form":        refuse("a number that is not in its shortest form", hand, slices.Concat(hand.file[:12], []byte{0x82, 0}, hand.file[13:])),
		"header-cut":         refuse("ends in the header", hand, hand.file[:14]),
		"header-to":          header("leads to nothing", hand, func(h *delta.Header) { h.ToSize = 0 }),
		"header-from":        header("a base that is larger than the software area", hand, func(h *delta.Header) { h.FromSize = 513 }),
		"header-buffer":      header("a buffer larger than any sector", hand, func(h *delta.Header) { h.Buffer = 257 }),
		"header-small":       header("a buffer smaller than its sectors", hand, func(h *delta.Header) { h.Buffer = 255 }),
		"header-stash":       header("a stash that is too large with its table", moved, func(h *delta.Header) { h.StashBytes, h.Keeps = limits.Stash-11, 1 }),
		"header-stash-other": header("a stash larger than the plan needs", moved, func(h *delta.Header) { h.StashBytes++ }),
		"header-least":       header("a shortest run without a map", hand, func(h *delta.Header) { h.MapLeast = 1 }),
		"header-full":        header("a full image with edges", hand, func(h *delta.Header) { h.Kind, h.FromSize, h.Edge = delta.KindFull, 0, 1 }),
		"header-changed":     header("a sector more than the plan builds", hand, func(h *delta.Header) { h.Changed++ }),
	}
}

// workVectors are files at the edge of their budget.
func workVectors(t *testing.T) map[string]*vector {
	t.Helper()
	// Copies of one byte: each asks for its old byte.
	p := &handPlan{geometry: "512*17", old: randomBytes(rand.New(rand.NewPCG(1, 9)), 8200), order: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}
	for i := range int32(8192) {
		p.ops = append(p.ops, handOp{nil, 1, i & 1})
	}
	edge := p.fill(t, 8192, 0).vector(t, "takes all of its budget")
	h, err := delta.ParseHeader(edge.file)
	if err != nil || h.Steps == 0 || h.Reads == 0 {
		t.Fatalf("the vector of work takes too little: %+v, %v", h, err)
	}
	roomy := *edge
	roomy.comment, roomy.file = "announces more work than it takes", announce(edge.file, func(h *delta.Header) { h.Steps, h.Reads = limits.Work, limits.Reads })
	return map[string]*vector{
		"work":       edge,
		"work-roomy": &roomy,
		"work-steps": refuse("takes more steps than it announces", edge, announce(edge.file, func(h *delta.Header) { h.Steps-- })),
		"work-reads": refuse("reads more old bytes than it announces", edge, announce(edge.file, func(h *delta.Header) { h.Reads-- })),
	}
}
