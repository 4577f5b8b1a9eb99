package webui

// ActBar is the buttons of a state.
type ActBar struct {
	Acts  []act
	Hint  string
	Stick bool // the primary one stays at the lower edge of a phone
}

func (c *ActBar) class() string {
	if c.Stick {
		return "act stick"
	}
	return "act"
}
