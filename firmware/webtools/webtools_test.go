package webtools_test

import (
	"errors"
	"strings"
	"testing"

	"unbrick/firmware/webtools"
)

const sound = `{"name": "Meter", "version": "1.2.3", "home_assistant_domain": "esphome", "new_install_prompt_erase": true, "builds": [
 {"chipFamily": "ESP32", "parts": [{"path": "bin/boot.bin", "offset": 4096}, {"path": "./app.bin", "offset": 65536}]},
 {"chipFamily": "ESP32-C3", "parts": [{"path": "c3.bin", "offset": 0}]},
 {"chipFamily": "ESP32-C3", "serialType": "cdc", "parts": [{"path": "c3-usb.bin", "offset": 0}]},
 {"chipFamily": "ESP8266", "serialType": "uart", "parts": [{"path": "8266.bin", "offset": 0}]}]}`

func TestParse(t *testing.T) {
	m, err := webtools.Parse([]byte(sound))
	if err != nil || m.Name != "Meter" || m.Version != "1.2.3" || len(m.Builds) != 4 || m.Builds[0].Parts[1] != (webtools.Part{Path: "./app.bin", Offset: 65536}) {
		t.Fatalf("%+v %v", m, err)
	}
	for _, test := range []struct {
		chip   string
		serial webtools.Serial
		want   string
	}{{"esp32c3", webtools.CDC, "c3-usb.bin"}, {"esp32c3", webtools.UART, "c3.bin"}, {"esp32", webtools.CDC, "bin/boot.bin"},
		{"esp8266", webtools.CDC, ""}, {"esp8266", webtools.UART, "8266.bin"}, {"esp32s3", webtools.Any, ""}} {
		got := ""
		if b := m.For(test.chip, test.serial); b != nil {
			got = b.Parts[0].Path
		}
		if got != test.want {
			t.Errorf("%s over %q: %q, want %q", test.chip, test.serial, got, test.want)
		}
	}
	if !webtools.Is([]byte(sound)) || webtools.Is([]byte(`{"a":1}`)) || webtools.Is([]byte("builds")) {
		t.Error("a manifest is not told from other files")
	}
}

func TestParseRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"no JSON": {`{"name"`, `{name`}, "behind it": {`]}]}`, `]}]} x`}, "unknown chip": {"ESP32-C3", "ESP32-C9"}, "lower case": {"ESP8266", "esp8266"},
		"above the folder": {"bin/boot.bin", "../boot.bin"}, "up inside": {"bin/boot.bin", "bin/../../boot.bin"}, "absolute": {"bin/boot.bin", "/etc/passwd"},
		"Windows": {"bin/boot.bin", `c:\\boot.bin`}, "address": {"bin/boot.bin", "https://example.org/boot.bin"}, "backslash": {"bin/boot.bin", `..\\boot.bin`},
		"no path": {`"path": "c3.bin", `, ""}, "no offset": {`, "offset": 4096`, ""}, "negative": {"4096", "-1"}, "fraction": {"4096", "0.5"},
		"far": {"65536", "16777216"}, "text": {"4096", `"0x1000"`}, "serial": {`"cdc"`, `"usb"`}, "twice": {`"serialType": "cdc", `, ""},
		"no parts": {`[{"path": "8266.bin", "offset": 0}]`, "[]"}, "empty path": {"bin/boot.bin", ""},
	} {
		text := strings.Replace(sound, change[0], change[1], 1)
		if text == sound {
			t.Fatalf("%s changes nothing", name)
		}
		if m, err := webtools.Parse([]byte(text)); !errors.Is(err, webtools.ErrManifest) {
			t.Errorf("%s: %+v %v", name, m, err)
		}
	}
	if _, err := webtools.Parse([]byte(`{"builds":[]}`)); !errors.Is(err, webtools.ErrManifest) {
		t.Errorf("no builds: %v", err)
	}
	if _, err := webtools.Parse([]byte(sound + strings.Repeat(" ", 64<<10))); !errors.Is(err, webtools.ErrManifest) {
		t.Errorf("too long: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sound))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := webtools.Parse(b)
		if err != nil {
			if !errors.Is(err, webtools.ErrManifest) {
				t.Fatal(err)
			}
			return
		}
		for _, build := range m.Builds {
			for _, p := range build.Parts {
				if p.Path == "" || p.Path[0] == '/' || p.Path == ".." || strings.HasPrefix(p.Path, "../") || strings.Contains(p.Path, "/../") {
					t.Fatalf("path %q", p.Path)
				}
			}
		}
	})
}
