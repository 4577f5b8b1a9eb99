package fleet

import (
	"strings"

	"unbrick/webui/fleetdata"
	"unbrick/webui/words"
)

// draft is what was said of the account on the screen.
func (c *Screen) draft() *Draft {
	f := c.Client
	if f.View == fleetdata.ViewAccount {
		c.drafted.follow(f.Who, f.Account())
	} else {
		c.drafted.follow(f.Who, nil)
	}
	return &c.drafted
}

// doAccount does what a person wants of an account, and moves the focus to what came of it.
func (c *Screen) doAccount(wish any) {
	f, d := c.Client, c.draft()
	switch w := wish.(type) {
	case putAccount:
		c.put(d)
	case words.BarAccount:
		f.BarAccount(w.Barred)
	case words.RemoveAccount:
		f.RemoveAccount(func() { c.Wish.Do(words.GoTo{Path: "#fleet-accounts"}) })
	case makeToken:
		f.MakeToken(d.Note, d.Days, c.Now(), func() {
			d.Note, d.Days = "", firstDays
			c.focus("#made-h")
		})
	case keptToken:
		f.Made = nil
		c.focus("#tokens-h")
	case words.RemoveToken:
		f.RemoveToken(w.ID, func() { c.focus("#tokens-h") })
	}
}

// put sends what was said of an account.
func (c *Screen) put(d *Draft) {
	f := c.Client
	if f.View == fleetdata.ViewNewAccount {
		name := strings.TrimSpace(d.Name)
		f.PutAccount(name, d.Roles, d.models(), true, func() {
			*d = Draft{}
			c.Wish.Do(words.GoTo{Path: fleetdata.AccountPath(name)})
		})
		return
	}
	if !d.Changed {
		f.Say("Nothing was changed.")
		return
	}
	f.PutAccount(f.Named, d.Roles, d.models(), false, func() { d.Changed = false })
}

func (c *Screen) focus(selector string) { c.Wish.Do(words.Focus{Selector: selector}) }
