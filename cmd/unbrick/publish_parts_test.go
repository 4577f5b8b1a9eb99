package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unbrick/firmware"
	"unbrick/flash"
	"unbrick/internal/firmwaretest"
	"unbrick/release"
	"unbrick/restore/family"
)

// partsStory is a server with a model of an ESP32-C3.
func partsStory(t *testing.T) *story {
	t.Helper()
	b := newStory(t)
	b.must(exitOK, "model", "put", "0003", "--flash", "4MiB", "--geometry", "4KiB", "--program-unit", "4", "--ram", "400KiB", "--enrol", "open")
	b.write("boot.bin", firmwaretest.Boot(5).Bytes())
	b.write("app.bin", firmwaretest.App(5, 0x42000000, "1.2.3").Bytes())
	b.write("table.bin", firmwaretest.Table(firmwaretest.Usual, true))
	b.write("merged.bin", firmwaretest.Merge(0, map[uint32][]byte{0: firmwaretest.Boot(5).Bytes(), 0x8000: firmwaretest.Table(firmwaretest.Usual, true),
		0xe000: firmwaretest.OTAData(), 0x10000: firmwaretest.App(5, 0x42000000, "1.2.3").Bytes()}))
	return b
}

// publish runs the verb for the model of parts and returns what it printed.
func (b *story) publish(want int, version string, words ...string) string {
	b.Helper()
	args := append([]string{"publish", "--json", "--key", b.path("release.key"), "--model", "0003", "--version", version}, words...)
	code, out, errOut := execute(b.T, args...)
	if code != want {
		b.Fatalf("%q: exit code %d, want %d\n%s%s", words, code, want, out, errOut)
	}
	return out + errOut
}

// placesIn are the parts in what publish printed.
func placesIn(t *testing.T, out string) string {
	t.Helper()
	var v struct {
		Family, Chip string
		Parts        []placed
	}
	line, _, _ := strings.Cut(out[strings.Index(out, "{"):], "\n")
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	text := v.Family + " " + v.Chip
	for _, p := range v.Parts {
		text += " " + p.Name + "@" + hexOf(p.Offset)
	}
	return text
}

func hexOf(n uint32) string { b, _ := json.Marshal(n); return string(b) }

// fetch gets a release file from the server as the page does.
func (b *story) fetch(model, version string) []byte {
	b.Helper()
	shown := b.object(b.must(exitOK, "release", "show", version, "--model", model, "--json"))
	answer, err := http.Get(b.server.url + "/api/releases/" + shown["image"].(string) + "/file?model=" + model)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.Fatalf("%s %v", answer.Status, err)
	}
	return content
}

// A release of parts is published, listed, fetched, withdrawn and removed; a terminal of the same model is never offered it.
func TestPublishParts(t *testing.T) {
	b := partsStory(t)
	b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0003", "--version", "1", b.path("1.bin")) // an image, for terminals
	out := b.publish(exitOK, "2.0", "--chip", "esp32c3", "--part", "boot@0="+b.path("boot.bin"), "--part", "0x8000="+b.path("table.bin"), "--part", b.path("app.bin"))
	if got := placesIn(t, out); got != "esp esp32c3 boot@0 table@32768 app@65536" {
		t.Errorf("published %s", got)
	}
	out = b.publish(exitOK, "2.1", "--chip", "esp32c3", b.path("merged.bin"))
	if got := placesIn(t, out); got != "esp esp32c3 bootloader@0 partitions@32768 otadata@57344 app0@65536" {
		t.Errorf("published %s", got)
	}
	out = b.publish(exitOK, "2.2", "--whole", b.path("merged.bin"))
	if got := placesIn(t, out); got != "esp esp32c3 merged@0" {
		t.Errorf("published %s", got)
	}
	if list := b.must(exitOK, "release", "list", "--model", "0003"); strings.Count(list, "offered") != 4 {
		t.Errorf("listed: %s", list)
	}
	b.write("2.1.release", b.fetch("0003", "2.1"))
	f, err := release.SplitFile([]byte(b.read("2.1.release")))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := release.ParseParts(f.Image)
	if err != nil || !bytes.Equal(parts[3].Data, []byte(b.read("app.bin"))) {
		t.Errorf("fetched %d parts, %v", len(parts), err)
	}
	if shown := b.must(exitOK, "release", "show", b.path("2.1.release")); !strings.Contains(shown, "family esp, chip esp32c3") {
		t.Errorf("shown: %s", shown)
	}
	if last, _ := b.emulate(exitOK, "0003", "terminal.bin"); last["release"] != "1" || last["reason"] != "up to date" {
		t.Errorf("a terminal of the model was offered parts: %v", last)
	}
	b.must(exitOK, "release", "withdraw", "2.2", "--model", "0003")
	b.must(exitOK, "release", "remove", "2.2", "--model", "0003")
	if list := b.must(exitOK, "release", "list", "--model", "0003"); strings.Contains(list, "2.2") {
		t.Errorf("listed after it was removed: %s", list)
	}
	// The same release file is signed further and published again, as any other.
	b.must(exitOK, "publish", "--key", b.path("release.key"), b.path("2.1.release"))
	// A model that is put again keeps its releases of parts.
	b.must(exitOK, "model", "put", "0003", "--flash", "8MiB", "--geometry", "4KiB", "--program-unit", "4", "--ram", "400KiB")
}

