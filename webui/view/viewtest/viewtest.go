// Package viewtest helps tests of the page's components: events of a browser, and who listens to what a component wants.
package viewtest

import (
	"unbrick/webui/view/part"

	"github.com/vugu/vugu"
)

// Event is a browser's event with the properties that the page reads.
type Event struct {
	vugu.DOMEvent
	Key, Value string
	X, Y       float64
	Prevented  bool
}

// PropString returns the key, or the value of the event's target.
func (e *Event) PropString(keys ...string) string {
	if keys[0] == "key" {
		return e.Key
	}
	return e.Value
}

// PropFloat64 returns a coordinate.
func (e *Event) PropFloat64(keys ...string) float64 {
	if keys[0] == "offsetX" {
		return e.X
	}
	return e.Y
}

// PreventDefault notes that the browser is not to act.
func (e *Event) PreventDefault() { e.Prevented = true }

// Wishes is what a component has wanted.
type Wishes struct{ All []any }

// Take takes what a component wants.
func (w *Wishes) Take(e part.WishEvent) { w.All = append(w.All, e.Wish) }

// Last is what was wanted last; nil: nothing was.
func (w *Wishes) Last() any {
	if len(w.All) == 0 {
		return nil
	}
	return w.All[len(w.All)-1]
}
