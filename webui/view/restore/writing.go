package restore

import (
	"unbrick/restore"
	"unbrick/webui/state"
	"unbrick/webui/words"
)

// Writing is Restore while the device is written. There is nothing to press.
type Writing struct {
	Heading  string
	Progress *restore.Progress
	Left     restore.Remaining
	Rows     []words.PhaseRow
	Spoken   string     // to a screen reader
	Map      *state.Map // nil: there is none
	Mount    MountFunc
}

func (c *Writing) clock() restore.Phrase { return c.Left.Words() }
