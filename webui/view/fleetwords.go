package view

import (
	"strings"
	"time"
)

// fleetHeading is the headline of the present part of Fleet.
func (r *Root) fleetHeading() string {
	f := &r.fleet
	switch {
	case f.view == fleetDiagnostic:
		return r.diagnosticHeading()
	case f.phase == fleetSignedOut:
		return "Sign in to the fleet."
	case f.phase == fleetAway:
		return "The server does not answer."
	case f.phase == fleetStrange && f.refusal == "":
		return "This is not the server’s answer."
	case f.phase == fleetStrange:
		return "The server refused."
	case f.empty():
		return "Publish your first release."
	case f.view == fleetOne:
		return f.serial
	case f.view == fleetReleases:
		return "Releases"
	case f.got&gotSummary == 0:
		return "Asking the server."
	case f.summary.Devices == 0:
		return "No device has called yet."
	}
	s := count(f.summary.Devices, "device", "devices") + "."
	if n := f.summary.Groups["restoration"] + f.summary.Groups["needs-cable"]; n == 1 {
		s += " 1 waits for a cable."
	} else if n > 1 {
		s += " " + group(uint64(n)) + " wait for a cable."
	}
	return s
}

// leadPart is a number that leads to what it counts.
type leadPart struct{ Number, Words, Search string }

// fleetLead says how many devices run what, and how many are silent.
func fleetLead(s *fleetSummary) []leadPart {
	var list []leadPart
	for i, c := range s.Counts {
		if i == 3 || c.Installed == 0 {
			break
		}
		verb, tail := " run ", ""
		if c.Installed == 1 {
			verb = " runs "
		}
		if i == 0 {
			tail = "release "
		}
		list = append(list, leadPart{group(uint64(c.Installed)), verb + tail + c.Version, c.Version})
	}
	if n := s.Groups["silent"]; n > 0 {
		verb := " have been silent for a day"
		if n == 1 {
			verb = " has been silent for a day"
		}
		list = append(list, leadPart{group(uint64(n)), verb, "silent"})
	}
	for i := range list {
		if i < len(list)-1 {
			list[i].Words += ", "
		} else {
			list[i].Words += "."
		}
	}
	return list
}

// deviceRow is one line of the table of devices.
type deviceRow struct {
	Path, Serial, Model, Release string
	Sign, State, Small, Last     string
}

// sizeWords is the size of a file where it is known.
func sizeWords(n uint64) string {
	if n == 0 {
		return ""
	}
	return ", " + kb(n)
}

// geometryWords reads a geometry aloud: "16KiB*4,128KiB" is "4 sectors of 16 KiB, 1 of 128 KiB".
func geometryWords(list string) string {
	var words []string
	for i, run := range strings.Split(list, ",") {
		size, n, many := strings.Cut(run, "*")
		if !many {
			n = "1"
		}
		unit := strings.TrimLeft(size, "0123456789")
		if unit == size || n == "" || strings.Trim(n, "0123456789") != "" {
			return list
		}
		things := ""
		switch {
		case i > 0:
		case n == "1":
			things = " sector"
		default:
			things = " sectors"
		}
		words = append(words, n+things+" of "+strings.TrimSpace(strings.TrimSuffix(size, unit)+" "+unit))
	}
	return strings.Join(words, ", ")
}

func deviceRows(list []fleetDevice, now time.Time) []deviceRow {
	rows := make([]deviceRow, len(list))
	for i := range list {
		d := &list[i]
		row := deviceRow{Path: devicePath(d.Model, d.Serial), Serial: d.Serial, Model: d.Model, Release: d.Version, Last: ago(d.Last, now)}
		if d.Target != "" && d.Target != d.Version {
			row.Release = d.Version + " to " + d.Target
		}
		if d.Demo {
			row.Model += ", example"
		}
		row.Sign, row.State, row.Small = groupWords(d, now)
		row.Small = marked(d, row.Small)
		rows[i] = row
	}
	return rows
}

// groupWords is a device's situation: the lamp's shape, the word, and what explains it.
func groupWords(d *fleetDevice, now time.Time) (sign, state, small string) {
	switch d.Group {
	case "running", "rewriting", "overdue", "silent":
		if d.Told {
			return "off", "Restored, as told", "a page or the command says so; the device itself has not said so yet"
		}
	}
	switch d.Group {
	case "restoration":
		return "bad", "In restoration mode", "as its restorer reported"
	case "needs-cable":
		return "bad", "Needs the cable", "the update needs " + kib(d.Needs) + ", it has " + kib(d.Workspace)
	case "overdue":
		return "bad", "No word since its rewrite", "received everything, then silent"
	case "held-back":
		for _, a := range d.Attempts {
			switch {
			case a.Held && a.By == "operator":
				return "off", "Held back", "by the operator"
			case a.Held && a.Failures > 0:
				return "off", "Held back", "it says that its rewrites went wrong"
			}
		}
		return "off", "Held back", "its history says why"
	case "silent":
		return "off", "Silent since " + strings.TrimPrefix(shortDay(d.Last, now), "Today, "), ""
	case "receiving":
		if d.Size > 0 {
			small = kb(d.Sent) + " of " + kb(d.Size)
		}
		return "live", "Receiving", small
	case "rewriting":
		return "live", "Rewriting", ""
	}
	switch {
	case !d.Restored.IsZero() && now.Sub(d.Restored) < 24*time.Hour:
		small = "restored over the cable"
	case !d.Confirmed:
		small = "not confirmed yet"
	}
	return "ok", "Running", small
}

