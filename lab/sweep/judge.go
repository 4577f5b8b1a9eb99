package sweep

import (
	"fmt"
	"time"

	"unbrick/terminal"
)

// Outcome is what became of a device after a cut.
type Outcome uint8

// The outcomes.
const (
	OutcomeNone        Outcome = iota // not tried
	OutcomeOld                        // it runs the old image
	OutcomeNew                        // it runs the new one
	OutcomeRestoration                // it waits in restoration mode
	OutcomeFailed                     // a check failed
)

func (o Outcome) String() string {
	return [...]string{"not tried", "runs old", "runs new", "restoration mode", "failed"}[o]
}

// judge is a stand with the counters of its checks.
type judge struct {
	stand
	tally
	before   cells         // when the software began to run
	done     uint64        // flash operations until then
	healed   uint64        // flash operations of the first boot behind the last cut
	mendedAt time.Duration // when the last restoration was over
}

func newJudge(s *Subject, full bool) (*judge, error) {
	st, err := newStand(s, full)
	if err != nil {
		return nil, err
	}
	j := &judge{stand: *st}
	j.word = j.believe
	j.begun = func() { j.before, j.done = j.look(), j.board.Operations() }
	return j, nil
}

// sound checks that nothing in the last run broke a rule. What ended it may be a cut or the end of what
// there was to do.
func (j *judge) sound() bool {
	return j.check(CheckRules, j.crash == nil && j.fault == nil, func() string {
		if j.crash != nil {
			return fmt.Sprintf("the device's software gave up: %v", j.crash)
		}
		return j.fault.Error()
	})
}

// boot boots the device, which is off, and checks what it then is.
func (j *judge) boot(h *history) Outcome {
	j.stand.run(nil, nil)
	return j.booted(h)
}

// booted checks a device that has just booted.
func (j *judge) booted(h *history) Outcome {
	if !j.sound() {
		return OutcomeFailed
	}
	o := OutcomeFailed
	now := j.before
	if j.board.Operations() != j.done {
		now = j.look()
	}
	running := j.mode == terminal.Running
	switch {
	case j.mode == terminal.Restoration:
		o = OutcomeRestoration
		if !j.check(CheckNeedless, h.dead || !j.before.intact(), func() string {
			return fmt.Sprintf("restoration mode (%v) with a whole and firm image in the flash", j.why)
		}) {
			o = OutcomeFailed
		}
	case running && j.after.digest == j.s.goods[Old].m.Digest:
		o = OutcomeOld
	case running && j.after.digest == j.s.goods[New].m.Digest:
		o = OutcomeNew
	}
	good := j.check(CheckOutcome, running == (o == OutcomeOld || o == OutcomeNew) && j.mode != 0, func() string { return "it runs something that nobody signed" })
	if running && good {
		w := Which(o - OutcomeOld)
		good = j.check(CheckSigned, now.holds[w], func() string { return fmt.Sprintf("it says that it runs the %s image, which is not in the flash", w) }) && good
		good = j.check(CheckFirm, now.firm[w], func() string { return fmt.Sprintf("the %s image that runs has cells that may change by themselves", w) }) && good
		good = j.check(CheckApps, !j.after.stopped, func() string { return "it runs, and an application does not" }) && good
	}
	if h.runs {
		good = j.check(CheckEarlyLate, running, func() string {
			return fmt.Sprintf("a cut before the first erase, or behind the last read-back, leads to %v (%v)", j.mode, j.why)
		}) && good
	}
	good = j.flash(h) && good
	if !good {
		return OutcomeFailed
	}
	return o
}

// flash checks what was erased, and the floor.
func (j *judge) flash(h *history) bool {
	good := j.check(CheckBootArea, j.bootArea(), func() string { return "the boot area is not what the factory made" })
	touched, counted := j.worn(h)
	good = j.check(CheckTouched, touched, func() string { return "a sector was erased or programmed that need not change and was not marked" }) && good
	good = j.check(CheckErases, counted, func() string {
		return fmt.Sprintf("more erases than %d changed sectors and %d cuts explain", h.software, h.cuts)
	}) && good
	p := j.read()
	good = j.check(CheckFloorKept, !p.valid || p.least >= h.least, func() string { return fmt.Sprintf("a record has floor %d, it was %d", p.least, h.least) }) && good
	good = j.check(CheckStatement, !p.valid || p.trusts || !h.trusts, func() string { return "a record has lost the trust statement" }) && good
	return j.check(CheckFloor, p.floor <= h.floor, func() string { return fmt.Sprintf("the floor is %d, confirmed was at most %d", p.floor, h.floor) }) && good
}

// settle boots the device twice, with unstable bits drawn again, and says what became of it.
func (j *judge) settle(h *history) Outcome {
	one := j.boot(h)
	j.healed = j.board.Operations()
	if one == OutcomeFailed {
		return one
	}
	soft := !j.before.intact() // bits in between may be read right once, and wrong the next time
	j.power()
	two := j.boot(h)
	if two == OutcomeFailed {
		return two
	}
	lucky := soft && one == OutcomeRestoration // all read right this time, and then written again
	if !j.check(CheckBoots, one == two || lucky, func() string { return fmt.Sprintf("the first boot: %v, the second: %v", one, two) }) {
		return OutcomeFailed
	}
	return two
}

// mend brings a device in restoration mode, which is off, to image w, and checks that it runs exactly
// that.
func (j *judge) mend(h *history, r Road, w Which) bool {
	j.power()
	after := j.restored(*h, w)
	after.runs = false
	err := j.restore(r, w, false)
	j.mendedAt = j.board.Clock().Now()
	if !j.sound() {
		return false
	}
	if j.ran {
		// Bits in between were read right this time, and the device has healed itself.
		after.cuts++
	}
	return j.mended(&after, w, err, "restored to the "+w.String()+" image by "+r.String())
}

// mended checks the end of a restoration.
func (j *judge) mended(h *history, w Which, err error, what string) bool {
	ran := j.ran && err == nil
	j.power()
	one := j.boot(h)
	if one == OutcomeFailed {
		return false
	}
	j.power()
	two := j.boot(h)
	want := OutcomeOld + Outcome(w)
	return two != OutcomeFailed && j.check(CheckRestored, err == nil && one == two && (one == want || ran), func() string {
		return fmt.Sprintf("%s: error %v, then %v and %v", what, err, one, two)
	})
}
