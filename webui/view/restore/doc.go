// Package restore is the Restore screen: Screen is composed of a drawing of the cable, and one pane for the phase. What the panes
// say is in package words; what a person has opened or chosen and not yet sent is kept here.
package restore

import (
	"unbrick/webui/view/flashmap"
	"unbrick/webui/view/part"
)

// The components of this screen tell what a person wants, and that a map is there, as those do that they are composed of.
type (
	WishEvent  = part.WishEvent
	WishFunc   = part.WishFunc
	MountEvent = flashmap.MountEvent
	MountFunc  = flashmap.MountFunc
)