// marked adds what nobody may overlook to what explains a device's situation.
func marked(d *fleetDevice, small string) string {
	const conflict = "two devices speak under this serial"
	switch {
	case d.Conflict.IsZero():
		return small
	case small == "":
		return conflict
	}
	return small + ", " + conflict
}

func shortDay(t, now time.Time) string {
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04")
	}
	return t.Format("2 Jan")
}

// deviceState is the line under a device's serial.
func deviceState(d *fleetDevice, now time.Time) (lamp, words string) {
	sign, state, small := groupWords(d, now)
	lamp = sign
	if sign == "off" {
		lamp = "hold"
	}
	words = state
	if d.Group == "running" && !d.Told {
		words += " release " + d.Version
	}
	if small = marked(d, small); small != "" {
		words += ", " + small
	}
	return lamp, words + ". Last seen " + ago(d.Last, now) + "."
}

// eventRow is one line of a device's history.
type eventRow struct{ Class, When, Head, Text string }

func eventRows(list []fleetEvent, now time.Time) []eventRow {
	rows := make([]eventRow, len(list))
	for i := range list {
		rows[i] = eventWords(&list[i])
		rows[i].When = day(list[i].At.In(now.Location()), now)
	}
	return rows
}

func eventWords(e *fleetEvent) eventRow {
	d := e.Detail
	switch e.Kind {
	case "first-seen":
		return eventRow{Class: "plain", Head: "First seen", Text: sentence("runs", e.To, e.From)}
	case "offer":
		t := strings.TrimSpace(d.text("kind")+" of "+kb(d.number("size"))) + ", needs a workspace of " + kib(d.number("needs")) + "."
		return eventRow{Class: "plain", Head: "Update " + fromTo(e), Text: upper(t)}
	case "transferred":
		return eventRow{Class: "plain", Head: "Update file received", Text: fromTo(e) + sizeWords(max(d.number("size"), e.Bytes)) + "."}
	case "broken":
		return eventRow{Class: "plain", Head: "Transfer broke off", Text: brokenWords(d)}
	case "installed":
		return eventRow{Class: "ok", Head: "Installed " + e.To, Text: "Rewritten in place, verdict good."}
	case "confirmed":
		return eventRow{Class: "ok", Head: "Confirmed " + e.To, Text: "The release says that it works. Older security levels are refused from now on."}
	case "failed":
		return eventRow{Class: "bad", Head: "Update " + fromTo(e) + " went wrong", Text: "It was transferred, and the device does not run it."}
	case "refused":
		return eventRow{Class: "bad", Head: "Update file refused", Text: "The proof before erase had another outcome. Nothing was erased."}
	case "held":
		return eventRow{Class: "bad", Head: "Held back from " + e.To, Text: heldWords(e)}
	case "conflict":
		return eventRow{Class: "bad", Head: "Two devices of one serial", Text: "Both spoke at the same time, and both were served."}
	case "settled":
		return eventRow{Class: "plain", Head: "Marked as settled", Text: "By the operator."}
	case "freed":
		return eventRow{Class: "plain", Head: "Offered again", Text: e.To}
	case "needs-cable":
		return eventRow{Class: "bad", Head: "Needs the cable", Text: "The smallest update file needs " + kib(d.number("needs")) + ", the device has " + kib(d.number("has")) + ". It keeps running."}
	case "not-made":
		return eventRow{Class: "bad", Head: "No update file for " + e.To, Text: "The server tried to make one again and again: " + strings.TrimSuffix(d.text("error"), ".") + ". The device keeps running; publish the release anew, or withhold it."}
	case "restored":
		t := "Verified, runs " + e.To + "."
		if n := d.count("sectors"); n > 0 {
			t += " " + count(n, "sector", "sectors") + " written, " + kb(d.number("sent")) + " of " + kb(d.number("full")) + " sent."
		}
		return eventRow{Class: "ok", Head: "Restored over the cable", Text: t + " As reported by whoever restored it."}
	case "not-restored":
		return eventRow{Class: "bad", Head: "Restoration ended early", Text: "As reported by whoever tried. It can be tried again."}
	case "found":
		return eventRow{Class: "bad", Head: "Found in restoration mode", Text: upper(because("As reported", d.text("why"))) + "."}
	case "verified":
		return eventRow{Class: "ok", Head: "Runs what was restored", Text: "The device itself says so."}
	case "changed":
		return eventRow{Class: "plain", Head: "Other software than known", Text: sentence("now runs", e.To, "") + " It did not come from here."}
	case "flash-problem":
		return eventRow{Class: "bad", Head: "Its flash wears out", Text: "It reported erases that went wrong."}
	}
	return eventRow{Class: "plain", Head: e.Kind, Text: fromTo(e)}
}

