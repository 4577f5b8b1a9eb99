package e2e

import (
	"fmt"
	"strings"
	"testing"

	"unbrick/internal/firmware"
)

// TestRollout publishes a release for half of the devices. The others are told "not yet" and keep what they run; a halt
// leaves out everybody, and in the end it is for all.
func TestRollout(t *testing.T) {
	sh := newShell(t, startServer(t, "--data", t.TempDir()))
	old, next := firmware.Mithermo()
	sh.write(t, "v1.bin", old)
	sh.write(t, "v2.bin", next)
	sh.must(t, 0, "key", "new", "-o", "release.key")
	sh.must(t, 0, "model", "put", "0001", "--flash", "1MiB", "--geometry", "4KiB", "--program-unit", "8", "--ram", "256KiB", "--boot", "64KiB", "--enrol", "open")
	sh.must(t, 0, "publish", "--key", "release.key", "--model", "0001", "--version", "1", "v1.bin")
	sh.must(t, 0, "publish", "--key", "release.key", "--model", "0001", "--version", "2", "v2.bin", "--phases", "50%,100%@24h")
	update := func(i int) (got emulated) {
		t.Helper()
		serial := fmt.Sprintf("C%d", i)
		sh.must(t, 0, append(factory(serial, serial+".bin"), "--update")...).last(t, &got)
		return got
	}
	const devices = 6
	var early, late []int
	for i := range devices {
		switch got := update(i); {
		case got.Release == "2":
			early = append(early, i)
		case got.Release == "1" && got.Reason == "not yet":
			late = append(late, i)
		default:
			t.Fatalf("device %d: %+v", i, got)
		}
	}
	if len(early) == 0 || len(late) < 2 { // the serials are fixed, and so is the choice
		t.Fatalf("early %v, late %v", early, late)
	}
	if got := update(late[0]); got.Reason != "not yet" {
		t.Errorf("asked again: %+v", got)
	}
	sh.must(t, 0, "rollout", "2", "--model", "0001", "--phases", "100%")
	sh.must(t, 0, "rollout", "2", "--model", "0001", "--halt")
	if got := update(late[0]); got.Reason != "not yet" {
		t.Errorf("while halted: %+v", got)
	}
	sh.must(t, 0, "rollout", "2", "--model", "0001", "--resume")
	if got := update(late[0]); got.Release != "2" {
		t.Errorf("after the halt: %+v", got)
	}
	if o := sh.must(t, 0, "rollout", "2", "--model", "0001", "--end"); !strings.Contains(o.stdout, "to all") {
		t.Errorf("words: %s", o.stdout)
	}
	if got := update(late[1]); got.Release != "2" {
		t.Errorf("for all: %+v", got)
	}
}
