package view

import (
	"strconv"
	"time"

	"unbrick/webui/state"

	"github.com/vugu/vugu"
)

// LabReplay is the control that goes back and forth in a run.
type LabReplay struct{ Page *Root }

// playTick is the time between two stops that Play shows, playTicks how many it shows of a long run.
const (
	playTick  = 100 * time.Millisecond
	playTicks = 240
)

func (c *LabReplay) replay() *state.Replay { return &c.Page.state.Lab.Replay }

func (c *LabReplay) stop() uint32 { return c.Page.stop() }

func (c *LabReplay) at() string { return strconv.FormatUint(uint64(c.stop()), 10) }

func (c *LabReplay) most() string { return strconv.FormatUint(uint64(c.replay().Last), 10) }

// buttons are those before the range; the style of each is its name for those who do not see it.
func (c *LabReplay) buttons() []act {
	return []act{
		{Label: "−1", Style: "One step back", Disabled: c.stop() == 0, Do: func() { c.move(-1) }},
		{Label: c.playWord(), Style: c.playWord(), Do: c.Page.play},
		{Label: "+1", Style: "One step forward", Disabled: c.stop() >= c.replay().Last, Do: func() { c.move(1) }},
	}
}

func (c *LabReplay) op() string {
	return group(uint64(c.replay().Op)) + " of " + group(uint64(c.replay().Ops))
}

func (c *LabReplay) words() string { return replayWords(&c.Page.state.Lab) }

func (c *LabReplay) own() bool { return c.replay().Own && c.replay().Op > 0 }

// marks are the places of the cuts on the range, as styles.
func (c *LabReplay) marks() []string {
	var list []string
	for _, at := range c.replay().Cuts {
		list = append(list, "--at:"+strconv.FormatFloat(float64(at)/float64(max(c.replay().Last, 1)), 'f', 4, 64))
	}
	return list
}

func (c *LabReplay) move(by int) { c.Page.seek(int(c.stop()) + by) }

func (c *LabReplay) scrub(e vugu.DOMEvent) {
	c.Page.lab.playing = false
	c.Page.seek(value(e))
}

// key lets the Page keys go from sector to sector; the arrows are the browser's.
func (c *LabReplay) key(e vugu.DOMEvent) {
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
	c.Page.lab.sought, c.Page.lab.playing = false, false
	c.Page.hooks.Command(state.LabSeek{At: at, Turn: turn})
}

func (c *LabReplay) playWord() string {
	if c.Page.lab.playing {
		return "Pause"
	}
	return "Play"
}

// cutHere goes back to the device with this operation in the field for a cut.
func (c *LabReplay) cutHere() {
	c.Page.lab.cut, c.Page.lab.typed, c.Page.lab.badCut = group(uint64(c.replay().Op)), true, false
	c.Page.backToDevice()
}

// stop is the stop that the person is at: the one sought, until the engine shows it.
func (r *Root) stop() uint32 {
	if r.lab.sought {
		return r.lab.at
	}
	return r.state.Lab.Replay.At
}

// seek goes to a stop of the replay.
func (r *Root) seek(at int) {
	r.lab.at, r.lab.sought = uint32(max(0, min(at, int(r.state.Lab.Replay.Last)))), true
	r.hooks.Command(state.LabSeek{At: r.lab.at})
}

// play begins to go on by itself, from the beginning when it was at the end, or stops that.
func (r *Root) play() {
	r.lab.playing = !r.lab.playing
	if !r.lab.playing {
		return
	}
	if r.stop() >= r.state.Lab.Replay.Last {
		r.seek(0)
	}
	r.lab.playNo++
	r.playOn(r.lab.playNo)
}

// playOn goes one tick on. no is the press of Play that it belongs to.
func (r *Root) playOn(no int) {
	r.hooks.After(playTick, func() {
		x := &r.state.Lab.Replay
		at := r.stop()
		if !r.lab.playing || no != r.lab.playNo {
			return
		}
		if x.Phase != state.ReplayReady || r.view != viewLab || at >= x.Last {
			r.lab.playing = false
			return
		}
		next := at + max(1, x.Last/playTicks)
		for _, cut := range x.Cuts { // every cut is seen, and what lies right before it
			if at < cut && next > cut {
				next = cut
			}
		}
		r.seek(int(next))
		r.playOn(no)
	})
}

// askReplay asks the engine for the run that the address names, once it is there, and for the device when
// the address no longer names one.
func (r *Root) askReplay() {
	if !r.stated || r.lab.link == r.lab.asked {
		return
	}
	if r.lab.asked = r.lab.link; r.lab.link == "" {
		r.hooks.Command(state.LabReplayEnd{})
		return
	}
	r.hooks.Command(state.LabReplay{ID: r.lab.link})
}

// backToDevice ends the replay.
func (r *Root) backToDevice() {
	r.lab.playing, r.lab.sought = false, false
	if r.lab.link != "" {
		r.hooks.Go("#lab") // and SetPath ends it
		return
	}
	r.hooks.Command(state.LabReplayEnd{})
}

// replayState is the line under the headline while a replay is wanted.
func replayState(x *state.Replay) (lamp, words string) {
	const untouched = " The device itself is not touched."
	switch x.Phase {
	case state.ReplayNone:
	case state.ReplayMaking:
		return "live", "Computing the run anew, from its images."
	case state.ReplayReady:
		if x.CutOp == 0 {
			return "hold", "Replay of a run." + untouched
		}
		return "hold", "Replay of a cut at flash operation " + group(uint64(x.CutOp)) + "." + untouched
	case state.ReplayMissing:
		return "bad", "The replay needs the image whose SHA-256 begins with " + x.Text + ". It is neither in this browser nor on the server."
	case state.ReplayFailed:
		return "bad", "This replay cannot be shown: " + x.Text + "."
	}
	return "hold", ""
}

// replayWords says what happens at the stop that is shown.
func replayWords(l *state.Lab) string {
	x := &l.Replay
	end := ""
	switch x.Do {
	case state.DoBefore:
		return "Before the first flash operation."
	case state.DoPower:
		return "Power comes back, and the device boots."
	case state.DoBoot:
		return "The device boots."
	case state.DoEnd:
		switch l.Phase {
		case state.LabRunning:
			return "The end: release " + l.Runs + " runs."
		case state.LabBricked:
			return "The end: it waits in restoration mode."
		}
		end = "The end: "
	case state.DoErase, state.DoProgram:
	}
	if x.Sector == state.NoSector {
		return end + "no flash operation."
	}
	addr, _ := state.SectorAt(l.Map.Facts.Runs, int(x.Sector))
	what := "Erase of "
	if x.Do != state.DoErase {
		what = count(int(x.Bytes), "byte", "bytes") + " programmed into "
	}
	if x.Record {
		what += "record "
	}
	what += "sector " + hexAddr(addr)
	if x.Of > 0 {
		what += ", " + group(uint64(x.Done)) + " of " + group(uint64(x.Of))
	}
	what += "."
	if x.Cut {
		what += " Power failed here: " + tearName(x.Tear) + "."
	}
	return end + what
}
