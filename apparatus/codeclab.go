package apparatus

func (c *codec) lab(l *Lab) {
	c.fields(26)
	number(c, &l.Phase)
	c.making(&l.Make)
	c.text(&l.Name, MaxText)
	c.text(&l.Model, MaxText)
	c.text(&l.Serial, MaxText)
	c.text(&l.Runs, MaxText)
	c.text(&l.Old, MaxText)
	c.text(&l.Target, MaxText)
	c.release(&l.Offered)
	number(c, &l.Outcome)
	number(c, &l.Why)
	c.sectors(&l.Map)
	c.memory(&l.RAM)
	c.timeline(&l.Timeline)
	c.power(&l.Power)
	c.line(&l.Line)
	number(c, &l.Health)
	list(c, &l.Log, MaxLogRows, c.row)
	c.progress(&l.Progress)
	c.failure(&l.Failure)
	list(c, &l.Choice, MaxReleases, c.release)
	c.text(&l.Fault, MaxTraceLen)
	c.duration(&l.Time)
	c.flag(&l.Hangs)
	c.flag(&l.Kept)
	c.replay(&l.Replay)
}

func (c *codec) replay(r *Replay) {
	c.fields(16)
	number(c, &r.Phase)
	c.flag(&r.Own)
	number(c, &r.At)
	number(c, &r.Last)
	number(c, &r.Op)
	number(c, &r.Ops)
	number(c, &r.CutOp)
	list(c, &r.Cuts, maxCuts, func(n *uint32) { number(c, n) })
	number(c, &r.Do)
	c.flag(&r.Cut)
	number(c, &r.Tear)
	number(c, &r.Sector)
	c.flag(&r.Record)
	number(c, &r.Bytes)
	c.fields(2)
	number(c, &r.Done)
	number(c, &r.Of)
	c.text(&r.Text, MaxText)
}

func (c *codec) making(m *Making) {
	c.fields(4)
	number(c, &m.State)
	number(c, &m.Ended)
	list(c, &m.Models, MaxReleases, func(m *LabModel) {
		c.fields(2)
		c.text(&m.ID, MaxText)
		c.text(&m.Name, MaxText)
	})
	list(c, &m.Releases, MaxReleases, c.release)
}

func (c *codec) memory(m *RAM) {
	c.fields(5)
	number(c, &m.Size)
	list(c, &m.Regions, MaxRegions, func(r *Region) {
		c.fields(5)
		c.text(&r.Name, MaxText)
		number(c, &r.Off)
		number(c, &r.Size)
		number(c, &r.Importance)
		number(c, &r.State)
	})
	c.span(&m.Workspace)
	c.span(&m.Resident)
	number(c, &m.Contents)
}

func (c *codec) span(s *Span) {
	c.fields(2)
	number(c, &s.Off)
	number(c, &s.Size)
}

func (c *codec) timeline(t *Timeline) {
	c.fields(2)
	c.fields(len(t.Steps))
	for i := range t.Steps {
		number(c, &t.Steps[i])
	}
	c.fields(5)
	number(c, &t.Now.Step)
	number(c, &t.Now.Addr)
	number(c, &t.Now.Done)
	number(c, &t.Now.Of)
	c.text(&t.Now.Target, MaxText)
}

func (c *codec) power(p *Power) {
	c.fields(9)
	number(c, &p.Switch)
	number(c, &p.Op)
	number(c, &p.Ops)
	number(c, &p.Most)
	number(c, &p.CutAt)
	number(c, &p.Tear)
	number(c, &p.LastCut)
	number(c, &p.LastTear)
	number(c, &p.Refused)
}

func (c *codec) line(l *Line) {
	c.fields(4)
	number(c, &l.Baud)
	c.duration(&l.TurnAround)
	number(c, &l.Noise)
	number(c, &l.Pace)
}

func (c *codec) row(r *LogRow) {
	c.fields(8)
	c.duration(&r.Time)
	number(c, &r.Step)
	number(c, &r.Source)
	number(c, &r.Code)
	number(c, &r.Sector)
	number(c, &r.A)
	number(c, &r.B)
	c.text(&r.Text, MaxText)
}
