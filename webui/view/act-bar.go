package view

import "github.com/vugu/vugu"

// ActBar is the buttons of one place. While the question of one is open, its two answers stand there and nothing else.
type ActBar struct {
	Page  *Root
	Acts  []act
	Hint  string
	Stick bool   // the primary one stays at the lower edge of a phone
	Small bool   // in a row of a table
	Key   string // tells the place from others on the screen
}

// question is the question before an act that others feel, or that cannot be taken back.
type question struct {
	Question string
	No       string // what not doing it is called
}

// asked puts a question before an act.
func asked(a act, words, no string) act {
	a.Ask = question{words, no}
	return a
}

func (c *ActBar) class() string {
	switch {
	case c.Small:
		return "acts"
	case c.Stick:
		return "act stick"
	}
	return "act"
}

// open is the act whose question is open, or nil.
func (c *ActBar) open() *act {
	for i := range c.Acts {
		if a := &c.Acts[i]; a.Ask.Question != "" && c.Page.asking == c.id(a) {
			return a
		}
	}
	return nil
}

// id names a question. One whose act has changed meanwhile is another one, and closed.
func (c *ActBar) id(a *act) string { return c.Key + " " + a.Label }

func (c *ActBar) question() string {
	if a := c.open(); a != nil {
		return a.Ask.Question
	}
	return ""
}

func (c *ActBar) hint() string {
	if c.open() != nil {
		return ""
	}
	return c.Hint
}

// list is the buttons: those of the acts, or the answers. The safe answer comes last, and gets the focus.
func (c *ActBar) list() []act {
	if a := c.open(); a != nil {
		yes := danger(a.Label, func() { c.close(); a.Do() })
		return []act{yes, secondary(a.Ask.No, c.close)}
	}
	list := make([]act, len(c.Acts))
	for i, a := range c.Acts {
		if list[i] = a; a.Ask.Question != "" {
			list[i].Do = func() {
				c.Page.asking = c.id(&a)
				c.Page.focus = c.selector() + " button:last-of-type"
			}
		}
	}
	return list
}

// close closes the question; the focus goes back to where it was asked.
func (c *ActBar) close() {
	c.Page.asking = ""
	c.Page.focus = c.selector() + " button"
}

func (c *ActBar) selector() string { return `[data-acts="` + c.Key + `"]` }

// key closes the question for who presses Escape in it.
func (c *ActBar) key(e vugu.DOMEvent) {
	if c.open() != nil && e.PropString("key") == "Escape" {
		c.close()
	}
}

func (c *ActBar) button(a act) string {
	if c.Small && c.open() == nil {
		return "quiet"
	}
	if c.Small {
		return a.Class() + " small"
	}
	return a.Class()
}

// name names a button for whoever does not see what stands beside it; nil where its words are enough.
func (c *ActBar) name(a act) any {
	if a.Name == "" {
		return nil
	}
	return a.Name
}
