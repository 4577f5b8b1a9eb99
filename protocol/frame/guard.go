package frame

import "time"

// When an end returns to the console framing at base speed, besides after a break and MaxBad damaged frames
// in a row.
const (
	// DeviceSilence and HostSilence are how long an end listens without one valid frame.
	DeviceSilence = time.Second
	HostSilence   = 1500 * time.Millisecond
	// TrialTime is how long Probes patterns may take to go to the device and back once the framing began.
	TrialTime = 500 * time.Millisecond
	Probes    = 2
	// CutShort is the silence after which a frame that has begun counts as damaged, as well.
	CutShort = 10 * time.Millisecond
	// Listen is how long one wait of a device may be while frames are spoken. A wait that brings bytes is no
	// silence, so with longer ones a host in another framing that calls again and again would never be silent.
	Listen = 50 * time.Millisecond
)

// Guard decides when an end returns to the console framing. Both ends have one, and tell it what they see;
// each decides alone. The zero value is off: console framing.
type Guard struct {
	state   guardState
	silence time.Duration
	quiet   time.Duration // listened to without a valid frame; in a trial: since it began
	bad     uint8         // damaged frames in a row
	probes  uint8
}

type guardState uint8

const (
	guardOff guardState = iota
	guardTrial
	guardFramed
)

// Begin starts the framing with a trial. silence is DeviceSilence or HostSilence.
func (g *Guard) Begin(silence time.Duration) { *g = Guard{state: guardTrial, silence: silence} }

// End returns to the console framing.
func (g *Guard) End() { *g = Guard{} }

// On reports whether frames are spoken, be it in a trial.
func (g *Guard) On() bool { return g.state != guardOff }

// Proven reports whether the trial is over and was passed.
func (g *Guard) Proven() bool { return g.state == guardFramed }

// Valid notes a valid frame.
func (g *Guard) Valid() {
	g.bad = 0
	if g.state == guardFramed {
		g.quiet = 0
	}
}

// Probed notes a probe that was answered, or an echo that was right.
func (g *Guard) Probed() {
	if g.state != guardTrial {
		return
	}
	if g.probes++; g.probes == Probes {
		g.state, g.quiet = guardFramed, 0
	}
}

// Damaged notes a damaged frame and reports whether the framing is over.
func (g *Guard) Damaged() (over bool) {
	if g.state == guardOff {
		return false
	}
	if g.bad++; g.bad < MaxBad {
		return false
	}
	g.End()
	return true
}

// Listened notes that nothing valid came for d more, and reports whether the framing is over.
func (g *Guard) Listened(d time.Duration) (over bool) {
	if g.state == guardOff {
		return false
	}
	g.quiet += max(d, 0)
	if g.Left() > 0 {
		return false
	}
	g.End()
	return true
}

// Left returns how much longer the framing lasts if nothing valid comes.
func (g *Guard) Left() time.Duration {
	limit := g.silence
	switch g.state {
	case guardOff:
		return 0
	case guardTrial:
		limit = TrialTime
	case guardFramed:
	}
	return max(0, limit-g.quiet)
}
