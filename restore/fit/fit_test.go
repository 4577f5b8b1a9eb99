package fit_test

import (
	"errors"
	"testing"

	"unbrick/firmware"
	"unbrick/internal/firmwaretest"
	"unbrick/release"
	"unbrick/restore"
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

func TestCheck(t *testing.T) {
	app := func(chip uint16) []release.Part {
		return []release.Part{{Name: "a", Offset: 0x10000, Data: firmwaretest.App(chip, 0x42000000, "1").Bytes()}}
	}
	c3 := func(change func(*firmware.Target)) *firmware.Target {
		v := fit.Target(&family.Board{Family: family.ESP, Chip: "esp32c3", Flash: 4 << 20})
		change(v)
		return v
	}
	for _, test := range []struct {
		name string
		err  error
		want restore.Code
	}{
		{"chip", fit.Check(nil, app(9), c3(func(*firmware.Target) {})), restore.CodeChip},
		{"size", fit.Check(nil, app(5), c3(func(v *firmware.Target) { v.Flash = 0x10001 })), restore.CodeTooLarge},
		{"reserved", fit.Check(nil, app(5), c3(func(v *firmware.Target) { v.Reserved = []firmware.Range{{Addr: 0x10004, Size: 1}} })), restore.CodeReserved},
		{"protected", fit.Check(nil, app(5), c3(func(v *firmware.Target) { v.SecureBoot = true })), restore.CodeProtected},
		{"empty chip", fit.Check(nil, app(5), c3(func(v *firmware.Target) { v.Bootloader = firmware.None })), restore.CodeUnfit},
		{"damaged", fit.Explain(&firmware.Refusal{Reason: firmware.CheckFailed}), restore.CodeBadFile},
	} {
		var e *restore.Error
		var no *firmware.Refusal
		if !errors.As(test.err, &e) || e.Code != test.want || !errors.As(test.err, &no) || e.Touched != restore.TouchedNothing {
			t.Errorf("%s: %v", test.name, test.err)
		}
	}
	if err := fit.Check(nil, app(5), c3(func(*firmware.Target) {})); err != nil {
		t.Error(err)
	}
	var e *restore.Error
	if err := fit.Check(nil, app(5), c3(func(v *firmware.Target) { v.Flash = 0x10001 })); !errors.As(err, &e) || e.Has != 0x10001 || e.Needs <= e.Has {
		t.Errorf("needs and has are swapped: %v", err)
	}
}
