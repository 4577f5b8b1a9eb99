package diff

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"unbrick/delta"
	"unbrick/delta/internal/coding"
	"unbrick/flash"
)

// profile is a size of decoder.
type profile struct {
	units   uint8 // of counters
	history uint32
	ranges  uint32 // most of the relocation map
	ram     bool   // RAM pointers are predicted, which takes 2 KiB
	edge    int    // bytes kept of either end of the sector built last
	plain   bool   // tried without prediction, too: a map so small may be of no use
}

// profiles from the largest to the smallest; those with less state code worse.
var profiles = [...]profile{
	{units: 104, history: 16 << 10, ranges: 1024, ram: true, edge: 256},
	{units: 48, history: 8 << 10, ranges: 512, ram: true, edge: 256},
	{units: 21, history: 8 << 10, ranges: 256, ram: true, edge: 128},
	{units: 9, history: 4 << 10, ranges: 128, ram: true, edge: 64, plain: true},
	{units: 1, ranges: 32, plain: true},
}

// fit codes the job at the largest profile and stash that fit the limits, and proves the result.
func (j *job) fit() ([]byte, error) {
	stashes := []uint32{j.o.StashMax}
	for _, less := range [...]uint32{4 << 10, 0} {
		if less < j.o.StashMax && j.head.Kind == delta.KindDelta {
			stashes = append(stashes, less)
		}
	}
	var g *needs
	var orders [][]int
	var plans [][]plan // by stash
	least := ^uint32(0)
	var overworked error
	for _, p := range profiles {
		if j.o.StateMax != 0 && j.leastState(p) > j.o.StateMax {
			continue
		}
		if g == nil || p.edge != j.edge {
			j.edge = p.edge
			g = makeNeeds(&j.area, j.segments, j.planned, j.edge, len(j.old))
			orders, plans = j.orders(g), make([][]plan, len(stashes))
		}
		for i := range stashes {
			if plans[i] == nil {
				var err error
				if plans[i], err = j.plans(g, orders, stashes[i]); err != nil {
					return nil, err
				}
			}
			file, needs, err := j.smallest(plans[i], p)
			if err != nil {
				return nil, err
			}
			if file == nil {
				break // too much state
			}
			if least = min(least, needs-1); j.o.Workspace != 0 && needs > j.o.Workspace {
				continue
			}
			if file, err = j.prove(file); errors.Is(err, delta.ErrWork) {
				overworked = err
				continue // readers would refuse it; another plan or profile says it otherwise
			} else if err != nil {
				return nil, fmt.Errorf("make delta: proof: %w", err)
			}
			j.o.Progress(3*len(j.new), 3*len(j.new))
			return file, nil
		}
	}
	if overworked != nil {
		return nil, fmt.Errorf("make delta: %w", overworked)
	}
	return nil, &ErrDoesNotFit{Needs: least + 1, Has: j.o.Workspace} // 0 if nothing was small enough
}

// leastState returns the decoder's state at a profile without the relocation map, whose size shows only when it is
// drawn.
func (j *job) leastState(p profile) uint32 {
	setup := p.setups(j.head.Setup, true)[0]
	return coding.CounterBytes(p.units) + coding.CounterBytes(coding.ControlUnits) + uint32(j.area.sectors()+7)/8 + setup.Bytes()
}

// orders returns the orders of the sectors that are tried.
func (j *job) orders(g *needs) [][]int {
	ascending := g.ascending()
	if j.head.Kind == delta.KindFull {
		return [][]int{ascending}
	}
	descending := slices.Clone(ascending)
	slices.Reverse(descending)
	out := [][]int{g.sift(g.greedy(patiences[0]))}
	if j.o.Effort == EffortBest {
		out = [][]int{descending, out[0], g.sift(descending), ascending, g.sift(ascending)}
		for _, patience := range patiences {
			greedy := g.greedy(patience)
			out = append(out, greedy, g.sift(greedy))
		}
	}
	return out
}

