// Package fleet is the Fleet screen, for operators. Screen owns the client that asks the server, and shows one part of what that
// knows. What the parts say is in package words.
package fleet

import (
	"time"

	"unbrick/webui/fleetdata"
	"unbrick/webui/view/part"
)

// The components of this screen tell what a person wants as those do that they are composed of.
type (
	WishEvent = part.WishEvent
	WishFunc  = part.WishFunc
)

// shows is what each part of this screen is of.
type shows struct {
	Fleet *fleetdata.Client
	Now   time.Time
	Wish  WishFunc
}
