package lab

import (
	"unbrick/webui/state"
	"unbrick/webui/words"

	"github.com/vugu/vugu"
)

// Make makes a device from the factory: a model and the release that it leaves the factory with.
type Make struct {
	Making *state.Making
	Reach  state.Reach // of the server
	First  bool        // there has never been a device: then the page says what can be done with one
	Wish   WishFunc

	chosen string   // model
	with   [32]byte // release
}

// possible says whether there is anything to make a device of.
func (c *Make) possible() bool { return len(c.Making.Models) > 0 && len(c.releases()) > 0 }

func (c *Make) empty() bool { return c.Making.State != state.MakeLooking && c.Reach == state.ReachYes }

// model is the chosen model, the first one unless the person chose.
func (c *Make) model() string {
	models := c.Making.Models
	for i := range models {
		if models[i].ID == c.chosen {
			return models[i].ID
		}
	}
	if len(models) == 0 {
		return ""
	}
	return models[0].ID
}

func (c *Make) models() []words.Option {
	var list []words.Option
	for _, m := range c.Making.Models {
		list = append(list, words.Option{Value: m.ID, Name: words.Model(m), Selected: m.ID == c.model()})
	}
	return list
}

// releases are those of the chosen model, oldest first: a device is made to be updated.
func (c *Make) releases() []words.Option {
	var list []words.Option
	all := c.Making.Releases
	chosen := false
	for i := len(all) - 1; i >= 0; i-- {
		if rel := &all[i]; rel.Model == c.model() {
			on := rel.Digest == c.with
			chosen = chosen || on
			list = append(list, words.Option{Value: digestText(rel.Digest), Name: "Release " + rel.Version, Selected: on})
		}
	}
	if !chosen && len(list) > 0 {
		list[0].Selected = true
	}
	return list
}

func (c *Make) submit(e vugu.DOMEvent) {
	e.PreventDefault()
	for _, o := range c.releases() {
		if o.Selected {
			c.Wish.Do(state.LabMake{Model: c.model(), Digest: digestOf(o.Value)})
			return
		}
	}
}
