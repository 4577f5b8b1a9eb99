package part

import (
	"strings"

	"unbrick/webui/words"

	"github.com/vugu/vugu"
)

// StatePane shows one pane: the headline, what explains it, and the buttons.
type StatePane struct {
	Pane        words.Pane
	DefaultSlot vugu.Builder // stands in place of the facts; nil: they do
	Wish        WishFunc

	details bool // those for support are open
}

// says is what the device says, for a block that keeps its lines.
func (c *StatePane) says() string { return strings.Join(c.Pane.Says, "\n") }

// trace is what support asks for, as one text.
func (c *StatePane) trace() string {
	return strings.Join(append(append([]string(nil), c.Pane.Trace...), c.Pane.TraceEnd), "\n")
}

func (c *StatePane) toggle(e vugu.DOMEvent) {
	e.PreventDefault()
	c.details = !c.details
}

func (c *StatePane) copy(text string) { c.Wish.Do(words.CopyText{Text: text}) }
