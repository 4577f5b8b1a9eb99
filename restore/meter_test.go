package restore

import (
	"strings"
	"testing"
	"time"
)

// runMeter feeds a restoration whose speed is told per tenth of a second, and returns what was on the screen.
func runMeter(m *Meter, total uint64, speeds ...float64) []string {
	var shown []string
	sum := 0.0
	for i, s := range speeds {
		sum += s * 100_000 // planned microseconds in a tenth of a second
		m.feed(time.Duration(i+1)*100*time.Millisecond, workOf(uint64(sum), 0), workOf(total, 0))
		shown = append(shown, m.Remaining().Words().String())
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

func TestMeterFallsToAlmostDone(t *testing.T) {
	var m Meter
	shown := runMeter(&m, 10_000_000, steady(100, 1)...)
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
}

func TestMeterExplainsARise(t *testing.T) {
	var m Meter
	shown := runMeter(&m, 20_000_000, append(steady(50, 1), steady(40, .25)...)...)
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
	var calm Meter
	for _, s := range runMeter(&calm, 20_000_000, append(steady(50, 1), steady(40, .95)...)...) {
		if strings.Contains(s, "Slower") {
			t.Errorf("a twentieth slower is no news: %q", s)
		}
	}
}

// A line ten times as fast as planned says nothing about the flash: the rewriting that remains counts in
// full, and "Almost done" comes in the last second.
func TestMeterCountsTheFlash(t *testing.T) {
	const line, flash = 5_000_000, 8_000_000
	var m Meter
	end := 1500*time.Millisecond + 8*time.Second // half a second on the line, one of proof, then the flash as planned
	for at := 100 * time.Millisecond; at <= end; at += 100 * time.Millisecond {
		sent := min(uint64(at.Microseconds())*10, line)
		written := uint64(max(at-1500*time.Millisecond, 0).Microseconds())
		m.feed(at, workOf(sent+written, written), workOf(line+flash, flash))
		left := end - at
		if s := m.Remaining().Words().String(); left > 1100*time.Millisecond && s == "Almost done" {
			t.Fatalf("%v before the end: %q", left, s)
		}
		if at > 3*time.Second && (m.shown < left || m.shown > left+2*time.Second) {
			t.Errorf("%v before the end %v is shown", left, m.shown)
		}
	}
	if s := m.Remaining().Words().String(); s != "Almost done" {
		t.Errorf("at the end %q", s)
	}
}

// A flash that is slower than planned is not the line's fault.
func TestMeterNamesWhatIsSlow(t *testing.T) {
	var m Meter
	seen := false
	for at := 100 * time.Millisecond; at <= 12*time.Second; at += 100 * time.Millisecond {
		written := uint64(at.Microseconds())
		if at > 4*time.Second {
			written = 4_000_000 + uint64((at-4*time.Second).Microseconds())/4
		}
		m.feed(at, workOf(written, written), workOf(20_000_000, 20_000_000))
		s := m.Remaining().Words().String()
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
func TestMeterNeverJumpsSilently(t *testing.T) {
	for _, speeds := range [][]float64{
		append(steady(30, 2), steady(60, .1)...), append(append(steady(30, .1), steady(10, 8)...), steady(50, .2)...),
		append(append(steady(20, 1), steady(20, 0)...), steady(30, 1)...),
	} {
		var m Meter
		sum, last := 0.0, time.Duration(0)
		for i, s := range speeds {
			sum += s * 100_000
			m.feed(time.Duration(i+1)*100*time.Millisecond, workOf(uint64(sum), 0), workOf(30_000_000, 0))
			if last > 0 && m.shown > last+last/5 && !m.slower {
				t.Errorf("from %v to %v without a word", last, m.shown)
			}
			if last > 0 && m.shown > last && m.shown <= last+last/5 {
				t.Errorf("from %v to %v: a small rise is held", last, m.shown)
			}
			last = m.shown
		}
	}
}

func TestMeterStartsAfresh(t *testing.T) {
	var m Meter
	runMeter(&m, 10_000_000, steady(80, 1)...)
	m.feed(100*time.Millisecond, work{}, workOf(10_000_000, 0))
	if got := m.Remaining().Words().String(); got != "Starting" {
		t.Errorf("another restoration begins with %q", got)
	}
	for range 10_000 {
		m.feed(m.last+time.Microsecond, workOf(5, 0), workOf(10_000_000, 0))
	}
	if len(m.samples) > maxSamples {
		t.Errorf("%d samples are kept", len(m.samples))
	}
}

// TestRemainingIsRounded: as a person is told, up, and the words for it.
func TestRemainingIsRounded(t *testing.T) {
	const s = time.Second
	for d, want := range map[time.Duration]time.Duration{
		0: s, 1: s, 19*s + 1: 20 * s, 20*s + 1: 25 * s, 55 * s: 55 * s, 56 * s: time.Minute, 61 * s: 2 * time.Minute,
	} {
		if got := round(d); got != want {
			t.Errorf("%v: got %v, want %v", d, got, want)
		}
	}
	for _, test := range []struct {
		left Remaining
		want string
	}{
		{Remaining{}, "Starting"},
		{Remaining{Known: true, Time: 5 * s}, "About 5 seconds left"},
		{Remaining{Known: true, Time: s}, "Almost done"},
		{Remaining{Known: true, Time: time.Minute}, "About 1 minute left"},
		{Remaining{Known: true, Time: 2 * time.Minute, Slower: true}, "Slower line: about 2 minutes left"},
		{Remaining{Known: true, Time: 2 * time.Minute, Slower: true, Flash: true}, "Slower device: about 2 minutes left"},
	} {
		if got := test.left.Words().String(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
