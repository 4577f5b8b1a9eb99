package restore

import (
	"testing"
	"time"

	"unbrick/restore"
	"unbrick/webui/words"
)

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

func TestShortTime(t *testing.T) {
	for want, left := range map[string]restore.Remaining{
		"": {}, "1 s left": {Known: true, Time: time.Second}, "25 s left": {Known: true, Time: 25 * time.Second}, "3 min left": {Known: true, Time: 3 * time.Minute},
	} {
		if got := words.ShortLeft(left); got != want {
			t.Errorf("%v: %q, want %q", left.Time, got, want)
		}
	}
}
