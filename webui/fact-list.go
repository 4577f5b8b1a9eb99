package webui

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

func (c *FactList) expanded() string {
	if c.Page.choosing {
		return "true"
	}
	return "false"
}

func (c *FactList) toggle() { c.Page.choosing = !c.Page.choosing }
