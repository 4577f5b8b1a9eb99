package view

// FleetDevice is one device with its history.
type FleetDevice struct{ Page *Root }

func (c *FleetDevice) detail() *fleetDetail { return &c.Page.fleet.detail }

func (c *FleetDevice) serial() string { return c.Page.fleet.serial }

func (c *FleetDevice) known() bool { return c.Page.fleet.got&gotDetail != 0 && !c.Page.fleet.missing }

func (c *FleetDevice) lamp() string {
	if !c.known() {
		return "lamp hold"
	}
	lamp, _ := deviceState(&c.detail().Device, c.Page.hooks.Now())
	return "lamp " + lamp
}

func (c *FleetDevice) words() string {
	switch {
	case c.Page.fleet.missing:
		return "The server knows no device of this serial and model."
	case !c.known():
		return "Asking the server."
	}
	_, words := deviceState(&c.detail().Device, c.Page.hooks.Now())
	return words
}

func (c *FleetDevice) history() []eventRow { return eventRows(c.detail().History, c.Page.hooks.Now()) }

func (c *FleetDevice) facts() []fact { return deviceFactRows(c.detail()) }

// acts offer a release again that the device is held back from.
func (c *FleetDevice) acts() []act {
	var list []act
	for _, a := range c.detail().Device.Attempts {
		if a.Held {
			name := imageName(a.Version, a.Image)
			list = append(list, asked(secondary("Offer "+name+" again", func() { c.Page.free(a.Image) }),
				"Offer release "+name+" to this device again? It takes it with its next session.", "Keep it held back"))
		}
	}
	return list
}
