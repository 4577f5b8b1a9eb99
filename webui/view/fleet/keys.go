package fleet

import (
	"unbrick/webui/words"
)

// Keys is by what the shown device is known, and who is not proven to be it.
type Keys struct {
	shows
}

func (c *Keys) rows() []words.KeyRow { return words.KeyRows(c.Fleet, c.Now) }

func (c *Keys) acts() []words.Act { return words.KnownActs(c.Fleet) }

// note says why somebody who is not proven has no button.
func (c *Keys) note() string {
	if len(c.Fleet.Detail.Strangers) == 0 {
		return ""
	}
	return words.StrangersNote(c.Fleet)
}

func (c *Keys) refused() string { return refusedKeys(c.Fleet) }
