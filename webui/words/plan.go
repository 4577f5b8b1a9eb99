package words

import (
	"cmp"
	"strings"

	"unbrick/protocol/smp"
	"unbrick/webui/state"
)

// found is a device that can be restored; a backup first, where it lets itself be read.
func found(s *state.Offer, erase bool, quiet string) Pane {
	acts := []Act{Primary("Restore", askFirst(state.Write{}, erase))}
	if s.Device.Backup && !s.Device.Saved {
		acts = append(acts, Secondary("Save a backup first", state.SaveBackup{}))
	}
	return Pane{
		Heading: "Found it. It can be restored.",
		Lead:    foundLead(s),
		Facts:   append(foundFacts(s), plannedSettings(s, erase, "after the software is verified")),
		Map:     true,
		Acts:    append(acts, Secondary("Not now", state.Home{})),
		Quiet:   quiet,
	}
}

func right(s *state.Offer, erase bool) Pane {
	facts := append(deviceFacts(&s.Device), Fact{Label: "Release", Value: s.Device.Version, Change: true},
		Fact{Label: "Read", Value: allSectors(s.Plan.Total), Small: "every byte matches", Check: true})
	if len(s.Device.Settings) > 0 {
		facts = append(facts, plannedSettings(s, erase, "before it starts"))
	}
	start := "Start it"
	if erase {
		start = "Erase settings and start"
	}
	return Pane{
		Heading: "Nothing is wrong with its software. It runs release " + s.Device.Version + ".",
		Lead: "Every byte was read and matches the release signed by " + signers(s.Plan.Release.Signers) + ". The device only waits to " +
			"be started.",
		Facts: facts,
		Map:   true,
		Acts:  []Act{Primary(start, askFirst(state.Start{}, erase))},
	}
}

// needWords says how much of a device has to be written.
func needWords(p *state.Plan) string {
	total := max(p.Total, p.Sectors)
	if p.Work == state.WorkRecorded {
		whole := either(total, "Its software is whole. ", "Its software is whole: all "+Group(uint64(max(total, 0)))+" sectors are right. ")
		if p.Refresh > 0 {
			return whole + "Only weak ones need to be renewed, and its record of them written."
		}
		return whole + "Only its record of them needs to be written."
	}
	words := Group(uint64(p.Sectors)) + " of its " + Count(total, "sector", "sectors") +
		either(p.Sectors, " needs to be written.", " need to be written.")
	if p.Sectors*2 < total {
		return "Most of it is fine: " + words
	}
	return words
}

// leads say why a device waits.
var leads = [...]string{
	smp.WhyUnknown:     "The device does not start its software. ",
	smp.WhyInterrupted: "An update stopped halfway, so the device cannot start. ",
	smp.WhyDamaged:     "Its software is damaged, so the device does not start it. ",
	smp.WhyNoRecord:    "It no longer knows which release it holds, so it starts none. ",
	smp.WhyHang:        "Its software started three times and never reported that it works. ",
	smp.WhyAsked:       "It waits here because it was asked to. ",
	smp.WhyPin:         "It waits here because it was asked to. ",
}

func foundLead(s *state.Offer) string {
	return cmp.Or(word(leads[:], s.Device.Why), leads[smp.WhyUnknown]) + needWords(&s.Plan)
}

func foundFacts(s *state.Offer) []Fact {
	d, p := &s.Device, &s.Plan
	runs := Fact{Label: "It runs", Value: "Nothing now"}
	switch {
	case d.Why == smp.WhyHang && d.Version != "":
		runs.Small = d.Version + " starts and hangs"
	case d.Why == smp.WhyAsked || d.Why == smp.WhyPin:
		runs.Small = d.Version + " waits"
	case d.Version != "" && d.Target != "" && d.Version != d.Target:
		runs.Small = "part " + d.Version + ", part " + d.Target
	case d.Version != "":
		runs.Small = "what is left is " + d.Version
	}
	list := append(deviceFacts(d), runs, Fact{
		Label: "Will be written", Value: "Release " + p.Release.Version, Small: Fit(p.Release.Fit), Rule: true, Change: true,
	})
	if p.Work == state.WorkRecorded {
		list[len(list)-1].Value = "The record of release " + p.Release.Version
	}
	if made := Made(&p.Release); made != "" {
		list = append(list, Fact{Label: "Its maker says", Value: made})
	}
	by := Fact{Label: "Signed by", Value: Upper(signers(p.Release.Signers)), Small: "not verified yet"}
	if p.Trust == state.TrustVerified {
		by.Check, by.Small = true, "verified on this computer"
	}
	send := Fact{Label: "To send", Value: KB(uint64(p.Send))}
	if p.Send < p.Full && p.Work == state.WorkWritten {
		send.Value += " of " + KB(uint64(p.Full))
		send.Small = "the rest is already on it"
	}
	list = append(list, by, send, Fact{Label: "Time", Value: "About " + AboutTime(p.Time)})
	if p.Refresh > 0 {
		list = append(list, Fact{Label: "Renewed", Value: Count(p.Refresh, "weak sector", "weak sectors"), Small: "by the device itself, " +
			"from what they hold"})
	}
	return list
}

var fits = [...]string{
	state.FitIntended:   "the update that stopped",
	state.FitInstalled:  "the one it had",
	state.FitNewest:     "the newest for this model",
	state.FitNewer:      "newer than the one it had",
	state.FitOlder:      "older than the one it had",
	state.FitBelowFloor: "too old: the device refuses it",
	state.FitUntrusted:  "not signed by the keys that this device asks for",
	state.FitWithheld:   "withheld by its maker for now",
	state.FitWithdrawn:  "withdrawn by its maker",
}

// Fit says why a release is proposed, or why it cannot be.
func Fit(f state.Fit) string { return word(fits[:], f) }

func Origin(o state.Origin) string {
	switch o {
	case state.OriginStore:
		return "stored in this browser"
	case state.OriginFile:
		return "from your file"
	case state.OriginServer:
	}
	return "on the server"
}

// Made is what a release's maker says of it, and when it was released: for people, and nothing depends on it.
func Made(rel *state.Release) string {
	text := rel.Note
	if rel.Date != "" {
		if text != "" {
			text += ", "
		}
		text += "released " + rel.Date
	}
	return text
}

// signers names the keys that signed: "key 7f3a 91c2", "key 7f3a 91c2 and key 0b11 4d5e".
func signers(ids state.Signers) string {
	var keys []string
	for _, id := range ids {
		if id != ([8]byte{}) {
			keys = append(keys, "key "+keyText(id))
		}
	}
	return strings.Join(keys, " and ")
}

// allSectors says that each of n sectors was looked at.
func allSectors(n int) string {
	return either(n, "Its one sector", "All "+Count(n, "sector", "sectors"))
}
