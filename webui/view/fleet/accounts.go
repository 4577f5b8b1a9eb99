package fleet

import (
	"time"

	"unbrick/webui/fleetdata"
	"unbrick/webui/words"
)

// Accounts is the table of accounts, with what they may.
type Accounts struct {
	Fleet *fleetdata.Client
	Now   time.Time
}

func (c *Accounts) rows() []words.AccountRow { return words.AccountRows(c.Fleet.Accounts, c.Now) }