// The names of the families are the same for files and for boot loaders.
func TestFamilies(t *testing.T) {
	if firmware.ESP != family.ESP || firmware.AVR != family.AVR || firmware.MCUboot != family.MCUboot {
		t.Error("a family has two names")
	}
}

// The server looks at what it is sent: a family whose image is no parts file, and parts that lie behind the flash.
func TestServerRefusesBadParts(t *testing.T) {
	b := partsStory(t)
	key, err := release.ParseKey([]byte(b.read("release.key")))
	if err != nil {
		t.Fatal(err)
	}
	sector := &flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 4096}}, ProgramUnit: 4, Page: 256, Erased: 0xff}
	far, err := release.AppendParts(nil, []release.Part{{Name: "app", Offset: 4 << 20, Data: []byte("x")}})
	if err != nil {
		t.Fatal(err)
	}
	for says, image := range map[string][]byte{"malformed parts file": firmwaretest.Data(900, 1), "ends at 0x400001": far} {
		m, err := release.Describe("0003", "5", 9, 0, image, sector)
		if err != nil {
			t.Fatal(err)
		}
		m.Family, m.Chip = "esp", "esp32c3"
		signed, err := release.Sign(&m, key)
		if err != nil {
			t.Fatal(err)
		}
		b.write("bad.release", release.AppendFile(nil, &release.File{Signed: signed, Image: image}))
		if out := b.must(exitFailed, "publish", "--pub", b.path("release.pub"), b.path("bad.release")); !strings.Contains(out, says) {
			t.Errorf("%s, want %q", out, says)
		}
	}
}

