package words

import (
	"slices"

	"unbrick/restore"
	"unbrick/webui/state"
)

func done(d *state.Result, dev *state.Device) Pane {
	facts := []Fact{
		{Label: "Device", Value: deviceName(dev), Small: dev.Serial},
		{Label: "Verified", Value: allSectors(d.Verified), Check: true},
		{Label: "Written", Value: writtenWords(d)},
		{Label: "Took", Value: Seconds(d.Took, 1) + " seconds"},
		settingsFact(d.Settings, d.Addr),
	}
	switch d.Reported {
	case state.ReportSent:
		facts = append(facts, Fact{Label: "Reported", Value: "To the maker’s server"})
	case state.ReportKept:
		facts = append(facts, Fact{Label: "Reported", Value: "Not yet", Small: "the server does not answer; told later"})
	case state.ReportNone:
	}
	if d.Work == state.WorkStarted {
		did, shown := "so nothing was written: it was only started.", facts[:3:3]
		if d.Settings > restore.SettingsKept {
			did, shown = "so nothing of it was written.", append(shown, settingsFact(d.Settings, d.Addr))
		}
		return Pane{
			Heading: "It runs release " + d.Version + ".",
			Lead: "Nothing was wrong with its software, " + did + " Every byte matches the release signed by " + signers(d.Signers) +
				". You can unplug it.",
			Facts: shown,
			Acts:  []Act{Primary("Connect another", state.Home{})},
		}
	}
	alone := ""
	if d.Work == state.WorkFinished {
		alone = "It had come to the end alone, with what it had been sent before. "
		facts = slices.DeleteFunc(facts, func(f Fact) bool { return f.Label == "Took" }) // nobody has measured that
	}
	return Pane{
		Heading: "Restored. It runs release " + d.Version + ".",
		Lead: alone + "Every byte was read back and matches the release signed by " + signers(d.Signers) + ". The device has started. " +
			"You can unplug it.",
		Facts: facts,
		Acts: []Act{
			Primary("Restore another", state.Home{}),
			Secondary("Save report", state.SaveReport{}),
		},
	}
}

func writtenWords(d *state.Result) string {
	sent := ", " + KB(uint64(d.Sent)) + " sent"
	switch {
	case d.Work == state.WorkStarted:
		return "Nothing"
	case d.Work == state.WorkFinished:
		return "Nothing more"
	case d.Written > 0:
		return Count(d.Written, "sector", "sectors") + sent
	case d.Renewed > 0:
		return Count(d.Renewed, "weak sector", "weak sectors") + " and its record" + sent
	}
	return "Only its record" + sent
}
