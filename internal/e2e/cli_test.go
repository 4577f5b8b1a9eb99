package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"unbrick/internal/firmware"
)

const (
	softwareBase = 0x12000 // of the test's model: 64 KiB boot area, two 4 KiB record sectors
	exitFailed   = 1
	exitUsage    = 2
	exitBricked  = 3
)

type emulated struct {
	Verdict    string `json:"verdict"`
	Release    string `json:"release"`
	Kind       string `json:"kind"`
	Bytes      uint32 `json:"update_bytes"`
	Operations int    `json:"flash_operations"`
	Erases     int    `json:"erases"`
	Reason     string `json:"reason"`
}

type restored struct {
	Release       string `json:"release"`
	BytesSent     int    `json:"bytes_sent"`
	BytesReceived int    `json:"bytes_received"`
	BytesFull     int    `json:"bytes_full"`
}

// clinicServer is the server and the folder that published without flags shares among tests: each has devices of its own.
type clinicServer struct {
	mu        sync.Mutex
	site      *site
	sh        *shell
	old, next []byte
}

var common clinicServer

func (c *clinicServer) url() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sh == nil {
		return ""
	}
	return c.sh.url
}

func (c *clinicServer) close() {
	if c.site != nil {
		c.site.stop()
	}
}

// published is a shell whose server has a model, which the flags say more of, and two real releases of it. Without flags the
// server and the folder are shared: devices have serials, and files names, that no other test uses.
func published(t *testing.T, flags ...string) (sh *shell, old, next []byte) {
	t.Helper()
	if len(flags) > 0 {
		sh = newShell(t, startServer(t, "--data", t.TempDir()))
		old, next = sh.publishes(t, flags...)
		return sh, old, next
	}
	c := &common
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sh == nil {
		dir := filepath.Join(scratch, "common")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		c.close() // one at which nothing could be published
		c.site = serve(t, program(t), dir, "--data", filepath.Join(dir, "data"))
		sh := &shell{dir: dir, url: c.site.URL}
		c.old, c.next = sh.publishes(t)
		c.sh = sh
	}
	c.site.tells(t)
	return c.sh, c.old, c.next
}

// publishes makes a key, model 0001 and its releases 1 and 2.
func (s *shell) publishes(t *testing.T, flags ...string) (old, next []byte) {
	t.Helper()
	old, next = firmware.OpenSBI()
	s.write(t, "v1.bin", old)
	s.write(t, "v2.bin", next)
	s.must(t, 0, "key", "new", "-o", "release.key")
	s.must(t, 0, append([]string{"model", "put", "0001", "--flash", "1MiB", "--geometry", "4KiB", "--program-unit", "8", "--ram", "256KiB", "--boot", "64KiB", "--enrol", "open"}, flags...)...)
	s.must(t, 0, "publish", "--key", "release.key", "--model", "0001", "--version", "1", "v1.bin")
	s.must(t, 0, "publish", "--key", "release.key", "--model", "0001", "--version", "2", "v2.bin")
	return old, next
}

// factory are the words that make a new device with release 1.
func factory(serial, flash string) []string {
	return []string{"emulate", "--model", "0001", "--serial", serial, "--version", "1", "--image", "v1.bin", "--pub", "release.pub", "--flash", flash, "--json"}
}

func TestUpdateOverTheAir(t *testing.T) {
	sh, _, next := published(t)
	var got emulated
	sh.must(t, 0, append(factory("S1", "dev.bin"), "--update")...).last(t, &got)
	if got.Release != "2" || got.Kind != "delta" || int(got.Bytes) >= len(next)*2/3 {
		t.Errorf("got %+v, want release 2 by a delta well below %d bytes", got, len(next))
	}
	if raw := sh.read(t, "dev.bin"); !bytes.Equal(raw[softwareBase:softwareBase+len(next)], next) {
		t.Error("the flash does not hold release 2")
	}
	sh.must(t, 0, "emulate", "--model", "0001", "--flash", "dev.bin", "--update", "--json").last(t, &got)
	if got.Reason != "up to date" {
		t.Errorf("second session: got %+v, want up to date", got)
	}
}

