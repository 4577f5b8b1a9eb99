package lab

import (
	"slices"

	"unbrick/restore"
	"unbrick/webui/state"
	"unbrick/webui/view/part"
	"unbrick/webui/words"
)

// Screen is the emulated device. It lasts as long as the page.
type Screen struct {
	Wish WishFunc

	lab    state.Lab
	reach  state.Reach
	left   restore.Meter
	wanted [32]byte // release to restore; zero leaves it to the apparatus
	remake bool     // the form for a new device is open beside the present one
	maker  Make
	cut    Cut

	stated bool   // the engine has said something
	link   string // id of the run that the address names; empty for none
	asked  string // the same, as the engine was told last
}

// Cut is what stands in the field for a cut.
type Cut struct {
	Text  string
	Typed bool // somebody has typed it
}

// Set takes what the engine knows.
func (c *Screen) Set(l *state.Lab, reach state.Reach) {
	c.lab, c.reach, c.stated = *l, reach, true
	if l.Phase != state.LabBricked {
		c.wanted = [32]byte{} // the wish was for that repair
	}
	if l.Phase == state.LabRestoring {
		c.left.Tell(&l.Progress)
	} else {
		c.left = restore.Meter{}
	}
	c.ask()
}

// Show takes the run that the address names; empty for none.
func (c *Screen) Show(link string) {
	c.link = link
	c.ask()
}

// ask asks the engine for the run that the address names, once it is there, and for the device when the address no longer names one.
func (c *Screen) ask() {
	if !c.stated || c.link == c.asked {
		return
	}
	if c.asked = c.link; c.link == "" {
		c.Wish.Do(state.LabReplayEnd{})
		return
	}
	c.Wish.Do(state.LabReplay{ID: c.link})
}

// Heading is the headline.
func (c *Screen) Heading() string { return "Emulated device" }

// Key is said at the other screens; the Lab has one state.
func (c *Screen) Key() string { return "lab" }

// device says whether there is a device, or a run of one, to show.
func (c *Screen) device() bool {
	return c.replaying() || c.lab.Replay == nil && c.lab.Phase != state.LabAbsent
}

// replaying says that a run is shown in place of the device.
func (c *Screen) replaying() bool {
	_, ready := c.lab.Replay.(state.ReplayReady)
	return ready
}

// making says whether the form for a new device is open.
func (c *Screen) making() bool {
	return c.lab.Replay == nil && (!c.device() || c.remake && c.still())
}

// form is that form.
func (c *Screen) form() *Make {
	c.maker.Making, c.maker.Reach, c.maker.First = &c.lab.Make, c.reach, c.lab.Phase == state.LabAbsent
	c.maker.Wish = c.do
	return &c.maker
}

// changeable says that another device may be made.
func (c *Screen) changeable() bool { return c.still() && !c.replaying() }

// still says that the device does nothing that a new one would interrupt.
func (c *Screen) still() bool {
	switch c.lab.Phase {
	case state.LabOff, state.LabRunning, state.LabBricked, state.LabFault:
		return true
	case state.LabAbsent, state.LabBooting, state.LabAsking, state.LabReceiving, state.LabProving,
		state.LabRewriting, state.LabJudging, state.LabRestoring:
	}
	return false
}

func (c *Screen) lamp() string {
	lamp, _ := words.LabState(&c.lab)
	return "lamp " + lamp
}

// line is the state in words, with the remaining time of a restoration.
func (c *Screen) line() string {
	_, line := words.LabState(&c.lab)
	if left := c.left.Remaining(); c.lab.Phase == state.LabRestoring && left.Known {
		line += " " + left.Words().String() + "."
	}
	return line + words.MakeEnd(c.lab.Make.Ended)
}

// failure is what there is to say of a restoration that has ended early.
func (c *Screen) failure() *words.Pane { return words.LabFailure(&c.lab) }

func (c *Screen) acts() []words.Act { return words.LabActs(&c.lab, c.toRestore()) }

// toRestore is the release that is shown as the one to be restored: what the person wants, if it is still among the choices, else
// the first of them. What is shown is what is done; without any choice the apparatus says why.
func (c *Screen) toRestore() [32]byte {
	switch choice := c.lab.Choice; {
	case len(choice) == 0:
		return [32]byte{}
	case slices.ContainsFunc(choice, func(r state.Release) bool { return r.Digest == c.wanted }):
		return c.wanted
	default:
		return choice[0].Digest
	}
}

// choices are the releases that could be restored, when there is more than one.
func (c *Screen) choices() []words.Option {
	l := &c.lab
	if l.Phase != state.LabBricked || len(l.Choice) < 2 {
		return nil
	}
	list := make([]words.Option, 0, len(l.Choice))
	wanted := c.toRestore()
	for i := range l.Choice {
		rel := &l.Choice[i]
		name := "Release " + rel.Version
		if w := words.Fit(rel.Fit); w != "" {
			name += ", " + w
		}
		list = append(list, words.Option{Value: digestText(rel.Digest), Name: name, Selected: rel.Digest == wanted})
	}
	return list
}

func (c *Screen) want(e PickEvent) { c.wanted = digestOf(e.Value) }

// inert is the attribute of what cannot be touched during a replay, or nil for none.
func (c *Screen) inert() any { return part.When(c.replaying(), "inert") }

// do takes what a person wants by a part of the screen.
func (c *Screen) do(e WishEvent) {
	switch w := e.Wish.(type) {
	case words.BackToDevice:
		c.back()
		return
	case state.LabRestore: // the choice may be newer than the button
		e.Wish = state.LabRestore{Digest: c.toRestore()}
	case state.LabMake:
		c.remake, c.cut = false, Cut{}
	case CutHere:
		c.cut = Cut{words.Group(uint64(w.Op)), true}
		c.back()
		return
	}
	c.Wish(e)
}

// back ends the replay.
func (c *Screen) back() {
	if c.link != "" {
		c.Wish.Do(words.GoTo{Path: "#lab"}) // and Show ends it
		return
	}
	c.Wish.Do(state.LabReplayEnd{})
}

func (c *Screen) press(a words.Act) { c.do(part.WishEvent{Wish: a.Wish}) }
