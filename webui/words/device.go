package words

import (
	"strings"
	"time"
	"unbrick/webui/fleetdata"
)

// DeviceState is the line under a device's serial.
func DeviceState(d *fleetdata.Device, now time.Time) (lamp, words string) {
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
	return lamp, words + ". Last seen " + Ago(d.Last, now) + "."
}

// DeviceFacts are a device's own words, beside its history.
func DeviceFacts(d *fleetdata.Detail) []Fact {
	dev := &d.Device
	list := []Fact{{Label: "Model", Value: dev.Model, Small: d.ModelName}, {Label: "Release", Value: dev.Version}}
	if len(dev.Image) >= 12 {
		list = append(list, Fact{Label: "Image", Value: dev.Image[:4] + " " + dev.Image[4:8] + " " + dev.Image[8:12] + " …", Mono: true})
	}
	if d.Geometry != "" {
		list = append(list, Fact{Label: "Flash", Value: geometryWords(d.Geometry)})
	}
	list = append(list, Fact{Label: "Workspace", Value: "Up to " + KiB(dev.Workspace)})
	if len(dev.Kinds) > 0 {
		list = append(list, Fact{Label: "Takes", Value: strings.Join(dev.Kinds, ", ")})
	}
	return list
}

// DeviceActs offer a release again that a device is held back from.
func DeviceActs(d *fleetdata.Device) []Act {
	var list []Act
	for _, a := range d.Attempts {
		if a.Held {
			name := imageName(a.Version, a.Image)
			list = append(list, Asked(Secondary("Offer "+name+" again", FreeRelease{a.Image}),
				"Offer release "+name+" to this device again? It takes it with its next session.", "Keep it held back"))
		}
	}
	return list
}

// EventRow is one line of a device's history.
type EventRow struct{ Class, When, Head, Text string }

func EventRows(list []fleetdata.Event, now time.Time) []EventRow {
	rows := make([]EventRow, len(list))
	for i := range list {
		rows[i] = eventWords(&list[i])
		rows[i].When = Day(list[i].At.In(now.Location()), now)
	}
	return rows
}

func eventWords(e *fleetdata.Event) EventRow {
	d := e.Detail
	switch e.Kind {
	case "first-seen":
		return EventRow{Class: "plain", Head: "First seen", Text: sentence("runs", e.To, e.From)}
	case "offer":
		t := strings.TrimSpace(d.Text("kind")+" of "+KB(d.Number("size"))) + ", needs a workspace of " + KiB(d.Number("needs")) + "."
		return EventRow{Class: "plain", Head: "Update " + fromTo(e), Text: Upper(t)}
	case "transferred":
		return EventRow{Class: "plain", Head: "Update file received", Text: fromTo(e) + sizeWords(max(d.Number("size"), e.Bytes)) + "."}
	case "broken":
		return EventRow{Class: "plain", Head: "Transfer broke off", Text: brokenWords(d)}
	case "installed":
		return EventRow{Class: "ok", Head: "Installed " + e.To, Text: "Rewritten in place, verdict good."}
	case "confirmed":
		return EventRow{Class: "ok", Head: "Confirmed " + e.To, Text: "The release says that it works. Older security levels are refused " +
			"from now on."}
	case "failed":
		return EventRow{Class: "bad", Head: "Update " + fromTo(e) + " went wrong", Text: "It was transferred, and the device does not run it."}
	case "refused":
		return EventRow{Class: "bad", Head: "Update file refused", Text: "The proof before erase had another outcome. Nothing was erased."}
	case "held":
		return EventRow{Class: "bad", Head: "Held back from " + e.To, Text: heldWords(e)}
	case "conflict":
		return EventRow{Class: "bad", Head: "Two devices of one serial", Text: "Both spoke at the same time, and both were served."}
	case "settled":
		return EventRow{Class: "plain", Head: "Marked as settled", Text: "By the operator."}
	case "freed":
		return EventRow{Class: "plain", Head: "Offered again", Text: e.To}
	case "needs-cable":
		return EventRow{Class: "bad", Head: "Needs the cable", Text: "The smallest update file needs " + KiB(d.Number("needs")) +
			", the device has " + KiB(d.Number("has")) + ". It keeps running."}
	case "not-made":
		return EventRow{Class: "bad", Head: "No update file for " + e.To, Text: "The server tried to make one again and again: " +
			strings.TrimSuffix(d.Text("error"), ".") + ". The device keeps running; publish the release anew, or withhold it."}
	case "restored":
		t := "Verified, runs " + e.To + "."
		if n := d.Count("sectors"); n > 0 {
			t += " " + Count(n, "sector", "sectors") + " written, " + KB(d.Number("sent")) + " of " + KB(d.Number("full")) + " sent."
		}
		return EventRow{Class: "ok", Head: "Restored over the cable", Text: t + " As reported by whoever restored it."}
	case "not-restored":
		return EventRow{Class: "bad", Head: "Restoration ended early", Text: "As reported by whoever tried. It can be tried again."}
	case "found":
		return EventRow{Class: "bad", Head: "Found in restoration mode", Text: Upper(because("As reported", d.Text("why"))) + "."}
	case "verified":
		return EventRow{Class: "ok", Head: "Runs what was restored", Text: "The device itself says so."}
	case "changed":
		return EventRow{Class: "plain", Head: "Other software than known", Text: sentence("now runs", e.To, "") + " It did not come from here."}
	case "flash-problem":
		return EventRow{Class: "bad", Head: "Its flash wears out", Text: "It reported erases that went wrong."}
	}
	return EventRow{Class: "plain", Head: e.Kind, Text: fromTo(e)}
}

// brokenWords says how far a transfer came, and why it ended if that is known.
func brokenWords(d fleetdata.Object) string {
	t := "At " + KB(d.Number("sent")) + " of " + KB(d.Number("size")) + ". "
	if why := d.Text("why"); why != "" {
		return t + Upper(why) + "."
	}
	return t + "It can be resumed."
}

// heldWords says until when a release is held back.
func heldWords(e *fleetdata.Event) string {
	if e.Source == "operator" {
		return "By the operator, until the operator offers it again."
	}
	return "It says that its rewrites failed. It is offered again after some days, or when you offer it."
}

func fromTo(e *fleetdata.Event) string {
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
	return Upper(verb) + " " + name + "."
}

// sizeWords is the size of a file where it is known.
func sizeWords(n uint64) string {
	if n == 0 {
		return ""
	}
	return ", " + KB(n)
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

// imageName is what a release is called, or its image's digest where the server has no release of it any more.
func imageName(version, image string) string {
	if version == "" {
		return "of image " + image[:min(len(image), 12)]
	}
	return version
}
