package fleetdata

import (
	"strings"
	"time"

	"unbrick/release"
	"unbrick/server/form"
)

const (
	refresh   = 5 * time.Second // between looks at the server while Fleet is on the screen
	onePage   = "50"            // devices of one answer
	maxSearch = 64              // bytes of a search, as the server takes
)

// View is a part of Fleet.
type View uint8

const (
	ViewDevices View = iota
	ViewDevice
	ViewStrangers
	ViewReleases
	ViewLog
	ViewAccounts
	ViewAccount
	ViewNewAccount
	ViewDiagnostic // needs no server and no account
)

// Phase is what is known of the server.
type Phase uint8

const (
	SignedOut Phase = iota
	Asking          // the first answer is awaited
	Known
	Away    // the server does not answer
	Strange // something answers, but not as this server does
)

// Request is one question to our own server. Body and answer are JSON: it is to be sent with Accept and,
// if there is a body, Content-Type application/json.
type Request struct {
	Method string
	Path   string         // from the page's own folder, "/api/devices"
	Body   map[string]any // of string, bool and []any of strings; nil: none
}

// Browser is what a Client needs of its surroundings.
type Browser struct {
	// Fetch asks the server. Status 0 says that there was no answer. An answer is what its JSON says: nil, bool, float64, string,
	// []any or map[string]any; nil as well if it is none.
	Fetch func(r Request, done func(status int, answer any))
	// After calls f later.
	After func(d time.Duration, f func())
	// Signed keeps the name of the account that signed in here; empty: it signed out. What the server knows the page by is a cookie,
	// which the browser keeps and no program sees.
	Signed func(account string)
	// Say shows a short message.
	Say func(string)
}

// Client asks the server for what Fleet shows, and keeps its last answers. It belongs to one goroutine.
type Client struct {
	browser Browser
	shown   bool // Fleet is on the screen
	asked   int  // number of the present question; older answers are dropped
	ticks   int  // number of the present refresh; older timers do nothing
	got     int  // bits of what has arrived: GotSummary and so on
	life    int  // number of the present login; what was begun in another one says nothing now
	next    string
	nextAct string
	nextOne string // of the strangers
	out     bool   // somebody signed out, or was, in this page's life: a cookie that is still there signs nobody in
	told    bool   // what the server says to a stranger was asked for
	known   bool   // what the account may was told
	of      string // model that was chosen from those that the account is bound to
	instead bool   // View stands in the place of ViewDevices, which the account may not see

	Phase  Phase
	View   View
	Wrong  bool          // the token was not known
	Ended  bool          // the token was known, and has ended
	Turned string        // one word on why the identity provider's person was not signed in; empty: nobody was turned away
	By     form.Provider // by which persons sign in, too; empty: none
	Who    string        // account that signed in here; empty: none
	Roles  []string      // of the account
	Models []string      // that it is bound to; none: all
	Model  string        // ViewDevice
	Serial string        // ViewDevice
	Named  string        // ViewAccount
	Busy   string        // what was sent and has no answer yet, as Trouble.Of says it; empty: nothing

	Search    string
	Summary   form.Summary
	Devices   []form.Device // as far as they were asked for
	Total     int
	Releases  []form.Release
	Detail    form.DeviceDetail
	Acts      []form.Act // as far as they were asked for
	Accounts  []form.Account
	Tokens    []form.Token   // ViewAccount: of that account
	Made      *form.NewToken // that was made last, until somebody has kept it; nil: none
	Trouble   Trouble        // with what was sent last
	Missing   bool           // ViewDevice: no device has spoken that is proven to have this serial
	Described []form.Model   // models that the server knows
	Among     Among          // ViewStrangers: of whom
	Others    []form.Stranger
	Status    int    // Strange: of the answer
	Refusal   string // Strange: the words of a server of ours, empty if the answer is not one's
}

// Bits of what has arrived.
const (
	GotSummary = 1 << iota
	GotDevices
	GotReleases
	GotDetail
	GotActs
	GotAccounts
	GotTokens
	GotDescribed
	GotStrangers
	GotKnown // Detail.Known of a serial under which no device has spoken
)

// New returns a client that nobody has signed in to.
func New(b Browser) *Client { return &Client{browser: b} }

// Got reports whether an answer of a kind has arrived.
func (c *Client) Got(what int) bool { return c.got&what != 0 }

