package view

import "strconv"

// FactList is a list of labelled facts.
type FactList struct {
	Page   *Root
	Facts  []fact
	Narrow bool
}

func (c *FactList) class() string {
	if c.Narrow {
		return "facts narrow"
	}
	return "facts"
}

func (c *FactList) expanded() string { return strconv.FormatBool(c.Page.choosing) }

func (c *FactList) settings() string { return strconv.FormatBool(c.Page.settings.open) }

func (c *FactList) toggle() { c.Page.choosing = !c.Page.choosing }

func (c *FactList) toggleSettings() { c.Page.settings.open = !c.Page.settings.open }
