package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"unbrick/internal/firmware"
)

// story is a server with one model and two releases, and a folder for devices.
type story struct {
	*testing.T
	dir      string
	one, two []byte
	server   *serving
}

func newStory(t *testing.T) *story {
	t.Helper()
	t.Setenv("UNBRICK_TOKEN", "")
	b := &story{T: t, dir: t.TempDir(), server: startServe(t, "--data", t.TempDir())}
	t.Setenv("UNBRICK_SERVER", b.server.url)
	t.Setenv("UNBRICK_TOKEN", b.server.token)
	b.one, b.two = firmware.Mithermo()
	b.write("1.bin", b.one)
	b.write("2.bin", b.two)
	b.must(exitOK, "key", "new", "-o", b.path("release.key"))
	b.model("0001")
	return b
}

// model describes a model and publishes both images for it.
func (b *story) model(id string, flags ...string) {
	b.Helper()
	b.must(exitOK, append([]string{"model", "put", id, "--flash", "512KiB", "--geometry", "4KiB", "--program-unit", "4", "--ram", "128KiB", "--resident", "8KiB", "--enrol", "open"}, flags...)...)
	for _, v := range []string{"1", "2"} {
		b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", id, "--version", v, b.path(v+".bin"))
	}
}

func (b *story) path(name string) string { return filepath.Join(b.dir, name) }

func (b *story) write(name string, content []byte) {
	b.Helper()
	if err := os.WriteFile(b.path(name), content, 0o644); err != nil {
		b.Fatal(err)
	}
}

// read is a file's content, empty if it is not there.
func (b *story) read(name string) string {
	b.Helper()
	content, err := os.ReadFile(b.path(name))
	if err != nil && !os.IsNotExist(err) {
		b.Fatal(err)
	}
	return string(content)
}

func (b *story) must(want int, args ...string) string {
	b.Helper()
	return must(b.T, want, args...)
}

// emulate runs the device whose flash is in the file; the first time it comes from the factory with release 1.
func (b *story) emulate(want int, model, file string, flags ...string) (last map[string]any, said string) {
	b.Helper()
	args := append([]string{"emulate", "--model", model, "--serial", "S", "--flash", b.path(file), "--json", "--update",
		"--version", "1", "--image", b.path("1.bin"), "--pub", b.path("release.pub")}, flags...)
	code, out, errOut := execute(b.T, args...)
	if code != want {
		b.Fatalf("%q: exit code %d, want %d\n%s%s", args, code, want, out, errOut)
	}
	return b.object(out), errOut
}

// object is the JSON object in the last line.
func (b *story) object(out string) map[string]any {
	b.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	v := map[string]any{}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &v); err != nil {
		b.Fatalf("last line %q: %v", lines[len(lines)-1], err)
	}
	return v
}

// cable lets the device stay up with its cable at a pseudo-terminal, faster than any line, until stop is called.
func (b *story) cable(model, file string, flags ...string) (path string, stop func() int) {
	b.Helper()
	path, stop, _ = b.line(append([]string{"--full-speed", "--model", model, "--flash", b.path(file)}, flags...)...)
	return path, stop
}

// line lets a device stay up with its cable at a pseudo-terminal, until stop is called. out is what it prints.
func (b *story) line(flags ...string) (path string, stop func() int, out *words) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	path = filepath.Join(b.TempDir(), "cable")
	out = &words{line: make(chan struct{}, 1)}
	var errOut bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"emulate", "--pty", path}, flags...), out, &errOut)
	}()
	off := sync.OnceValue(func() int { cancel(); return <-ended })
	b.Cleanup(func() { off() })
	stop = func() int {
		for !started(out.String()) { // the host has gone when it was promised a reset, and the device still has to do it
			select {
			case <-out.line:
			case code := <-ended:
				ended <- code
				return off()
			}
		}
		return off()
	}
	for !strings.Contains(out.String(), "stays up until you stop it") {
		select {
		case <-out.line:
		case code := <-ended:
			ended <- code
			b.Fatalf("emulate ended with %d: %s%s", code, out, errOut.String())
		}
	}
	return path, stop, out
}

// started says of what a device has printed that it is not about to start: it was not restored, or runs since.
func started(said string) bool {
	restored, runs := strings.LastIndex(said, " restored"), strings.LastIndex(said, " running")
	return restored < 0 || runs > restored
}

// holds says whether the flash in the file has the image at the start of the software area.
func (b *story) holds(file string, image []byte) bool {
	b.Helper()
	raw, err := os.ReadFile(b.path(file))
	if err != nil {
		b.Fatal(err)
	}
	const base = 64<<10 + 2*4<<10
	return bytes.Equal(raw[base:base+len(image)], image)
}

