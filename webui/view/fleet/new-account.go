package fleet

import "unbrick/webui/fleetdata"

// NewAccount makes an account.
type NewAccount struct {
	Fleet *fleetdata.Client
	Draft *Draft
	Wish  WishFunc
}
