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

// sample is the planned work, in microseconds of line and flash, that was done after some time.
type sample struct {
	at   time.Duration
	work uint64
}

// remaining tells how long a restoration still takes. Feed it every state of one restoration; the
// words may fall, and rise only with an explanation.
type remaining struct {
	samples []sample
	last    time.Duration // when it was fed last
	shown   time.Duration // rounded estimate on the screen; 0 none yet
	slower  bool
}

// feed takes the work done of all planned work after elapsed. An elapsed that runs backwards is
// another restoration and starts afresh.
func (r *remaining) feed(elapsed time.Duration, work, of uint64) {
	if elapsed < r.last || len(r.samples) > 0 && work < r.samples[len(r.samples)-1].work {
		*r = remaining{}
	}
	r.last = elapsed
	r.samples = append(r.samples, sample{elapsed, work})
	drop := 0 // keep one sample at or before the window's start
	for drop+1 < len(r.samples) && r.samples[drop+1].at <= elapsed-rateWindow {
		drop++
	}
	drop = max(drop, len(r.samples)-maxSamples)
	r.samples = append(r.samples[:0], r.samples[drop:]...)
	if elapsed < firstWords || of == 0 {
		return
	}
	from := r.samples[0]
	did, took := work-from.work, elapsed-from.at
	if did == 0 || took <= 0 {
		return // nothing moved: what was said still holds as well as anything
	}
	left := time.Duration(0)
	if of > work {
		left = time.Duration(float64(of-work) * float64(took) / float64(did))
	}
	now := rounded(left)
	switch {
	case r.shown == 0 || now < r.shown:
		r.shown, r.slower = now, false
	case now > r.shown+r.shown/5:
		r.shown, r.slower = now, true
	}
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
