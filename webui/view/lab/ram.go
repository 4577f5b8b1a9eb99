package lab

import (
	"unbrick/webui/state"
	"unbrick/webui/words"
)

// Ram is the emulated RAM: applications, workspace, and what was limited for it.
type Ram struct{ Lab *state.Lab }

// taken is what was limited for an update; in restoration mode nothing runs that could be.
func (c *Ram) taken() []words.Block {
	if words.Restoring(c.Lab.Phase) {
		return nil
	}
	return words.RAMTaken(&c.Lab.RAM)
}
