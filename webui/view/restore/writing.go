package restore

import (
	"unbrick/restore"
	"unbrick/webui/words"
)

// Writing is Restore while the device is written. There is nothing to press.
type Writing struct {
	Now    *words.Writing
	Left   restore.Remaining
	Spoken string // to a screen reader
	Mount  MountFunc
}

func (c *Writing) clock() restore.Phrase { return c.Left.Words() }
