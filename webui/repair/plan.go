package repair

import (
	"context"
	"errors"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/webui/library"
	"unbrick/webui/shown"
	"unbrick/webui/state"
)

// identify asks the device who it is and what to do for it.
func (c *cable) identify() {
	r := c.run
	c.hand = state.WayReset
	for _, w := range c.met.ways {
		if in[state.RestoreNoAnswer](c) && w.State == state.WayNow {
			c.hand = w.Kind
		}
	}
	c.met.ways, c.met.heard = nil, state.Heard{}
	c.shown = state.RestoreReading{}
	c.work(r, func() func() {
		device, err := r.session.Identify(r.ctx)
		backup := false
		if err == nil {
			backup, err = r.session.CanBackup(r.ctx)
		}
		c.e.Library().Answered(r.ctx)
		return func() {
			if err != nil {
				c.fail(err, restore.StageIdentify)
				return
			}
			if was := c.dropped; was { // it was given before it was known who is there
				c.file, c.dropped = nil, false
				c.badFile(&restore.Error{Code: restore.CodeBadFile, Err: errors.New("a terminal of ours takes releases")})
				return
			}
			r.device = device
			c.remember(worked{Model: device.Model, Way: r.session.Way(), Hand: c.hand, Baud: r.baud})
			c.met.device = device
			c.met.offer.Device = shown.Device(device, c.e.Library())
			c.met.offer.Device.Backup = backup
			// What is gone on with is what was begun with this device, unless it was withdrawn since; one without gets a question
			// of its own.
			if c.auto {
				c.wish = wish{}
				if j := c.jobs.of(device); j != nil && c.e.Library().Holds(library.Name{Model: j.Model, Image: j.Digest}) != state.FitWithdrawn {
					c.wish = wish{auto: true, erase: j.Erase, wanted: j.Digest}
				}
			}
			c.makePlan()
		}
	})
}

// choose plans anew for the device at hand, with another release.
func (c *cable) choose(image release.Digest) {
	r := c.run
	if r == nil || r.device == nil || r.working {
		return
	}
	c.wanted, c.exact = image, release.Manifest{}
	c.makePlan()
}

// makePlan selects the release, looks at the flash and makes the update files.
func (c *cable) makePlan() {
	r := c.run
	c.shown = state.RestoreReading{Device: c.met.offer.Device}
	wanted, exact := c.wanted, c.exact
	choice := func() *restore.Choice {
		switch {
		case wanted == (release.Digest{}):
			return nil
		case exact.Digest == wanted:
			return &restore.Choice{Release: &exact}
		}
		return c.e.Library().Wish(r.device.Model, wanted)
	}
	c.work(r, func() func() {
		plan, err := r.session.Plan(r.ctx, r.device, c.e.Library(), choice())
		if missing(err) && c.e.World().Backend != nil {
			// The server may have what the store has not, and may be reachable by now.
			if c.e.Library().Refresh(r.ctx) == nil {
				plan, err = r.session.Plan(r.ctx, r.device, c.e.Library(), choice())
			}
		}
		return func() { c.planned(plan, err) }
	})
}

// missing tells whether a plan failed only because no release was at hand.
func missing(err error) bool { return has(err, restore.CodeNoRelease) }

// planned shows what pressing Restore would do.
func (c *cable) planned(plan *restore.Plan, err error) {
	r := c.run
	offer := &c.met.offer
	offer.Choice = shown.Choice(r.device, c.e.Library())
	if missing(err) && c.wanted == (release.Digest{}) {
		c.shown = state.RestoreUnknown{Device: offer.Device}
		if c.e.Library().HoldsAny(r.device.Model) {
			c.shown = state.RestoreWithdrawn{Device: offer.Device, Choice: offer.Choice}
		}
		return
	}
	if err != nil {
		c.fail(err, restore.StagePlan)
		return
	}
	r.plan = plan
	c.trace.add("plan: release %s, %v, %d sectors, %d bytes", plan.Release.Version, plan.Kind, plan.Sectors, plan.BytesSend)
	offer.Plan = shown.Plan(plan, c.origin(&plan.Release), c.e.Library().Holds(library.NameOf(&plan.Release)))
	offer.Map = shown.Map(&r.device.Layout, plan.States, plan.Doubtful, nil)
	c.shown = state.RestoreFound{Offer: *offer}
	if plan.Kind == restore.KindStart {
		c.shown = state.RestoreRight{Offer: *offer}
	}
	if c.auto {
		c.write()
	}
}

// origin says where a release is at hand.
func (c *cable) origin(m *release.Manifest) state.Origin {
	for _, r := range c.e.Library().All() {
		if r.Model == m.Model && r.Digest == m.Digest {
			return r.Origin
		}
	}
	return state.OriginServer
}

// addFile takes a release file that the person chose; the device at hand may want it.
func (c *cable) addFile(f state.AddFile) {
	c.e.Go(func(context.Context) func() {
		m, err := c.e.Library().Add(f.Data)
		return func() {
			c.added(&f, m, err)
			c.e.Changed()
		}
	})
}

// added goes on with a release file that the person chose.
func (c *cable) added(f *state.AddFile, m release.Manifest, err error) {
	r := c.run
	switch {
	case c.writing() || c.over():
	case err != nil && c.e.World().Ports != nil && c.e.World().Families != nil && (r == nil || r.session == nil && r.device == nil):
		c.file, c.dropped = f, true // whether it is one, who can take it says
		if r == nil {
			c.connect()
		}
	case err != nil:
		c.badFile(fileError(err))
	case r != nil && r.device != nil && !r.working:
		c.wanted, c.exact = m.Digest, m
		if m.Model != r.device.Model {
			c.fail(&restore.Error{Code: restore.CodeModel, Model: m.Model, Version: m.Version}, restore.StagePlan)
			return
		}
		c.makePlan()
	}
}

// over reports whether what was begun has ended well, and that is shown.
func (c *cable) over() bool {
	return in[state.RestoreDone](c) || in[state.RestoreFlashed](c)
}

// badFile shows what is wrong with a file that the person chose.
func (c *cable) badFile(err error) {
	f := shown.Failure(err, "")
	f.Stage = restore.StagePlan
	c.failed(f)
}

// fileError is what is wrong with a chosen file, as restore says it.
func fileError(err error) error {
	code := restore.CodeBadFile
	if errors.Is(err, release.ErrImage) {
		code = restore.CodeBadRelease
	}
	return &restore.Error{Code: code, Err: err}
}
