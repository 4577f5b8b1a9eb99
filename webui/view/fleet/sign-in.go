package fleet

import (
	"strconv"

	"unbrick/server/form"

	"github.com/vugu/vugu"
)

// SignIn asks for an account's token.
type SignIn struct {
	Clear  bool                    // whoever is on the network in between can read what is sent: nobody signs in
	Wrong  bool                    // the last one was not known
	Ended  bool                    // it was, and has ended
	Turned string                  // why the identity provider's person was not signed in
	By     form.Provider           // empty: none
	Enter  func(token string) bool // reports whether it may be one
	Wish   WishFunc

	typed string
	fresh bool // something was typed since
}

func (c *SignIn) wrong() bool { return (c.Wrong || c.Ended) && !c.fresh }

func (c *SignIn) provided() bool { return !c.Clear && c.By.URL != "" }

func (c *SignIn) edit(e vugu.DOMEvent) {
	c.typed, c.fresh = e.PropString("target", "value"), true
}

func (c *SignIn) submit(e vugu.DOMEvent) {
	e.PreventDefault()
	c.fresh = false
	if c.Enter(c.typed) {
		c.typed = ""
	}
}

func (c *SignIn) invalid() string { return strconv.FormatBool(c.wrong()) }

func (c *SignIn) complaint() string {
	switch {
	case c.wrong() && c.Ended:
		return "This token has ended. Ask for a new one."
	case c.wrong():
		return "This token is not known here. Check that you copied all of it."
	}
	return ""
}