func TestUpdateOverTheAir(t *testing.T) {
	b := newStory(t)
	last, _ := b.emulate(exitOK, "0001", "dev.bin")
	if last["verdict"] != "rewritten" || last["release"] != "2" || last["kind"] != "delta" || !b.holds("dev.bin", b.two) {
		t.Errorf("update: %v", last)
	}
	for _, name := range []string{"update_bytes", "workspace", "flash_operations", "erases", "seconds_device"} {
		if v, _ := last[name].(float64); v <= 0 {
			t.Errorf("%s is %v", name, last[name])
		}
	}
	if last, _ = b.emulate(exitOK, "0001", "dev.bin"); last["release"] != "2" || last["reason"] != "up to date" {
		t.Errorf("again: %v", last)
	}
}

// One image may be released for two models; each device gets the manifest of its own.
func TestCutAndRestored(t *testing.T) {
	b := newStory(t)
	b.model("0002")
	for _, model := range []string{"0001", "0002"} {
		file := model + ".bin"
		if last, _ := b.emulate(exitRestoration, model, file, "--cut-at", "100"); last["verdict"] != "cut" || last["kind"] != "delta" || last["flash_operations"] != 100.0 || last["reason"] != nil {
			t.Errorf("cut: %v", last)
		}
		path, stop := b.cable(model, file)
		began := time.Now()
		code, out, errOut := execute(t, "restore", "--yes", "--port", path, "--json")
		if code != exitOK {
			t.Fatalf("model %s: restore ended with %d\n%s%s", model, code, out, errOut)
		}
		last := b.object(out)
		sent, _ := last["bytes_sent"].(float64)
		received, _ := last["bytes_received"].(float64)
		full, _ := last["bytes_full"].(float64)
		if last["release"] != "2" || sent <= 0 || received <= 0 || (sent+received)*4 >= full {
			t.Errorf("model %s, after %v: %v", model, time.Since(began), last)
		}
		if code := stop(); code != exitOK {
			t.Errorf("the restored device ended with %d", code)
		}
		if !b.holds(file, b.two) {
			t.Errorf("model %s: the flash does not hold release 2", model)
		}
		if _, err := os.Lstat(path); err == nil {
			t.Error("the link to the cable is still there")
		}
	}
}

// A release that verifies but hangs ends in restoration mode after three watchdog resets, and its
// predecessor is taken back over the cable.
func TestHangingReleaseIsTakenBack(t *testing.T) {
	b := newStory(t)
	if last, _ := b.emulate(exitRestoration, "0001", "dev.bin", "--hang"); last["verdict"] != "rewritten" || !b.holds("dev.bin", b.two) {
		t.Errorf("update: %v", last)
	}
	path, stop := b.cable("0001", "dev.bin", "--hang")
	code, out, errOut := execute(t, "restore", "--yes", "--port", path, "--json", "--release", "1")
	if code != exitOK || b.object(out)["release"] != "1" || !strings.Contains(errOut, "hung three times") {
		t.Errorf("restore ended with %d: %s%s", code, out, errOut)
	}
	if code := stop(); code != exitOK || !b.holds("dev.bin", b.one) {
		t.Errorf("exit code %d, release 1 is there: %v", code, b.holds("dev.bin", b.one))
	}
}

// A terminal whose RAM cannot hold any update file is told so, keeps running, and needs the cable.
func TestNothingFits(t *testing.T) {
	b := newStory(t)
	b.model("0002", "--ram", "16KiB")
	last, _ := b.emulate(exitFailed, "0002", "dev.bin")
	if reason, _ := last["reason"].(string); last["release"] != "1" || !strings.Contains(reason, "has 16384") {
		t.Errorf("%v", last)
	}
	if !b.holds("dev.bin", b.one) {
		t.Error("the flash has changed")
	}
	client, err := newAPI(b.server.url, b.server.token)
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := client.do(context.Background(), "GET", "/api/devices/0002/S", nil, nil, nil)
	if err != nil || !strings.Contains(string(d), `"group":"needs-cable"`) {
		t.Errorf("the fleet says %s %v", d, err)
	}
}

// Without a server there is one clear error, and nothing is written.
func TestRestoreWithoutServer(t *testing.T) {
	b := newStory(t)
	b.emulate(exitRestoration, "0001", "dev.bin", "--cut-at", "100", "--tear", "none")
	path, stop := b.cable("0001", "dev.bin")
	code, out, errOut := execute(t, "restore", "--yes", "--port", path, "--server", "http://127.0.0.1:1", "--json")
	if code != exitFailed || out != "" || !strings.Contains(errOut, "no server answers at http://127.0.0.1:1") ||
		!strings.Contains(errOut, "Nothing was written") || !strings.Contains(errOut, "--release-file") {
		t.Errorf("exit code %d, %s%s", code, out, errOut)
	}
	if code := stop(); code != exitRestoration {
		t.Errorf("the device ended with %d", code)
	}
}
