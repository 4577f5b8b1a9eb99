package delta

import (
	"fmt"

	"unbrick/limits"
)

// Work is what decoding takes, by docs/delta.md, section 8: steps of calculation, and bytes of the old image that are read from the
// flash, with what asking for them takes.
type Work struct{ Steps, Reads uint64 }

const (
	bitSteps = 8 // steps of a bit of a stream
	askWork  = 8 // steps, or reads, of asking for old bytes, however few
)

// unlimited is the work that a caller can afford who says nothing.
var unlimited = Work{1<<64 - 1, 1<<64 - 1}

// Budget returns the most work that the file announces if it builds so many bytes of the new image.
func (h *Header) Budget(built uint32) Work {
	return Work{limits.WorkFile + uint64(h.Steps)*uint64(built), limits.WorkFile + uint64(h.Reads)*uint64(built)}
}

// Announce sets the smallest budget that work is in, for so many bytes built. It reports false if there is none within the limits.
func (h *Header) Announce(work Work, built uint32) bool {
	each := func(n uint64, limit uint64) (uint8, bool) {
		if n -= min(n, limits.WorkFile); n == 0 {
			return 0, true
		}
		if built == 0 {
			return 0, false
		}
		n = (n-1)/uint64(built) + 1
		return uint8(n), n <= limit
	}
	steps, fine := each(work.Steps, limits.Work)
	reads, ok := each(work.Reads, limits.Reads)
	h.Steps, h.Reads = steps, reads
	return fine && ok
}

// Work returns what decoding has taken since the file was opened or rewound, the steps of Open included; from a checkpoint on,
// with what had been taken until then.
func (d *Decoder) Work() Work { return Work{d.steps(), d.read} }

// Built returns how many bytes of the new image the file builds. The file must be open.
func (d *Decoder) Built() uint32 { return d.building }

func (d *Decoder) steps() uint64 {
	return d.before + bitSteps*(uint64(d.plan.in.Bits)+uint64(d.in.Bits)) + d.stash.steps + d.moves.Steps + d.model.Steps + d.kept
}

// affordable returns what of a budget the caller can afford.
func (d *Decoder) affordable(w Work) Work {
	return Work{min(w.Steps, d.afford.Steps), min(w.Reads, d.afford.Reads)}
}

// over reports whether the work is more than there is. It is asked wherever something was built or read of the plan, and at the end.
func (d *Decoder) over() bool { return d.steps() > d.budget.Steps || d.read > d.budget.Reads }

func (d *Decoder) errOver() error {
	return fmt.Errorf("%w: more than %d steps and %d old bytes", ErrWork, d.budget.Steps, d.budget.Reads)
}
