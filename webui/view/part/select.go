package part

import (
	"strconv"

	"unbrick/webui/words"

	"github.com/vugu/vugu"
)

// Select is a choice of one among some.
type Select struct {
	ID      string
	Number  bool // its options are numbers
	Options []words.Option
	Pick    PickFunc
}

// PickEvent says what was chosen.
type PickEvent struct{ Value string }

// PickFunc takes such an event.
type PickFunc func(PickEvent)

// Int is the value as a number, -1 for anything else.
func (e PickEvent) Int() int {
	n, err := strconv.Atoi(e.Value)
	if err != nil {
		return -1
	}
	return n
}

func (c *Select) pick(e vugu.DOMEvent) { c.Pick(PickEvent{e.PropString("target", "value")}) }
