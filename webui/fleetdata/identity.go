package fleetdata

import (
	"strings"

	"unbrick/limits"
	"unbrick/server/form"
)

// What a Trouble is of: an enrolment of a key, the removal of strangers, how devices of a model are enrolled.
const (
	OfKey       = "key"
	OfStrangers = "strangers"
	OfEnrolment = "enrolment"
)

// MaxStrangers is how many the server keeps.
const MaxStrangers = limits.Strangers

// Among says which strangers are listed.
type Among struct {
	Model    string // empty: of all
	Standing string // empty: of every one
	Search   string // a part of the serial
}

// StrangersPath is the address of the list of strangers.
const StrangersPath = "#fleet-strangers"

func (c *Client) devicePath() string { return devicePath(c.Model, c.Serial) }

func devicePath(model, serial string) string { return form.DevicesPath + "/" + model + "/" + serial }

// StrangersOf is the model whose strangers are listed; empty: those of all.
func (c *Client) StrangersOf() string {
	if len(c.Models) > 0 {
		return c.Of()
	}
	return c.Among.Model
}

// Strangers is how many spoke and are not proven to be a device, as far as that was told.
func (c *Client) Strangers() (n int) {
	for _, more := range c.Summary.Strangers {
		n += more
	}
	return n
}

// Describes is what is known of a model, nil if the server knows none of the name or has not answered.
func (c *Client) Describes(model string) *form.Model {
	for i := range c.Described {
		if c.Described[i].ID == model {
			return &c.Described[i]
		}
	}
	return nil
}

// getDescribed asks for all models.
func (c *Client) getDescribed() {
	getAll[form.Models](c, form.ModelsPath, GotDescribed, func(list []form.Model, whole bool) {
		if whole {
			c.Described = list
		}
	})
}

// getStrangers asks for a page of strangers behind those that came before.
func (c *Client) getStrangers(cursor string, before []form.Stranger) {
	query := "?limit=" + onePage
	for _, v := range [][2]string{{"model", c.StrangersOf()}, {"standing", c.Among.Standing}, {"search", c.Among.Search}} {
		if v[1] != "" {
			query += "&" + v[0] + "=" + Escape(v[1])
		}
	}
	c.get(form.StrangersPath+query+cursor, GotStrangers, func(o any) {
		page := read[form.Strangers](o)
		c.Others, c.nextOne = append(before, page.Strangers...), page.Next
	})
}

// MoreStrangers reports whether there are strangers behind those that were asked for.
func (c *Client) MoreStrangers() bool { return c.nextOne != "" }

// NextStrangers asks for the strangers behind those on the screen.
func (c *Client) NextStrangers() {
	if c.nextOne == "" {
		return
	}
	c.asked++
	c.getStrangers("&cursor="+Escape(c.nextOne), c.Others)
}

// ListStrangers lists others of them.
func (c *Client) ListStrangers(a Among) {
	a.Search = searched(a.Search)
	if len(c.Models) > 0 {
		c.of = a.Model
	}
	c.Among, c.Others, c.nextOne, c.Trouble = a, nil, "", Trouble{}
	c.got &^= GotStrangers
	c.Ask()
}

// searched is as much of what somebody searches for as the server takes.
func searched(words string) string {
	return strings.ToValidUTF8(words[:min(len(words), maxSearch)], "")
}

// Enrol makes a key that of a device: in place of the one it has if anew is said, or of a device that has none.
func (c *Client) Enrol(model, serial, key string, anew bool, then func()) {
	act, said := "/approve", "Approved. It is proven from its next session on."
	if anew {
		act, said = "/rekey", "The key is changed. It is proven from its next session on."
	}
	c.send(OfKey, "POST", devicePath(model, serial)+act, map[string]any{"key": key}, said, func(answer any) {
		if c.View == ViewDevice && c.Model == model && c.Serial == serial {
			c.Detail.Known = read[form.Known](answer)
		}
		then()
	})
}

// ForgetStrangers forgets those of a model, or of one serial.
func (c *Client) ForgetStrangers(model, serial string, then func()) {
	path := form.StrangersPath + "?model=" + Escape(model)
	if serial != "" {
		path += "&serial=" + Escape(serial)
	}
	c.send(OfStrangers, "DELETE", path, nil, "Forgotten.", func(any) {
		c.Others, c.nextOne = nil, ""
		then()
	})
}

// SetEnrolment says how devices of a model are enrolled.
func (c *Client) SetEnrolment(model, how string) {
	c.send(OfEnrolment, "PUT", form.ModelsPath+"/"+Escape(model)+"/enrolment", map[string]any{"enrolment": how}, "Saved.", func(answer any) {
		if k := c.Describes(model); k != nil {
			*k = read[form.Model](answer)
		}
	})
}
