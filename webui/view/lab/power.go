package lab

import (
	"strconv"
	"strings"

	"unbrick/webui/state"
	"unbrick/webui/words"

	"github.com/vugu/vugu"
)

// firstCut stands in the field before anybody has typed: it falls into the first sectors of any rewrite.
const firstCut = "100"

// Power is the switch, and a cut that waits for its flash operation.
type Power struct {
	Lab   *state.Lab
	Cut   Cut
	Inert any // attribute while it cannot be touched
	Wish  WishFunc
	Type  TypeFunc

	bad bool // the text in the field was tried, and is none
}

// TypeEvent says what stands in the field now.
type TypeEvent struct{ Text string }

// TypeFunc takes such an event.
type TypeFunc func(TypeEvent)

func (c *Power) power() *state.Power { return &c.Lab.Power }

func (c *Power) on() bool { return c.power().Switch == state.SwitchOn }

func (c *Power) word() string {
	if c.on() {
		return "On"
	}
	return "Off"
}

func (c *Power) flip() {
	to := state.SwitchOn
	if c.on() {
		to = state.SwitchOff
	}
	c.Wish.Do(state.LabPower{Switch: to})
}

// armed says that a cut waits. Its number is kept from being typed over by "readonly": of a disabled field the focus would be lost.
func (c *Power) armed() bool { return c.power().CutAt > 0 }

func (c *Power) armWord() string {
	if c.armed() {
		return "Armed"
	}
	return "Arm"
}

// cut is the operation in the field: the armed one, else what was typed, else the last cut's.
func (c *Power) cut() string {
	switch p := c.power(); {
	case c.armed():
		return strconv.FormatUint(p.CutAt, 10)
	case c.Cut.Typed:
		return c.Cut.Text
	case p.LastCut > 0:
		return strconv.FormatUint(p.LastCut, 10)
	}
	return firstCut
}

// complaint says why nothing was armed.
func (c *Power) complaint() string {
	p := c.power()
	at, ok := parseOperation(c.cut())
	switch {
	case c.bad && !ok:
		return words.CutComplaint(false, p.Most)
	case ok && at == p.Refused:
		return words.CutComplaint(true, p.Most)
	}
	return ""
}

func (c *Power) typed(e vugu.DOMEvent) {
	c.bad = false
	c.put(e.PropString("target", "value"))
}

// put puts a text into the field. Who arms it at once does not wait for the next build.
func (c *Power) put(text string) {
	c.Cut = Cut{text, true}
	c.Type(TypeEvent{text})
}

// setTear changes what a cut leaves: an armed one, and one made with the switch. It is shown before the engine says so.
func (c *Power) setTear(n int) {
	if n < 0 || n >= state.TearKinds {
		return
	}
	c.power().Tear = state.Tear(n)
	c.Wish.Do(state.LabCut{At: c.power().CutAt, Tear: c.power().Tear})
}

// arm arms the cut, or takes an armed one back.
func (c *Power) arm(e vugu.DOMEvent) {
	e.PreventDefault()
	p := c.power()
	if c.armed() {
		c.put(c.cut())
		c.Wish.Do(state.LabCut{Tear: p.Tear})
		return
	}
	at, ok := parseOperation(c.cut())
	if c.bad = !ok; ok {
		c.Wish.Do(state.LabCut{At: at, Tear: p.Tear})
	}
}

// parseOperation reads a number of a flash operation as people type it: digits, of which three may be parted from the rest by
// a gap. Nothing else is guessed at: who types a point may mean a thousand or a fraction.
func parseOperation(s string) (uint64, bool) {
	s = strings.NewReplacer(words.Gap, " ", "\u00a0", " ").Replace(strings.TrimSpace(s))
	for i, part := range strings.Split(s, " ") {
		if i > 0 && len(part) != 3 {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(strings.ReplaceAll(s, " ", ""), 10, 64)
	return n, err == nil && n > 0
}
