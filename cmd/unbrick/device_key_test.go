package main

import (
	"strings"
	"testing"
)

// TestDeviceKeys: approve and rekey take a key that somebody has shown once it is named, so that it was compared; show tells of
// the keys of a device that has not spoken.
func TestDeviceKeys(t *testing.T) {
	b := newStory(t)
	b.must(exitOK, "model", "enrol", "0001", "approve")
	says := func(want int, text string, args ...string) {
		t.Helper()
		if out := b.must(want, args...); !strings.Contains(out, text) {
			t.Errorf("%q: %swant %q", args, out, text)
		}
	}
	says(exitFailed, "nobody has spoken", "device", "approve", "0001", "S")
	says(exitFailed, "has spoken here", "device", "show", "0001", "S")
	b.must(exitOK, "factory", "--model", "0001", "--prefix", "S", "--count", "1", "--list", b.path("list.csv"), "--dir", b.path("keys"))
	b.must(exitOK, "device", "import", b.path("list.csv"))
	says(exitOK, "is enrolled since", "device", "show", "0001", "S1")
	says(exitOK, `"state":"enrolled"`, "device", "show", "0001", "S1", "--json")
	says(exitFailed, "under serial S1", "device", "rekey", "0001", "S1")

	newest := []string{"--version", "2", "--image", b.path("2.bin")}
	b.emulate(exitOK, "0001", "old.bin", newest...)
	says(exitOK, "pending", "device", "show", "0001", "S")
	shown := func() string {
		t.Helper()
		_, key, _ := strings.Cut(b.must(exitOK, "stranger", "list", "--json"), `"key":"`)
		return key[:64]
	}
	key := shown()
	says(exitFailed, key+". Compare", "device", "approve", "0001", "S")
	says(exitOK, "is known by key "+key, "device", "approve", "0001", "S", "--key", key[:leastKey])
	b.emulate(exitOK, "0001", "new.bin", append(newest, "--seed", "2")...)
	second := shown()
	says(exitFailed, "rekey", "device", "approve", "0001", "S", "--key", second)
	says(exitFailed, second+". Compare", "device", "rekey", "0001", "S")
	says(exitOK, "is now known by key "+second, "device", "rekey", "0001", "S", "--key", second[:leastKey])
	b.emulate(exitOK, "0001", "old.bin", newest...)
	says(exitOK, "barred-key", "stranger", "list")
	says(exitOK, "is now known by key "+key, "device", "rekey", "0001", "S", "--key", key[:leastKey])
}
