package view

import (
	"slices"

	"github.com/vugu/vugu"
)

// maxRows bounds the rows that the page draws; a search finds the rest.
const maxRows = 50

// FleetDevices is the table of devices, those in need first.
type FleetDevices struct{ Page *Root }

func (c *FleetDevices) heading() string { return c.Page.fleetHeading() }

func (c *FleetDevices) lead() []leadPart { return fleetLead(&c.Page.fleet.summary) }

func (c *FleetDevices) find(words string) { c.Page.fleetFind(words) }

func (c *FleetDevices) text() string { return c.Page.fleet.search }

func (c *FleetDevices) typed(e vugu.DOMEvent) { c.Page.fleetFind(e.PropString("target", "value")) }

// rows are the last devices that were asked for.
func (c *FleetDevices) rows() []deviceRow {
	list := c.Page.fleet.devices
	return deviceRows(list[max(0, len(list)-maxRows):], c.Page.hooks.Now())
}

func (c *FleetDevices) found() string {
	f := &c.Page.fleet
	switch {
	case f.got&gotDevices == 0:
		return "Searching"
	case f.total == 0:
		return "None matches"
	case len(f.devices) > maxRows:
		return group(uint64(len(f.devices)-maxRows+1)) + " to " + group(uint64(len(f.devices))) + " of " + group(uint64(f.total)) + ", those in need first"
	}
	return group(uint64(len(f.devices))) + " of " + group(uint64(f.total)) + ", those in need first"
}

// examples says whether devices are shown that do not exist.
func (c *FleetDevices) examples() bool {
	return slices.ContainsFunc(c.Page.fleet.devices, func(d fleetDevice) bool { return d.Demo })
}

func (c *FleetDevices) some() bool { return len(c.Page.fleet.devices) > 0 }

func (c *FleetDevices) more() bool { return c.Page.fleet.next != "" }

func (c *FleetDevices) showMore() { c.Page.fleetMore() }
