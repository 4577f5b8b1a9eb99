package words

import (
	"strings"
	"time"

	"unbrick/server/form"
	"unbrick/webui/fleetdata"
)

// ReleaseRow is one line of the table of releases.
type ReleaseRow struct {
	Version, Model, Sign, State, Small, Key, Size, Devices, Confirmed string
	Strangers                                                         string // who say that it failed
	Release                                                           *form.Release
	Acts                                                              []Act
}

func ReleaseRows(f *fleetdata.Client, now time.Time) []ReleaseRow {
	rows := make([]ReleaseRow, len(f.Releases))
	for i := range f.Releases {
		rel := &f.Releases[i]
		row := ReleaseRow{Version: rel.Version, Model: rel.Model, Size: KB(uint64(rel.Size)), Devices: Group(number(rel.Installed)), Release: rel}
		for _, key := range rel.Keys {
			if len(key) >= 8 {
				row.Key += key[:4] + " " + key[4:8] + " "
			}
		}
		row.Key = strings.TrimSpace(row.Key)
		row.Confirmed = Group(number(rel.Confirmed)) + " confirmed"
		if !rel.Published.IsZero() {
			row.Small = "published " + Lower(Day(rel.Published.In(now.Location()), now))
		}
		if rel.Note != "" {
			row.Small = rel.Note + ", " + row.Small
		}
		switch rel.State {
		case "withheld":
			row.Sign, row.State = "off", "Withheld"
			row.Acts = setRelease("Offer", SetRelease{rel, "offered", "Offered."},
				"Offer release "+rel.Version+" to every device of model "+rel.Model+"?", "Keep it withheld")
		case "withdrawn":
			row.Sign, row.State = "bad", "Withdrawn"
		case "superseded":
			row.Sign, row.State = "off", "Published again"
		default:
			row.Sign, row.State = "ok", "Offered to all"
			row.Acts = setRelease("Withhold", SetRelease{rel, "withheld", "Withheld. Devices that run it keep it."},
				"Withhold release "+rel.Version+" from every device of model "+rel.Model+"? Devices that run it keep it.", "Keep offering it")
		}
		switch {
		case rel.Damaged:
			row.Sign, row.Small = "bad", "its stored image is damaged: publish its release file again"
		case rel.Rollout == nil:
		case rel.Rollout.Halted != nil:
			row.Sign, row.Small = "off", "its rollout is halted"
		case rel.Rollout.Alarm:
			row.Sign, row.Small = "bad", Count(int(rel.Rollout.Failed+rel.Rollout.Lost), "device", "devices")+" failed or lost: more than may be"
		case rel.Rollout.Failed+rel.Rollout.Lost > 0:
			row.Small = Count(int(rel.Rollout.Failed+rel.Rollout.Lost), "device", "devices") + " failed or lost"
		}
		if rel.Rollout != nil && rel.Rollout.Strangers > 0 {
			row.Strangers = Group(uint64(rel.Rollout.Strangers)) + " not proven " + either(rel.Rollout.Strangers, "says", "say") +
				" that it failed: not counted"
		}
		if !f.May(form.MayPublish) || !f.On(rel.Model) {
			row.Acts = nil
		}
		rows[i] = row
	}
	return rows
}

// setRelease is the button that changes what is done with a release. Every device feels it, so it is asked first.
func setRelease(label string, to SetRelease, question, no string) []Act {
	a := Secondary(label, to)
	a.Name = label + " release " + to.Release.Version + " of model " + to.Release.Model
	return []Act{Asked(a, question, no)}
}

// number is a count that the server tells only who sees devices.
func number(n *int) uint64 {
	if n == nil {
		return 0
	}
	return uint64(*n)
}
