package fleet

import (
	"unbrick/webui/fleetdata"
	"unbrick/webui/words"
)

// Releases is the table of releases, with who runs them.
type Releases struct {
	shows
}

func (c *Releases) rows() []words.ReleaseRow { return words.ReleaseRows(c.Fleet, c.Now) }

// key tells the rows apart.
func (c *Releases) key(row *words.ReleaseRow) string {
	return fleetdata.Escape(row.Model) + "/" + fleetdata.Escape(row.Release.Image)
}

// note says why rows have no buttons.
func (c *Releases) note() string {
	if len(c.Fleet.Releases) == 0 {
		return ""
	}
	return words.ReleasesNote(c.Fleet)
}

// nothing explains an empty table.
func (c *Releases) nothing() string {
	if !c.Fleet.Got(fleetdata.GotReleases) {
		return "Asking the server."
	}
	return "Nothing has been published."
}
