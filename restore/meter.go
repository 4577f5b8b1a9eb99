package restore

import (
	"strconv"
	"time"
)

const (
	rateWindow = 2 * time.Second // what the pace is measured over
	firstWords = time.Second     // before it, nothing is said
	maxSamples = 64
)

// Remaining is what a Meter tells.
type Remaining struct {
	Known  bool          // false in the first second
	Time   time.Duration // rounded up: to 1 s up to 20 s, 5 s up to a minute, else to whole minutes
	Slower bool          // it rose by more than a fifth: say so
	Flash  bool          // what moved last is the flash, not the line
}

// Almost reports whether it is the last second.
func (r Remaining) Almost() bool { return r.Known && r.Time <= time.Second }

// kinds of planned work. A line may be ten times as fast as was planned; the flash then is not.
const (
	onLine = iota
	inFlash
	workKinds
)

// work is planned microseconds by kind.
type work [workKinds]uint64

// workOf splits what an engine tells: all of it, and the flash's part.
func workOf(all, flash uint64) work { return work{onLine: all - min(flash, all), inFlash: flash} }

// sample is the planned work that was done after some time.
type sample struct {
	at   time.Duration
	work work
}

// Phrase is a remaining time in the three parts that a screen may set apart: "About", "5", "seconds left". One without a number
// stands in Before alone.
type Phrase struct{ Before, Number, After string }

func (p Phrase) String() string {
	if p.Number == "" {
		return p.Before
	}
	return p.Before + " " + p.Number + " " + p.After
}

// Words says it.
func (r Remaining) Words() Phrase {
	switch {
	case !r.Known:
		return Phrase{Before: "Starting"}
	case r.Almost():
		return Phrase{Before: "Almost done"}
	}
	n, unit := int(r.Time/time.Second), "second"
	if r.Time >= time.Minute {
		n, unit = int(r.Time/time.Minute), "minute"
	}
	if n != 1 {
		unit += "s"
	}
	p := Phrase{Before: "About", Number: strconv.Itoa(n), After: unit + " left"}
	switch {
	case r.Slower && r.Flash:
		p.Before = "Slower device: about"
	case r.Slower:
		p.Before = "Slower line: about"
	}
	return p
}

// Meter tells how long a restoration still takes: from the pace of the last two seconds, of the line and of the flash apart, and the
// work that remains. What it tells may fall, and rises only with a reason. The zero value is ready. Not for concurrent use.
type Meter struct {
	samples []sample
	pace    [workKinds]float64 // measured time per planned time; 0 not measured yet
	last    time.Duration      // when it was fed last
	shown   time.Duration      // rounded estimate on the screen; 0 none yet
	slower  bool
	moves   int // kind of work that moved last
}

// Tell takes where a restoration is, and returns what to say. An Elapsed that runs backwards is another restoration: it starts
// afresh.
func (m *Meter) Tell(p *Progress) Remaining {
	m.feed(p.Elapsed, workOf(p.Work, p.Flash), workOf(p.WorkOf, p.FlashOf))
	return m.Remaining()
}

// Remaining returns what was told last.
func (m *Meter) Remaining() Remaining {
	return Remaining{Known: m.shown > 0, Time: m.shown, Slower: m.slower, Flash: m.moves == inFlash}
}

func (m *Meter) feed(elapsed time.Duration, done, of work) {
	if n := len(m.samples); elapsed < m.last || n > 0 && (done[onLine] < m.samples[n-1].work[onLine] || done[inFlash] < m.samples[n-1].work[inFlash]) {
		*m = Meter{}
	}
	m.last = elapsed
	m.samples = append(m.samples, sample{elapsed, done})
	drop := 0 // keep one sample at or before the window's start
	for drop+1 < len(m.samples) && m.samples[drop+1].at <= elapsed-rateWindow {
		drop++
	}
	drop = max(drop, len(m.samples)-maxSamples)
	m.samples = append(m.samples[:0], m.samples[drop:]...)
	if elapsed < firstWords || of == (work{}) || !m.measure() {
		return // nothing moved: what was said still holds as well as anything
	}
	left := time.Duration(0)
	for kind := range workKinds {
		if of[kind] > done[kind] {
			pace := m.pace[kind]
			if pace == 0 {
				pace = 1 // as planned, until it is known better
			}
			left += time.Duration(float64(of[kind]-done[kind]) * pace * float64(time.Microsecond))
		}
	}
	now := round(left)
	switch {
	case m.shown == 0 || now < m.shown:
		m.shown, m.slower = now, false
	case now > m.shown+m.shown/5:
		m.shown, m.slower = now, true
	}
}

// measure takes the pace of each kind of work from the samples in the window, and reports whether
// anything moved. Time in which nothing moved counts for the work that moves next, unless that is of
// another kind: between line and flash the device proves, which is neither.
func (m *Meter) measure() bool {
	var took [workKinds]time.Duration
	var did [workKinds]uint64
	since, before, moved := m.samples[0].at, -1, false
	for i := 1; i < len(m.samples); i++ {
		a, b := &m.samples[i-1], &m.samples[i]
		for kind := range workKinds {
			n := b.work[kind] - a.work[kind]
			if n == 0 {
				continue
			}
			if before != kind && before >= 0 {
				since = a.at
			}
			took[kind] += b.at - since
			m.moves = kind
			did[kind] += n
			since, before, moved = b.at, kind, true
		}
	}
	for kind := range workKinds {
		if did[kind] > 0 && took[kind] > 0 {
			m.pace[kind] = float64(took[kind].Microseconds()) / float64(did[kind])
		}
	}
	return moved
}

// round rounds up to what is said to a person.
func round(d time.Duration) time.Duration {
	step := time.Minute
	switch {
	case d <= 20*time.Second:
		step = time.Second
	case d <= 55*time.Second:
		step = 5 * time.Second
	}
	return (max(d, 1) + step - 1) / step * step
}
