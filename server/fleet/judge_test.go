package fleet

import (
	"fmt"
	"testing"
	"time"
)

// TestStrangersShare: one address has few strangers written down, and keeps those of others off no list; all together are bounded.
func TestStrangersShare(t *testing.T) {
	var now time.Duration
	s := newStrangers(func() time.Duration { return now })
	allowed := func(address string, tries int) (n int) {
		for range tries {
			if s.allow(address) {
				n++
			}
		}
		return n
	}
	if n := allowed("loud", 1000); n != addressAtOnce {
		t.Errorf("%d of one address, want %d", n, addressAtOnce)
	}
	if n := allowed("quiet", 1); n != 1 {
		t.Error("one address keeps another off the list")
	}
	all := 0
	for i := range 1000 {
		all += allowed(fmt.Sprint(i), 1)
	}
	if want := strangersAtOnce - addressAtOnce - 1; all != want {
		t.Errorf("%d of all others at once, want %d", all, want)
	}
	now += 10 * time.Second
	if n := allowed("loud", 1000); n != 10*addressPerSecond {
		t.Errorf("%d of one address after ten seconds", n)
	}
}
