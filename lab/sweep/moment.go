package sweep

import (
	"unbrick/emulator"
)

// tears returns the tears that leave something of their own in an operation of that kind.
func (s *Subject) tears(k emulator.OpKind) []emulator.Tear {
	if k == emulator.OpErase {
		return []emulator.Tear{emulator.NotBegun, emulator.Complete, emulator.ErasePart, emulator.EraseWeak}
	}
	t := []emulator.Tear{emulator.NotBegun, emulator.Complete, emulator.FirstUnit, emulator.Half, emulator.AllButOne}
	if s.Shape.ECC {
		return append(t, emulator.Unreadable)
	}
	return append(t, emulator.Unstable, emulator.Marginal)
}

// moment is one cut: an operation of a run forward, and a tear.
type moment struct {
	fork *emulator.Fork
	cut  Cut
	h    history
}

// moments lists the cuts of a run forward.
func (s *Subject) moments(act Act, forks []*emulator.Fork, h history, runs func(op int) bool) []moment {
	var all []moment
	h.cuts++
	for i, f := range forks {
		h.runs = runs(i)
		for _, t := range s.tears(f.Operation.Kind) {
			m := moment{f, Cut{In: act, Op: uint32(i + 1), Tear: t}, h}
			all = append(all, m)
			if t == emulator.Marginal && f.Operation.Addr < s.layout.SoftwareBase() {
				// What a record says hangs on this one bit: see it read both ways.
				for m.cut.Draw = 1; m.cut.Draw <= draws; m.cut.Draw++ {
					all = append(all, m)
				}
			}
		}
	}
	return all
}

// draws is how often a record with one bit in between is tried beside the first time.
const draws = 6

func never(int) bool { return false }
