package lab

import (
	"strconv"
	"time"

	"unbrick/webui/state"
	"unbrick/webui/view/part"
	"unbrick/webui/words"

	"github.com/vugu/vugu"
)

// Replay is the control that goes back and forth in a run.
type Replay struct {
	Lab  *state.Lab
	Wish WishFunc

	at      uint32 // stop that the person wants
	sought  bool   // it is on its way
	playing bool
	playNo  int // times that Play was pressed
}

// CutHere wants the device back, with an operation of the run in the field for a cut.
type CutHere struct{ Op uint32 }

// playTick is the time between two stops that Play shows, playTicks how many it shows of a long run.
const (
	playTick  = 100 * time.Millisecond
	playTicks = 240
)

// Compute sees whether what was sought is shown; vugu calls it before each build.
func (c *Replay) Compute() {
	if c.run().At == c.at {
		c.sought = false
	}
}

// Destroy ends what it does by itself; vugu calls it when the control leaves the page.
func (c *Replay) Destroy() { c.playing = false }

func (c *Replay) run() state.ReplayReady {
	run, _ := c.Lab.Replay.(state.ReplayReady)
	return run
}

// stop is the stop that the person is at: the one sought, until the engine shows it.
func (c *Replay) stop() uint32 {
	if c.sought {
		return c.at
	}
	return c.run().At
}

func (c *Replay) position() string { return strconv.FormatUint(uint64(c.stop()), 10) }

func (c *Replay) most() string { return strconv.FormatUint(uint64(c.run().Last), 10) }

func (c *Replay) op() string {
	return words.Group(uint64(c.run().Op)) + " of " + words.Group(uint64(c.run().Ops))
}

func (c *Replay) own() bool { return c.run().Own && c.run().Op > 0 }

// marks are the places of the cuts on the range, as styles.
func (c *Replay) marks() []string {
	var list []string
	for _, at := range c.run().Cuts {
		list = append(list, "--at:"+strconv.FormatFloat(float64(at)/float64(max(c.run().Last, 1)), 'f', 4, 64))
	}
	return list
}

// seek goes to a stop.
func (c *Replay) seek(at int) {
	c.at, c.sought = uint32(max(0, min(at, int(c.run().Last)))), true
	c.Wish.Do(state.LabSeek{At: c.at})
}

func (c *Replay) move(by int) { c.seek(int(c.stop()) + by) }

func (c *Replay) scrub(e vugu.DOMEvent) {
	c.playing = false
	c.seek(PickEvent{Value: e.PropString("target", "value")}.Int())
}

// key lets the Page keys go from sector to sector; the arrows are the browser's.
func (c *Replay) key(e vugu.DOMEvent) {
	turn := 0
	switch e.PropString("key") {
	case "PageUp":
		turn = 1
	case "PageDown":
		turn = -1
	default:
		return
	}
	e.PreventDefault()
	at := c.stop()
	c.sought, c.playing = false, false
	c.Wish.Do(state.LabSeek{At: at, Turn: turn})
}

func (c *Replay) playWord() string {
	if c.playing {
		return "Pause"
	}
	return "Play"
}

// play begins to go on by itself, from the beginning when it was at the end, or stops that.
func (c *Replay) play() {
	c.playing = !c.playing
	if !c.playing {
		return
	}
	if c.stop() >= c.run().Last {
		c.seek(0)
	}
	c.playNo++
	c.playOn(c.playNo)
}

// playOn goes one tick on. no is the press of Play that it belongs to.
func (c *Replay) playOn(no int) {
	c.Wish.Do(part.Later{After: playTick, Do: func() {
		at, last := c.stop(), c.run().Last
		switch {
		case !c.playing || no != c.playNo:
			return
		case at >= last:
			c.playing = false
			return
		}
		next := at + max(1, last/playTicks)
		for _, cut := range c.run().Cuts { // every cut is seen, and what lies right before it
			if at < cut && next > cut {
				next = cut
			}
		}
		c.seek(int(next))
		c.playOn(no)
	}})
}
