package sweep

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"unbrick/emulator"
	labstand "unbrick/lab/stand"
	"unbrick/terminal"
)

// ErrReplay says that a run did not go as its id says, for example because an operation that was to be
// cut was never reached. The software is then not that of which the id was made.
var ErrReplay = errors.New("the run does not go as its id says")

// Replay repeats a run, full, and returns it step by step. Checks that fail are in the timeline.
func (s *Subject) Replay(ctx context.Context, run *Run) (*Timeline, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	j, err := newJudge(s, true)
	if err != nil {
		return nil, err
	}
	id := s.ID(run)
	r := follow(s, j, id.String())
	begun := j.begun
	j.begun = func() { r.all(Step{What: WhatPower, Text: "on"}); begun() }
	x := executor{judge: j, rec: r}
	t := r.t
	if t.Outcome, err = x.all(run); err != nil {
		return t, fmt.Errorf("replay %s: %w", id.String(), err)
	}
	flash := make([]byte, s.layout.Geometry.Size())
	if err := j.board.Peek(0, flash); err != nil {
		return t, fmt.Errorf("replay %s: %w", id.String(), err)
	}
	t.Flash = sha256.Sum256(flash)
	r.add(Step{What: WhatEnd, Text: fmt.Sprintf("%v; the flash's SHA-256 begins with %x", t.Outcome, t.Flash[:8])})
	return t, nil
}

// executor does a run from its beginning, as a device would live it.
type executor struct {
	*judge
	rec *recorder // nil: nobody looks
}

func (x *executor) begin(a Act, text string) {
	if x.rec != nil {
		x.rec.act = a
		x.rec.add(Step{What: WhatAct, Text: text})
	}
}

func (x *executor) link() *link {
	l := &link{s: x.s}
	if x.rec != nil {
		l.watch = x.rec.message
	}
	return l
}

// all does the whole run and says what became of it.
func (x *executor) all(run *Run) (Outcome, error) {
	if err := x.from(run.Start); err != nil {
		return OutcomeNone, err
	}
	if x.rec != nil {
		x.rec.begin()
	}
	switch {
	case run.Link.At > 0:
		return x.linkRun(x, run.Link), nil
	case run.Defect.Kind != 0:
		return x.defectRun(x, run.Defect), nil
	}
	h := x.s.begin(run.Start)
	h.runs = run.Start == StartOld
	for i, c := range run.Cuts {
		runs, err := x.early(run, i)
		if err != nil {
			return OutcomeNone, err
		}
		if h, err = x.cutOnce(run, i, h); err != nil {
			return OutcomeNone, fmt.Errorf("%v: %w", c, err)
		}
		h.runs = runs
	}
	x.begin(ActBoot, "power comes back")
	if run.Lie > 0 {
		return x.lie(lies[run.Lie-1]), nil
	}
	if run.Noise.Seed != 0 {
		x.board.Stir(uint64(run.Noise.Seed))
	}
	if run.Frame.At > 0 || run.Noise != (Noise{}) {
		return x.cableRun(x, h, run.Frame, run.Noise), nil
	}
	o := x.settle(&h)
	road, want, ok := run.Mend.Restoration()
	if o != OutcomeRestoration || !ok {
		return o, nil
	}
	x.begin(run.Mend, run.Mend.String())
	if !x.mend(&h, road, want) {
		return OutcomeFailed, nil
	}
	return OutcomeOld + Outcome(want), nil
}

// cutOnce does one act, which power fails in.
func (x *executor) cutOnce(run *Run, i int, h history) (history, error) {
	c := run.Cuts[i]
	x.begin(c.In, c.In.String())
	x.power()
	road, want, restoring := c.In.Restoration()
	switch {
	case c.In == ActUpdate && i == 0:
		h = x.s.updated()
	case c.In == ActConfirm && i == 0:
		h = x.s.confirming()
		x.update(x.link())
		x.power()
	case restoring:
		h = x.restored(h, want)
	case c.In != ActBoot || i == 0:
		return h, ErrReplay
	}
	x.board.ResetCounter()
	x.board.CutAt(uint64(c.Op), c.Tear)
	switch {
	case c.In == ActUpdate:
		x.update(x.link())
	case c.In == ActConfirm:
		l := x.link()
		l.up = true
		x.update(l)
	case restoring:
		// Its own errors do not matter: power fails in it.
		_ = x.restore(road, want, run.Start == StartOld && i == 0)
	default:
		x.stand.run(nil, nil)
	}
	x.board.CutAt(0, c.Tear)
	x.sound()
	h.cuts++
	x.stir(c.Draw)
	if x.ended != emulator.EndCut {
		return h, fmt.Errorf("%w: no operation %d", ErrReplay, c.Op)
	}
	return h, nil
}

// early says whether cut i, if it is the only one, must leave a device that runs: for that the act is
// done once more without it, on another board.
func (x *executor) early(run *Run, i int) (bool, error) {
	c := run.Cuts[i]
	if i > 0 {
		return false, nil
	}
	if c.In == ActConfirm {
		return true, nil
	}
	st, err := newStand(x.s, false)
	if err != nil {
		return false, err
	}
	if err := st.from(run.Start); err != nil {
		return false, err
	}
	forks := st.forks(func() {
		if road, want, ok := c.In.Restoration(); ok {
			_ = st.restore(road, want, run.Start == StartOld) // what it leads to is seen in the run itself
		} else {
			st.update(&link{s: x.s})
		}
	})
	first, last := x.s.software0(forks)
	op := int(c.Op) - 1
	return first >= 0 && op > last || run.Start == StartOld && (first < 0 || op < first), nil
}

// session holds one session in a device that runs, in the device's own goroutine.
func (x *executor) session(t labstand.Agent, l *link) terminal.Outcome {
	out, _ := t.Session(l)
	return out
}
