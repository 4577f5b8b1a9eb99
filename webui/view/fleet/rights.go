package fleet

import (
	"slices"
	"strconv"
	"strings"

	"unbrick/server/form"
	"unbrick/webui/fleetdata"
	"unbrick/webui/words"

	"github.com/vugu/vugu"
)

// Draft is what a person has said of an account and not yet sent. Until something is said, it is what the account is.
type Draft struct {
	Name, Models string
	Roles        []string
	Changed      bool

	Note, Days string // of a token

	of string // whom it is about
}

// firstDays is after how many days a token ends unless somebody says otherwise.
const firstDays = "90"

// follow brings the draft to what is shown: a login, and an account of a.Name, or none yet.
func (d *Draft) follow(who string, a *form.Account) {
	if a == nil {
		a = &form.Account{}
	}
	if of := who + "/" + a.Name; d.of != of {
		*d = Draft{of: of, Days: firstDays}
	}
	if !d.Changed && a.Name != "" {
		d.Roles, d.Models = slices.Clone(a.Roles), strings.Join(a.Models, " ")
	}
}

// models are those that the text names.
func (d *Draft) models() []string {
	return strings.FieldsFunc(d.Models, func(r rune) bool { return r == ' ' || r == ',' || r == ';' || r == '\t' || r == '\u00a0' })
}

// Rights is the form that says what an account may: of a new one with its name.
type Rights struct {
	Fleet *fleetdata.Client
	Draft *Draft
	Wish  WishFunc
}

// putAccount wants the draft sent.
type putAccount struct{}

func (c *Rights) isNew() bool { return c.Fleet.View == fleetdata.ViewNewAccount }

func (c *Rights) has(role string) bool { return slices.Contains(c.Draft.Roles, role) }

func (c *Rights) toggle(role string) {
	d := c.Draft
	d.Changed = true
	if at := slices.Index(d.Roles, role); at >= 0 {
		d.Roles = slices.Delete(d.Roles, at, at+1)
		return
	}
	d.Roles = append(d.Roles, role)
}

func (c *Rights) name(e vugu.DOMEvent) {
	c.Draft.Name, c.Draft.Changed = e.PropString("target", "value"), true
}

func (c *Rights) models(e vugu.DOMEvent) {
	c.Draft.Models, c.Draft.Changed = e.PropString("target", "value"), true
}

func (c *Rights) submit(e vugu.DOMEvent) {
	e.PreventDefault()
	c.Wish.Do(putAccount{})
}

func (c *Rights) label() string {
	if c.isNew() {
		return "Make the account"
	}
	return "Save"
}

func (c *Rights) class() string {
	class := "button"
	if c.isNew() {
		class += " primary"
	}
	if c.Fleet.Busy == fleetdata.OfAccount {
		class += " busy"
	}
	return class
}

func (c *Rights) refused() string { return words.Refused(&c.Fleet.Trouble, fleetdata.OfAccount) }

func (c *Rights) badName() string {
	return strconv.FormatBool(c.Fleet.Trouble.Of == fleetdata.OfAccount && c.Fleet.Trouble.Code == fleetdata.BadName)
}
