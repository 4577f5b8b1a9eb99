package apparatus

import (
	"unbrick/release"
	"unbrick/restore/boottext"
)

func (c *codec) state(s *State) {
	c.fields(5)
	number(c, &s.Tab)
	c.restore(&s.Restore)
	c.lab(&s.Lab)
	c.fields(3)
	number(c, &s.Store.Condition)
	list(c, &s.Store.Releases, MaxReleases, c.release)
	number(c, &s.Store.Bytes)
	c.fields(2)
	number(c, &s.Server.Reach)
	c.text(&s.Server.Address, MaxText)
}

func (c *codec) signers(s *Signers) {
	c.fields(len(s))
	for i := range s {
		c.fixed(s[i][:])
	}
}

func (c *codec) release(r *Release) {
	c.fields(10)
	c.fixed(r.Digest[:])
	c.text(&r.Model, MaxText)
	c.text(&r.Version, MaxText)
	number(c, &r.Order)
	number(c, &r.Size)
	c.text(&r.Date, MaxText)
	c.text(&r.Note, release.MaxNote)
	c.signers(&r.Signers)
	number(c, &r.Origin)
	number(c, &r.Fit)
}

func (c *codec) heard(h *Heard) {
	c.fields(2)
	list(c, &h.Lines, boottext.MaxLines, func(line *string) { c.text(line, 4*boottext.MaxLine) })
	list(c, &h.Kinds, MaxKinds, func(k *boottext.Kind) { number(c, k) })
}

func (c *codec) restore(r *Restore) {
	c.fields(13)
	number(c, &r.Phase)
	list(c, &r.Ways, MaxWays, func(w *Way) {
		c.fields(5)
		number(c, &w.Kind)
		number(c, &w.State)
		c.duration(&w.Waited)
		c.text(&w.Hint, MaxText)
		c.flag(&w.Before)
	})
	c.heard(&r.Heard)
	c.device(&r.Device)
	c.sectors(&r.Map)
	c.plan(&r.Plan)
	list(c, &r.Choice, MaxReleases, c.release)
	c.progress(&r.Progress)
	c.result(&r.Result)
	c.failure(&r.Failure)
	c.pending(&r.Job)
	list(c, &r.Others, MaxJobs, c.pending)
	c.boot(&r.Boot)
}

func (c *codec) pending(j *PendingJob) {
	c.fields(5)
	c.text(&j.Model, MaxText)
	c.text(&j.Serial, MaxText)
	c.text(&j.Version, MaxText)
	c.fixed(j.Digest[:])
	c.flag(&j.Erase)
}

func (c *codec) boot(b *Boot) {
	c.fields(2)
	list(c, &b.Images, MaxImages, func(m *BootImage) {
		c.fields(6)
		number(c, &m.Slot)
		c.text(&m.Version, MaxText)
		c.text(&m.Hash, MaxHashText)
		c.flag(&m.Active)
		c.flag(&m.Confirmed)
		c.flag(&m.Pending)
	})
	f := &b.File
	c.fields(9)
	c.text(&f.Name, MaxText)
	c.text(&f.Version, MaxText)
	c.text(&f.Hash, MaxHashText)
	c.text(&f.Key, MaxHashText)
	c.text(&f.Signature, MaxText)
	number(c, &f.Size)
	c.flag(&f.Encrypted)
	number(c, &f.Counter)
	c.duration(&f.Time)
}

func (c *codec) device(d *Device) {
	c.fields(13)
	c.text(&d.Model, MaxText)
	c.text(&d.Name, MaxText)
	c.text(&d.Serial, MaxText)
	number(c, &d.Why)
	c.text(&d.Version, MaxText)
	c.text(&d.Target, MaxText)
	number(c, &d.Floor)
	c.integer(&d.Keys)
	c.facts(&d.Layout)
	c.flag(&d.Backup)
	c.flag(&d.Saved)
	list(c, &d.Settings, MaxAreas, func(a *SettingsArea) {
		c.fields(2)
		c.text(&a.Name, MaxText)
		number(c, &a.Size)
	})
	c.flag(&d.Erases)
}

func (c *codec) facts(f *MapFacts) {
	c.fields(3)
	number(c, &f.Size)
	number(c, &f.ProgramUnit)
	list(c, &f.Runs, MaxSectors, func(r *SectorRun) {
		c.fields(2)
		number(c, &r.Size)
		number(c, &r.Count)
	})
}

// sectors carries the cells as one string of bytes: they are most of a state.
func (c *codec) sectors(m *Map) {
	c.fields(3)
	c.facts(&m.Facts)
	if c.w != nil {
		cells := m.Cells[:min(len(m.Cells), MaxSectors)]
		b := make([]byte, len(cells))
		for i, s := range cells {
			b[i] = byte(s)
		}
		c.w.Bytes(b)
	} else if b := c.r.BytesMax(MaxSectors); len(b) > 0 {
		m.Cells = make([]Sector, len(b))
		for i, s := range b {
			if int(s) >= SectorKinds {
				c.r.Fail(errShape)
				return
			}
			m.Cells[i] = Sector(s)
		}
	}
	c.integer(&m.Active)
}

func (c *codec) plan(p *Plan) {
	c.fields(10)
	number(c, &p.Work)
	c.release(&p.Release)
	number(c, &p.Trust)
	c.integer(&p.Sectors)
	c.integer(&p.Total)
	c.integer(&p.Refresh)
	number(c, &p.Send)
	number(c, &p.Full)
	c.duration(&p.Time)
	number(c, &p.Settings)
}

func (c *codec) progress(p *Progress) {
	c.fields(11)
	number(c, &p.Stage)
	c.integer(&p.Sectors)
	c.integer(&p.Of)
	number(c, &p.Bytes)
	number(c, &p.BytesOf)
	number(c, &p.Work)
	number(c, &p.WorkOf)
	number(c, &p.Flash)
	number(c, &p.FlashOf)
	c.duration(&p.Elapsed)
	c.flag(&p.Slowed)
}

func (c *codec) result(r *Result) {
	c.fields(12)
	number(c, &r.Work)
	c.text(&r.Version, MaxText)
	c.signers(&r.Signers)
	c.integer(&r.Verified)
	c.integer(&r.Written)
	c.integer(&r.Renewed)
	number(c, &r.Sent)
	c.duration(&r.Took)
	number(c, &r.Reported)
	number(c, &r.Settings)
	number(c, &r.Addr)
	number(c, &r.Trial)
}

func (c *codec) failure(f *Failure) {
	c.fields(12)
	number(c, &f.Code)
	number(c, &f.Touched)
	number(c, &f.Stage)
	c.integer(&f.Sector)
	c.integer(&f.Of)
	number(c, &f.Addr)
	number(c, &f.Needs)
	number(c, &f.Has)
	c.duration(&f.Left)
	c.text(&f.Version, MaxText)
	c.text(&f.Other, MaxText)
	list(c, &f.Trace, MaxTrace, func(s *string) { c.text(s, MaxTraceLen) })
}
