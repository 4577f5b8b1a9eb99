package webui

import (
	"strconv"
	"time"
)

const (
	rateWindow = 2 * time.Second // what the rate is measured over
	firstWords = time.Second     // before it, nothing is said
	maxSamples = 64
)

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

// remaining tells how long a restoration still takes. Feed it every state of one restoration; the
// words may fall, and rise only with an explanation.
type remaining struct {
	samples []sample
	pace    [workKinds]float64 // measured time per planned time; 0 not measured yet
	last    time.Duration      // when it was fed last
	shown   time.Duration      // rounded estimate on the screen; 0 none yet
	slower  bool
	moves   int // kind of work that moved last
}

// feed takes the work done of all planned work after elapsed. An elapsed that runs backwards is
// another restoration and starts afresh.
func (r *remaining) feed(elapsed time.Duration, done, of work) {
	if n := len(r.samples); elapsed < r.last || n > 0 && (done[onLine] < r.samples[n-1].work[onLine] || done[inFlash] < r.samples[n-1].work[inFlash]) {
		*r = remaining{}
	}
	r.last = elapsed
	r.samples = append(r.samples, sample{elapsed, done})
	drop := 0 // keep one sample at or before the window's start
	for drop+1 < len(r.samples) && r.samples[drop+1].at <= elapsed-rateWindow {
		drop++
	}
	drop = max(drop, len(r.samples)-maxSamples)
	r.samples = append(r.samples[:0], r.samples[drop:]...)
	if elapsed < firstWords || of == (work{}) || !r.measure() {
		return // nothing moved: what was said still holds as well as anything
	}
	left := time.Duration(0)
	for kind := range workKinds {
		if of[kind] > done[kind] {
			pace := r.pace[kind]
			if pace == 0 {
				pace = 1 // as planned, until it is known better
			}
			left += time.Duration(float64(of[kind]-done[kind]) * pace * float64(time.Microsecond))
		}
	}
	now := rounded(left)
	switch {
	case r.shown == 0 || now < r.shown:
		r.shown, r.slower = now, false
	case now > r.shown+r.shown/5:
		r.shown, r.slower = now, true
	}
}

// measure takes the pace of each kind of work from the samples in the window, and reports whether
// anything moved. Time in which nothing moved counts for the work that moves next, unless that is of
// another kind: between line and flash the device proves, which is neither.
func (r *remaining) measure() bool {
	var took [workKinds]time.Duration
	var did [workKinds]uint64
	since, before, moved := r.samples[0].at, -1, false
	for i := 1; i < len(r.samples); i++ {
		a, b := &r.samples[i-1], &r.samples[i]
		for kind := range workKinds {
			n := b.work[kind] - a.work[kind]
			if n == 0 {
				continue
			}
			if before != kind && before >= 0 {
				since = a.at
			}
			took[kind] += b.at - since
			r.moves = kind
			did[kind] += n
			since, before, moved = b.at, kind, true
		}
	}
	for kind := range workKinds {
		if did[kind] > 0 && took[kind] > 0 {
			r.pace[kind] = float64(took[kind].Microseconds()) / float64(did[kind])
		}
	}
	return moved
}

func rounded(d time.Duration) time.Duration {
	n, unit := roundUp(d)
	if unit == "minute" {
		return time.Duration(n) * time.Minute
	}
	return time.Duration(n) * time.Second
}

// clockWords is the remaining time in the three parts of the screen: "About", "5", "seconds left". A
// phrase without a number stands in Before alone.
type clockWords struct{ Before, Number, After string }

func (r *remaining) words() clockWords {
	switch {
	case r.shown == 0:
		return clockWords{Before: "Starting"}
	case r.shown <= time.Second:
		return clockWords{Before: "Almost done"}
	}
	n, unit := roundUp(r.shown)
	w := clockWords{Before: "About", Number: strconv.Itoa(n), After: unit + "s left"}
	if n == 1 {
		w.After = unit + " left"
	}
	if r.slower {
		w.Before = "Slower line: about"
		if r.moves == inFlash {
			w.Before = "Slower device: about"
		}
	}
	return w
}

func (w clockWords) String() string {
	if w.Number == "" {
		return w.Before
	}
	return w.Before + " " + w.Number + " " + w.After
}

// short is for the document's title: "5 s left".
func (r *remaining) short() string {
	if r.shown == 0 {
		return ""
	}
	n, unit := roundUp(r.shown)
	return strconv.Itoa(n) + " " + unit[:1] + map[string]string{"second": "", "minute": "in"}[unit] + " left"
}

// announcer decides when a screen reader is told of progress: a new stage at once, else every five
// seconds or tenth of the way, whichever comes first.
type announcer struct {
	stage int
	at    time.Duration
	share int // tenths
	said  string
}

// say returns what the live region should hold now.
func (a *announcer) say(stage int, elapsed time.Duration, work, of uint64, words string) string {
	share := 0
	if of > 0 {
		share = int(work * 10 / of)
	}
	if a.said == "" || stage != a.stage || elapsed < a.at || elapsed-a.at >= 5*time.Second || share != a.share {
		*a = announcer{stage, elapsed, share, words}
	}
	return a.said
}
