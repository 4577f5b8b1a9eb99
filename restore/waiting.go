package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/protocol/smp"
)

// wait asks for status until the device does not work by itself any more. work is the planned time of
// what it does.
func (r *runner) wait(ctx context.Context, work time.Duration) error {
	w := waiting{s: r.s}
	for r.status.Phase.Busy() {
		acks := r.s.framing.acks
		if err := w.next(ctx, &r.status); err != nil {
			return err
		}
		if r.ended(acks) {
			return nil
		}
		if err := r.s.call(ctx, &smp.StatusRequest{}, &r.status, slow); err != nil {
			return r.s.refused(err)
		}
		r.note()
		if r.status.Phase == smp.PhaseRewriting && r.status.Total > 0 && work > 0 {
			done := min(r.status.Done, r.status.Total)
			r.progress.Sectors = r.written + int(done)
			r.tell(0, time.Duration(int64(work)*int64(done)/int64(r.status.Total)))
		} else {
			r.tell(0, 0)
		}
	}
	return nil
}

// ended reports whether the device has said by itself, behind so many acknowledgements, that its work has ended
// well.
func (r *runner) ended(acks uint64) bool {
	f := &r.s.framing
	if !f.guard.On() || f.acks == acks || f.ack.Fault != uint8(smp.FaultNone) || smp.Phase(f.ack.Phase).Busy() {
		return false
	}
	r.status.Phase, r.stale = smp.Phase(f.ack.Phase), true
	return true
}

// details asks for the status of which an acknowledgement has told only the phase.
func (r *runner) details(ctx context.Context) error {
	if !r.stale {
		return nil
	}
	if err := r.s.call(ctx, &smp.StatusRequest{}, &r.status, slow); err != nil {
		return r.s.refused(err)
	}
	r.stale = false
	r.note()
	return nil
}

// waiting is a wait for a device that works by itself.
type waiting struct {
	s     *Session
	last  smp.Status
	since time.Duration // when it changed
	begun bool
}

// next lets time pass before the next question, and gives up on a device that does not get on.
func (w *waiting) next(ctx context.Context, st *smp.Status) error {
	now := w.s.port.Now()
	if !w.begun || *st != w.last {
		w.last, w.since, w.begun = *st, now, true
	} else if now-w.since > stuckTime {
		return &Error{Code: CodeSilent, Err: fmt.Errorf("phase %s without progress for %v", st.Phase, stuckTime)}
	}
	if !w.s.framing.guard.On() {
		return w.s.pause(ctx, pollGap)
	}
	// In frames the device says by itself when it is done.
	if _, err := w.s.event(ctx, now+askTime); err != nil && !IsTimeout(err) {
		return err
	}
	return nil
}

// note keeps what the status says about the flash.
func (r *runner) note() {
	if r.status.Operations > 0 && r.touched == TouchedNothing {
		r.touched = TouchedRenewed // apply says when it is more
	}
}

// failure turns a status that is not the wanted one into an error.
func (r *runner) failure(step string) error {
	st := &r.status
	if st.Fault == smp.FaultNone {
		return &Error{Code: CodeRestarted, Err: fmt.Errorf("%s: device is in phase %s", step, st.Phase)}
	}
	err := r.s.refused(&smp.Error{Group: smp.GroupUser, Code: uint32(st.Fault)})
	var e *Error
	if errors.As(err, &e) {
		e.Addr = st.Addr
		e.Needs, e.Has = 0, r.p.Device.Workspace
		e.Err = fmt.Errorf("%s: %w", step, e.Err)
	}
	return err
}
