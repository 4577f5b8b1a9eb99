package restore

import (
	"unbrick/webui/state"
	"unbrick/webui/words"
)

// ReleaseChoice lets a person choose what is written.
type ReleaseChoice struct {
	Offer *state.Offer
	Wish  WishFunc
}

// choiceRow is one release to choose.
type choiceRow struct {
	Version, Small    string
	Checked, Disabled bool
	Digest            [32]byte
}

func (c *ReleaseChoice) rows() []choiceRow {
	rows := make([]choiceRow, 0, len(c.Offer.Choice))
	for i := range c.Offer.Choice {
		rel := &c.Offer.Choice[i]
		row := choiceRow{Version: "Release " + rel.Version, Small: words.Fit(rel.Fit), Digest: rel.Digest}
		row.Checked = rel.Digest == c.Offer.Plan.Release.Digest
		row.Disabled = rel.Fit == state.FitBelowFloor || rel.Fit == state.FitUntrusted
		if row.Small == "" {
			row.Small = words.Origin(rel.Origin)
		}
		if made := words.Made(rel); made != "" {
			row.Small += ": " + made
		}
		rows = append(rows, row)
	}
	return rows
}

func (c *ReleaseChoice) choose(d [32]byte) { c.Wish.Do(state.Choose{Digest: d}) }

func (c *ReleaseChoice) file() { c.Wish.Do(words.ChooseFile{}) }
