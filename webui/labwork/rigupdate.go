package labwork

import (
	"cmp"
	"context"
	"time"

	"unbrick/lab"
	"unbrick/protocol"
	"unbrick/terminal"
	"unbrick/webui/state"
)

const (
	sessionLimit = 10 * time.Minute // of one conversation, in the device's own time and ours
	maxAsks      = 40               // times that a server which wants it is asked again
	maxWait      = 120              // seconds between two of them that a person is kept waiting for
	usualWait    = 5                // and if the server does not say
)

// talk is how one conversation ended.
type talk struct {
	session lab.Session
	info    protocol.Info // last that the server sent
	dialled bool
}

// begin begins an update that a person has asked for.
func (r *rig) begin() {
	r.outcome, r.failure = state.OutcomeNone, state.Failure{}
	r.timeline.begin()
	r.tape.begin(r.old)
	r.update(0)
}

// tell lets a device that has started say so to the server, as every device does once it is up: the server hears what came
// of an update or a repair, and the release confirms itself. What it is offered then waits for the person, since in the Lab
// an update is theirs to begin. Nothing else waits for the session, and the timeline goes on showing what was before.
func (r *rig) tell() {
	if r.state != lab.Running || r.busy() || r.telling || r.b.e.World().Backend == nil {
		return
	}
	r.telling = true
	r.tape.stop()
	r.work(func(ctx context.Context) func() {
		t := r.converse(ctx, true)
		return func() { r.told(t) }
	})
}

// told acts on how a session that only tells has ended.
func (r *rig) told(t talk) {
	wished := r.wished
	r.telling, r.spared, r.wished, r.held = false, false, false, nil
	r.follow()
	switch {
	case r.state == lab.Off || r.state == lab.Faulted:
		return
	case !t.dialled:
		r.note(state.LogRow{Source: state.SourceServer, Code: state.LogServerAway})
	case t.session.Outcome == terminal.Nothing:
		r.untold = false
		if r.outcome == state.OutcomeUpdated {
			r.outcome = state.OutcomeConfirmed
		}
	default: // it is told when the server answers again
	}
	if wished && r.state == lab.Running {
		r.begin()
	}
}

// update lets the device hold one conversation with the server (S01 to S14). asks is how often the
// server said that it is still preparing.
func (r *rig) update(asks int) {
	r.enter(state.LabAsking)
	r.work(func(ctx context.Context) func() {
		t := r.converse(ctx, false)
		return func() { r.talked(t, asks) }
	})
}

// converse runs in a goroutine of its own. With tells the session takes no offer.
func (r *rig) converse(ctx context.Context, tells bool) (t talk) {
	ctx, cancel := context.WithTimeout(ctx, sessionLimit)
	defer cancel()
	backend := r.b.e.World().Backend
	if backend == nil {
		return t
	}
	conn, err := backend.Dial(ctx)
	if err != nil {
		return t
	}
	t.dialled = true
	link := &watched{Conn: conn, saw: func(m protocol.Message, sent bool) {
		if info, ok := m.(*protocol.Info); ok {
			t.info = *info
			t.info.Manifest = append([]byte(nil), info.Manifest...)
			m = &t.info
		}
		r.post(func() { r.link(m, sent) })
	}}
	converse := r.device.Update
	if tells {
		converse = r.device.Tell
	}
	t.session, _ = converse(ctx, link) // how it ended says more than the error
	return t
}

// talked acts on how a conversation ended.
func (r *rig) talked(t talk, asks int) {
	if s := r.device.State(); s == lab.Off || s == lab.Faulted {
		r.ended() // the power went: that says what there is to say
	}
	r.leave()
	r.follow()
	if r.state == lab.Off || r.state == lab.Faulted {
		return
	}
	if !t.dialled {
		r.outcome = state.OutcomeNoServer
		r.timeline.fail()
		r.note(state.LogRow{Source: state.SourceServer, Code: state.LogServerAway})
		return
	}
	switch t.session.Outcome {
	case terminal.Nothing:
		r.timeline.finish()
		r.untold = false
		r.outcome = cmp.Or(outcomeOf[t.info.Reason], state.OutcomeUpToDate)
	case terminal.Refused:
		r.outcome = state.OutcomeRefused
		r.timeline.fail()
	case terminal.Broken:
		r.outcome = state.OutcomeBroken
		if t.session.Summary.Kind == protocol.KindNone { // nothing was offered yet
			r.outcome = state.OutcomeLinkLost
		}
		r.timeline.fail()
	case terminal.ProofFailed:
		r.outcome = state.OutcomeProof
		r.timeline.fail()
	case terminal.Rewritten:
		r.timeline.finish()
		r.untold = true
		if r.state != lab.Running {
			break
		}
		r.outcome = state.OutcomeUpdated
		if t.info.Steps > 1 { // the way to what was asked for is longer
			r.timeline.begin()
			r.update(0)
			break
		}
		r.tell()
	case terminal.Damaged:
		r.timeline.fail()
	default: // the conversation did not begin
		r.outcome = state.OutcomeLinkLost
		r.timeline.fail()
	}
	if last := &t.session.Summary; last.Again() {
		r.again(last.Wait, asks+1)
	}
}

// again asks once more after the seconds that the server named, unless that is too long for a person.
func (r *rig) again(seconds uint32, asks int) {
	if seconds == 0 {
		seconds = usualWait
	}
	if seconds > maxWait || asks > maxAsks {
		r.outcome = state.OutcomeLater
		return
	}
	wait := time.Duration(seconds) * time.Second
	r.outcome = state.OutcomeNone
	r.stage = state.LabAsking
	r.work(func(ctx context.Context) func() {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return func() {
			if r.stage != state.LabAsking {
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

// outcomeOf says what it means to a person that the server offers nothing; any other reason, that the device is up to date.
var outcomeOf = map[protocol.Reason]state.Outcome{
	protocol.ReasonNoFit:       state.OutcomeNoRoom,
	protocol.ReasonUnknownBase: state.OutcomeNoRoom,
	protocol.ReasonHeld:        state.OutcomeHeld,
	protocol.ReasonUnknownKey:  state.OutcomeRefused,
}
