package view

import "github.com/vugu/vugu"

// FleetSignIn asks for the operator's token.
type FleetSignIn struct{ Page *Root }

func (c *FleetSignIn) heading() string { return c.Page.fleetHeading() }

func (c *FleetSignIn) clear() bool { return c.Page.unprotected() }

func (c *FleetSignIn) protect() { c.Page.hooks.Protect() }

func (c *FleetSignIn) enter() string {
	if c.clear() {
		return "Sign in all the same"
	}
	return "Sign in"
}

func (c *FleetSignIn) button() string {
	if c.clear() {
		return "button"
	}
	return "button primary"
}

func (c *FleetSignIn) typed(e vugu.DOMEvent) {
	c.Page.fleet.typed = e.PropString("target", "value")
	c.Page.fleet.wrong = false
}

func (c *FleetSignIn) text() string { return c.Page.fleet.typed }

func (c *FleetSignIn) submit(e vugu.DOMEvent) {
	e.PreventDefault()
	c.Page.signIn()
}

func (c *FleetSignIn) invalid() string {
	if c.Page.fleet.wrong {
		return "true"
	}
	return "false"
}

func (c *FleetSignIn) complaint() string {
	if c.Page.fleet.wrong {
		return "This token is not known here. Check that you copied all of it."
	}
	return ""
}
