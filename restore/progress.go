package restore

import "time"

// Stage is what a restoration does, as a person sees it.
type Stage uint8

// The stages.
const (
	StageIdentify Stage = iota
	StagePlan
	StageWrite
	StageVerify
	StageErase // of settings areas, if it was asked for
	StageStart
)

func (s Stage) String() string {
	switch s {
	case StageIdentify:
		return "identify"
	case StagePlan:
		return "plan"
	case StageWrite:
		return "write"
	case StageVerify:
		return "verify"
	case StageErase:
		return "erase"
	case StageStart:
		return "start"
	}
	return "unknown"
}

// Progress is where a running restoration is. Work and WorkOf are planned microseconds of line and flash
// together; a Meter tells the remaining time from their rate.
type Progress struct {
	Stage   Stage
	Sectors int // written and read back by the device
	Of      int // to be written
	Bytes   uint64
	BytesOf uint64 // of update files and manifests, on the wire
	Work    uint64
	WorkOf  uint64
	Flash   uint64 // of Work: planned microseconds of flash; the rest is the line's
	FlashOf uint64 // of WorkOf
	Elapsed time.Duration
	Slowed  bool // pieces were made smaller because the line is noisy
}

// window is the time over which a Meter measures.
const window = 2 * time.Second

// Meter tells the remaining time of work whose parts are estimated: from the rate of the last two
// seconds and the work that remains. The zero value is ready. Not for concurrent use.
type Meter struct {
	samples []sample
	shown   time.Duration // what was told last
	at      time.Duration // when
}

type sample struct {
	at   time.Duration
	work uint64
}

// Remaining is what a Meter tells.
type Remaining struct {
	Known  bool          // false in the first second, and while nothing moves
	Time   time.Duration // rounded up: to 1 s below 20 s, 5 s below a minute, else to whole minutes
	Almost bool          // the last second
	Slower bool          // it rose by more than a fifth: say so
}

// Tell notes work done of all at a time since the beginning, and returns what to say.
func (m *Meter) Tell(elapsed time.Duration, work, all uint64) Remaining {
	m.samples = append(m.samples, sample{elapsed, work})
	for len(m.samples) > 2 && m.samples[1].at <= elapsed-window {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	if elapsed < time.Second || work <= first.work || elapsed <= first.at {
		if m.shown == 0 || elapsed < time.Second {
			return Remaining{}
		}
		// Nothing moved within the window: what was told last runs on, but not to the end.
		return Remaining{Known: true, Time: round(max(m.shown, time.Second))}
	}
	left := time.Duration(float64(all-min(work, all)) * float64(elapsed-first.at) / float64(work-first.work))
	r := Remaining{Known: true}
	expected := max(m.shown-(elapsed-m.at), 0)
	if m.shown > 0 && left > expected+expected/5+time.Second {
		r.Slower = true
	}
	m.shown, m.at = left, elapsed
	r.Time, r.Almost = round(left), left < time.Second
	return r
}

// round rounds up to what is said to a person.
func round(d time.Duration) time.Duration {
	step := time.Minute
	switch {
	case d <= 20*time.Second:
		step = time.Second
	case d <= time.Minute:
		step = 5 * time.Second
	}
	return (d + step - 1) / step * step
}
