package restore

import (
	"fmt"

	"unbrick/restore"
	"unbrick/webui/state"
	"unbrick/webui/view/part"
	"unbrick/webui/words"
)

// Screen is what a person with a dead device sees. It lasts as long as the page.
type Screen struct {
	State state.Restore
	Quiet string // what this page has to do without
	Wish  WishFunc

	writing  *words.Writing // nil: no device is being written
	left     restore.Meter
	tell     announcer
	choosing bool   // the list of releases is open
	settings bool   // the choice about settings is
	erase    string // serial of the device whose settings are to be erased; empty: of none
	asking   bool   // the question before it is shown
	chosen   bool   // a port was chosen before the engine could take it
}

// Set takes what the engine knows.
func (c *Screen) Set(s state.Restore, quiet string) {
	same := phaseOf(s) == phaseOf(c.State)
	c.State, c.Quiet = s, quiet
	c.chosen = c.chosen && c.loading()
	if !same {
		c.choosing, c.settings, c.asking = false, false, false
	}
	if c.writing = words.WritingOf(s); c.writing != nil {
		if !same {
			c.left, c.tell = restore.Meter{}, announcer{}
		}
		c.left.Tell(c.writing.Progress)
	}
	switch s.(type) {
	case state.RestoreIdle, state.RestoreDone, state.RestoreFlashed:
		c.erase = "" // the wish was for what is over
	}
}

func (c *Screen) loading() bool {
	_, ok := c.State.(state.RestoreLoading)
	return ok || c.State == nil
}

// Chosen says that a person has chosen a port, which the engine is told of.
func (c *Screen) Chosen() { c.chosen = c.loading() }

// phaseOf names a phase.
func phaseOf(s state.Restore) string { return fmt.Sprintf("%T", s) }

// Writing reports whether a device is being written: there is nothing to press.
func (c *Screen) Writing() bool { return c.writing != nil }

// Left is the remaining time of what is being written.
func (c *Screen) Left() restore.Remaining { return c.left.Remaining() }

// Insecure says that the page came over a network in the clear.
func (c *Screen) Insecure() bool {
	_, ok := c.State.(state.RestoreInsecure)
	return ok
}

// Heading is the headline.
func (c *Screen) Heading() string {
	if c.writing != nil {
		return c.writing.Heading
	}
	return c.pane().Heading
}

// Key changes when the focus has to move to the headline: at a new state, not at each new number in one.
func (c *Screen) Key() string {
	key := phaseOf(c.State)
	if s, ok := c.State.(state.RestoreFailed); ok {
		key += words.CauseCode(s.Failure.Code)
	}
	if c.asked() {
		key += " settings"
	}
	return key
}

// offer is what can be done for the device at hand; nil: there is none, or nothing to be chosen.
func (c *Screen) offer() *state.Offer {
	switch s := c.State.(type) {
	case state.RestoreFound:
		return &s.Offer
	case state.RestoreRight:
		return &s.Offer
	}
	return nil
}

// offered is the same while no question is open.
func (c *Screen) offered() *state.Offer {
	if c.asked() {
		return nil
	}
	return c.offer()
}

// erases reports whether the settings of the device at hand are to be erased.
func (c *Screen) erases() bool {
	o := c.offer()
	return o != nil && o.Device.Serial != "" && o.Device.Serial == c.erase && o.Device.Erases
}

// asked reports whether the question before that is to be shown.
func (c *Screen) asked() bool { return c.asking && c.erases() }

func (c *Screen) pane() words.Pane {
	if c.asked() {
		_, right := c.State.(state.RestoreRight)
		return words.EraseQuestion(&c.offer().Device, right)
	}
	if c.chosen {
		return words.Loading(true)
	}
	return words.RestorePane(c.State, c.erases(), c.Quiet)
}

// plain reports whether the pane has all to itself.
func (c *Screen) plain() bool { return !c.Writing() && c.offered() == nil }

// do takes what a person wants by a part of the screen.
func (c *Screen) do(e WishEvent) {
	switch e.Wish.(type) {
	case words.AskErase:
		c.asking = true
	case words.KeepSettings:
		c.settings, c.erase, c.asking = false, "", false
	default:
		c.Wish(e)
	}
}

func (c *Screen) change(e part.ChangeEvent) {
	if e.Settings {
		c.settings = !c.settings
	} else {
		c.choosing = !c.choosing
	}
}

// wishErase takes what is to be done with the settings of the device at hand.
func (c *Screen) wishErase(erase bool) {
	c.erase = ""
	if o := c.offer(); o != nil && erase {
		c.erase = o.Device.Serial
	}
}

// spoken is what a screen reader hears of progress: a new stage at once, the rest now and then.
func (c *Screen) spoken() string {
	p := c.writing.Progress
	return c.tell.say(int(p.Stage), p.Elapsed, p.Work, p.WorkOf, words.Stage(p, c.Left().Words().String()))
}
