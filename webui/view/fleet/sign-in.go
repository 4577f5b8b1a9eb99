package fleet

import (
	"cmp"
	"strconv"

	"unbrick/server/form"
	"unbrick/webui/view/part"

	"github.com/vugu/vugu"
)

// SignIn asks for an account's token, in a form that a browser's passwords fill and keep: it stands until the server has answered, and
// what was typed with it.
type SignIn struct {
	Clear   bool          // whoever is on the network in between can read what is sent: nobody signs in
	Wrong   bool          // the last one was not known
	Ended   bool          // it was, and has ended
	Busy    bool          // the server is asked
	Refused string        // why nobody was signed in besides
	Turned  string        // why the identity provider's person was not signed in
	By      form.Provider // empty: none
	Enter   func(account, token string)
	Wish    WishFunc

	account, token string
	fresh          bool // something was typed since
}

func (c *SignIn) wrong() bool { return (c.Wrong || c.Ended) && !c.fresh }

func (c *SignIn) provided() bool { return !c.Clear && c.By.URL != "" }

func (c *SignIn) name(e vugu.DOMEvent) { c.account = e.PropString("target", "value") }

func (c *SignIn) edit(e vugu.DOMEvent) {
	c.token, c.fresh = e.PropString("target", "value"), true
}

func (c *SignIn) submit(e vugu.DOMEvent) {
	e.PreventDefault()
	c.fresh = false
	c.Enter(c.account, c.token)
}

func (c *SignIn) invalid() string { return strconv.FormatBool(c.wrong()) }

func (c *SignIn) class() string { return part.Class("button primary", "busy", c.Busy) }

func (c *SignIn) complaint() string {
	said := ""
	switch {
	case c.Busy:
	case c.wrong() && c.Ended:
		said = "This token has ended. Ask for a new one."
	case c.wrong():
		said = "This token is not known here. Check that you copied all of it."
	}
	return cmp.Or(said, c.Refused)
}
