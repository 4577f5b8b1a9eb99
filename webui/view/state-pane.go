package view

import (
	"strings"

	"unbrick/webui/state"

	"github.com/vugu/vugu"
)

// StatePane shows one pane: the headline, what explains it, and the buttons.
type StatePane struct {
	Page *Root
	Pane pane
}

func (c *StatePane) class() string {
	if c.Pane.Map {
		return "pane wide"
	}
	return "pane"
}

func (c *StatePane) flash() *state.Map { return &c.Page.state.Restore.Map }

func (c *StatePane) caption() string { return cellWords(&c.flash().Facts) }

// says is what the device says, for a block that keeps its lines.
func (c *StatePane) says() string { return strings.Join(c.Pane.Says, "\n") }

// trace is what support asks for, as one text.
func (c *StatePane) trace() string {
	return strings.Join(append(append([]string(nil), c.Pane.Trace...), c.Pane.TraceEnd), "\n")
}

func (c *StatePane) toggle(e vugu.DOMEvent) {
	e.PreventDefault()
	c.Page.details = !c.Page.details
}

func (c *StatePane) copy(text string) { c.Page.copyText(text) }

func (c *StatePane) current(row wayRow) any { return step(row.Current) }

// step is the value of aria-current for a step, or nil for none.
func step(current bool) any {
	if current {
		return "step"
	}
	return nil
}

const traceNote = "The diagnostic file holds this, every command with its time, and the browser’s version. It holds no secrets and no part of the device’s software."
