package words

import "unbrick/webui/state"

// board is the screen of a device of another family, in the words of the program that speaks with it.
func board(s *state.RestoreBoard) Pane {
	p := told(&s.Told)
	choose := "Choose a file"
	switch {
	case s.Sealed:
		p.Acts = []Act{Primary("Connect another", state.Home{})}
	case s.Ready && s.Right:
		p.Acts = []Act{Primary("Check and start it", state.Write{})}
		choose = "Choose another file"
	case s.Ready:
		p.Acts = []Act{Primary("Restore", state.Write{})}
		choose = "Choose another file"
	}
	for i := range s.Choice {
		r := &s.Choice[i]
		if len(p.Acts) < 4 {
			p.Acts = append(p.Acts, Act{Label: "Release " + r.Version, Name: "Release " + r.Version + " for " + r.Model,
				Style: firstStyle(p.Acts), Wish: state.Choose{Digest: r.Digest}})
		}
	}
	if !s.Sealed {
		p.Acts = append(p.Acts, Act{Label: choose, Style: firstStyle(p.Acts), Wish: ChooseFile{}})
	}
	if s.Backup {
		p.Acts = append(p.Acts, Secondary("Save what it holds", state.SaveBackup{}))
	}
	if !s.Sealed {
		p.Acts = append(p.Acts, Secondary("Not now", state.Home{}))
	}
	return p
}

// firstStyle makes the first button the one to press.
func firstStyle(acts []Act) string {
	if len(acts) == 0 {
		return "primary"
	}
	return ""
}

// flashed is the screen behind that.
func flashed(s *state.RestoreFlashed) Pane {
	p := told(&s.Told)
	p.Acts = []Act{Primary("Restore another", state.Home{}), Secondary("Save report", state.SaveReport{})}
	return p
}

func told(t *state.Told) Pane {
	p := Pane{Heading: t.Heading, Lead: t.Lead, Says: t.Says, Quiet: t.Hint}
	for _, f := range t.Facts {
		p.Facts = append(p.Facts, Fact{Label: f.Label, Value: f.Value, Small: f.Small, Mono: f.Mono, Check: f.Check, Rule: f.Rule})
	}
	return p
}

// flashingRows are the phases of it.
func flashingRows(s *state.RestoreFlashing) []PhaseRow {
	p := &s.Progress
	texts := [6]string{s.Told.Device, Count(p.Of, "block", "blocks") + " of its flash differ", Group(uint64(p.Sectors)) + " of " +
		Count(p.Of, "block", "blocks"), "What was written", "", "And listening to it"}
	return phaseRows(&texts, p.Stage)
}
