package view

import (
	"strings"
	"time"

	"unbrick/release"
)

const (
	fleetRefresh = 5 * time.Second // between looks at the server while Fleet is on the screen
	fleetPage    = "50"            // devices of one answer
	maxSearch    = 64              // bytes of a search, as the server takes
)

// fleetView is a part of Fleet.
type fleetView uint8

const (
	fleetDevices fleetView = iota
	fleetOne
	fleetReleases
	fleetDiagnostic // needs no server and no token
)

// fleetPhase is what is known of the server.
type fleetPhase uint8

const (
	fleetSignedOut fleetPhase = iota
	fleetAsking               // the first answer is awaited
	fleetKnown
	fleetAway    // the server does not answer
	fleetStrange // something answers, but not as this server does
)

// fleet is what Fleet shows and how it got it.
type fleet struct {
	token  string
	typed  string // in the sign-in field
	wrong  bool   // the token was not known
	phase  fleetPhase
	view   fleetView
	model  string // fleetOne
	serial string // fleetOne
	asked  int    // number of the present question; older answers are dropped
	ticks  int    // number of the present refresh; older timers do nothing

	search   string
	summary  fleetSummary
	devices  []fleetDevice
	total    int
	next     string // cursor behind the last device
	releases []fleetRelease
	detail   fleetDetail
	missing  bool   // fleetOne: the server knows no such device
	status   int    // fleetStrange: of the answer
	refusal  string // fleetStrange: the words of a server of ours, empty if the answer is not one's
	got      int    // bits of what has arrived: gotSummary and so on
}

const (
	gotSummary = 1 << iota
	gotDevices
	gotReleases
	gotDetail
)

// key is what moves the focus to the headline when it changes.
func (f *fleet) key() string {
	switch {
	case f.view == fleetDiagnostic:
		return "diagnostic"
	case f.phase == fleetSignedOut:
		return "sign in"
	case f.phase == fleetAway:
		return "away"
	case f.phase == fleetStrange:
		return "strange"
	case f.empty():
		return "empty"
	case f.view == fleetOne:
		return "device " + f.model + "/" + f.serial
	case f.view == fleetReleases:
		return "releases"
	}
	return "devices"
}

// empty says that nothing has been published and nothing has called.
func (f *fleet) empty() bool {
	return f.phase == fleetKnown && f.got&gotReleases != 0 && len(f.releases) == 0 && f.summary.Devices == 0
}

// SetToken takes the operator's token that this tab kept.
func (r *Root) SetToken(token string) {
	r.fleet.token = token
	if token != "" {
		r.fleet.phase = fleetAsking
	}
}

// fleetPath shows a part of Fleet: "fleet", "fleet-releases", "fleet-diagnostic", "fleet-device/MODEL/SERIAL".
func (r *Root) fleetPath(name string) {
	f := &r.fleet
	f.view = fleetDevices
	switch {
	case name == "fleet-releases":
		f.view = fleetReleases
	case name == "fleet-diagnostic":
		f.view = fleetDiagnostic
	case strings.HasPrefix(name, "fleet-device/"):
		parts := strings.Split(name, "/")
		if len(parts) != 3 {
			break
		}
		model, serial := parts[1], parts[2]
		if release.CheckID(model) != nil || release.CheckID(serial) != nil {
			break // no device has such a name, so nothing in an address needs an escape
		}
		if model != f.model || serial != f.serial {
			f.detail, f.missing, f.got = fleetDetail{}, false, f.got&^gotDetail
		}
		f.view, f.model, f.serial = fleetOne, model, serial
	}
	r.fleetAsk()
}

// devicePath is the address of one device's screen.
func devicePath(model, serial string) string {
	return "#fleet-device/" + model + "/" + serial
}

// escape writes a text so that it is one value in a query. package net/url would
// do it too, and weigh more than all of Fleet.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '~', c == '.':
			b.WriteByte(c)
		default:
			b.WriteString(string([]byte{'%', digits[c>>4], digits[c&15]}))
		}
	}
	return b.String()
}

// fleetAsk asks the server for everything that is on the screen, and again after a while.
func (r *Root) fleetAsk() {
	f := &r.fleet
	if f.token == "" {
		f.phase = fleetSignedOut
		return
	}
	if f.phase != fleetKnown {
		f.phase = fleetAsking
	}
	f.asked++
	r.fleetGet("/api/releases", gotReleases, func(o object) { f.releases = readReleases(o) })
	switch f.view {
	case fleetOne:
		r.fleetGet("/api/devices/"+f.model+"/"+f.serial, gotDetail, func(o object) { f.detail = readDetail(o) })
	case fleetReleases:
	case fleetDevices:
		r.fleetGet("/api/summary", gotSummary, func(o object) { f.summary = readSummary(o) })
		if len(f.devices) <= 50 { // somebody who asked for more is not thrown back to the first page
			r.fleetGet("/api/devices?limit="+fleetPage+"&search="+escape(f.search), gotDevices, func(o object) {
				f.devices, f.total, f.next = readDevices(o)
			})
		}
	}
	f.ticks++
	tick := f.ticks
	r.hooks.After(fleetRefresh, func() {
		if r.view == viewFleet && tick == f.ticks {
			r.fleetAsk()
		}
	})
}