// More reports whether there are devices behind those that were asked for.
func (c *Client) More() bool { return c.next != "" }

// Empty says that nothing has been published and nothing has called.
func (c *Client) Empty() bool {
	return c.Phase == Known && c.Got(GotReleases) && len(c.Releases) == 0 && c.Summary.Devices == 0 && c.May(form.MayPublish)
}

// SetSigned takes what was kept by Browser.Signed.
func (c *Client) SetSigned(account string) {
	if c.Who = account; account != "" {
		c.Phase = Asking
	}
}

// Show shows a part of Fleet: "fleet", "fleet-strangers", "fleet-releases", "fleet-log", "fleet-accounts", "fleet-new-account",
// "fleet-account/NAME", "fleet-diagnostic", "fleet-device/MODEL/SERIAL", "fleet-signed-in" and "fleet-refused/WORD", to which a sign-in
// by an identity provider leads.
func (c *Client) Show(name string) {
	c.shown, c.View, c.instead = true, ViewDevices, false
	c.Trouble, c.Made = Trouble{}, nil
	switch {
	case name == "fleet-releases":
		c.View = ViewReleases
	case name == "fleet-strangers":
		c.View = ViewStrangers
	case name == "fleet-log":
		c.View = ViewLog
	case name == "fleet-accounts":
		c.View = ViewAccounts
	case name == "fleet-new-account":
		c.View = ViewNewAccount
	case strings.HasPrefix(name, accountPrefix):
		c.showAccount(strings.TrimPrefix(name, accountPrefix))
	case name == "fleet-diagnostic":
		c.View = ViewDiagnostic
	case strings.HasPrefix(name, "fleet-refused/"):
		c.Turned = strings.TrimPrefix(name, "fleet-refused/")
	case strings.HasPrefix(name, "fleet-device/"):
		parts := strings.Split(name, "/")
		if len(parts) != 3 {
			break
		}
		model, serial := parts[1], parts[2]
		if release.CheckID(model) != nil || release.CheckID(serial) != nil {
			break // no device has such a name, so nothing in an address needs an escape
		}
		if model != c.Model || serial != c.Serial {
			c.Detail, c.Missing, c.got = form.DeviceDetail{}, false, c.got&^(GotDetail|GotKnown)
		}
		c.View, c.Model, c.Serial = ViewDevice, model, serial
	}
	c.Ask()
}

// Hide says that another screen is shown: answers on their way are for nobody.
func (c *Client) Hide() {
	if c.shown {
		c.asked++
	}
	c.shown, c.Made = false, nil
}

// DevicePath is the address of one device's screen.
func DevicePath(model, serial string) string {
	return "#fleet-device/" + model + "/" + serial
}

