package webui

import (
	"strconv"
	"time"

	"unbrick/apparatus"

	"github.com/vugu/vugu"
)

// LabLine is the cable, the pace of the screen, and how the application behaves.
type LabLine struct{ Page *Root }

func (c *LabLine) line() apparatus.Line { return c.Page.state.Lab.Line }

func (c *LabLine) speeds() []option { return baudOptions(c.line().Baud) }

func (c *LabLine) turns() []option { return turnOptions(int(c.line().TurnAround / time.Millisecond)) }

func (c *LabLine) paces() []option {
	return enumOptions(apparatus.PaceKinds, int(c.line().Pace), func(i int) string { return paceName(apparatus.Pace(i)) })
}

func (c *LabLine) noise() string { return strconv.Itoa(int(c.line().Noise)) }

func (c *LabLine) noiseWord() string { return noiseName(c.line().Noise) }

func (c *LabLine) noiseMost() string { return strconv.Itoa(apparatus.NoiseKinds - 1) }

// value reads a number from a control, -1 for anything else.
func value(e vugu.DOMEvent) int {
	n, err := strconv.Atoi(e.PropString("target", "value"))
	if err != nil {
		return -1
	}
	return n
}

// set sends the line with one change, if it is a possible one.
func (c *LabLine) set(possible bool, change func(l *apparatus.Line)) {
	if !possible {
		return
	}
	l := c.line()
	change(&l)
	c.Page.state.Lab.Line = l
	c.Page.hooks.Command(apparatus.LabLine{Line: l})
}

func (c *LabLine) setSpeed(e vugu.DOMEvent) {
	n := value(e)
	c.set(n > 0, func(l *apparatus.Line) { l.Baud = uint32(n) })
}

func (c *LabLine) setTurn(e vugu.DOMEvent) {
	n := value(e)
	c.set(n >= 0, func(l *apparatus.Line) { l.TurnAround = time.Duration(n) * time.Millisecond })
}

func (c *LabLine) setPace(e vugu.DOMEvent) {
	n := value(e)
	c.set(n >= 0 && n < apparatus.PaceKinds, func(l *apparatus.Line) { l.Pace = apparatus.Pace(n) })
}

func (c *LabLine) setNoise(e vugu.DOMEvent) {
	n := value(e)
	c.set(n >= 0 && n < apparatus.NoiseKinds, func(l *apparatus.Line) { l.Noise = apparatus.Noise(n) })
}

func (c *LabLine) hangs() bool { return c.Page.state.Lab.Health == apparatus.HealthHangs }

func (c *LabLine) healthy() string {
	if c.hangs() {
		return "false"
	}
	return "true"
}

func (c *LabLine) healthWord() string { return healthName(c.Page.state.Lab.Health) }

// flip changes how the application behaves.
func (c *LabLine) flip() {
	to := apparatus.HealthHangs
	if c.hangs() {
		to = apparatus.HealthGood
	}
	c.Page.hooks.Command(apparatus.LabHealth{Health: to})
}
