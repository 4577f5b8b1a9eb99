package repair

import (
	"context"
	"errors"

	"unbrick/restore"
	"unbrick/webui/engine"
	"unbrick/webui/library"
	"unbrick/webui/shown"
	"unbrick/webui/state"
)

// forget drops the job of a device: it has ended well, or the person does not want it.
func (c *cable) forget(model, serial string) {
	if keep := c.jobs.drop(model, serial); keep != nil {
		c.store(keep)
	}
}

// write carries out the plan. The job is stored first: whatever happens from the first erase on, the next
// page knows what was being written.
func (c *cable) write() {
	r, e := c.run, c.e
	if r == nil || r.plan == nil || r.working {
		return
	}
	plan := r.plan
	c.auto = false
	c.began = e.World().Now()
	offer := &c.met.offer
	p := restore.Progress{Stage: restore.StageWrite, Of: plan.Sectors, BytesOf: plan.BytesSend}
	plan.EraseSettings = c.erase && len(r.device.Layout.Settings) > 0
	if plan.EraseSettings && r.device.Erases {
		offer.Plan.Settings = restore.SettingsErased
	}
	if plan.Kind == restore.KindStart {
		p.Stage = restore.StageStart
	}
	c.shown = state.RestoreWriting{Device: offer.Device, Map: offer.Map, Plan: offer.Plan, Progress: p}
	j := c.jobs.of(r.device)
	r.ended = plan.Kind == restore.KindStart && j != nil && !j.Erase && j.Digest == plan.Release.Digest
	keep := func() {}
	if plan.Kind != restore.KindStart || plan.EraseSettings {
		keep = c.jobs.put(state.PendingJob{Model: r.device.Model, Serial: r.device.Serial, Version: plan.Release.Version,
			Digest: plan.Release.Digest, Erase: plan.EraseSettings})
	}
	progress := engine.Latest[restore.Progress]{Engine: e, Take: func(p restore.Progress) {
		if c.run == r {
			c.advance(p)
		}
	}}
	c.work(r, func() func() {
		keep() // a browser that keeps nothing still restores; it only cannot offer to go on
		plan.Nonce = new(e.Nonce(r.ctx))
		result, err := r.session.Run(r.ctx, plan, progress.Set)
		word := r.session.Said(r.ctx, plan, err)
		return func() {
			if err != nil {
				c.stopped(err, word)
				return
			}
			c.done(result)
		}
	})
}

// advance shows how far the device is.
func (c *cable) advance(p restore.Progress) {
	plan := c.run.plan
	written := writtenOf(plan, p)
	update(c, func(s *state.RestoreWriting) {
		s.Progress = p
		s.Map = shown.Map(&c.run.device.Layout, plan.States, plan.Doubtful, func(i int) bool { return written[i] })
	})
}

// writtenOf is the set of sectors that are new by now: the first of those that the plan writes.
func writtenOf(plan *restore.Plan, p restore.Progress) map[int]bool {
	written := make(map[int]bool)
	all := p.Stage > restore.StageWrite
	for i, s := range plan.States {
		doubtful := i < len(plan.Doubtful) && plan.Doubtful[i]
		switch s {
		case restore.SectorOld, restore.SectorErased, restore.SectorDamaged:
			written[i] = all || len(written) < p.Sectors
		case restore.SectorSame, restore.SectorNew:
			if doubtful && (all || p.Bytes > 0) {
				written[i] = true // refreshed before the first byte of a file was taken
			}
		case restore.SectorUnused:
		}
	}
	return written
}

// stopped shows why writing ended, and tells the server; word is the device's own on it, if it has given one.
func (c *cable) stopped(err error, word *restore.Receipt) {
	r := c.run
	var e *restore.Error
	settings := errors.As(err, &e) && e.Touched == restore.TouchedSettings
	if r.plan.Kind == restore.KindStart {
		stage := restore.StageStart
		if settings {
			stage = restore.StageErase
		}
		c.fail(err, stage)
		return
	}
	sent, received := r.session.Bytes()
	outcome := uint64(engine.NotRestored)
	if settings {
		outcome = engine.Restored // the device has verified it; only its settings are not done
	}
	told := c.told(outcome)
	told.Sent, told.Received = sent, received
	told.Words, told.Receipt = err.Error(), word
	if settings {
		c.fail(err, restore.StageErase)
	} else if e != nil {
		c.fail(err, restore.StageWrite)
	} else if !errors.Is(err, context.Canceled) {
		c.fail(err, c.progress().Stage)
	}
	c.e.Tell(told, func(state.Reported) {})
}

// told is the part of a report that every outcome shares.
func (c *cable) told(outcome uint64) engine.Report {
	r := c.run
	return engine.Report{Model: r.device.Model, Serial: r.device.Serial, Outcome: outcome,
		From: c.met.offer.Device.Version, Why: uint64(r.device.Why),
		Version: r.plan.Release.Version, Image: r.plan.Release.Digest, Sectors: uint64(r.plan.Sectors), Full: r.plan.BytesFull,
		Took: c.e.World().Now().Sub(c.began), Baud: uint64(r.baud)}
}

// done shows a restoration that the device has judged good.
func (c *cable) done(result *restore.Result) {
	r := c.run
	plan := r.plan
	c.trace.add("restored: release %s, %d sectors, %d bytes sent", plan.Release.Version, result.SectorsWritten, result.BytesSent)
	took := c.e.World().Now().Sub(c.began)
	end := state.RestoreDone{Device: c.met.offer.Device, Result: state.Result{Work: shown.Work(plan), Version: plan.Release.Version,
		Signers: library.SignersOf(&plan.Signers), Verified: shown.Total(plan),
		Written: result.SectorsWritten, Renewed: result.Refreshed,
		Sent: uint32(min(result.BytesSent, 1<<32-1)), Took: took, Settings: result.Settings, Addr: result.SettingsAddr}}
	if r.ended {
		end.Result.Work = state.WorkFinished
	}
	c.shown = end
	if plan.Kind != restore.KindStart || r.ended {
		told := c.told(engine.Restored)
		told.Sectors, told.Sent, told.Received = uint64(result.SectorsWritten), result.BytesSent, result.BytesReceived
		told.Receipt = result.Receipt
		c.e.Tell(told, func(how state.Reported) {
			update(c, func(s *state.RestoreDone) { s.Result.Reported = how })
		})
	}
	c.forget(r.device.Model, r.device.Serial)
	c.drop()
}
