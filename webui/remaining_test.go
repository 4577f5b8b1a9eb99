package webui

import (
	"strings"
	"testing"
	"time"
)

// run feeds a restoration whose speed is told per tenth of a second, and returns what was on the screen.
func run(r *remaining, total uint64, speeds ...float64) []string {
	var shown []string
	sum := 0.0
	for i, s := range speeds {
		sum += s * 100_000 // planned microseconds in a tenth of a second
		r.feed(time.Duration(i+1)*100*time.Millisecond, workOf(uint64(sum), 0), workOf(total, 0))
		shown = append(shown, r.words().String())
	}
	return shown
}

func steady(n int, speed float64) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = speed
	}
	return list
}

func TestRemainingFallsToAlmostDone(t *testing.T) {
	var r remaining
	shown := run(&r, 10_000_000, steady(100, 1)...)
	for i, s := range shown[:9] {
		if s != "Starting" {
			t.Errorf("after %d00 ms: %q before the first second is over", i+1, s)
		}
	}
	if got, want := shown[9], "About 9 seconds left"; got != want {
		t.Errorf("after one second %q, want %q", got, want)
	}
	if got := shown[59]; got != "About 4 seconds left" {
		t.Errorf("after six seconds %q", got)
	}
	if got := shown[99]; got != "Almost done" {
		t.Errorf("at the end %q", got)
	}
	if r.short() != "1 s left" {
		t.Errorf("title %q", r.short())
	}
}

func TestRemainingExplainsARise(t *testing.T) {
	var r remaining
	shown := run(&r, 20_000_000, append(steady(50, 1), steady(40, .25)...)...)
	before, rose := "", false
	for i, s := range shown {
		if i >= 10 && before != s && strings.HasPrefix(s, "Slower line: about ") {
			rose = true
		}
		before = s
	}
	if !rose {
		t.Errorf("a line at a quarter of its speed is not mentioned: %q", shown)
	}
	var calm remaining
	for _, s := range run(&calm, 20_000_000, append(steady(50, 1), steady(40, .95)...)...) {
		if strings.Contains(s, "Slower") {
			t.Errorf("a twentieth slower is no news: %q", s)
		}
	}
}

// A line ten times as fast as planned says nothing about the flash: the rewriting that remains counts in
// full, and "Almost done" comes in the last second.
func TestRemainingCountsTheFlash(t *testing.T) {
	const line, flash = 5_000_000, 8_000_000
	var r remaining
	end := 1500*time.Millisecond + 8*time.Second // half a second on the line, one of proof, then the flash as planned
	for at := 100 * time.Millisecond; at <= end; at += 100 * time.Millisecond {
		sent := min(uint64(at.Microseconds())*10, line)
		written := uint64(max(at-1500*time.Millisecond, 0).Microseconds())
		r.feed(at, workOf(sent+written, written), workOf(line+flash, flash))
		left := end - at
		if s := r.words().String(); left > 1100*time.Millisecond && s == "Almost done" {
			t.Fatalf("%v before the end: %q", left, s)
		}
		if at > 3*time.Second && (r.shown < left || r.shown > left+2*time.Second) {
			t.Errorf("%v before the end %v is shown", left, r.shown)
		}
	}
	if s := r.words().String(); s != "Almost done" {
		t.Errorf("at the end %q", s)
	}
}

// A flash that is slower than planned is not the line's fault.
func TestRemainingNamesWhatIsSlow(t *testing.T) {
	var r remaining
	seen := false
	for at := 100 * time.Millisecond; at <= 12*time.Second; at += 100 * time.Millisecond {
		written := uint64(at.Microseconds())
		if at > 4*time.Second {
			written = 4_000_000 + uint64((at-4*time.Second).Microseconds())/4
		}
		r.feed(at, workOf(written, written), workOf(20_000_000, 20_000_000))
		s := r.words().String()
		seen = seen || strings.HasPrefix(s, "Slower device: about ")
		if strings.Contains(s, "line") {
			t.Fatalf("after %v: %q", at, s)
		}
	}
	if !seen {
		t.Error("a flash at a quarter of its speed is not mentioned")
	}
}

// Whatever the speed does, the number rises by more than a fifth only with the word before it.
func TestRemainingNeverJumpsSilently(t *testing.T) {
	for _, speeds := range [][]float64{
		append(steady(30, 2), steady(60, .1)...), append(append(steady(30, .1), steady(10, 8)...), steady(50, .2)...),
		append(append(steady(20, 1), steady(20, 0)...), steady(30, 1)...),
	} {
		var r remaining
		sum, last := 0.0, time.Duration(0)
		for i, s := range speeds {
			sum += s * 100_000
			r.feed(time.Duration(i+1)*100*time.Millisecond, workOf(uint64(sum), 0), workOf(30_000_000, 0))
			if last > 0 && r.shown > last+last/5 && !r.slower {
				t.Errorf("from %v to %v without a word", last, r.shown)
			}
			if last > 0 && r.shown > last && r.shown <= last+last/5 {
				t.Errorf("from %v to %v: a small rise is held", last, r.shown)
			}
			last = r.shown
		}
	}
}

func TestRemainingStartsAfresh(t *testing.T) {
	var r remaining
	run(&r, 10_000_000, steady(80, 1)...)
	r.feed(100*time.Millisecond, work{}, workOf(10_000_000, 0))
	if got := r.words().String(); got != "Starting" {
		t.Errorf("another restoration begins with %q", got)
	}
	for range 10_000 {
		r.feed(r.last+time.Microsecond, workOf(5, 0), workOf(10_000_000, 0))
	}
	if len(r.samples) > maxSamples {
		t.Errorf("%d samples are kept", len(r.samples))
	}
}

func TestAnnouncer(t *testing.T) {
	var a announcer
	said := 0
	last := ""
	tell := func(stage int, at time.Duration, work uint64, words string) {
		if s := a.say(stage, at, work, 1000, words); s != last {
			said, last = said+1, s
		}
	}
	tell(2, 0, 0, "a")
	for i := range 40 {
		tell(2, time.Duration(i)*100*time.Millisecond, uint64(i), "b"+string(rune('0'+i)))
	}
	if said != 1 {
		t.Errorf("spoke %d times in four seconds of four percent", said)
	}
	tell(2, 5*time.Second, 50, "c")
	tell(2, 5100*time.Millisecond, 150, "d")
	tell(3, 5200*time.Millisecond, 151, "e")
	if said != 4 || last != "e" {
		t.Errorf("five seconds, a tenth and a new stage: %d, %q", said, last)
	}
}
