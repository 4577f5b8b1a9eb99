package delta

import (
	"fmt"

	"unbrick/limits"
)

// Work is counted in steps: a place of a table that is looked at or moved, a byte of the old image that is read. What else
// takes time is weighed against these.
const (
	bitSteps  = 8 // a bit of a stream
	readSteps = 8 // asking for old bytes, however few
)

// budget returns how many steps decoding may take for a new image of size bytes. The worst that an honest file takes is all
// bytes literal, nine bits each.
func budget(size uint32) uint64 { return limits.WorkFile + limits.Work*uint64(size) }

// Work returns how many steps decoding has taken since the file was opened or rewound, those of Open included.
func (d *Decoder) Work() uint64 {
	return d.scanned + bitSteps*(uint64(d.plan.in.Bits)+uint64(d.in.Bits)) + d.stash.steps + d.moves.Steps + d.model.Steps + d.read
}

// over reports whether the steps are used up. It is asked wherever something was built or read of the plan.
func (d *Decoder) over() bool { return d.Work() > d.budget }

func (d *Decoder) errOver() error {
	return fmt.Errorf("%w: %d steps for %d bytes", ErrWork, d.budget, d.head.ToSize)
}
