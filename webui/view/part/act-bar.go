package part

import (
	"unbrick/webui/words"

	"github.com/vugu/vugu"
)

// ActBar is the buttons of one place. While the question of one is open, its two answers stand there and nothing else.
type ActBar struct {
	Acts  []words.Act
	Hint  string
	Stick bool   // the primary one stays at the lower edge of a phone
	Small bool   // in a row of a table
	Key   string // tells the place from others on the screen
	Wish  WishFunc

	asking string // label of the act whose question is open; empty: none
}

// answer is what answers a question.
type answer struct{ act *words.Act }

func (c *ActBar) class() string {
	switch {
	case c.Small:
		return "acts"
	case c.Stick:
		return "act stick"
	}
	return "act"
}

// open is the act whose question is open, or nil. A question whose act has changed meanwhile is another one, and closed.
func (c *ActBar) open() *words.Act {
	for i := range c.Acts {
		if a := &c.Acts[i]; a.Ask.Question != "" && c.asking == a.Label {
			return a
		}
	}
	return nil
}

func (c *ActBar) question() string {
	if a := c.open(); a != nil {
		return a.Ask.Question
	}
	return ""
}

// list is the buttons: those of the acts, or the answers. The safe answer comes last, and gets the focus.
func (c *ActBar) list() []words.Act {
	if a := c.open(); a != nil {
		return []words.Act{words.Danger(a.Label, answer{a}), words.Secondary(a.Ask.No, answer{})}
	}
	return c.Acts
}

// press does what a button is for, or asks first.
func (c *ActBar) press(a words.Act) {
	switch to, isAnswer := a.Wish.(answer); {
	case isAnswer:
		c.close()
		if to.act != nil {
			c.Wish.Do(to.act.Wish)
		}
	case a.Ask.Question != "":
		c.asking = a.Label
		c.Wish.Do(words.Focus{Selector: c.selector() + " button:last-of-type"})
	case !a.Disabled:
		c.Wish.Do(a.Wish)
	}
}

// close closes the question; the focus goes back to where it was asked.
func (c *ActBar) close() {
	c.asking = ""
	c.Wish.Do(words.Focus{Selector: c.selector() + " button"})
}

func (c *ActBar) selector() string { return `[data-acts="` + c.Key + `"]` }

// key closes the question for who presses Escape in it.
func (c *ActBar) key(e vugu.DOMEvent) {
	if c.open() != nil && e.PropString("key") == "Escape" {
		c.close()
	}
}

func (c *ActBar) button(a words.Act) string {
	switch {
	case !c.Small:
		return a.Class()
	case c.open() == nil:
		return "quiet"
	}
	return a.Class() + " small"
}
