package view

import (
	"unbrick/webui/state"

	"github.com/vugu/vugu"
)

// LabMake makes a device from the factory: a model and the release that it leaves the factory with.
type LabMake struct{ Page *Root }

func (c *LabMake) making() *state.Making { return &c.Page.state.Lab.Make }

// possible says whether there is anything to make a device of.
func (c *LabMake) possible() bool { return len(c.making().Models) > 0 && len(c.releases()) > 0 }

// why says why there is not.
func (c *LabMake) why() string {
	if c.making().State == state.MakeLooking {
		return "Looking for the device that was here last."
	}
	switch c.Page.state.Server.Reach {
	case state.ReachNo:
		return "The server does not answer, and no release is stored here. The Lab makes its device from a release."
	case state.ReachUnknown:
		return "Asking the server what there is."
	case state.ReachYes:
	}
	return "Nothing has been published yet. The Lab makes its device from a release."
}

func (c *LabMake) empty() bool {
	return c.making().State != state.MakeLooking && c.Page.state.Server.Reach == state.ReachYes
}

// busy says that a device is on its way.
func (c *LabMake) busy() bool { return c.making().State == state.MakeBusy }

// model is the chosen model, the first one unless the person chose.
func (c *LabMake) model() string {
	models := c.making().Models
	for i := range models {
		if models[i].ID == c.Page.lab.model {
			return models[i].ID
		}
	}
	if len(models) == 0 {
		return ""
	}
	return models[0].ID
}

func (c *LabMake) models() []option {
	var list []option
	for _, m := range c.making().Models {
		name := m.ID
		switch {
		case m.Name == "":
		case unnamed(m.ID, m.Name):
			name = m.Name
		default:
			name = m.Name + ", model " + m.ID
		}
		list = append(list, option{m.ID, name, m.ID == c.model()})
	}
	return list
}

// releases are those of the chosen model, oldest first: a device is made to be updated.
func (c *LabMake) releases() []option {
	var list []option
	all := c.making().Releases
	chosen := false
	for i := len(all) - 1; i >= 0; i-- {
		if rel := &all[i]; rel.Model == c.model() {
			on := rel.Digest == c.Page.lab.made
			chosen = chosen || on
			list = append(list, option{digestText(rel.Digest), "Release " + rel.Version, on})
		}
	}
	if !chosen && len(list) > 0 {
		list[0].Selected = true
	}
	return list
}

func (c *LabMake) setModel(e vugu.DOMEvent) { c.Page.lab.model = e.PropString("target", "value") }

func (c *LabMake) setRelease(e vugu.DOMEvent) {
	c.Page.lab.made = digestOf(e.PropString("target", "value"))
}

func (c *LabMake) submit(e vugu.DOMEvent) {
	e.PreventDefault()
	for _, o := range c.releases() {
		if o.Selected {
			c.Page.lab.remake = false
			c.Page.lab.cut, c.Page.lab.typed, c.Page.lab.badCut = "", false, false
			c.Page.hooks.Command(state.LabMake{Model: c.model(), Digest: digestOf(o.Value)})
			return
		}
	}
}

func (c *LabMake) buttonClass() string {
	if c.first() {
		return "button primary"
	}
	return "button"
}

func (c *LabMake) note() string {
	if c.first() {
		return "A board with one bank of flash, RAM and a cable, emulated in this browser. Its power can be pulled at any moment."
	}
	return "The present device and its flash are thrown away."
}

// first says that there has never been a device: then the page says what can be done with one.
func (c *LabMake) first() bool { return c.Page.state.Lab.Phase == state.LabAbsent }

func (c *LabMake) promises() []promise { return labPromises }

var labPromises = []promise{
	{"Update it", "Over the air: a delta that is proven before the first erase, then rewritten in place."},
	{"Pull the power", "At any moment, or inside one certain flash operation, and choose what the cut leaves behind."},
	{"Restore it", "Over the cable, from what is left in its flash."},
}