func TestPublishWebTools(t *testing.T) {
	b := partsStory(t)
	if err := os.Mkdir(b.path("bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.write(filepath.Join("bin", "usb.bin"), firmwaretest.App(5, 0x42000000, "usb").Bytes())
	b.write("8266.bin", firmwaretest.Arduino())
	b.write("manifest.json", []byte(`{"name":"M","version":"1","builds":[{"chipFamily":"ESP32-C3","parts":[{"path":"merged.bin","offset":0}]},
		{"chipFamily":"ESP32-C3","serialType":"cdc","parts":[{"path":"bin/usb.bin","offset":65536}]},
		{"chipFamily":"ESP8266","parts":[{"path":"8266.bin","offset":0}]}]}`))
	b.publish(exitUsage, "1", b.path("manifest.json"))
	b.publish(exitUsage, "1", "--chip", "esp32c3", b.path("manifest.json"))
	for _, test := range [][3]string{{"1.0", "--chip esp8266", "esp esp8266 8266@0"}, {"1.1", "--chip esp32c3 --serial-type cdc", "esp esp32c3 usb@65536"},
		{"1.2", "--chip esp32c3 --serial-type uart", "esp esp32c3 bootloader@0 partitions@32768 otadata@57344 app0@65536"}} {
		out := b.publish(exitOK, test[0], append(strings.Fields(test[1]), b.path("manifest.json"))...)
		if got := placesIn(t, out); got != test[2] {
			t.Errorf("%s: %s", test[1], got)
		}
	}
	if out := b.publish(exitFailed, "2", "--chip", "esp32s3", b.path("manifest.json")); !strings.Contains(out, "no build") {
		t.Error(out)
	}
}

// What would not start is refused before anything is signed, by its reason; words that are off, too.
func TestPublishPartsRefuses(t *testing.T) {
	b := partsStory(t)
	b.write("uno.hex", firmwaretest.Hex([]firmwaretest.Segment{{Addr: 0, Data: firmwaretest.Data(900, 1)}}, 16, "\r\n"))
	b.write("raw.bin", firmwaretest.Data(900, 2))
	for _, test := range []struct {
		code  int
		says  string
		words []string
	}{
		{exitFailed, "for chip esp32c3", []string{"--chip", "esp32", "--part", "app.bin"}},
		{exitFailed, "swapped", []string{"--chip", "esp32c3", "--part", "0=app.bin"}},
		{exitFailed, "swapped", []string{"--chip", "esp32c3", "--part", "0x10000=boot.bin"}},
		{exitFailed, "whole flash", []string{"--chip", "esp32c3", "--part", "0x10000=merged.bin"}},
		{exitFailed, "give its offset", []string{"--chip", "esp32c3", "--part", "raw.bin"}},
		{exitFailed, "is for esp32c3", []string{"--chip", "atmega328p", "--part", "app.bin"}},
		{exitFailed, "overlap", []string{"--chip", "esp32c3", "--part", "a@0x20000=raw.bin", "--part", "b@0x20000=raw.bin"}},
		{exitFailed, "ends at", []string{"--chip", "esp32c3", "--part", "0x400000=raw.bin"}},
		{exitUsage, "two parts are called", []string{"--chip", "esp32c3", "--part", "0x20000=raw.bin", "--part", "0x30000=raw.bin"}},
		{exitUsage, "no chip", []string{"--chip", "esp32c9", "--family", "esp", "--part", "app.bin"}},
		{exitUsage, "kind of boot loader", []string{"--part", "0=raw.bin"}},
		{exitUsage, "of family esp", []string{"--chip", "esp32c3", "--family", "avr", "--part", "app.bin"}},
		{exitUsage, "is not as", []string{"--chip", "esp32c3", "--part", "here=app.bin"}},
		{exitUsage, "a name is", []string{"--chip", "esp32c3", "--part", "/@0=app.bin"}},
		{exitUsage, "names of their own", []string{"--chip", "esp32c3", "--part", "x@=merged.bin"}},
		{exitUsage, "name one file", nil},
	} {
		words := append([]string(nil), test.words...)
		for i, w := range words {
			if head, name, ok := strings.Cut(w, "="); ok {
				words[i] = head + "=" + b.path(name)
			} else if strings.HasSuffix(w, ".bin") {
				words[i] = b.path(w)
			}
		}
		if out := b.publish(test.code, "1", words...); !strings.Contains(out, test.says) {
			t.Errorf("%q: %s\nwant %q", test.words, out, test.says)
		}
	}
	if list := b.must(exitOK, "release", "list", "--model", "0003"); strings.Contains(list, "offered") {
		t.Errorf("something was published: %s", list)
	}
	b.must(exitOK, "model", "put", "0004", "--flash", "32KiB", "--geometry", "4KiB", "--boot", "4KiB", "--program-unit", "2", "--page", "128", "--ram", "2KiB", "--resident", "256")
	out := b.must(exitOK, "publish", "--json", "--key", b.path("release.key"), "--model", "0004", "--version", "1", "--chip", "atmega328p", b.path("uno.hex"))
	if got := placesIn(t, out); got != "avr atmega328p uno@0" {
		t.Errorf("an Uno: %s", got)
	}
}

// An image for a terminal is taken out of a file with addresses, if it begins where the software area does.
func TestPublishConverts(t *testing.T) {
	b := newStory(t)
	image := firmwaretest.Data(9000, 5)
	const base = 64<<10 + 2*4096
	at := func(addr uint32) []firmwaretest.Segment { return []firmwaretest.Segment{{Addr: addr, Data: image}} }
	for name, content := range map[string][]byte{"a.hex": firmwaretest.Hex(at(base), 16, "\n"), "b.srec": firmwaretest.SRecord(at(0x08000000+base), 4),
		"c.elf": firmwaretest.ELF(0x28, []firmwaretest.Load{{Virtual: 0x08000000 + base, Physical: 0x08000000 + base, Data: image}}),
		"d.uf2": firmwaretest.UF2(at(base), 0, ""), "e.dfu": firmwaretest.DfuSe(at(0x08000000+base), nil), "f.dfu": firmwaretest.DFU(bytes.Clone(image))} {
		b.write(name, content)
		b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "3-"+name[:1], "--order", "9", b.path(name), "-o", b.path("out"))
		if f, err := release.SplitFile([]byte(b.read("out"))); err != nil || !bytes.Equal(f.Image, image) {
			t.Errorf("%s: %d bytes, %v", name, len(f.Image), err)
		}
		if err := os.Remove(b.path("out")); err != nil {
			t.Fatal(err)
		}
	}
	b.write("far.hex", firmwaretest.Hex(at(0), 16, "\n"))
	code, _, errOut := execute(t, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "4", b.path("far.hex"))
	if code != exitFailed || !strings.Contains(errOut, "begins at 0x0, and the software area of the model at 0x12000") {
		t.Errorf("exit code %d, %s", code, errOut)
	}
}
