package view

import "unbrick/webui/state"

// ReleaseChoice lets a person choose what is written.
type ReleaseChoice struct{ Page *Root }

// choiceRow is one release to choose.
type choiceRow struct {
	Version, Small    string
	Checked, Disabled bool
	Digest            [32]byte
}

func (c *ReleaseChoice) rows() []choiceRow {
	s := &c.Page.state.Restore
	rows := make([]choiceRow, 0, len(s.Choice))
	for i := range s.Choice {
		rel := &s.Choice[i]
		row := choiceRow{Version: "Release " + rel.Version, Small: fitWords(rel.Fit), Digest: rel.Digest}
		row.Checked = rel.Digest == s.Plan.Release.Digest
		row.Disabled = rel.Fit == state.FitBelowFloor || rel.Fit == state.FitUntrusted
		if row.Small == "" {
			row.Small = originWords(rel.Origin)
		}
		if made := madeWords(rel); made != "" {
			row.Small += ": " + made
		}
		rows = append(rows, row)
	}
	return rows
}

func originWords(o state.Origin) string {
	switch o {
	case state.OriginStore:
		return "stored in this browser"
	case state.OriginFile:
		return "from your file"
	case state.OriginServer:
	}
	return "on the server"
}

func (c *ReleaseChoice) choose(d [32]byte) { c.Page.hooks.Command(state.Choose{Digest: d}) }

func (c *ReleaseChoice) file() { c.Page.hooks.ChooseFile() }
