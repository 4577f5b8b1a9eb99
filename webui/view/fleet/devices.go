package fleet

import (
	"slices"

	"unbrick/server/form"
	"unbrick/webui/words"

	"github.com/vugu/vugu"
)

// maxRows bounds the rows that the page draws; a search finds the rest.
const maxRows = 50

// Devices is the table of devices, those in need first.
type Devices struct {
	shows
}

// find wants the devices that match some words, listOf those of one model, more those behind the ones that are shown.
type (
	find   struct{ words string }
	listOf struct{ model string }
	more   struct{}
)

// models are those among which an account that is bound to several chooses.
func (c *Devices) models() []words.Option {
	var list []words.Option
	for _, id := range c.Fleet.Models {
		list = append(list, words.Option{Value: id, Name: "Model " + id, Selected: id == c.Fleet.Of()})
	}
	return list
}

func (c *Devices) typed(e vugu.DOMEvent) { c.Wish.Do(find{e.PropString("target", "value")}) }

// rows are the last devices that were asked for.
func (c *Devices) rows() []words.DeviceRow {
	list := c.Fleet.Devices
	return words.DeviceRows(list[max(0, len(list)-maxRows):], c.Now)
}

func (c *Devices) others() string { return words.StrangersLine(c.Fleet) }

// examples says whether devices are shown that do not exist.
func (c *Devices) examples() bool {
	return slices.ContainsFunc(c.Fleet.Devices, func(d form.Device) bool { return d.Demo })
}
