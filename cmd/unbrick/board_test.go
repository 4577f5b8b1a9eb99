//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unbrick/internal/espimages"
	"unbrick/internal/standin"
	"unbrick/internal/standin/esp"
	"unbrick/restore"
)

// chipAt puts a chip that a person has brought into its boot loader at a pseudo-terminal, which has no modem lines, in real time.
func chipAt(t *testing.T, chip *esp.Chip) (link string, wire *standin.Wire) {
	t.Helper()
	link = filepath.Join(t.TempDir(), "cable")
	cable, err := openPTY(link)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	wire = standin.New(chip, standin.Options{Real: true})
	host, err := wire.Open(restore.DefaultBaud)
	if err != nil {
		t.Fatal(err)
	}
	cable.follow(host.SetSpeed)
	out, in := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { cable.Close(); host.Close(); <-out; <-in })
	go func() {
		defer close(out)
		b := make([]byte, 4096)
		for {
			n, err := cable.Read(b)
			if err != nil || host.Write(b[:n]) != nil {
				return
			}
		}
	}()
	go func() {
		defer close(in)
		b := make([]byte, 4096)
		for {
			n, err := host.Read(b, time.Second)
			if n > 0 {
				cable.Write(b[:n])
			} else if !errors.Is(err, restore.ErrTimeout) {
				return
			}
		}
	}()
	return link, wire
}

// TestBoardCommands: an ESP32-C3 with an empty flash is identified, gets a merged image, is verified, differs when its flash does, and is read
// out.
func TestBoardCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute of real time")
	}
	chip := esp.New(esp.Config{Chip: "esp32c3", Port: esp.Manual})
	link, wire := chipAt(t, chip)
	image := espimages.Find("esp32c3").Merged("lamp", "1.2.3", 30_000, 5)
	name := filepath.Join(t.TempDir(), "merged.bin")
	if err := os.WriteFile(name, image, 0o600); err != nil {
		t.Fatal(err)
	}
	// run runs a command at a chip that a person brings into its boot loader first, and reads its last line.
	run := func(code int, v any, args ...string) (said string) {
		t.Helper()
		wire.Do(func() { chip.Hold(true); chip.Press(true) })
		wire.Do(func() { chip.Press(false) })
		got, out, said := execute(t, append([]string{args[0], "--port", link}, args[1:]...)...)
		if got != code {
			t.Fatalf("%v: exit code %d, want %d: %s%s", args, got, code, out, said)
		}
		if v == nil {
			return said
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), v); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return said
	}
	var who boardFound
	run(exitOK, &who, "identify", "--json")
	if who.Family != "esp" || who.Chip != "esp32c3" || who.Flash != 4<<20 || who.Serial != "7c:df:a1:00:11:22" {
		t.Errorf("got %+v", who)
	}
	if said := run(exitFailed, nil, "restore", "--yes", "--part", "0x10000="+name); !strings.Contains(said, "Nothing was written") {
		t.Errorf("a merged image in an application's place: %s", said)
	}
	wrote := false
	if wire.Do(func() { wrote = chip.Touched() }); wrote {
		t.Error("something was written")
	}
	var done boardResult
	run(exitOK, &done, "restore", "--yes", "--json", "--file", name)
	if done.Written == 0 || done.Written != done.Blocks || done.Proof != "digest" || done.Parts != 3 || !done.Runs {
		t.Errorf("got %+v", done)
	}
	if got := chip.Plain(espimages.Application, 30_000); !bytes.Equal(got, image[espimages.Application:][:30_000]) {
		t.Error("its flash has something else")
	}
	var same verifyResult
	if run(exitOK, &same, "verify", "--json", "--file", name); !same.Same || same.Proof != "digest" {
		t.Errorf("got %+v", same)
	}
	wire.Do(func() { chip.Flash()[espimages.Application+20_000] ^= 1 })
	if run(exitFailed, &same, "verify", "--json", "--file", name); same.Same || same.Write != 2 { // it, and the image's first, which is written last
		t.Errorf("got %+v", same)
	}
	saved := filepath.Join(t.TempDir(), "saved.bin")
	run(exitOK, nil, "backup", "-o", saved, "--from", "65536", "--size", "4096")
	b, err := os.ReadFile(saved)
	if err != nil || !bytes.Equal(b, image[espimages.Application:][:4096]) {
		t.Errorf("the backup has something else: %v", err)
	}
}
