package fleet

import (
	"time"

	"unbrick/webui/diagnostic"
	"unbrick/webui/fleetdata"
	"unbrick/webui/view/part"
	"unbrick/webui/words"
)

// Screen is what an operator sees, once signed in. It lasts as long as the page.
type Screen struct {
	Client   *fleetdata.Client
	Now      func() time.Time
	Insecure bool // the page came over a network in the clear
	Wish     WishFunc

	opened words.OpenedFile
}

// OpenFile wants the browser's chooser for a file, and Done called with what was chosen.
type OpenFile struct {
	Done func(name string, data []byte)
}

// shownPart is what stands on the screen.
type shownPart string

const (
	onPane       shownPart = "pane" // one pane says why there is no more
	onDiagnostic shownPart = "diagnostic"
	onSignIn     shownPart = "sign in"
	onEmpty      shownPart = "empty"
	onDevice     shownPart = "device"
	onReleases   shownPart = "releases"
	onLog        shownPart = "log"
	onAccounts   shownPart = "accounts"
	onDevices    shownPart = "devices"
)

func (c *Screen) part() shownPart {
	f := c.Client
	switch {
	case f.View == fleetdata.ViewDiagnostic:
		return onDiagnostic
	case f.Phase == fleetdata.SignedOut:
		return onSignIn
	case f.Phase == fleetdata.Away, f.Phase == fleetdata.Strange:
		return onPane
	case f.View == fleetdata.ViewLog:
		return onLog
	case f.View == fleetdata.ViewAccounts:
		return onAccounts
	case f.Empty():
		return onEmpty
	case f.View == fleetdata.ViewDevice:
		return onDevice
	case f.View == fleetdata.ViewReleases:
		return onReleases
	case !f.Got(fleetdata.GotSummary), f.Summary.Devices == 0:
		return onPane
	}
	return onDevices
}

// Heading is the headline.
func (c *Screen) Heading() string { return words.FleetHeading(c.Client, &c.opened) }

// Key changes when the focus has to move to the headline.
func (c *Screen) Key() string {
	switch part, f := c.part(), c.Client; {
	case part == onDevice:
		return "fleet device " + f.Model + "/" + f.Serial
	case part == onPane && f.Phase == fleetdata.Away:
		return "fleet away"
	case part == onPane && f.Phase == fleetdata.Strange:
		return "fleet strange"
	case part == onPane: // the devices are on their way
		return "fleet devices"
	default:
		return "fleet " + string(part)
	}
}

// signedIn says whether the tabs of Fleet are of use.
func (c *Screen) signedIn() bool {
	f := c.Client
	refused := f.Phase == fleetdata.Strange && f.Refusal != "" // a part: the account may see another
	return refused || f.Phase == fleetdata.Known && (!f.Empty() || c.part() == onLog || c.part() == onAccounts)
}

func (c *Screen) tabs() []part.Tab {
	list := []part.Tab{
		{Path: "#fleet", Name: "Devices"}, {Path: "#fleet-releases", Name: "Releases"}, {Path: "#fleet-log", Name: "Log"},
		{Path: "#fleet-accounts", Name: "Accounts"}, {Path: "#fleet-diagnostic", Name: "Diagnostic file"},
	}
	at := 0
	switch c.Client.View {
	case fleetdata.ViewReleases:
		at = 1
	case fleetdata.ViewLog:
		at = 2
	case fleetdata.ViewAccounts:
		at = 3
	case fleetdata.ViewDiagnostic:
		at = 4
	case fleetdata.ViewDevices, fleetdata.ViewDevice:
	}
	list[at].Current = "page"
	return list
}

// do takes what a person wants by a part of the screen.
func (c *Screen) do(e WishEvent) {
	switch w := e.Wish.(type) {
	case find:
		c.Client.Find(w.words)
	case more:
		c.Client.MoreDevices()
	case before:
		c.Client.ActsBefore()
	case words.AskAgain:
		c.Client.Ask()
	case words.SignOut:
		c.signOut()
	case words.SetRelease:
		c.Client.SetRelease(w.Release.Model, w.Release.Image, w.To, w.Done)
	case words.FreeRelease:
		c.Client.Free(w.Image)
	case words.OpenDiagnostic:
		c.open()
	default:
		c.Wish(e)
	}
}

func (c *Screen) signOut() {
	c.Client.SignOut()
	c.Wish.Do(words.GoTo{Path: "#fleet"})
}

// open lets the person choose a diagnostic file and shows it. It goes to no server.
func (c *Screen) open() {
	c.Wish.Do(OpenFile{func(name string, data []byte) {
		file, err := diagnostic.Parse(data)
		c.opened = words.OpenedFile{Name: name, File: file, Bad: err != nil}
	}})
}
