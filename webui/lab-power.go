package webui

import (
	"strconv"
	"strings"

	"unbrick/apparatus"

	"github.com/vugu/vugu"
)

// maxCut bounds what can be typed: no rewrite has more operations.
const maxCut = 1 << 32

// firstCut stands in the field before anybody has typed: it falls into the first sectors of any rewrite.
const firstCut = "100"

// LabPower is the switch, and a cut that waits for its flash operation.
type LabPower struct{ Page *Root }

func (c *LabPower) power() *apparatus.Power { return &c.Page.state.Lab.Power }

func (c *LabPower) on() bool { return c.power().Switch == apparatus.SwitchOn }

func (c *LabPower) checked() string {
	if c.on() {
		return "true"
	}
	return "false"
}

func (c *LabPower) word() string {
	if c.on() {
		return "On"
	}
	return "Off"
}

func (c *LabPower) note() string { return switchNote(&c.Page.state.Lab) }

func (c *LabPower) flip() {
	to := apparatus.SwitchOn
	if c.on() {
		to = apparatus.SwitchOff
	}
	c.Page.hooks.Command(apparatus.LabPower{Switch: to})
}

func (c *LabPower) armed() bool { return c.power().CutAt > 0 }

func (c *LabPower) pressed() string {
	if c.armed() {
		return "true"
	}
	return "false"
}

func (c *LabPower) armWord() string {
	if c.armed() {
		return "Armed"
	}
	return "Arm"
}

// cut is the operation in the field: the armed one, else what was typed, else the last cut's.
func (c *LabPower) cut() string {
	switch p := c.power(); {
	case c.armed():
		return strconv.FormatUint(p.CutAt, 10)
	case c.Page.lab.typed:
	case p.LastCut > 0:
		return strconv.FormatUint(p.LastCut, 10)
	default:
		return firstCut
	}
	return c.Page.lab.cut
}

func (c *LabPower) hint() string { return cutHint(c.power()) }

func (c *LabPower) invalid() string {
	if c.Page.lab.badCut {
		return "true"
	}
	return "false"
}

func (c *LabPower) complaint() string {
	if c.Page.lab.badCut {
		return "A number from 1 on."
	}
	return ""
}

func (c *LabPower) typed(e vugu.DOMEvent) {
	c.Page.lab.cut = e.PropString("target", "value")
	c.Page.lab.typed, c.Page.lab.badCut = true, false
}

func (c *LabPower) tears() []option {
	now := c.Page.lab.tear
	if c.armed() {
		now = c.power().Tear
	}
	return enumOptions(apparatus.TearKinds, int(now), func(i int) string { return tearName(apparatus.Tear(i)) })
}

func (c *LabPower) setTear(e vugu.DOMEvent) {
	n, err := strconv.Atoi(e.PropString("target", "value"))
	if err != nil || n < 0 || n >= apparatus.TearKinds {
		return
	}
	c.Page.lab.tear = apparatus.Tear(n)
	if c.armed() {
		c.Page.hooks.Command(apparatus.LabCut{At: c.power().CutAt, Tear: c.Page.lab.tear})
	}
}

// arm arms the cut, or takes an armed one back.
func (c *LabPower) arm(e vugu.DOMEvent) {
	e.PreventDefault()
	if c.armed() {
		c.Page.lab.cut, c.Page.lab.typed = strconv.FormatUint(c.power().CutAt, 10), true
		c.Page.hooks.Command(apparatus.LabCut{})
		return
	}
	at, ok := parseOperation(c.cut())
	c.Page.lab.badCut = !ok
	if ok {
		c.Page.hooks.Command(apparatus.LabCut{At: at, Tear: c.Page.lab.tear})
	}
}

// parseOperation reads a number of a flash operation as people type it, with or without gaps.
func parseOperation(s string) (uint64, bool) {
	s = strings.NewReplacer(" ", "", gap, "", "\u00a0", "", ".", "", ",", "").Replace(s)
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil && n > 0 && n < maxCut
}
