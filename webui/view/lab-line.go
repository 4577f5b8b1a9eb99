package view

import (
	"strconv"
	"time"

	"unbrick/webui/state"

	"github.com/vugu/vugu"
)

// LabLine is the cable, the pace of the screen, and how the application behaves.
type LabLine struct{ Page *Root }

func (c *LabLine) line() state.Line { return c.Page.state.Lab.Line }

func (c *LabLine) speeds() []option { return baudOptions(c.line().Baud) }

func (c *LabLine) turns() []option { return turnOptions(int(c.line().TurnAround / time.Millisecond)) }

func (c *LabLine) paces() []option {
	return enumOptions(state.PaceKinds, int(c.line().Pace), func(i int) string { return paceName(state.Pace(i)) })
}

func (c *LabLine) noise() string { return strconv.Itoa(int(c.line().Noise)) }

func (c *LabLine) noiseWord() string { return noiseName(c.line().Noise) }

func (c *LabLine) noiseMost() string { return strconv.Itoa(state.NoiseKinds - 1) }

// value reads a number from a control, -1 for anything else.
func value(e vugu.DOMEvent) int {
	n, err := strconv.Atoi(e.PropString("target", "value"))
	if err != nil {
		return -1
	}
	return n
}

// set sends the line with one change, if it is a possible one.
func (c *LabLine) set(possible bool, change func(l *state.Line)) {
	if !possible {
		return
	}
	l := c.line()
	change(&l)
	c.Page.state.Lab.Line = l
	c.Page.hooks.Command(state.LabLine{Line: l})
}

func (c *LabLine) setSpeed(e vugu.DOMEvent) {
	n := value(e)
	c.set(n > 0, func(l *state.Line) { l.Baud = uint32(n) })
}

func (c *LabLine) setTurn(e vugu.DOMEvent) {
	n := value(e)
	c.set(n >= 0, func(l *state.Line) { l.TurnAround = time.Duration(n) * time.Millisecond })
}

func (c *LabLine) setPace(e vugu.DOMEvent) {
	n := value(e)
	c.set(n >= 0 && n < state.PaceKinds, func(l *state.Line) { l.Pace = state.Pace(n) })
}

func (c *LabLine) setNoise(e vugu.DOMEvent) {
	n := value(e)
	c.set(n >= 0 && n < state.NoiseKinds, func(l *state.Line) { l.Noise = state.Noise(n) })
}

func (c *LabLine) hangs() bool { return c.Page.state.Lab.Health == state.HealthHangs }

func (c *LabLine) healthy() string {
	if c.hangs() {
		return "false"
	}
	return "true"
}

func (c *LabLine) healthWord() string { return healthName(c.Page.state.Lab.Health) }

// flip changes how the application behaves.
func (c *LabLine) flip() {
	to := state.HealthHangs
	if c.hangs() {
		to = state.HealthGood
	}
	c.Page.hooks.Command(state.LabHealth{Health: to})
}
