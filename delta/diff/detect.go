package diff

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sort"

	"unbrick/delta/internal/coding"
)

// Detection tries what could predict the fields of the copies, and counts.
const (
	detectGain   = 24        // bytes that a setup must predict better than none does
	detectRanges = 1 << 15   // ranges of the map it works with
	sampleBytes  = 128 << 10 // of copies that setups are judged by
	sampleBlock  = 2 << 10   // in blocks of this size
	sampleSame   = 4         // where all are looked at, only one of so many that do not change
	raceRounds   = 8         // in which the blocks are shown
	raceLead     = 64        // bytes that the best must be ahead, besides a quarter of its gain, for others to give up
	detectWords  = 600       // changed words that a base address is judged by
	detectTops   = 6         // most frequent upper halves of them that a base is sought near
	basePage     = 1 << 12
	lowBase      = 1 << 20 // pointers into images that run below are like other numbers: they must gain a quarter more
	ramRegion    = 1 << 18
	nearWords    = 1 << 18 // two words further apart are not the same pointer
)

// detect returns the setup that predicts the fields of the copied segments best. Of several instruction sets it may be none,
// and is one only if what this set's own fields gain says so: pointers are the same for all of them. A single one is a choice: it is
// kept, even where it gains nothing.
func detect(old, new []byte, segments []segment, candidates []coding.ISA) coding.Setup {
	chosen := len(candidates) == 1
	if chosen && candidates[0] == coding.ISANone {
		return coding.Setup{}
	}
	var runs []coding.Run
	for _, s := range segments {
		if s.copied {
			runs = append(runs, coding.Run{To: uint32(s.to), N: uint32(s.n), Shift: uint32(s.shift)})
		}
	}
	moves, _ := drawMap(runs, nil, detectRanges)
	t := trial{old: old, new: new, runs: runs, moves: &moves}
	t.sampled()
	words := t.changedWords()
	bases := []uint32{coding.NoBase}
	if b := t.base(words); b != coding.NoBase {
		bases = append(bases, b)
	}
	best, gain := coding.Setup{}, detectGain/t.step
	if chosen {
		best, gain = coding.Setup{ISA: candidates[0], Base: coding.NoBase}, 0
	}
	var setups []coding.Setup
	for _, i := range candidates {
		if i == coding.ISANone {
			continue // what the others are judged against
		}
		for _, b := range bases {
			setups = append(setups, coding.Setup{ISA: i, Base: b})
		}
	}
	for _, r := range t.race(setups) {
		need := gain
		if r.setup.Base < lowBase {
			need += gain / 4
		}
		if r.gain > need && (chosen || r.credible(detectGain/t.step)) {
			best, gain = r.setup, r.gain
		}
	}
	if best.ISA == coding.ISANone {
		return best
	}
	setups = append(setups[:0], best)
	for _, region := range t.regions(words, best.Base) {
		setups = append(setups, coding.Setup{ISA: best.ISA, Base: best.Base, RAM: region, RAMSize: ramRegion})
	}
	if len(setups) > 1 {
		for _, r := range t.race(setups) {
			if r.setup.RAMSize != 0 && r.gain > gain+detectGain/t.step {
				best, gain = r.setup, r.gain
			}
		}
	}
	return best
}

// trial judges setups by the copies of a pair of images.
type trial struct {
	old, new []byte
	runs     []coding.Run
	moves    *coding.Map
	sample   []block // of the runs, one of each step
	step     int
}

// block is a piece of a run. Its weight is how many it stands for among the sample.
type block struct {
	coding.Run
	weight int
}

// sampled chooses what setups are judged by: all of small images, some blocks of large ones.
func (t *trial) sampled() {
	total := uint32(0)
	for _, r := range t.runs {
		total += r.N
	}
	t.step = 1 + int(total/sampleBytes)
	all, same := 0, 0
	for _, r := range t.runs {
		for at := uint32(0); at < r.N; at += sampleBlock {
			if all++; all%t.step != 0 {
				continue
			}
			b := block{coding.Run{To: r.To + at, N: min(sampleBlock, r.N-at), Shift: r.Shift}, 1}
			if old, new := t.of(&b); t.step == 1 && bytes.Equal(old, new) {
				if same++; same%sampleSame != 0 {
					continue
				}
				b.weight = sampleSame
			}
			t.sample = append(t.sample, b)
		}
	}
}

// of returns the old and the new bytes of a block.
func (t *trial) of(b *block) (old, new []byte) {
	src := b.To + b.Shift
	return t.old[src : src+b.N], t.new[b.To : b.To+b.N]
}

