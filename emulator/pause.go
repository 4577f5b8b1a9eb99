package emulator

import (
	"fmt"
	"time"
)

// pause is the state in which all applications stand still, so that the flash may be busy although they have not been
// stopped. Only code that is resident at all times runs in it: flash, clock, and Resume.
type pause struct {
	on   bool
	late bool          // it lasted too long, which was said
	end  time.Duration // when it must be over
}

// PauseMax returns Config.PauseMax.
func (b *Board) PauseMax() time.Duration { return b.cfg.PauseMax }

// Pause lets all applications stand still until Resume, for at most Config.PauseMax: the flash may be erased and programmed
// meanwhile, by code that is resident without being in the claim. It is a fault where PauseMax is 0, in a pause, and while the
// part is busy.
//
// In a pause everything but the flash, the clock and Resume is a fault. What arrives on the line beyond the depth of its buffer
// is lost.
func (r *RAM) Pause() error {
	r.b.mu.Lock()
	return r.b.leave(r.b.beginPause())
}

// Resume lets the applications go on. It is a fault while the part is busy, and if the pause was too long. Without a pause it does nothing.
func (r *RAM) Resume() {
	r.b.mu.Lock()
	_ = r.b.leave(r.b.endPause())
}

func (b *Board) beginPause() error {
	if err := b.enter(); err != nil {
		return err
	}
	f := Fault{Op: "pause"}
	switch {
	case b.cfg.PauseMax == 0:
		f.Kind, f.Note = BadPause, "this board never pauses"
	case b.pause.on:
		f.Kind, f.Note = BadPause, "in a pause"
	case b.busy:
		f.Kind = Busy
	}
	if f.Kind != 0 {
		return b.fault(f)
	}
	if b.debt > 0 { // what was read before is not part of it
		if err := b.deviceWait(0, 0, false); err != nil {
			return err
		}
	}
	b.pause = pause{on: true, end: after(b.now, b.cfg.PauseMax)}
	return nil
}

func (b *Board) endPause() error {
	if err := b.enter(); err != nil {
		return err
	}
	if !b.pause.on {
		return nil
	}
	if b.busy {
		return b.fault(Fault{Kind: Busy, Op: "resume"})
	}
	err := b.checkPause("resume")
	b.pause = pause{}
	return err
}

// checkPause is a fault if a pause has lasted too long, once for each. With mu held.
func (b *Board) checkPause(op string) error {
	if p := &b.pause; !p.on || p.late || b.now+b.debt <= p.end {
		return nil
	}
	b.pause.late = true
	return b.fault(Fault{Kind: PauseTooLong, Op: op, Note: fmt.Sprintf("at most %v", b.cfg.PauseMax)})
}

// fitToPause says whether an operation of the flash may begin in the pause: the longest that it can take must end within it, for
// nothing can end it earlier. f is the fault if not.
func (b *Board) fitToPause(f Fault, longest time.Duration) error {
	if after(b.now+b.debt, longest) <= b.pause.end {
		return nil
	}
	f.Kind, f.Note = PauseTooLong, fmt.Sprintf("may take %v, pauses at most %v", longest, b.cfg.PauseMax)
	return b.fault(f)
}

// awake is enter for what stands still in a pause. With mu held.
func (b *Board) awake(op string) error {
	if err := b.enter(); err != nil {
		return err
	}
	if b.pause.on {
		return b.fault(Fault{Kind: BadPause, Op: op, Note: "it stands still in a pause"})
	}
	return nil
}
