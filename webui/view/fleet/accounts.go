package fleet

import (
	"unbrick/webui/words"
)

// Accounts is the table of accounts, with what they may.
type Accounts struct {
	shows

	pages int // that were asked for behind the first
}

func (c *Accounts) rows() []words.AccountRow {
	list := c.Fleet.Accounts
	return words.AccountRows(list[:min(len(list), (c.pages+1)*maxRows)], c.Now)
}

func (c *Accounts) more() bool { return len(c.Fleet.Accounts) > (c.pages+1)*maxRows }

func (c *Accounts) make() { c.Wish.Do(words.GoTo{Path: "#fleet-new-account"}) }