// fleetGet asks one question and takes its answer if it still is about what is on the screen.
func (r *Root) fleetGet(path string, got int, take func(object)) {
	f := &r.fleet
	asked := f.asked
	r.hooks.Fetch(Request{Method: "GET", Path: path, Token: f.token}, func(status int, body []byte) {
		if asked != f.asked {
			return
		}
		o, ok := parseObject(body)
		if !r.fleetAnswer(status, o, ok) {
			return
		}
		switch {
		case ok && status == 200:
			if got == gotDetail {
				f.missing = false
			}
			take(o)
			f.got |= got
		case ok && status == 404 && got == gotDetail && o.text("code") == "not-found":
			f.missing = true
		default:
			r.fleetOdd(status, o)
		}
	})
}

// fleetAnswer draws what follows for every question, and reports whether the rest may be read. An answer is ours if it is an object.
func (r *Root) fleetAnswer(status int, o object, ours bool) bool {
	f := &r.fleet
	switch {
	case status == 401 && !ours: // a proxy that wants credentials of its own
		r.fleetOdd(status, o)
		return false
	case status == 401:
		r.hooks.Token("")
		*f = fleet{wrong: true, asked: f.asked + 1, ticks: f.ticks + 1, view: f.view, model: f.model, serial: f.serial}
		return false
	case status == 0 || status >= 500:
		f.phase = fleetAway
		return false
	}
	f.phase = fleetKnown
	return true
}

// fleetOdd shows that what answers is not what this page asks, or refuses.
func (r *Root) fleetOdd(status int, o object) {
	f := &r.fleet
	f.phase, f.status, f.refusal = fleetStrange, status, o.text("error")
	f.asked++ // what others of these questions are answered changes nothing about it
}

// fleetMore asks for the devices behind those on the screen.
func (r *Root) fleetMore() {
	f := &r.fleet
	if f.next == "" {
		return
	}
	f.asked++
	r.fleetGet("/api/devices?limit="+fleetPage+"&search="+escape(f.search)+"&cursor="+escape(f.next), gotDevices, func(o object) {
		list, total, next := readDevices(o)
		f.devices, f.total, f.next = append(f.devices, list...), total, next
	})
}

// fleetFind searches.
func (r *Root) fleetFind(words string) {
	f := &r.fleet
	for len(words) > maxSearch {
		words = words[:len(words)-1]
	}
	f.search, f.devices, f.next = strings.ToValidUTF8(words, ""), nil, ""
	f.got &^= gotDevices
	r.fleetAsk()
}

// signIn tries the token in the field.
func (r *Root) signIn() {
	f := &r.fleet
	token := strings.TrimSpace(f.typed)
	if token == "" || strings.ContainsFunc(token, func(c rune) bool { return c < ' ' || c > '~' }) { // no server made such a token, and it cannot be sent
		f.wrong = true
		return
	}
	f.token, f.typed, f.wrong, f.phase = token, "", false, fleetAsking
	r.hooks.Token(token)
	r.fleetAsk()
}

// signOut forgets the token and everything that it has shown.
func (r *Root) signOut() {
	r.hooks.Token("")
	r.fleet = fleet{asked: r.fleet.asked + 1, ticks: r.fleet.ticks + 1}
	r.hooks.Go("#fleet")
}

// fleetSet changes something on the server and asks anew.
func (r *Root) fleetSet(method, path string, body []byte, done string) {
	r.hooks.Fetch(Request{Method: method, Path: path, Token: r.fleet.token, Body: body}, func(status int, body []byte) {
		o, ok := parseObject(body)
		if !r.fleetAnswer(status, o, ok) {
			return
		}
		if status >= 200 && status < 300 {
			r.say(done)
		} else if ok && o.text("error") != "" {
			r.say("The server refused: " + o.text("error") + ".")
		} else {
			r.say("The server refused.")
		}
		r.fleetAsk()
	})
}

// setRelease offers, withholds or withdraws a release.
func (r *Root) setRelease(rel *fleetRelease, state, done string) {
	r.fleetSet("PUT", "/api/releases/"+escape(rel.Image)+"/state", formatObject("model", rel.Model, "state", state), done)
}

// free offers a release again to a device that was held back from it.
func (r *Root) free(image string) {
	f := &r.fleet
	r.fleetSet("POST", "/api/devices/"+f.model+"/"+f.serial+"/free", formatObject("image", image), "Offered again.")
}
