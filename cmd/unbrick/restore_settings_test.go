package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"unbrick/flash"
	"unbrick/protocol/smp"
	"unbrick/restore"
)

// furnish fills the settings areas, the last n bytes of the flash in the file.
func (b *story) furnish(file string, n int) []byte {
	b.Helper()
	raw, err := os.ReadFile(b.path(file))
	if err != nil {
		b.Fatal(err)
	}
	full := raw[len(raw)-n:]
	for i := range full {
		full[i] = byte(i%239) ^ 0x3c
	}
	b.write(file, raw)
	return bytes.Clone(full)
}

// tail returns the last n bytes of the flash in the file.
func (b *story) tail(file string, n int) []byte {
	b.Helper()
	raw, err := os.ReadFile(b.path(file))
	if err != nil {
		b.Fatal(err)
	}
	return raw[len(raw)-n:]
}

// TestEraseSettings restores a device twice: the first time what was set on it is kept, the second time, with
// nothing wrong with its software, it is erased as --erase-settings says.
func TestEraseSettings(t *testing.T) {
	b := newStory(t)
	b.model("0003", "--settings", "calibration:8KiB", "--settings", "user:4KiB")
	b.emulate(exitRestoration, "0003", "dev.bin", "--cut-at", "100")
	const size = 12 << 10
	full := b.furnish("dev.bin", size)
	for _, test := range []struct {
		flags    []string
		settings string
		erased   string
		says     []string
		left     []byte
	}{
		{nil, "kept", "[]", nil, full},
		{[]string{"--erase-settings"}, "erased", "[calibration user]",
			[]string{`what is in them is lost: "calibration" (8KiB at 0x7d000), "user" (4KiB at 0x7f000)`, "Erased its settings"}, bytes.Repeat([]byte{0xff}, size)},
		{[]string{"--erase-settings"}, "erased", "[calibration user]", nil, bytes.Repeat([]byte{0xff}, size)},
	} {
		path, stop := b.cable("0003", "dev.bin")
		code, out, errOut := execute(t, append([]string{"restore", "--yes", "--port", path, "--json"}, test.flags...)...)
		if code != exitOK {
			t.Fatalf("%q: exit code %d\n%s%s", test.flags, code, out, errOut)
		}
		last := b.object(out)
		if last["settings"] != test.settings || fmt.Sprint(last["settings_erased"]) != test.erased {
			t.Errorf("%q: settings %v, erased %v", test.flags, last["settings"], last["settings_erased"])
		}
		for _, s := range test.says {
			if !strings.Contains(errOut, s) {
				t.Errorf("%q does not say %q, but:\n%s", test.flags, s, errOut)
			}
		}
		if code := stop(); code != exitOK || !b.holds("dev.bin", b.two) {
			t.Errorf("%q: the device ended with %d", test.flags, code)
		}
		if !bytes.Equal(b.tail("dev.bin", size), test.left) {
			t.Errorf("%q: the settings areas are not what they should be", test.flags)
		}
	}
	// A device without settings areas: a word, and nothing else.
	b.emulate(exitRestoration, "0001", "plain.bin", "--cut-at", "100")
	path, stop := b.cable("0001", "plain.bin")
	code, out, errOut := execute(t, "restore", "--yes", "--port", path, "--json", "--erase-settings")
	if code != exitOK || b.object(out)["settings"] != "none" || !strings.Contains(errOut, "no settings areas") {
		t.Errorf("exit code %d, %s%s", code, out, errOut)
	}
	stop()
}

// TestSettingsWords: a device that does not know the command is told once and is no failure; one whose flash
// does not erase is.
func TestSettingsWords(t *testing.T) {
	areas := []flash.Area{{Name: "user", Addr: 0x7f000, Size: 4096}}
	for _, test := range []struct {
		announces bool
		result    restore.Result
		says      string
		fails     string
	}{
		{false, restore.Result{Settings: restore.SettingsUnable}, "does not know how to erase its settings: they are kept", ""},
		{true, restore.Result{Settings: restore.SettingsUnable}, "does not know how to erase its settings: they are kept", ""},
		{true, restore.Result{Settings: restore.SettingsFailed, SettingsFault: smp.FaultErase, SettingsAddr: 0x7f000}, "", "the sector at 0x7f000 does not erase any more"},
		{true, restore.Result{Settings: restore.SettingsFailed, SettingsFault: smp.FaultDenied}, "", "the device refused: denied"},
	} {
		var errOut bytes.Buffer
		r := &restoration{restoreFlags: &restoreFlags{erase: true}, errOut: &errOut}
		p := &restore.Plan{Device: &restore.Device{}}
		p.Device.Layout.Settings, p.Device.Erases = areas, test.announces
		if asks := r.wish(p); asks != test.announces || !p.EraseSettings {
			t.Errorf("%+v: asks %t", test, asks)
		}
		test.result.Plan = p
		err := r.settled(&test.result)
		if test.fails == "" && err != nil || test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails) || !strings.Contains(err.Error(), "Is the device safe? Yes.")) {
			t.Errorf("%+v: %v", test, err)
		}
		if got := strings.Count(errOut.String(), "does not know how"); (test.says != "") != (got == 1) || !strings.Contains(errOut.String(), test.says) {
			t.Errorf("%+v says %q", test, errOut.String())
		}
	}
	e := &restore.Error{Code: restore.CodeVanished, Touched: restore.TouchedSettings}
	if text := explain(e).Error(); !strings.Contains(text, "Its software is verified and starts") || !settingsOnly(e) {
		t.Errorf("%q", text)
	}
}
