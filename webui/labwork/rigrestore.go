package labwork

import (
	"context"
	"errors"
	"time"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/webui/engine"
	"unbrick/webui/shown"
	"unbrick/webui/state"
)

// restore brings the emulated device back over its virtual cable, with the same engine as a real one
// (S16 to S20). A zero digest leaves the choice to the apparatus.
func (r *rig) restore(wanted release.Digest) {
	r.outcome, r.failure = state.OutcomeNone, state.Failure{}
	r.enter(state.LabRestoring)
	r.progress.Stage = restore.StageIdentify
	port := r.device.Port()
	progress := engine.Latest[restore.Progress]{Engine: r.b.e, Take: func(p restore.Progress) {
		if r.b.rig == r && r.stage == state.LabRestoring {
			r.restoring(p)
		}
	}}
	r.work(func(ctx context.Context) func() {
		result, err := r.attempt(ctx, port, wanted, progress.Set)
		if err == nil {
			r.device.Settle(ctx)
		}
		return func() { r.restored(result, err) }
	})
}

// attempt runs in a goroutine of its own.
func (r *rig) attempt(ctx context.Context, port restore.Port, wanted release.Digest,
	progress func(restore.Progress)) (*restore.Result, error) {
	lib := r.b.e.Library()
	tell := func(row state.LogRow) {
		r.post(func() {
			row.Source = state.SourceApparatus
			r.timeline.reach(row.Step)
			r.note(row)
		})
	}
	session, err := restore.Connect(ctx, port, &restore.Options{Baud: shown.Baud(&r.model)})
	if err != nil {
		port.Close()
		return nil, err
	}
	defer session.Close()
	device, err := session.Identify(ctx)
	if err != nil {
		return nil, err
	}
	tell(state.LogRow{Step: 16, Code: state.LogIdentified, A: uint32(device.Software.Sectors()), Text: device.Serial})
	var choice *restore.Choice
	if wanted != (release.Digest{}) {
		choice = lib.Wish(device.Model, wanted)
	}
	plan, err := session.Plan(ctx, device, lib, choice)
	if err != nil {
		return nil, err
	}
	r.post(func() {
		r.name(&plan.Release)
		r.target = plan.Release.Digest
		r.want(r.target)
		r.progress.Stage = restore.StagePlan
	})
	tell(state.LogRow{Step: 17, Code: state.LogSelected, A: uint32(plan.Sectors), B: uint32(plan.BytesSend), Text: plan.Release.Version})
	if plan.Kind == restore.KindStart {
		tell(state.LogRow{Step: 18, Code: state.LogNotNeeded})
	}
	return session.Run(ctx, plan, progress)
}

// restoring shows how far a restoration is.
func (r *rig) restoring(p restore.Progress) {
	if p.Bytes > 0 {
		r.timeline.reach(18)
	}
	if r.progress.Sectors != p.Sectors {
		r.note(state.LogRow{Step: 18, Source: state.SourceApparatus, Code: state.LogSent, A: uint32(p.Sectors), B: uint32(p.Of)})
	}
	r.progress = p
}

// restored ends a restoration, well or not.
func (r *rig) restored(result *restore.Result, err error) {
	failure := r.endedBy(err)
	r.leave()
	r.follow()
	row := state.LogRow{Source: state.SourceApparatus}
	if err != nil {
		r.outcome, r.failure = state.OutcomeFailed, failure
		r.timeline.fail()
		row.Code, row.A = state.LogEnded, uint32(failure.Code)
		r.note(row)
		r.tell() // if it has started all the same
		return
	}
	r.outcome = state.OutcomeRestored
	r.timeline.reach(stepWritten)
	r.timeline.finish()
	row.Step, row.Code, row.Text = stepWritten, state.LogRestored, result.Plan.Release.Version
	row.A, row.B = uint32(result.SectorsWritten), uint32(result.BytesSent)
	r.note(row)
	r.untold = true
	r.b.e.Tell(engine.Report{
		Model: r.model.ID, Serial: r.serial, Outcome: engine.Restored, Version: result.Plan.Release.Version, Image: result.Plan.Release.Digest,
		From: r.version(r.old), Why: uint64(result.Plan.Device.Why), Sectors: uint64(result.SectorsWritten), Sent: result.BytesSent,
		Received: result.BytesReceived, Full: result.BytesFull, Took: max(result.Elapsed, time.Millisecond), Baud: uint64(r.b.line.Baud),
	}, func(state.Reported) {})
	r.tell()
}

// endedBy says why a restoration ended, with how far it had come.
func (r *rig) endedBy(err error) state.Failure {
	if err == nil {
		return state.Failure{}
	}
	stage := r.progress.Stage
	var e *restore.Error
	if errors.As(err, &e) && e.Touched != restore.TouchedNothing && stage < restore.StageWrite {
		stage = restore.StageWrite
	}
	return shown.Ended(err, r.version(r.target), stage, &r.progress)
}