// TestCutAndRestore cuts power at flash operations all over the update, with every tear, and brings each
// device that does not run back over a pseudo-terminal.
func TestCutAndRestore(t *testing.T) {
	sh, old, next := published(t)
	var whole emulated
	sh.must(t, 0, append(factory("whole", "whole.bin"), "--update")...).last(t, &whole)
	tears := []string{"none", "complete", "first-unit", "half", "all-but-one", "unstable", "unreadable", "erase-part", "erase-weak"}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	cuts := []int{1, 2, 4, whole.Operations}
	for len(cuts) < 10 {
		cuts = append(cuts, 5+rnd.IntN(whole.Operations-5))
	}
	worst := 0.0
	for i, n := range cuts {
		tear := tears[i%len(tears)]
		t.Run(fmt.Sprintf("cut-%d-%s", n, tear), func(t *testing.T) {
			flash := fmt.Sprintf("dev-%d-%s.bin", n, tear)
			o := sh.run(t, append(factory(flash, flash), "--update", "--cut-at", strconv.Itoa(n), "--tear", tear)...)
			var got emulated
			o.last(t, &got)
			raw := sh.read(t, flash)
			at := raw[softwareBase:]
			switch o.code {
			case 0:
				if got.Release != "2" || !bytes.Equal(at[:len(next)], next) {
					t.Errorf("exit code 0 with release %q", got.Release)
				}
			case exitFailed:
				if got.Release != "1" || !bytes.Equal(at[:len(old)], old) {
					t.Errorf("exit code 1 with release %q", got.Release)
				}
			case exitBricked:
				r := restoreOverPTY(t, sh, "0001", flash)
				if raw := sh.read(t, flash); !bytes.Equal(raw[softwareBase:softwareBase+len(next)], next) {
					t.Error("the restored flash does not hold release 2")
				}
				share := float64(r.BytesSent+r.BytesReceived) / float64(r.BytesFull)
				worst = max(worst, share)
			default:
				t.Fatalf("exit code %d\n%s", o.code, o.stderr)
			}
		})
	}
	t.Logf("most on the wire: %.1f %% of a full image", 100*worst)
}

// restoreOverPTY runs the device with its cable on a pseudo-terminal, restores it from the outside, and
// lets the device save its flash.
func restoreOverPTY(t *testing.T, sh *shell, model, flash string) restored {
	t.Helper()
	link := filepath.Join(t.TempDir(), "cable")
	device := sh.command(t, t.Context(), "emulate", "--model", model, "--flash", flash, "--pty", link)
	var log tail
	device.Stderr = &log
	stdout, err := device.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := device.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		device.Process.Signal(os.Interrupt)
		device.Wait()
	}()
	lines := bufio.NewScanner(stdout)
	for found := false; !found; _, found = strings.CutPrefix(lines.Text(), "cable: ") {
		if !lines.Scan() {
			t.Fatalf("the device has no cable:\n%s", log.String())
		}
	}
	go io.Copy(&log, stdout)
	var r restored
	o := sh.run(t, "restore", "--port", link, "--json", "--yes")
	if o.code != 0 {
		t.Fatalf("restore: exit code %d\n%s\n%s\ndevice:\n%s", o.code, o.stdout, o.stderr, log.String())
	}
	o.last(t, &r)
	if r.Release != "2" {
		t.Errorf("restored to release %q, want 2", r.Release)
	}
	return r
}

func TestBadWords(t *testing.T) {
	sh, _, _ := published(t)
	for name, args := range map[string][]string{
		"unknown command":    {"brick"},
		"no model":           {"emulate", "--serial", "S"},
		"unknown tear":       {"emulate", "--model", "0001", "--serial", "S", "--tear", "moth", "--update"},
		"no port":            {"restore"},
		"geometry of nobody": {"delta", "create", "v1.bin", "v2.bin", "-o", "d", "--geometry", "5 parsecs"},
	} {
		t.Run(name, func(t *testing.T) {
			if o := sh.run(t, args...); o.code != exitUsage || o.stderr == "" {
				t.Errorf("exit code %d, want %d, with words: %q", o.code, exitUsage, o.stderr)
			}
		})
	}
}
