package fleet

import (
	"slices"

	"unbrick/server/form"
	"unbrick/webui/fleetdata"
	"unbrick/webui/view/part"
	"unbrick/webui/words"

	"github.com/vugu/vugu"
)

// Strangers is the table of those who spoke and are not proven to be a device, who spoke last first.
type Strangers struct {
	shows
}

// moreStrangers wants those behind the ones that are shown. Others of them are wanted by a fleetdata.Among.
type moreStrangers struct{}

// models are those of which strangers can be listed: who is bound to models sees those of one at a time.
func (c *Strangers) models() []words.Option {
	chosen := c.Fleet.StrangersOf()
	var list []words.Option
	if len(c.Fleet.Models) == 0 {
		list = append(list, words.Option{Name: "All models", Selected: chosen == ""})
	}
	for i := range c.Fleet.Described {
		if id := c.Fleet.Described[i].ID; c.Fleet.On(id) {
			list = append(list, words.Option{Value: id, Name: "Model " + id, Selected: id == chosen})
		}
	}
	return list
}

func (c *Strangers) among() fleetdata.Among {
	a := c.Fleet.Among
	a.Model = c.Fleet.StrangersOf()
	return a
}

func (c *Strangers) of(e part.PickEvent) {
	a := c.among()
	a.Model = e.Value
	c.Wish.Do(a)
}

func (c *Strangers) by(e part.PickEvent) {
	a := c.among()
	a.Standing = e.Value
	c.Wish.Do(a)
}

func (c *Strangers) typed(e vugu.DOMEvent) {
	a := c.among()
	a.Search = e.PropString("target", "value")
	c.Wish.Do(a)
}

func (c *Strangers) rows() []words.StrangerRow {
	list := c.Fleet.Others
	return words.StrangerRows(c.Fleet, list[max(0, len(list)-maxRows):], c.Now)
}

func (c *Strangers) examples() bool {
	return slices.ContainsFunc(c.Fleet.Others, func(s form.Stranger) bool { return words.IsExample(&s) })
}

func (c *Strangers) refused() string { return refusedKeys(c.Fleet) }

// refusedKeys says why a key was not enrolled, or strangers were not forgotten.
func refusedKeys(f *fleetdata.Client) string {
	if said := words.Refused(&f.Trouble, fleetdata.OfKey); said != "" {
		return said
	}
	return words.Refused(&f.Trouble, fleetdata.OfStrangers)
}
