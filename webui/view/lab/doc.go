// Package lab is the Lab screen: the emulated device, and runs of it that are played again. Screen is composed of a component for
// each region of the panel. What they say is in package words.
package lab

import (
	"unbrick/webui/view/part"
)

// The components of this screen tell what a person wants as those do that they are composed of.
type (
	WishEvent = part.WishEvent
	WishFunc  = part.WishFunc
	PickEvent = part.PickEvent
)
