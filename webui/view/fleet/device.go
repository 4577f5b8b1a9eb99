package fleet

import (
	"unbrick/webui/fleetdata"
	"unbrick/webui/words"
)

// Device is one device with its history.
type Device struct {
	shows
}

func (c *Device) known() bool { return c.Fleet.Got(fleetdata.GotDetail) && !c.Fleet.Missing }

// unproven says that nobody who spoke under the serial is proven to be its device, or nobody spoke yet.
func (c *Device) unproven() bool {
	k := &c.Fleet.Detail.Known
	return c.Fleet.Missing && len(k.DeviceKeys)+len(k.Strangers) > 0
}

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
	case c.unproven():
		return words.NobodyProven(&c.Fleet.Detail.Known)
	case c.Fleet.Missing && !c.Fleet.Got(fleetdata.GotKnown):
		return "Asking the server."
	case c.Fleet.Missing:
		return "The server knows no device of this serial and model."
	case !c.known():
		return "Asking the server."
	}
	_, is := words.DeviceState(&c.Fleet.Detail.Device, c.Now)
	return is
}
