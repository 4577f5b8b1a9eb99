package view

// FleetReleases is the table of releases, with who runs them.
type FleetReleases struct{ Page *Root }

func (c *FleetReleases) heading() string { return c.Page.fleetHeading() }

func (c *FleetReleases) rows() []releaseRow {
	return releaseRows(c.Page.fleet.releases, c.Page.hooks.Now())
}

func (c *FleetReleases) some() bool { return len(c.Page.fleet.releases) > 0 }

// acts is what can be done with a release. Every device feels it, so it is asked first.
func (c *FleetReleases) acts(row releaseRow) []act {
	if row.Act == "" {
		return nil
	}
	a := secondary(row.Act, func() { c.Page.setRelease(row.Release, row.To, row.Done) })
	a.Name = row.Act + " release " + row.Version + " of model " + row.Model
	return []act{asked(a, row.Ask, row.No)}
}

// key tells the rows apart.
func (c *FleetReleases) key(row releaseRow) string {
	return escape(row.Model) + "/" + escape(row.Release.Image)
}

// nothing explains an empty table.
func (c *FleetReleases) nothing() string {
	if c.Page.fleet.got&gotReleases == 0 {
		return "Asking the server."
	}
	return "Nothing has been published."
}
