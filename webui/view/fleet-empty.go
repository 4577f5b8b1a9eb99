package view

import "strings"

// FleetEmpty teaches how a first release is published.
type FleetEmpty struct{ Page *Root }

func (c *FleetEmpty) heading() string { return c.Page.fleetHeading() }

func (c *FleetEmpty) steps() []help { return teach }

func (c *FleetEmpty) copy(command string) { c.Page.copyText(command) }

func (c *FleetEmpty) copyAll() {
	var all []string
	for _, h := range teach {
		all = append(all, h.Command)
	}
	c.Page.copyText(strings.Join(all, "\n"))
}
