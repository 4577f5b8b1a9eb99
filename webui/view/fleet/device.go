package fleet

import (
	"time"

	"unbrick/webui/fleetdata"
	"unbrick/webui/words"
)

// Device is one device with its history.
type Device struct {
	Fleet *fleetdata.Client
	Now   time.Time
	Wish  WishFunc
}

func (c *Device) known() bool { return c.Fleet.Got(fleetdata.GotDetail) && !c.Fleet.Missing }

func (c *Device) acts() []words.Act { return words.DeviceActs(c.Fleet) }

func (c *Device) lamp() string {
	if !c.known() {
		return "lamp hold"
	}
	lamp, _ := words.DeviceState(&c.Fleet.Detail.Device, c.Now)
	return "lamp " + lamp
}

func (c *Device) words() string {
	switch {
	case c.Fleet.Missing:
		return "The server knows no device of this serial and model."
	case !c.known():
		return "Asking the server."
	}
	_, is := words.DeviceState(&c.Fleet.Detail.Device, c.Now)
	return is
}
