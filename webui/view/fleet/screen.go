package fleet

import (
	"slices"
	"time"

	"unbrick/server/form"
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

	opened  words.OpenedFile
	drafted Draft

	on         shownPart // when the page was built last
	devices    Devices
	device     Device
	strangers  Strangers
	releases   Releases
	log        Log
	accounts   Accounts
	account    Account
	newAccount NewAccount
	diagnostic Diagnostic
	empty      Empty
	enter      SignIn
	pane       part.StatePane
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
	onStrangers  shownPart = "strangers"
	onReleases   shownPart = "releases"
	onLog        shownPart = "log"
	onAccounts   shownPart = "accounts"
	onAccount    shownPart = "account"
	onNewAccount shownPart = "new account"
	onDevices    shownPart = "devices"
)

func (c *Screen) part() shownPart {
	f := c.Client
	switch {
	case f.View == fleetdata.ViewDiagnostic:
		return onDiagnostic
	case f.Phase == fleetdata.SignedOut:
		return onSignIn
	case f.Phase == fleetdata.Away, f.Phase == fleetdata.Strange, !f.Knows(), f.Denied():
		return onPane
	case f.View == fleetdata.ViewLog:
		return onLog
	case f.View == fleetdata.ViewAccounts:
		return onAccounts
	case f.View == fleetdata.ViewAccount:
		return onAccount
	case f.View == fleetdata.ViewNewAccount:
		return onNewAccount
	case f.View == fleetdata.ViewStrangers:
		return onStrangers
	case f.Empty():
		return onEmpty
	case f.View == fleetdata.ViewDevice:
		return onDevice
	case f.View == fleetdata.ViewReleases:
		return onReleases
	case f.Of() == "" && (!f.Got(fleetdata.GotSummary) || f.Summary.Devices == 0):
		return onPane
	}
	return onDevices
}

// body is the component of what stands on the screen. What a person has typed into one, or opened in it, is gone with it.
func (c *Screen) body() any {
	f := c.Client
	s := shows{f, c.Now(), c.do}
	if on := c.part(); on != c.on {
		c.on, c.enter, c.accounts, c.pane = on, SignIn{}, Accounts{}, part.StatePane{}
	}
	switch c.on {
	case onDiagnostic:
		c.diagnostic.File, c.diagnostic.Wish = &c.opened, c.do
		return &c.diagnostic
	case onSignIn:
		e := &c.enter
		e.Clear, e.Wrong, e.Ended, e.Busy, e.Turned, e.By = c.Insecure, f.Wrong, f.Ended, f.Busy != "", f.Turned, f.By
		e.Refused, e.Enter, e.Wish = words.Refused(&f.Trouble, fleetdata.OfSignIn), c.signIn, c.do
		return e
	case onEmpty:
		c.empty.Wish = c.do
		return &c.empty
	case onDevices:
		c.devices.shows = s
		return &c.devices
	case onDevice:
		c.device.shows = s
		return &c.device
	case onStrangers:
		c.strangers.shows = s
		return &c.strangers
	case onReleases:
		c.releases.shows = s
		return &c.releases
	case onLog:
		c.log.shows = s
		return &c.log
	case onAccounts:
		c.accounts.shows = s
		return &c.accounts
	case onAccount:
		c.account.shows, c.account.Draft = s, c.draft()
		return &c.account
	case onNewAccount:
		c.newAccount.shows, c.newAccount.Draft = s, c.draft()
		return &c.newAccount
	case onPane:
	}
	c.pane.Pane, c.pane.Wish = words.FleetPane(f), c.do
	return &c.pane
}

// Hide says that another screen is shown.
func (c *Screen) Hide() {
	c.Client.Hide()
	c.on, c.enter = "", SignIn{} // with the token that was typed
}

// Heading is the headline.
func (c *Screen) Heading() string { return words.FleetHeading(c.Client, &c.opened) }

// Key changes when the focus has to move to the headline.
func (c *Screen) Key() string {
	switch part, f := c.part(), c.Client; {
	case part == onDevice:
		return "fleet device " + f.Model + "/" + f.Serial
	case part == onAccount:
		return "fleet account " + f.Named
	case part == onPane && f.Denied():
		return "fleet denied " + f.Who
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
	return f.Knows() && (refused || f.Phase == fleetdata.Known)
}

// tabs are the parts that the account may see.
func (c *Screen) tabs() []part.Tab {
	f := c.Client
	var list []part.Tab
	add := func(right form.Right, path, name string, of ...fleetdata.View) {
		if f.May(right) {
			list = append(list, part.Tab{Path: path, Name: name, Current: part.When(slices.Contains(of, f.View), "page")})
		}
	}
	add(form.MaySee, "#fleet", "Devices", fleetdata.ViewDevices, fleetdata.ViewDevice, fleetdata.ViewStrangers)
	add(form.MaySignIn, "#fleet-releases", "Releases", fleetdata.ViewReleases)
	add(form.MaySignIn, "#fleet-log", "Log", fleetdata.ViewLog)
	add(form.MayAdminister, "#fleet-accounts", "Accounts", fleetdata.ViewAccounts, fleetdata.ViewAccount, fleetdata.ViewNewAccount)
	add(form.Anyone, "#fleet-diagnostic", "Diagnostic file", fleetdata.ViewDiagnostic)
	return list
}

// do takes what a person wants by a part of the screen.
func (c *Screen) do(e WishEvent) {
	switch w := e.Wish.(type) {
	case find:
		c.Client.Find(w.words)
	case listOf:
		c.Client.ListOf(w.model)
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
	case fleetdata.Among:
		c.Client.ListStrangers(w)
	case moreStrangers:
		c.Client.NextStrangers()
	case words.EnrolKey:
		c.Client.Enrol(w.Model, w.Serial, w.Key, w.Anew, func() { c.focus("h1") })
	case words.ForgetStrangers:
		c.Client.ForgetStrangers(w.Model, w.Serial, func() { c.focus("h1") })
	case words.SetEnrolment:
		c.Client.SetEnrolment(w.Model, w.How)
	case putAccount, words.BarAccount, words.RemoveAccount, makeToken, keptToken, words.RemoveToken:
		c.doAccount(w)
	default:
		c.Wish(e)
	}
}

// signIn tries a token; who is not signed in by it goes on at its field.
func (c *Screen) signIn(account, token string) {
	c.Client.SignIn(account, token, func() { c.focus("#token") })
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
