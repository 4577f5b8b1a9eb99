package fleet

import (
	"unbrick/webui/fleetdata"
	"unbrick/webui/words"
)

// Log is the audit log: who did what at the server.
type Log struct {
	shows
}

// before wants the acts before those on the screen.
type before struct{}

func (c *Log) rows() []words.ActRow { return words.ActRows(c.Fleet.Acts, c.Now) }

func (c *Log) nothing() string {
	if !c.Fleet.Got(fleetdata.GotActs) {
		return "Asking the server."
	}
	return "Nobody has done anything yet."
}
