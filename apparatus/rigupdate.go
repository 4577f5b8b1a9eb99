package apparatus

import (
	"context"
	"time"

	"unbrick/lab"
	"unbrick/protocol"
	"unbrick/terminal"
)

const (
	sessionLimit = 10 * time.Minute // of one conversation, in the device's own time and ours
	maxAsks      = 40               // times that a server which is still preparing is asked again
	maxWait      = 5 * time.Second  // between two of them
)

// talk is how one conversation ended.
type talk struct {
	session lab.Session
	info    protocol.Info // last that the server sent
	dialled bool
	err     error
}

// update lets the device hold one conversation with the server (S01 to S14). asks is how often the
// server said that it is still preparing.
func (r *rig) update(asks int) {
	r.enter(LabAsking)
	backend := r.b.e.world.Backend
	r.b.e.work(func(ctx context.Context) func() {
		t := r.converse(ctx, backend)
		return func() {
			if r.b.rig == r {
				r.talked(t, asks)
			}
		}
	})
}

// converse runs in a goroutine of its own.
func (r *rig) converse(ctx context.Context, backend Backend) (t talk) {
	ctx, cancel := context.WithTimeout(ctx, sessionLimit)
	defer cancel()
	if backend == nil {
		t.err = errNoServer
		return t
	}
	conn, err := backend.Dial(ctx)
	if err != nil {
		t.err = err
		return t
	}
	t.dialled = true
	link := &watched{Conn: conn, saw: func(m protocol.Message, sent bool) {
		if info, ok := m.(*protocol.Info); ok {
			t.info = *info
			t.info.Manifest = append([]byte(nil), info.Manifest...)
			m = &t.info
		}
		copied := m
		r.b.e.post(func() {
			if r.b.rig == r {
				r.link(copied, sent)
			}
		})
	}}
	t.session, t.err = r.device.Update(ctx, link)
	return t
}

// talked acts on how a conversation ended.
func (r *rig) talked(t talk, asks int) {
	confirming := r.quiet
	r.leave()
	r.follow()
	if r.state == lab.Off || r.state == lab.Faulted {
		return // the power went; ended says what there is to say
	}
	if !t.dialled {
		r.outcome = OutcomeNoServer
		r.timeline.fail()
		r.note(LogRow{Source: SourceServer, Code: LogServerAway})
		return
	}
	switch t.session.Outcome {
	case terminal.Nothing:
		r.timeline.finish()
		if t.info.Reason == protocol.ReasonPreparing && asks < maxAsks {
			r.again(t.info.Wait, asks+1)
			return
		}
		if confirming {
			r.outcome = OutcomeConfirmed
			return
		}
		r.outcome = outcomeOf(t.info.Reason)
	case terminal.Refused:
		r.outcome = OutcomeRefused
		r.timeline.fail()
	case terminal.Broken:
		r.outcome = OutcomeBroken
		r.timeline.fail()
	case terminal.ProofFailed:
		r.outcome = OutcomeProof
		r.timeline.fail()
	case terminal.Rewritten:
		r.timeline.finish()
		if r.state == lab.Running {
			// The new release confirms itself with its first completed conversation, as every device does
			// once it is up.
			r.outcome = OutcomeUpdated
			r.quiet = true
			r.update(0)
		}
	case terminal.Damaged:
		r.timeline.fail()
	default: // the conversation did not begin
		r.outcome = OutcomeBroken
		r.timeline.fail()
	}
}

// again asks once more after the seconds that the server named.
func (r *rig) again(seconds uint32, asks int) {
	wait := min(max(time.Duration(seconds)*time.Second, 200*time.Millisecond), maxWait)
	r.stage = LabAsking
	r.b.e.work(func(ctx context.Context) func() {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return func() {
			if r.b.rig != r || r.stage != LabAsking {
				return
			}
			r.leave()
			if r.state == lab.Running {
				r.timeline.begin()
				r.update(asks)
			}
		}
	})
}

// outcomeOf says what it means to a person that the server offers nothing.
func outcomeOf(reason protocol.Reason) Outcome {
	switch reason {
	case protocol.ReasonNoFit, protocol.ReasonUnknownBase:
		return OutcomeNoRoom
	case protocol.ReasonHeld:
		return OutcomeHeld
	case protocol.ReasonUnknownKey:
		return OutcomeRefused
	case protocol.ReasonOffered, protocol.ReasonUpToDate, protocol.ReasonNoRelease, protocol.ReasonUnknownModel, protocol.ReasonNotYet,
		protocol.ReasonPreparing:
	}
	return OutcomeUpToDate
}
