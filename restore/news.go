package restore

import (
	"context"
	"fmt"

	"unbrick/protocol/smp"
)

// take learns from the last acknowledgement what is there, and reports whether it was about one of the two.
func (r *runner) take(b, next *bringing) bool {
	a := &r.s.framing.ack
	switch {
	case a.File == uint8(b.q.Number):
		n := b.w.Take(a.Next, a.Have)
		b.lost += n
		r.s.repeated += n
		return true
	case next != nil && a.File == uint8(next.q.Number):
		b.w.Take(b.count, 0) // or that one would not have begun
		n := next.w.Take(a.Next, a.Have)
		next.lost += n
		r.s.repeated += n
		return true
	}
	return false
}

// count returns how many files the device has applied.
func (r *runner) count() int { return int(r.status.Applied) }

// learn takes from the last acknowledgement where the work stands.
func (r *runner) learn(ctx context.Context) error {
	a := &r.s.framing.ack
	if n := a.Applied - uint16(r.status.Applied); n > 0 && n < 1<<15 {
		r.applied(r.status.Applied + uint32(n))
	}
	r.status.Phase, r.stale = smp.Phase(a.Phase), true
	if a.Fault == uint8(smp.FaultNone) {
		return nil
	}
	if err := r.question(ctx); err != nil {
		return err
	}
	return r.trouble()
}

// applied notes that so many files are applied.
func (r *runner) applied(n uint32) {
	for ; r.status.Applied < n; r.status.Applied++ {
		if i := r.count(); i < len(r.p.jobs) {
			at := r.written
			r.written += r.p.jobs[i].sectors
			r.did(0, r.p.sectorsTime(r.p.need[at:min(r.written, len(r.p.need))]))
		}
	}
	r.progress.Sectors = max(r.progress.Sectors, r.written)
}

// question asks for status.
func (r *runner) question(ctx context.Context) error {
	was := r.status.Applied
	err := r.s.call(ctx, &smp.StatusRequest{}, &r.status, slow)
	if err != nil {
		return r.s.refused(err)
	}
	r.stale = false
	now := r.status.Applied
	if now < was {
		return &Error{Code: CodeRestarted, Err: fmt.Errorf("%d files applied, were %d", now, was)}
	}
	r.status.Applied = was
	r.applied(now)
	r.note()
	if r.status.Phase == smp.PhaseRewriting && r.status.Total > 0 {
		r.progress.Sectors = max(r.progress.Sectors, r.written+int(min(r.status.Done, r.status.Total)))
		r.tell(0, 0)
	}
	return nil
}

// trouble turns a status that says that a file was refused or failed into an error.
func (r *runner) trouble() error {
	switch r.status.Phase {
	case smp.PhaseReady, smp.PhaseProving, smp.PhaseRewriting:
		if r.status.Fault == smp.FaultNone {
			return nil
		}
	case smp.PhaseFinishing, smp.PhaseDone:
		if r.count() == len(r.p.jobs) {
			return nil // it gives the verdict, behind the last file
		}
	case smp.PhaseIdle, smp.PhasePreparing, smp.PhaseFailed, smp.PhaseErasing:
	}
	if r.status.Operations == r.operations {
		r.touched = r.before // it has refused before its first erase
	}
	return r.failure("apply")
}

// heed waits for news of the work, and asks for them now and then.
func (r *runner) heed(ctx context.Context) error {
	f := &r.s.framing
	acks := f.acks
	_, err := r.s.event(ctx, r.s.port.Now()+askTime)
	switch {
	case IsTimeout(err):
		if err := r.question(ctx); err != nil {
			return err
		}
		if !f.guard.On() {
			return errFell
		}
		if r.status != r.stood {
			r.stood, r.stoodAt = r.status, r.s.port.Now()
		} else if r.s.port.Now()-r.stoodAt > stuckTime {
			return &Error{Code: CodeSilent, Err: fmt.Errorf("phase %s without progress for %v", r.status.Phase, stuckTime)}
		}
		return r.trouble()
	case err != nil:
		return err
	case !f.guard.On():
		return errFell
	case f.acks != acks:
		return r.learn(ctx)
	}
	return nil
}
