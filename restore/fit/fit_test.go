package fit_test

import (
	"testing"

	"unbrick/firmware"
	"unbrick/restore/family"
	"unbrick/restore/fit"
)

// Every protection that a board can have counts when parts are judged, and so does what else is known of it.
func TestTarget(t *testing.T) {
	b := &family.Board{Family: family.ESP, Chip: "esp32c3", Revision: "0.4", Flash: 4 << 20, Reserved: []family.Range{{Addr: 0x1000, Size: 16}}}
	plain := *fit.Target(b)
	if plain.Chip != "esp32c3" || plain.Flash != 4<<20 || plain.Major != 0 || plain.Minor != 4 || !plain.Revised || len(plain.Reserved) != 1 {
		t.Errorf("got %+v", plain)
	}
	seen := map[[6]bool]bool{flags(&plain): true}
	for i := 1; i <= family.Protections; i++ {
		b.Protections = []family.Protection{family.Protection(i)}
		v := flags(fit.Target(b))
		if seen[v] {
			t.Errorf("protection %d is as another, or as none", i)
		}
		seen[v] = true
	}
	for _, odd := range []string{"", "1", "x.1", "1.x", "256.0"} {
		if fit.Target(&family.Board{Revision: odd}).Revised {
			t.Errorf("%q is a revision", odd)
		}
	}
}

func flags(t *firmware.Target) [6]bool {
	return [6]bool{t.SecureBoot, t.SecureBootV1, t.Encrypted, t.EncryptedReady, t.WriteOnly, t.KeyRecovery}
}
