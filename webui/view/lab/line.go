package lab

import (
	"strconv"
	"time"

	"unbrick/webui/state"
	"unbrick/webui/words"

	"github.com/vugu/vugu"
)

// Line is the cable, the pace of the screen, and how the application behaves.
type Line struct {
	Lab   *state.Lab
	Inert any // attribute while it cannot be touched
	Wish  WishFunc
}

func (c *Line) turns() []words.Option {
	return words.Turns(int(c.Lab.Line.TurnAround / time.Millisecond))
}

func (c *Line) noise() string { return strconv.Itoa(int(c.Lab.Line.Noise)) }

func (c *Line) noiseMost() string { return strconv.Itoa(state.NoiseKinds - 1) }

// set sends the line with one change, if it is a possible one. It is shown before the engine says so.
func (c *Line) set(possible bool, change func(l *state.Line)) {
	if possible {
		change(&c.Lab.Line)
		c.Wish.Do(state.LabLine{Line: c.Lab.Line})
	}
}

func (c *Line) setSpeed(n int) { c.set(n > 0, func(l *state.Line) { l.Baud = uint32(n) }) }

func (c *Line) setTurn(n int) {
	c.set(n >= 0, func(l *state.Line) { l.TurnAround = time.Duration(n) * time.Millisecond })
}

func (c *Line) setPace(n int) {
	c.set(n >= 0 && n < state.PaceKinds, func(l *state.Line) { l.Pace = state.Pace(n) })
}

func (c *Line) setNoise(e vugu.DOMEvent) {
	n := PickEvent{Value: e.PropString("target", "value")}.Int()
	c.set(n >= 0 && n < state.NoiseKinds, func(l *state.Line) { l.Noise = state.Noise(n) })
}

func (c *Line) hangs() bool { return c.Lab.Health == state.HealthHangs }

func (c *Line) healthy() string { return strconv.FormatBool(!c.hangs()) }

// flip changes how the application behaves.
func (c *Line) flip() {
	to := state.HealthHangs
	if c.hangs() {
		to = state.HealthGood
	}
	c.Wish.Do(state.LabHealth{Health: to})
}
