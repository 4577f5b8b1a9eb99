package view

import (
	"strconv"

	"unbrick/webui/state"

	"github.com/vugu/vugu"
)

// LabScreen is the emulated device.
type LabScreen struct{ Page *Root }

func (c *LabScreen) lab() *state.Lab { return &c.Page.state.Lab }

// device says whether there is a device, or a run of one, to show.
func (c *LabScreen) device() bool {
	return c.replaying() || c.lab().Replay.Phase == state.ReplayNone && c.lab().Phase != state.LabAbsent
}

// replaying says that a run is shown in place of the device.
func (c *LabScreen) replaying() bool { return c.lab().Replay.Phase == state.ReplayReady }

// making says whether the form for a new device is open.
func (c *LabScreen) making() bool {
	return c.lab().Replay.Phase == state.ReplayNone && (!c.device() || c.Page.lab.remake && c.still())
}

// changeable says that another device may be made.
func (c *LabScreen) changeable() bool { return c.still() && !c.replaying() }

// still says that the device does nothing that a new one would interrupt.
func (c *LabScreen) still() bool {
	switch c.lab().Phase {
	case state.LabOff, state.LabRunning, state.LabBricked, state.LabFault:
		return true
	case state.LabAbsent, state.LabBooting, state.LabAsking, state.LabReceiving, state.LabProving,
		state.LabRewriting, state.LabJudging, state.LabRestoring:
	}
	return false
}

func (c *LabScreen) lamp() string {
	lamp, _ := labState(c.lab())
	return "lamp " + lamp
}

// line is the state in words, with the remaining time of a restoration.
func (c *LabScreen) line() string {
	_, words := labState(c.lab())
	if left := c.Page.labLeft.Remaining(); c.lab().Phase == state.LabRestoring && left.Known {
		words += " " + left.Words().String() + "."
	}
	return words + makeEndWords(c.lab().Make.Ended)
}

// failure is what there is to say of a restoration that has ended early.
func (c *LabScreen) failure() *pane { return c.Page.labFailure() }

func (c *LabScreen) acts() []act { return c.Page.labActs() }

// choices are the releases that could be restored, when there is more than one.
func (c *LabScreen) choices() []option {
	l := c.lab()
	if l.Phase != state.LabBricked || len(l.Choice) < 2 {
		return nil
	}
	list := make([]option, 0, len(l.Choice))
	wanted := c.Page.labWanted()
	for i := range l.Choice {
		rel := &l.Choice[i]
		name := "Release " + rel.Version
		if w := fitWords(rel.Fit); w != "" {
			name += ", " + w
		}
		list = append(list, option{digestText(rel.Digest), name, rel.Digest == wanted})
	}
	return list
}

func (c *LabScreen) want(e vugu.DOMEvent) {
	c.Page.lab.wanted = digestOf(e.PropString("target", "value"))
}

func (c *LabScreen) flash() *state.Map { return &c.lab().Map }

func (c *LabScreen) facts() string { return factsWords(&c.flash().Facts) }

func (c *LabScreen) newDevice() { c.Page.lab.remake = !c.Page.lab.remake }

func (c *LabScreen) remakeExpanded() string {
	if c.Page.lab.remake {
		return "true"
	}
	return "false"
}

// digestText and digestOf carry a digest through a form.
func digestText(d [32]byte) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 0, 64)
	for _, x := range d {
		b = append(b, digits[x>>4], digits[x&15])
	}
	return string(b)
}

func digestOf(s string) (d [32]byte) {
	if len(s) != 64 {
		return [32]byte{}
	}
	for i := range d {
		hi, lo := hexDigit(s[2*i]), hexDigit(s[2*i+1])
		if hi > 15 || lo > 15 {
			return [32]byte{}
		}
		d[i] = hi<<4 | lo
	}
	return d
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// kept tells whether a reload would find the flash as it is.
func (c *LabScreen) kept() string { return strconv.FormatBool(c.Page.state.Lab.Kept) }
