package view

import (
	"strconv"
	"strings"

	"unbrick/webui/state"

	"github.com/vugu/vugu"
)

// firstCut stands in the field before anybody has typed: it falls into the first sectors of any rewrite.
const firstCut = "100"

// LabPower is the switch, and a cut that waits for its flash operation.
type LabPower struct{ Page *Root }

func (c *LabPower) power() *state.Power { return &c.Page.state.Lab.Power }

func (c *LabPower) on() bool { return c.power().Switch == state.SwitchOn }

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
	to := state.SwitchOn
	if c.on() {
		to = state.SwitchOff
	}
	c.Page.hooks.Command(state.LabPower{Switch: to})
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
	if c.complaint() != "" {
		return "true"
	}
	return "false"
}

// complaint says why nothing was armed.
func (c *LabPower) complaint() string {
	p := c.power()
	if c.Page.lab.badCut {
		return "Nothing is armed. Type the number of a flash operation, in digits: 1 to " + group(p.Most) + "."
	}
	if at, ok := parseOperation(c.cut()); ok && at == p.Refused {
		return "Nothing is armed. No rewrite of this flash has more than " + group(p.Most) + " flash operations."
	}
	return ""
}

// readonly keeps the number of an armed cut from being typed over. The field is not disabled: the focus would be lost.
func (c *LabPower) readonly() any {
	if c.armed() {
		return "readonly"
	}
	return nil
}

func (c *LabPower) typed(e vugu.DOMEvent) {
	c.Page.lab.cut = e.PropString("target", "value")
	c.Page.lab.typed, c.Page.lab.badCut = true, false
}

func (c *LabPower) tears() []option {
	return enumOptions(state.TearKinds, int(c.power().Tear), func(i int) string { return tearName(state.Tear(i)) })
}

// setTear changes what a cut leaves: an armed one, and one made with the switch.
func (c *LabPower) setTear(e vugu.DOMEvent) {
	n := value(e)
	if n < 0 || n >= state.TearKinds {
		return
	}
	c.power().Tear = state.Tear(n)
	c.Page.hooks.Command(state.LabCut{At: c.power().CutAt, Tear: c.power().Tear})
}

// arm arms the cut, or takes an armed one back.
func (c *LabPower) arm(e vugu.DOMEvent) {
	e.PreventDefault()
	p := c.power()
	if c.armed() {
		c.Page.lab.cut, c.Page.lab.typed = strconv.FormatUint(p.CutAt, 10), true
		c.Page.hooks.Command(state.LabCut{Tear: p.Tear})
		return
	}
	at, ok := parseOperation(c.cut())
	c.Page.lab.badCut = !ok
	if ok {
		c.Page.hooks.Command(state.LabCut{At: at, Tear: p.Tear})
	}
}

// parseOperation reads a number of a flash operation as people type it: digits, of which three may be parted from the rest by
// a gap. Nothing else is guessed at: who types a point may mean a thousand or a fraction.
func parseOperation(s string) (uint64, bool) {
	s = strings.NewReplacer(gap, " ", "\u00a0", " ").Replace(strings.TrimSpace(s))
	for i, part := range strings.Split(s, " ") {
		if i > 0 && len(part) != 3 {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(strings.ReplaceAll(s, " ", ""), 10, 64)
	return n, err == nil && n > 0
}