// Escape writes a text so that it is one value in a query. package net/url would
// do it too, and weigh more than all of Fleet.
func Escape(s string) string {
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

// Ask asks the server for everything that is on the screen, and again after a while.
func (c *Client) Ask() { c.ask(true) }

// ask does; who says that it asks, too, whose the login is.
func (c *Client) ask(who bool) {
	if c.Who == "" {
		c.Phase = SignedOut
		c.askStranger()
		return
	}
	if c.Phase != Known {
		c.Phase = Asking
	}
	c.asked++
	if who { // another tab may have signed in as another account meanwhile
		c.askWho()
	}
	if c.known {
		c.askView()
	}
	c.ticks++
	tick := c.ticks
	c.browser.After(refresh, func() {
		if c.shown && tick == c.ticks {
			c.Ask()
		}
	})
}

// askView asks for what the account may see of the part that is shown.
func (c *Client) askView() {
	if c.View == ViewDevices && !c.May(form.MaySee) { // it begins with what it may see
		c.View, c.instead = ViewAccounts, true
		if c.May(form.MayPublish) {
			c.View = ViewReleases
		}
	}
	if c.Denied() {
		return
	}
	c.getReleases("", nil)
	switch c.View {
	case ViewDevice:
		c.get(c.devicePath(), GotDetail, func(o any) { c.Detail = read[form.DeviceDetail](o) })
		c.getDescribed()
	case ViewStrangers:
		c.getDescribed()
		if len(c.Others) <= 50 { // as below
			c.getStrangers("", nil)
		}
	case ViewLog:
		if len(c.Acts) <= 50 { // as below
			c.getActs("", nil)
		}
	case ViewAccounts:
		c.getAccounts()
	case ViewAccount:
		c.getAccounts()
		c.getTokens(c.Named, "", nil)
	case ViewDevices:
		if c.Of() == "" { // who is bound to models is told of none of the others, nor of their sum
			c.get(form.SummaryPath, GotSummary, func(o any) { c.Summary = read[form.Summary](o) })
		}
		if len(c.Devices) <= 50 { // somebody who asked for more is not thrown back to the first page
			c.getDevices("", nil)
		}
	case ViewReleases:
		c.getDescribed()
	case ViewNewAccount, ViewDiagnostic:
	}
}

// getReleases asks for releases behind those that came before, until the last.
func (c *Client) getReleases(cursor string, before []form.Release) {
	c.get(form.ReleasesPath+cursor, GotReleases, func(o any) {
		page := read[form.Releases](o)
		c.Releases = append(before, page.Releases...)
		if page.Next != "" && len(page.Releases) > 0 {
			c.getReleases("?cursor="+Escape(page.Next), c.Releases)
		}
	})
}

// getDevices asks for a page of devices behind those that came before.
func (c *Client) getDevices(cursor string, before []form.Device) {
	if of := c.Of(); of != "" {
		cursor += "&model=" + Escape(of)
	}
	c.get(form.DevicesPath+"?limit="+onePage+"&search="+Escape(c.Search)+cursor, GotDevices, func(o any) {
		page := read[form.Devices](o)
		c.Devices, c.Total, c.next = append(before, page.Devices...), page.Total, page.Next
	})
}

// getAll asks for all pages of a list, one behind the other. take gets what has come so far, and whether that is the whole.
func getAll[Page interface{ Rows() ([]T, string) }, T any](c *Client, path string, got int, take func(list []T, whole bool)) {
	var list []T
	var ask func(cursor string)
	ask = func(cursor string) {
		c.get(path+cursor, got, func(o any) {
			rows, next := read[Page](o).Rows()
			list = append(list, rows...)
			whole := next == "" || len(rows) == 0
			take(list, whole)
			if !whole {
				ask("?cursor=" + Escape(next))
			}
		})
	}
	ask("")
}

// get asks one question and takes its answer if it still is about what is on the screen.
func (c *Client) get(path string, got int, take func(answer any)) {
	asked := c.asked
	c.browser.Fetch(Request{Method: "GET", Path: path}, func(status int, answer any) {
		if asked != c.asked {
			return
		}
		o, ok := answer.(map[string]any)
		if !c.answered(status, o, ok) {
			return
		}
		switch {
		case ok && status == 200:
			if got == GotDetail {
				c.Missing = false
			}
			take(o)
			c.got |= got
		case ok && status == 404 && got == GotDetail && o["code"] == "not-found":
			c.Missing = true
			c.get(c.devicePath()+"/keys", GotKnown, func(o any) { c.Detail.Known = read[form.Known](o) })
		case ok && status == 404 && got == GotKnown:
			c.Detail.Known, c.got = form.Known{}, c.got|GotKnown
		default:
			c.odd(status, o)
		}
	})
}

// answered draws what follows for every question, and reports whether the rest may be read. An answer is ours if it is an object.
func (c *Client) answered(status int, o map[string]any, ours bool) bool {
	switch {
	case status == 401 && !ours: // a proxy that wants credentials of its own
		c.odd(status, o)
		return false
	case status == 401:
		c.forget() // the login has ended, or there was none
		c.askStranger()
		return false
	case status == 0 || status >= 500:
		c.Phase = Away
		return false
	}
	c.Phase = Known
	return true
}

// odd shows that what answers is not what this page asks, or refuses.
func (c *Client) odd(status int, o map[string]any) {
	c.Phase, c.Status, c.Refusal = Strange, status, read[form.Problem](o).Text
	c.asked++ // what others of these questions are answered changes nothing about it
}

// MoreDevices asks for the devices behind those on the screen.
func (c *Client) MoreDevices() {
	if c.next == "" {
		return
	}
	c.asked++
	c.getDevices("&cursor="+Escape(c.next), c.Devices)
}

// Find searches.
func (c *Client) Find(words string) {
	c.Search, c.Devices, c.next = searched(words), nil, ""
	c.got &^= GotDevices
	c.Ask()
}