// brokenWords says how far a transfer came, and why it ended if that is known.
func brokenWords(d object) string {
	t := "At " + kb(d.number("sent")) + " of " + kb(d.number("size")) + ". "
	if why := d.text("why"); why != "" {
		return t + upper(why) + "."
	}
	return t + "It can be resumed."
}

// heldWords says until when a release is held back.
func heldWords(e *fleetEvent) string {
	if e.Source == "operator" {
		return "By the operator, until the operator offers it again."
	}
	return "It says that its rewrites failed. It is offered again after some days, or when you offer it."
}

func fromTo(e *fleetEvent) string {
	if e.From == "" || e.From == e.To {
		return e.To
	}
	return e.From + " to " + e.To
}

// sentence puts a verb before the first name that is known.
func sentence(verb, name, otherwise string) string {
	if name == "" {
		name = otherwise
	}
	if name == "" {
		return ""
	}
	return upper(verb) + " " + name + "."
}

// deviceFactRows are a device's own words, beside its history.
func deviceFactRows(d *fleetDetail) []fact {
	dev := &d.Device
	list := []fact{{Label: "Model", Value: dev.Model, Small: d.ModelName}, {Label: "Release", Value: dev.Version}}
	if len(dev.Image) >= 12 {
		list = append(list, fact{Label: "Image", Value: dev.Image[:4] + " " + dev.Image[4:8] + " " + dev.Image[8:12] + " …", Mono: true})
	}
	if d.Geometry != "" {
		list = append(list, fact{Label: "Flash", Value: geometryWords(d.Geometry)})
	}
	list = append(list, fact{Label: "Workspace", Value: "Up to " + kib(dev.Workspace)})
	if len(dev.Kinds) > 0 {
		list = append(list, fact{Label: "Takes", Value: strings.Join(dev.Kinds, ", ")})
	}
	return list
}

// releaseRow is one line of the table of releases.
type releaseRow struct {
	Version, Model, Sign, State, Small, Key, Size, Devices, Confirmed string
	Act, To, Done, Ask, No                                            string // what the button does, and the question before; empty for no button
	Release                                                           *fleetRelease
}

func releaseRows(list []fleetRelease, now time.Time) []releaseRow {
	rows := make([]releaseRow, len(list))
	for i := range list {
		rel := &list[i]
		row := releaseRow{Version: rel.Version, Model: rel.Model, Size: kb(rel.Size), Devices: group(uint64(rel.Installed)), Release: rel}
		for _, key := range rel.Keys {
			if len(key) >= 8 {
				row.Key += key[:4] + " " + key[4:8] + " "
			}
		}
		row.Key = strings.TrimSpace(row.Key)
		row.Confirmed = group(uint64(rel.Confirmed)) + " confirmed"
		if !rel.Published.IsZero() {
			row.Small = "published " + lower(day(rel.Published.In(now.Location()), now))
		}
		if rel.Note != "" {
			row.Small = rel.Note + ", " + row.Small
		}
		switch rel.State {
		case "withheld":
			row.Sign, row.State, row.Act, row.To, row.Done = "off", "Withheld", "Offer", "offered", "Offered."
			row.Ask, row.No = "Offer release "+rel.Version+" to every device of model "+rel.Model+"?", "Keep it withheld"
		case "withdrawn":
			row.Sign, row.State = "bad", "Withdrawn"
		case "superseded":
			row.Sign, row.State = "off", "Published again"
		default:
			row.Sign, row.State, row.Act, row.To, row.Done = "ok", "Offered to all", "Withhold", "withheld", "Withheld. Devices that run it keep it."
			row.Ask, row.No = "Withhold release "+rel.Version+" from every device of model "+rel.Model+"? Devices that run it keep it.", "Keep offering it"
		}
		switch {
		case rel.Damaged:
			row.Sign, row.Small = "bad", "its stored image is damaged: publish its release file again"
		case rel.Halted:
			row.Sign, row.Small = "off", "its rollout is halted"
		case rel.Alarm:
			row.Sign, row.Small = "bad", count(rel.Alarms, "device", "devices")+" failed or lost, as nobody proves"
		}
		rows[i] = row
	}
	return rows
}

// teach are the three commands of the first release.
var teach = []help{
	{Head: "Make a key, once", Command: "unbrick key new -o release.key"},
	{Head: "Describe the model", Command: "unbrick model put 0001 --flash 1MiB --geometry 4KiB --program-unit 8 --ram 256KiB"},
	{Head: "Publish the image", Command: "unbrick publish --key release.key --model 0001 --version 1 firmware.bin"},
}

// imageName is what a release is called, or its image's digest where the server has no release of it any more.
func imageName(version, image string) string {
	if version == "" {
		return "of image " + image[:min(len(image), 12)]
	}
	return version
}

// SignClass is the class of a row's lamp.
func (d deviceRow) SignClass() string { return "sig " + d.Sign }

// SignClass is the class of a row's lamp.
func (v releaseRow) SignClass() string { return "sig " + v.Sign }
