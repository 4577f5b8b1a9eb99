package fleet

import (
	"strconv"

	"unbrick/webui/fleetdata"
	"unbrick/webui/words"

	"github.com/vugu/vugu"
)

// Tokens is the tokens of one account, and the form that makes one.
type Tokens struct {
	shows
	Draft *Draft
}

// makeToken wants the draft's token made, keptToken the secret of the one that was made forgotten.
type (
	makeToken struct{}
	keptToken struct{}
)

func (c *Tokens) rows() []words.TokenRow { return words.TokenRows(c.Fleet.Tokens, c.Now) }

// secret is the token that was made, as long as it is shown; empty: none.
func (c *Tokens) secret() string {
	if c.Fleet.Made == nil {
		return ""
	}
	return c.Fleet.Made.Text
}

func (c *Tokens) copy() { c.Wish.Do(words.CopyText{Text: c.secret()}) }

func (c *Tokens) note(e vugu.DOMEvent) { c.Draft.Note = e.PropString("target", "value") }
func (c *Tokens) days(e vugu.DOMEvent) { c.Draft.Days = e.PropString("target", "value") }

func (c *Tokens) submit(e vugu.DOMEvent) {
	e.PreventDefault()
	c.Wish.Do(makeToken{})
}

func (c *Tokens) class() string {
	if c.Fleet.Busy == fleetdata.OfToken {
		return "button primary busy"
	}
	return "button primary"
}

func (c *Tokens) refused() string { return words.Refused(&c.Fleet.Trouble, fleetdata.OfToken) }

// kept says why a token was not removed.
func (c *Tokens) kept() string {
	for i := range c.Fleet.Tokens {
		if said := words.Refused(&c.Fleet.Trouble, c.Fleet.Tokens[i].ID); said != "" {
			return said
		}
	}
	return ""
}

func (c *Tokens) badDays() string {
	return strconv.FormatBool(c.Fleet.Trouble.Of == fleetdata.OfToken && c.Fleet.Trouble.Code == fleetdata.BadDays)
}
