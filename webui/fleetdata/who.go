package fleetdata

import (
	"slices"
	"strings"

	"unbrick/server/form"
)

// OfSignIn is Trouble.Of of a sign-in.
const OfSignIn = "sign-in"

// askStranger asks whether the browser's cookie is somebody's, as it is behind a sign-in by an identity provider, and what provider
// there is.
func (c *Client) askStranger() {
	if c.told {
		return
	}
	c.told = true
	asked := c.asked
	c.browser.Fetch(Request{Method: "GET", Path: form.WhoAmIPath}, func(status int, answer any) {
		if asked != c.asked || status != 200 {
			return
		}
		who := read[form.Who](answer)
		if who.Provider != nil {
			c.By = *who.Provider
		}
		if who.Account != "" && !c.out {
			c.signed(who)
		}
	})
}

// askWho asks which account the browser's cookie stands for, and what it may.
func (c *Client) askWho() {
	asked := c.asked
	c.browser.Fetch(Request{Method: "GET", Path: form.WhoAmIPath}, func(status int, answer any) {
		if asked != c.asked {
			return
		}
		o, ours := answer.(map[string]any)
		if !c.answered(status, o, ours) {
			return
		}
		_, ours = o["account"]
		switch who := read[form.Who](o); {
		case status != 200 || !ours:
			c.odd(status, o)
		case who.Account == "": // the login has ended
			c.forget()
			c.askStranger()
		case !c.known || who.Account != c.Who || !slices.Equal(who.Roles, c.Roles) || !slices.Equal(who.Models, c.Models):
			if c.known {
				c.forget()
			}
			c.signed(who)
		}
	})
}

// signed takes who signed in.
func (c *Client) signed(who form.Who) {
	c.Who, c.Roles, c.Models, c.known, c.Phase = who.Account, who.Roles, who.Models, true, Known
	c.browser.Signed(c.Who)
	c.ask(false)
}

// Knows reports whether it was told what the account may.
func (c *Client) Knows() bool { return c.known }

// May reports whether the account has a right, as package account of the server gives it. The server decides; this only says what
// is of use on the screen.
func (c *Client) May(right form.Right) bool {
	return right == form.Anyone || slices.ContainsFunc(c.Roles, func(role string) bool { return gives(role, right) })
}

// On reports whether the account may see and change what belongs to a model.
func (c *Client) On(model string) bool { return len(c.Models) == 0 || slices.Contains(c.Models, model) }

// Of is the model whose devices are listed for an account that is bound to models, of which the server lists those of one at a time;
// empty: it is bound to none, and all are listed.
func (c *Client) Of() string {
	if len(c.Models) > 0 && !slices.Contains(c.Models, c.of) {
		return c.Models[0]
	}
	return c.of
}

// ListOf lists the devices of another model that the account is bound to.
func (c *Client) ListOf(model string) {
	c.of = model
	c.Find(c.Search)
}

func gives(role string, right form.Right) bool {
	switch right {
	case form.MayAdminister:
		return role == "admin"
	case form.MaySee:
		return role == "view" || role == "operate"
	case form.MaySeeFiles:
		return role != "admin"
	case form.MayHandle:
		return role == "operate"
	case form.MayPublish:
		return role == "publish"
	case form.MayHalt:
		return role == "operate" || role == "publish"
	case form.MaySignIn, form.Anyone:
	}
	return true
}

// Denied says that the account may not see the part that is shown.
func (c *Client) Denied() bool { return c.known && !c.May(c.needs()) }

// needs is the right without which a part shows nothing.
func (c *Client) needs() form.Right {
	switch c.View {
	case ViewDevices, ViewDevice, ViewStrangers:
		return form.MaySee
	case ViewAccounts, ViewAccount, ViewNewAccount:
		return form.MayAdminister
	case ViewReleases, ViewLog:
		return form.MaySignIn
	case ViewDiagnostic:
	}
	return form.Anyone
}

// SignIn tries a token. account is whose it was said to be: the server asks for none, and a token of another one is told. failed is called
// if nobody is signed in by it.
func (c *Client) SignIn(account, token string, failed func()) {
	if c.Busy != "" {
		return
	}
	token = strings.TrimSpace(token)
	c.Ended, c.Turned, c.Trouble = false, "", Trouble{}
	c.Wrong = token == "" || strings.ContainsFunc(token, func(r rune) bool { return r < ' ' || r > '~' })
	if c.Wrong { // no server made such a token, and it cannot be sent
		failed()
		return
	}
	life := c.life
	c.asked++
	c.Busy = OfSignIn
	c.browser.Fetch(Request{Method: "POST", Path: form.LoginPath, Body: map[string]any{"token": token}}, func(status int, answer any) {
		if life != c.life {
			return
		}
		c.Busy = ""
		o, ours := answer.(map[string]any)
		problem := read[form.Problem](o)
		switch who := read[form.Who](o); {
		case status == 200 && who.Account != "":
			if account = strings.TrimSpace(account); account != "" && account != who.Account {
				c.browser.Say("This token is of account " + who.Account + ".")
			}
			c.signed(who)
			return
		case status == 401 && ours:
			c.Ended = problem.Code == "ended-token"
			c.Wrong = !c.Ended
		case ours && problem.Text != "", status == 0, status >= 500:
			c.Trouble = Trouble{Of: OfSignIn, Status: status, Problem: problem}
		default:
			c.odd(status, o)
		}
		failed()
	})
}

// SignOut ends the login and forgets everything that it has shown.
func (c *Client) SignOut() {
	c.browser.Fetch(Request{Method: "DELETE", Path: form.LoginPath}, func(int, any) {})
	c.forget()
	c.View, c.Model, c.Serial, c.Named = ViewDevices, "", "", ""
}

// forget forgets all but the part of Fleet that is shown.
func (c *Client) forget() {
	c.browser.Signed("")
	if c.instead {
		c.View = ViewDevices
	}
	*c = Client{browser: c.browser, shown: c.shown, asked: c.asked + 1, ticks: c.ticks + 1, life: c.life + 1, View: c.View,
		Model: c.Model, Serial: c.Serial, Named: c.Named, By: c.By, out: true, told: c.told}
}
