package webui

// FleetReleases is the table of releases, with who runs them.
type FleetReleases struct{ Page *Root }

func (c *FleetReleases) heading() string { return c.Page.fleetHeading() }

func (c *FleetReleases) rows() []releaseRow {
	return releaseRows(c.Page.fleet.releases, c.Page.hooks.Now())
}

func (c *FleetReleases) some() bool { return len(c.Page.fleet.releases) > 0 }

func (c *FleetReleases) set(row releaseRow) { c.Page.setRelease(row.Release, row.To, row.Done) }

// nothing explains an empty table.
func (c *FleetReleases) nothing() string {
	if c.Page.fleet.got&gotReleases == 0 {
		return "Asking the server."
	}
	return "Nothing has been published."
}