// patiences of greedy orders: the second is for images with much that is new.
var patiences = [...]int{32, 1024}

// plan is how a script is made: in which order, with how much stash.
type plan struct {
	sequence []int
	limit    uint32
}

// plans returns the plans within limit bytes of stash that promise the smallest files: the most promising of all
// orders, and with effort two more, since whether they keep it is known only in the end: the same with nothing in the
// stash, as what that keeps costs bytes, too; and the first order, in which all that is built lies together, if it
// promises nearly as much.
func (j *job) plans(g *needs, orders [][]int, limit uint32) ([]plan, error) {
	best := plan{orders[0], limit}
	if len(orders) == 1 {
		return []plan{best}, nil
	}
	least, first, kept := -1, 0, 0 // what the best promises, and the first, and what the best has in the stash
	for i, sequence := range orders {
		if err := j.ctx.Err(); err != nil {
			return nil, err
		}
		p := plan{sequence, limit}
		sc := j.script(&p, false)
		promise := planLength(sc, &j.area) + g.breaks(sequence) + sc.fresh()*freshCost/16
		if i == 0 {
			first = promise
		}
		if least < 0 || promise < least {
			best, least, kept = p, promise, sc.stash.held()
		}
	}
	all := []plan{best}
	if kept > 0 {
		all = append(all, plan{best.sequence, 0})
	}
	if first > least && first-least <= least/nearly {
		all = append(all, plan{orders[0], limit})
	}
	return all, nil
}

// nearly: an order that promises at most this part more than the best may turn out smaller.
const nearly = 8

// freshCost is what a literal byte that is not like the one before costs about, in sixteenths of a byte.
const freshCost = 11

// draft is what a file can be made of at a profile.
type draft struct {
	plan  *plan
	setup coding.Setup
}

// smallest codes the plans for one profile and returns the shortest file that fits the workspace, or if
// none does the one that needs the least, and what it needs; nil if all have more state than allowed.
// Where there is a choice, it is made by what quick parsing gives.
func (j *job) smallest(plans []plan, p profile) (best []byte, least uint32, err error) {
	var drafts []draft
	for i := range plans {
		for _, setup := range p.setups(j.head.Setup, j.chosen()) {
			drafts = append(drafts, draft{&plans[i], setup})
		}
	}
	var chosen draft
	try := func(d draft, how parsing) error {
		file, needs, err := j.encode(d, p, how)
		if file == nil || err != nil {
			return err
		}
		limit := j.o.Workspace
		better := needs < least
		if limit == 0 || needs <= limit && least <= limit {
			better = len(file) < len(best)
		}
		if best == nil || better {
			chosen, best, least = d, file, needs
		}
		return nil
	}
	how := parsings[j.o.Effort]
	if len(drafts) > 1 {
		how = parsingQuick
	}
	for _, d := range drafts {
		if err := try(d, how); err != nil {
			return nil, 0, err
		}
	}
	if best != nil && how != parsings[j.o.Effort] {
		err = try(chosen, parsings[j.o.Effort])
	}
	return best, least, err
}

// chosen reports whether the instruction set was not found by trial.
func (j *job) chosen() bool {
	_, ok := coding.ParseISA(j.o.ISA)
	return ok
}

// setups returns what is tried at a profile of what was detected, or of what was chosen, which is kept.
func (p *profile) setups(found coding.Setup, chosen bool) []coding.Setup {
	if !p.ram {
		found.RAM, found.RAMSize = 0, 0
	}
	if p.plain && !chosen && found.ISA != coding.ISANone {
		return []coding.Setup{found, {}}
	}
	return []coding.Setup{found}
}