// race lets the setups predict the sample, in rounds: after each, those that are far behind give up. It returns
// the others in their order.
func (t *trial) race(setups []coding.Setup) []runner {
	runners := make([]runner, len(setups))
	for i := range setups {
		s := &setups[i]
		runners[i] = runner{setup: *s, model: coding.MakePredictor(s, t.moves, uint32(len(t.old)), make([]byte, s.Bytes()))}
	}
	for round := range raceRounds {
		first := 0
		for k := range runners {
			for i := round; i < len(t.sample); i += raceRounds {
				runners[k].see(t, &t.sample[i])
			}
			first = max(first, runners[k].gain)
		}
		runners = slices.DeleteFunc(runners, func(r runner) bool { return r.gain < first-first/4-raceLead })
	}
	return runners
}

// runner is a setup on trial. gain is how many bytes of the sample it predicts right that plain copying
// does not, less the reverse.
type runner struct {
	setup coding.Setup
	model coding.Predictor
	gain  int
	own   int // the same of the fields that only this instruction set has
	told  int // bytes in these that it predicts to be others than the old ones
}

// credible reports whether the fields that only this instruction set has are there, and are not bytes that look like some by
// chance: their gain is more than so many bytes, and than twice what as many coins would bring.
func (r *runner) credible(least int) bool {
	return r.setup.ISA == coding.ISAData || r.own > least && r.own*r.own > 4*r.told
}

func (r *runner) see(t *trial, b *block) {
	src, p, gain := b.To+b.Shift, &r.model, 0
	p.Start(src, b.N)
	old, new := t.of(b)
	for i := 0; i < len(old); {
		plain, n, kind := p.Next(old[i:], src+uint32(i), b.To+uint32(i))
		i += plain
		was, is := old[i:i+n], new[i:i+n]
		field, told := 0, 0
		for k := range was {
			if p.Field[k] != was[k] {
				told++
				if p.Field[k] == is[k] {
					field++
				} else if was[k] == is[k] {
					field--
				}
			}
		}
		gain += field
		if kind != coding.KindPointer && kind != coding.KindRAM {
			r.own += field * b.weight
			r.told += told * b.weight
		}
		p.Learn(is, kind)
		i += n
	}
	r.gain += gain * b.weight
}

// change is an aligned word of a copy that is another one in the new image, though near.
type change struct{ was, is uint32 }

func (t *trial) changedWords() []change {
	var out []change
	for _, r := range t.runs {
		src := r.To + r.Shift
		for i := -src & 3; i+4 <= r.N; i += 4 {
			c := change{binary.LittleEndian.Uint32(t.old[src+i:]), binary.LittleEndian.Uint32(t.new[r.To+i:])}
			if d := int32(c.is - c.was); d != 0 && d > -nearWords && d < nearWords {
				out = append(out, c)
			}
		}
	}
	return out
}

// base returns the address of the image under which most changed words are pointers into it that
// moved with what they point at; NoBase if hardly any are.
func (t *trial) base(words []change) uint32 {
	votes := words
	if step := len(words) / detectWords; step > 1 {
		votes = nil
		for i := 0; i < len(words); i += step {
			votes = append(votes, words[i])
		}
	}
	size := uint32(len(t.old))
	best, most := uint32(coding.NoBase), max(4, len(votes)/50)
	tried := map[uint32]bool{}
	for _, top := range tops(words, 16) {
		for below := uint32(0); below < size+1<<16; below += basePage {
			base := top + 0xF000 - below
			if base > top+0xF000 || tried[base] {
				continue
			}
			tried[base] = true
			n := 0
			for _, w := range votes {
				if at := w.was - base; at < size && t.moves.Move(at)+base == w.is {
					n++
				}
			}
			if n > most || n == most && best != coding.NoBase && base < best {
				best, most = base, n
			}
		}
	}
	return best
}

// regions returns the RAM regions that most changed words outside the image point into.
func (t *trial) regions(words []change, base uint32) []uint32 {
	var outside []change
	for _, w := range words {
		if (base == coding.NoBase || w.was-base >= uint32(len(t.old))) && w.was >= 1<<16 {
			outside = append(outside, w)
		}
	}
	out := tops(outside, 18)
	return out[:min(len(out), 3)]
}

// tops returns the most frequent upper parts of the old words, without their lower bits.
func tops(words []change, bits uint) []uint32 {
	count := map[uint32]int{}
	for _, w := range words {
		count[w.was>>bits]++
	}
	out := make([]uint32, 0, len(count))
	for k, n := range count {
		if n >= 4 {
			out = append(out, k)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		return cmp.Or(count[out[j]]-count[out[i]], cmp.Compare(out[i], out[j])) < 0
	})
	out = out[:min(len(out), detectTops)]
	for i := range out {
		out[i] <<= bits
	}
	return out
}
