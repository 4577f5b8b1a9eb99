package words

import (
	"fmt"
	"strconv"
	"strings"

	"unbrick/protocol/smp"
	"unbrick/webui/state"
)

// lanes says who acts in S01 to S20: terminal, server or apparatus.
const lanes = "TSSSTTTTSSTTTTTAAATT"

// stepSay is what each step does, in a sentence.
var stepSay = [20]string{
	"Terminal sends its identification.",
	"Server receives the identification.",
	"Server makes the update file, or finds it in its cache.",
	"Server sends the update file information.",
	"Terminal checks signature, model, version and workspace.",
	"No update: terminal disconnects.",
	"Terminal limits applications and secures the workspace.",
	"Terminal requests the transfer at an offset.",
	"Server receives the request.",
	"Server sends the update file.",
	"Terminal receives the update file into the workspace.",
	"Terminal disconnects.",
	"Terminal rewrites its software area.",
	"Verdict: the digest of the whole image.",
	"Restoration mode: the cable is open.",
	"Apparatus reads the identification over the cable.",
	"Apparatus selects the release.",
	"Apparatus sends what is damaged or old.",
	"Terminal receives it.",
	"Terminal writes it, verifies, and starts.",
}

// Step is one step on the timeline.
type Step struct {
	Class, ID, Say, Style string
	Current               bool
}

func stepID(n int) string { return fmt.Sprintf("S%02d", n) }

func lane(n int) int { return strings.IndexByte("TSA", lanes[n-1]) }

// stepClasses are the classes of what a step has come to.
var stepClasses = [...]string{
	state.StepWaiting: "next", state.StepDone: "done", state.StepLive: "live", state.StepSkipped: "skip-step", state.StepBad: "bad",
}

func Steps(t *state.Timeline) []Step {
	rows := make([]Step, len(t.Steps))
	for i, s := range t.Steps {
		rows[i] = Step{Class: word(stepClasses[:], s), ID: stepID(i + 1), Say: stepSay[i], Style: "--lane:" + strconv.Itoa(lane(i+1)),
			Current: s == state.StepLive}
	}
	return rows
}

// Line is that through the steps, as points: all of it, and how far it has come.
type Line struct{ All, Been string }

// Track is the line through the steps. S06 lies beside the way
// unless it was taken. Coordinates are those of a drawing 200 wide and 84 high.
func Track(t *state.Timeline) Line {
	last := 0
	for i, s := range t.Steps {
		if s == state.StepDone || s == state.StepLive || s == state.StepBad {
			last = i + 1
		}
	}
	var a, b strings.Builder
	for n := 1; n <= len(t.Steps); n++ {
		s := t.Steps[n-1]
		if n == 6 && s != state.StepDone && s != state.StepLive {
			continue
		}
		point := strconv.Itoa(n*10-5) + "," + strconv.Itoa(lane(n)*28+14) + " "
		a.WriteString(point)
		if n <= last && s != state.StepWaiting {
			b.WriteString(point)
		}
	}
	return Line{strings.TrimSpace(a.String()), strings.TrimSpace(b.String())}
}

// bootFound says why boot went into restoration mode.
var bootFound = [...]string{
	smp.WhyHang:     " Boot counted three resets in a row without a confirmation.",
	smp.WhyDamaged:  " Boot found an image that is not what the record says.",
	smp.WhyNoRecord: " Boot found no valid record.",
}

// NowLine is what stands under the timeline.
type NowLine struct{ ID, Text string }

// Now is the line under the timeline: the step at work with its numbers.
func Now(l *state.Lab) NowLine {
	n := &l.Timeline.Now
	if n.Step < 1 || int(n.Step) > len(stepSay) {
		return NowLine{"S01", "starts when the terminal opens the link."}
	}
	words := stepSay[n.Step-1]
	switch n.Step {
	case 10, 11:
		if n.Of > 0 {
			words = strings.TrimSuffix(words, ".") + ": " + Group(uint64(n.Done)) + " of " + Group(uint64(n.Of)) + " bytes."
		}
	case 13:
		switch {
		case l.Phase == state.LabProving:
			words = "Proof before erase: the update is decoded once without writing anything."
		case n.Of > 0:
			words = "Terminal rewrites its software area: sector " + HexAddr(n.Addr) + ", " + sectorAt(l, int(n.Done), int(n.Of)) + "."
		}
	case 15:
		if l.Why == smp.WhyInterrupted && l.Target != "" {
			words += " Boot found the intent “rewriting to " + l.Target + "” and no verdict."
		}
		words += word(bootFound[:], l.Why)
	case 17:
		if n.Target != "" {
			words = "Apparatus selects release " + n.Target + "."
		}
	case 18:
		if n.Of > 0 {
			words = "Apparatus sends what is damaged or old: " + Group(uint64(n.Done)) + " of " + Count(int(n.Of), "sector", "sectors") + "."
		}
	case 20:
		if n.Of > 0 && n.Done < n.Of {
			words = "Terminal writes it: " + Group(uint64(n.Done)) + " of " + Count(int(n.Of), "sector", "sectors") +
				". Then it verifies, and starts."
		}
	}
	return NowLine{stepID(int(n.Step)), words}
}

// DeviceTime is the device's clock beside the timeline's name.
func DeviceTime(l *state.Lab) string {
	if l.Time == 0 {
		return "waiting"
	}
	return Seconds(l.Time, 3) + " s of device time"
}
