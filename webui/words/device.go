package words

import (
	"cmp"
	"os"
	"strings"
	"time"

	"unbrick/server/form"
	"unbrick/webui/fleetdata"
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

// DeviceActs offer a release again that the shown device is held back from, if the account may.
func DeviceActs(f *fleetdata.Client) []Act {
	if !f.May(form.MayHandle) || !f.On(f.Detail.Device.Model) {
		return nil
	}
	return heldActs(&f.Detail.Device)
}

func heldActs(d *form.Device) []Act {
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

// eventForms are the lines of a device's history by their kind. What stands behind a $ is a place, which event.place fills.
var eventForms = []struct{ kind, class, head, text string }{
	{"first-seen", "plain", "First seen", "$runs"},
	{"offer", "plain", "Update $route", "$file, needs a workspace of ${needs KiB}."},
	{"transferred", "plain", "Update file received", "$route$received."},
	{"broken", "plain", "Transfer broke off", "At ${sent KB} of ${size KB}. $broke."},
	{"installed", "ok", "Installed $to", "Rewritten in place, verdict good."},
	{"confirmed", "ok", "Confirmed $to", "The release says that it works. Older security levels are refused from " +
		"now on."},
	{"failed", "bad", "Update $route went wrong", "It was transferred, and the device does not run it."},
	{"refused", "bad", "Update file refused", "The proof before erase had another outcome. Nothing was erased."},
	{"held", "bad", "Held back from $to", "$held"},
	{"conflict", "bad", "Two seem to have its key", "$clash It is served, and not counted."},
	{"proven", "ok", "Proven by a new key", "It signed with $key for the first time."},
	{"settled", "plain", "Marked as settled", "By the operator."},
	{"freed", "plain", "Offered again", "$to"},
	{"needs-cable", "bad", "Needs the cable", "The smallest update file needs ${needs KiB}, the device has ${has KiB}. " +
		"It keeps running."},
	{"not-made", "bad", "No update file for $to", "The server tried to make one again and again: $error. The device " +
		"keeps running; publish the release anew, or withhold it."},
	{"restored", "ok", "Restored over the cable", "Verified, runs $to.$written As reported by whoever restored it."},
	{"not-restored", "bad", "Restoration ended early", "As reported by whoever tried. It can be tried again."},
	{"found", "bad", "Found in restoration mode", "$why."},
	{"verified", "ok", "Runs what was restored", "The device itself says so."},
	{"changed", "plain", "Other software than known", "$now It did not come from here."},
	{"flash-problem", "bad", "Its flash wears out", "It reported erases that went wrong."},
}

func eventWords(e *form.Event) EventRow {
	place := func(name string) string { return eventPlace(e, name) }
	for i := range eventForms {
		if f := &eventForms[i]; f.kind == e.Kind {
			return EventRow{Class: f.class, Head: os.Expand(f.head, place), Text: os.Expand(f.text, place)}
		}
	}
	return EventRow{Class: "plain", Head: e.Kind, Text: place("route")}
}

// eventPlace is what an event has for a place of its words: a number of its detail, or one of these.
func eventPlace(e *form.Event, place string) string {
	d := detail(e.Detail)
	switch place {
	case "to":
		return e.To
	case "route":
		if e.From == "" || e.From == e.To {
			return e.To
		}
		return e.From + " to " + e.To
	case "runs":
		return sentence("Runs ", cmp.Or(e.To, e.From))
	case "now":
		return sentence("Now runs ", e.To)
	case "file":
		return Upper(strings.TrimSpace(d.text("kind") + " of " + KB(d.number("size"))))
	case "received":
		if n := max(d.number("size"), e.Bytes); n > 0 {
			return ", " + KB(n)
		}
		return ""
	case "broke":
		return cmp.Or(Upper(d.text("why")), "It can be resumed")
	case "held":
		if e.Source == "operator" {
			return "By the operator, until the operator offers it again."
		}
		return "It says that its rewrites failed. It is offered again after some days, or when you offer it."
	case "key":
		return "key " + shortKey(d.text("key"))
	case "clash":
		if _, is := e.Detail["record"]; is {
			return "The number of its record fell from " + Group(d.number("before")) + " to " + Group(d.number("record")) +
				": a copy of its board, or an old content of its flash."
		}
		peers, _ := e.Detail["peers"].([]any)
		from := make([]string, len(peers))
		for i := range peers {
			from[i], _ = peers[i].(string)
		}
		return sentence("Two spoke with it at the same time, from ", strings.Join(from, " and "))
	case "error":
		return strings.TrimSuffix(d.text("error"), ".")
	case "why":
		return because("As reported", d.text("why"))
	case "written":
		if n := d.number("sectors"); n > 0 {
			return " " + Count(int(n), "sector", "sectors") + " written, " + KB(d.number("sent")) + " of " + KB(d.number("full")) + " sent."
		}
		return ""
	}
	number, unit, _ := strings.Cut(place, " ")
	if unit == "KiB" {
		return KiB(d.number(number))
	}
	return KB(d.number(number))
}

// sentence puts words before a name, if it is known.
func sentence(words, name string) string {
	if name == "" {
		return ""
	}
	return words + name + "."
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
