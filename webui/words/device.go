package words

import (
	"strings"
	"time"

	"unbrick/server/form"
)

// DeviceState is the line under a device's serial.
func DeviceState(d *form.Device, now time.Time) (lamp, words string) {
	sign, state, small := groupWords(d, now)
	lamp = sign
	if sign == "off" {
		lamp = "hold"
	}
	words = state
	if d.Group == "running" && !d.Told {
		words += " release " + d.Release.Version
	}
	if small = marked(d, small); small != "" {
		words += ", " + small
	}
	return lamp, words + ". Last seen " + Ago(d.LastSeen, now) + "."
}

// DeviceFacts are a device's own words, beside its history.
func DeviceFacts(d *form.DeviceDetail) []Fact {
	dev := &d.Device
	list := []Fact{{Label: "Model", Value: dev.Model, Small: d.ModelName}, {Label: "Release", Value: dev.Release.Version}}
	if len(dev.Release.Image) >= 12 {
		list = append(list, Fact{Label: "Image", Value: dev.Release.Image[:4] + " " + dev.Release.Image[4:8] + " " +
			dev.Release.Image[8:12] + " …", Mono: true})
	}
	if d.Geometry != "" {
		list = append(list, Fact{Label: "Flash", Value: geometryWords(d.Geometry)})
	}
	list = append(list, Fact{Label: "Workspace", Value: "Up to " + KiB(uint64(dev.Workspace))})
	if len(dev.Kinds) > 0 {
		list = append(list, Fact{Label: "Takes", Value: strings.Join(dev.Kinds, ", ")})
	}
	return list
}

// DeviceActs offer a release again that a device is held back from.
func DeviceActs(d *form.Device) []Act {
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

func EventRows(list []form.Event, now time.Time) []EventRow {
	rows := make([]EventRow, len(list))
	for i := range list {
		rows[i] = eventWords(&list[i])
		rows[i].When = Day(list[i].At.In(now.Location()), now)
	}
	return rows
}

func eventWords(e *form.Event) EventRow {
	d := detail(e.Detail)
	switch e.Kind {
	case "first-seen":
		return EventRow{Class: "plain", Head: "First seen", Text: sentence("runs", e.To, e.From)}
	case "offer":
		t := strings.TrimSpace(d.text("kind")+" of "+KB(d.number("size"))) + ", needs a workspace of " + KiB(d.number("needs")) + "."
		return EventRow{Class: "plain", Head: "Update " + fromTo(e), Text: Upper(t)}
	case "transferred":
		return EventRow{Class: "plain", Head: "Update file received", Text: fromTo(e) + sizeWords(max(d.number("size"), e.Bytes)) + "."}
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
		return EventRow{Class: "bad", Head: "Needs the cable", Text: "The smallest update file needs " + KiB(d.number("needs")) +
			", the device has " + KiB(d.number("has")) + ". It keeps running."}
	case "not-made":
		return EventRow{Class: "bad", Head: "No update file for " + e.To, Text: "The server tried to make one again and again: " +
			strings.TrimSuffix(d.text("error"), ".") + ". The device keeps running; publish the release anew, or withhold it."}
	case "restored":
		t := "Verified, runs " + e.To + "."
		if n := d.number("sectors"); n > 0 {
			t += " " + Count(int(n), "sector", "sectors") + " written, " + KB(d.number("sent")) + " of " + KB(d.number("full")) + " sent."
		}
		return EventRow{Class: "ok", Head: "Restored over the cable", Text: t + " As reported by whoever restored it."}
	case "not-restored":
		return EventRow{Class: "bad", Head: "Restoration ended early", Text: "As reported by whoever tried. It can be tried again."}
	case "found":
		return EventRow{Class: "bad", Head: "Found in restoration mode", Text: Upper(because("As reported", d.text("why"))) + "."}
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
func brokenWords(d detail) string {
	t := "At " + KB(d.number("sent")) + " of " + KB(d.number("size")) + ". "
	if why := d.text("why"); why != "" {
		return t + Upper(why) + "."
	}
	return t + "It can be resumed."
}

// heldWords says until when a release is held back.
func heldWords(e *form.Event) string {
	if e.Source == "operator" {
		return "By the operator, until the operator offers it again."
	}
	return "It says that its rewrites failed. It is offered again after some days, or when you offer it."
}

func fromTo(e *form.Event) string {
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

// detail are numbers and words of an event, which each kind has its own of.
type detail map[string]any

func (d detail) text(key string) string {
	s, _ := d[key].(string)
	return s
}

func (d detail) number(key string) uint64 {
	f, _ := d[key].(float64)
	if f < 0 || f > 1<<53 {
		return 0
	}
	return uint64(f)
}
