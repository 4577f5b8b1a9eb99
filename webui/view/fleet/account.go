package fleet

import (
	"unbrick/server/form"
	"unbrick/webui/fleetdata"
	"unbrick/webui/words"
)

// Account is one account: its tokens, what it may, and how it ends.
type Account struct {
	shows
	Draft *Draft
}

func (c *Account) known() bool { return c.Fleet.Account() != nil }

// plain says that the account has tokens, and that its rights are said here.
func (c *Account) plain() bool {
	a := c.Fleet.Account()
	return a != nil && a.Issuer == "" && len(words.AccountActs(a)) > 0
}

func (c *Account) person() bool {
	a := c.Fleet.Account()
	return a != nil && a.Issuer != ""
}

func (c *Account) lamp() string {
	lamp, _ := words.AccountState(c.Fleet)
	return "lamp " + lamp
}

func (c *Account) is() string {
	_, is := words.AccountState(c.Fleet)
	return is
}

func (c *Account) facts() []words.Fact { return words.AccountFacts(c.account(), c.Now) }

func (c *Account) acts() []words.Act { return words.AccountActs(c.account()) }

func (c *Account) account() *form.Account {
	if a := c.Fleet.Account(); a != nil {
		return a
	}
	return &form.Account{}
}

// refused says why what a button of the whole account wanted was not done.
func (c *Account) refused() string {
	t := &c.Fleet.Trouble
	for _, of := range []string{fleetdata.OfRemoval, fleetdata.OfBar} {
		if said := words.Refused(t, of); said != "" {
			return said
		}
	}
	return ""
}