// encode makes the file of a draft for one profile, and returns it with the workspace that it needs; none if it has more
// state than allowed.
func (j *job) encode(d draft, p profile, how parsing) (file []byte, needs uint32, err error) {
	h, sc := j.head, j.script(d.plan, true)
	h.Setup = d.setup
	h.Units, h.History = p.units, min(p.history, uint32(len(sc.changed)))
	h.StashBytes, h.Keeps = uint32(sc.stash.bytes), uint32(sc.stash.count)
	h.Changed, h.Edge = uint32(len(sc.sequence)), uint32(sc.edge)
	h.Steps, h.Reads = delta.MaxSteps, delta.MaxReads // until it is known what it takes
	batch := uint32(0)
	for t, s := range sc.sequence {
		from, to := j.area.bounds(s)
		h.Buffer = max(h.Buffer, uint32(to-from))
		if sc.opens[t] {
			h.Batches++
			batch = 0
		}
		batch += uint32(to - from)
		if j.o.Batch != 0 {
			h.Batch = max(h.Batch, batch)
		}
	}
	if h.Changed == 0 {
		h.Buffer = uint32(j.area.start[1])
	}
	control, data, err := j.streams(sc, &h, p.ranges, how)
	if err != nil {
		return nil, 0, err
	}
	file = h.Append(nil, control, data)
	if h, err = delta.ParseHeader(file); err != nil {
		return nil, 0, fmt.Errorf("make delta: own header: %w", err)
	}
	if j.o.StateMax != 0 && h.State > j.o.StateMax {
		return nil, 0, nil
	}
	return file, delta.NeedsOf(&h, uint32(len(file)), j.leaves, j.o.Resident).Workspace(), nil
}

// prove applies the file to the old bytes, sector by sector as a terminal does, and compares each with the new
// image. It returns the file with the budget that this took.
func (j *job) prove(file []byte) ([]byte, error) {
	h, err := delta.ParseHeader(file)
	if err != nil {
		return nil, err
	}
	var d delta.Decoder
	if err := j.decode(&d, file, &h); err != nil {
		return nil, err
	}
	if work := d.Work(); !h.Announce(work, d.Built()) {
		return nil, fmt.Errorf("%w: %d steps and %d old bytes for %d bytes", delta.ErrWork, work.Steps, work.Reads, d.Built())
	}
	control, data := h.Streams(file)
	return h.Append(make([]byte, 0, len(file)), control, data), nil
}

// decode decodes the file to its end.
func (j *job) decode(d *delta.Decoder, file []byte, h *delta.Header) error {
	sim := &simulation{area: &j.area, bytes: j.old, bad: make([]bool, j.area.sectors())}
	copy(sim.bad, j.o.Doubtful)
	if err := d.Open(file, j.o.Geometry, sim, make([]byte, h.Memory())); err != nil {
		return err
	}
	left := 0
	for _, p := range j.planned {
		if p {
			left++
		}
	}
	for {
		if err := j.ctx.Err(); err != nil {
			return err
		}
		s, data, err := d.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if !j.planned[s] || !j.area.holds(s, data, j.new) {
			return fmt.Errorf("sector %d differs", s)
		}
		sim.bad[s] = true
		left--
	}
	if left != 0 {
		return fmt.Errorf("%d sectors are missing", left)
	}
	return nil
}

// simulation is the flash of a proof: sectors that are doubtful or rewritten cannot be read.
type simulation struct {
	area  *area
	bytes []byte
	bad   []bool
}

var _ flash.Reader = (*simulation)(nil)

func (s *simulation) Read(addr uint32, p []byte) error {
	from, to := int(addr), int(addr)+len(p)
	if from < 0 || to > len(s.bytes) {
		return fmt.Errorf("read %d bytes at 0x%x of %d", len(p), addr, len(s.bytes))
	}
	for at := from; at < to; {
		sector := s.area.of(at)
		if s.bad[sector] {
			return fmt.Errorf("read of sector %d, which is gone", sector)
		}
		_, at = s.area.bounds(sector)
	}
	copy(p, s.bytes[from:to])
	return nil
}
