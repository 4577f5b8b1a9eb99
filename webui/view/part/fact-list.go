package part

import (
	"strconv"

	"unbrick/webui/words"
)

// FactList is a list of labelled facts. Some of them open a choice beside the list.
type FactList struct {
	Facts    []words.Fact
	Narrow   bool
	Releases bool // the choice of releases is open
	Settings bool // the choice about settings is
	Change   ChangeFunc
}

// ChangeEvent wants a choice opened or closed: that about settings, or that of releases.
type ChangeEvent struct{ Settings bool }

// ChangeFunc takes such an event.
type ChangeFunc func(ChangeEvent)

func (c *FactList) expanded() string { return strconv.FormatBool(c.Releases) }

func (c *FactList) settings() string { return strconv.FormatBool(c.Settings) }

func (c *FactList) change(settings bool) { c.Change(ChangeEvent{settings}) }
