package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"unbrick/internal/firmware"
	"unbrick/model"
	"unbrick/terminal"
)

// fleet returns which group the server counts device S in, and what it runs.
func (b *story) fleet(model string) (group, version string) {
	b.Helper()
	client, err := newAPI(b.server.url, b.server.token)
	if err != nil {
		b.Fatal(err)
	}
	said, _, err := client.do(b.Context(), "GET", "/api/devices/"+model+"/S", nil, nil, nil)
	var d struct {
		Group   string
		Release struct{ Version string }
	}
	if err == nil {
		err = json.Unmarshal(said, &d)
	}
	if err != nil {
		b.Fatal(err)
	}
	return d.Group, d.Release.Version
}

// After an update, and after a repair, the device's next word comes by itself.
func TestTheFleetHearsOfIt(t *testing.T) {
	b := newStory(t)
	b.emulate(exitOK, "0001", "updated.bin")
	if group, version := b.fleet("0001"); group != "running" || version != "2" {
		t.Errorf("after an update the fleet says %s, %s", group, version)
	}
	b.model("0002")
	b.emulate(exitRestoration, "0002", "cut.bin", "--cut-at", "100")
	if group, _ := b.fleet("0002"); group != "rewriting" {
		t.Errorf("after a cut the fleet says %s", group)
	}
	b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0002", "--version", "2", "--order", "2", "-o", b.path("0002-2.release"), b.path("2.bin"))
	path, _, out := b.line("--model", "0002", "--flash", b.path("cut.bin"), "--full-speed")
	b.must(exitOK, "restore", "--yes", "--port", path, "--release-file", b.path("0002-2.release"), "--server", "http://127.0.0.1:1")
	out.await(t, "S06") // of the session in which it tells: nothing is newer
	if group, version := b.fleet("0002"); group != "running" || version != "2" {
		t.Errorf("after a repair that nobody else told of the fleet says %s, %s", group, version)
	}
}

// The last line is what became of the device, and each number of an event has its word.
func TestEmulateSaysWhatItsNumbersAre(t *testing.T) {
	b := newStory(t)
	said := b.must(exitRestoration, "emulate", "--model", "0001", "--serial", "S", "--flash", b.path("dev.bin"), "--update", "--cut-at", "100",
		"--version", "1", "--image", b.path("1.bin"), "--pub", b.path("release.pub"))
	if !strings.HasSuffix(said, "\nrestoration mode\n") {
		t.Errorf("what became of the device is not the last line: %s", said)
	}
	for _, want := range []string{"power on", "trusts 1 key\n", " number 1, installed\n", "update file of ", "needs a workspace of ", "from byte 0 of ", " sectors to write, in ", "an update stopped halfway"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said: %s", want, said)
		}
	}
}

// Every number of every event has a word.
func TestEventWords(t *testing.T) {
	bare := regexp.MustCompile(`^[0-9 ]*$`)
	for code := terminal.EventReset; code <= terminal.EventErased; code++ {
		ev := terminal.Event{Code: code, A: 7, B: 9}
		switch words := eventWords(&ev); {
		case code.String() == "event", words == "" && numberless[code]:
		case bare.MatchString(words) || numberless[code]:
			t.Errorf("%v: %q", code, words)
		}
	}
}

// numberless are the events whose A and B are nothing.
var numberless = map[terminal.EventCode]bool{
	terminal.EventNoRecord: true, terminal.EventDoubtful: true, terminal.EventReleased: true, terminal.EventDisconnected: true, terminal.EventWaiting: true,
	terminal.EventConnected: true, terminal.EventBegun: true, terminal.EventRestored: true, terminal.EventResetAsked: true,
}

// A cut that was asked for and did not fall is told, and is no success.
func TestCutThatDoesNotFall(t *testing.T) {
	b := newStory(t)
	last, said := b.emulate(exitFailed, "0001", "dev.bin", "--cut-at", "99999999")
	operations, _ := last["flash_operations"].(float64)
	if last["release"] != "2" || operations == 0 || !strings.Contains(said, fmt.Sprintf("no cut fell: the rewrite took %.0f flash operations", operations)) {
		t.Errorf("%v, %s", last, said)
	}
	if last, said = b.emulate(exitFailed, "0001", "dev.bin", "--cut-at", "1"); last["release"] != "2" || !strings.Contains(said, "no cut fell: nothing was rewritten") {
		t.Errorf("%v, %s", last, said)
	}
}

// A device is made, offered at a cable and asked without any server.
func TestDeviceWithoutServer(t *testing.T) {
	t.Setenv("UNBRICK_SERVER", "")
	b := &story{T: t, dir: t.TempDir()}
	image, _ := firmware.Mithermo()
	b.write("1.bin", image)
	b.must(exitOK, "key", "new", "-o", b.path("release.key"))
	b.must(exitOK, "model", "put", "0001", "--flash", "512KiB", "--ram", "128KiB", "-o", b.path("0001.model"))
	b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0001", "--model-file", b.path("0001.model"), "--version", "1", "--order", "1",
		"-o", b.path("1.release"), b.path("1.bin"))
	path, _, _ := b.line("--model-file", b.path("0001.model"), "--release-file", b.path("1.release"), "--pub", b.path("release.pub"), "--serial", "S", "--flash", b.path("dev.bin"), "--full-speed")
	code, out, errOut := execute(t, "identify", "--port", path, "--json")
	if code != exitOK || !strings.Contains(out, `"serial":"S"`) {
		t.Errorf("identify ended with %d: %s%s", code, out, errOut)
	}
	if code, _, errOut := execute(t, "emulate", "--model-file", b.path("0001.model"), "--flash", b.path("none.bin"), "--version", "1", "--image", b.path("1.bin"), "--pub", b.path("release.pub"), "--serial", "S"); code != exitUsage || !strings.Contains(errOut, "--release-file") {
		t.Errorf("a manifest from nowhere: %d, %s", code, errOut)
	}
	if code, _, errOut := execute(t, "emulate", "--server", "http://127.0.0.1:1", "--model", "0001", "--serial", "S"); code != exitFailed || !strings.Contains(errOut, "--model-file") {
		t.Errorf("no server: %d, %s", code, errOut)
	}
}

// What goes over the cable takes its time: a host cannot write more than some buffers ahead of the line.
func TestCableIsNoFasterThanItsLine(t *testing.T) {
	const sent, ahead, rate = 40_000, 24_000, model.DefaultLine / 10 // bytes, bytes, bytes a second
	b := newStory(t)
	b.emulate(exitRestoration, "0001", "dev.bin", "--cut-at", "100")
	path, _, _ := b.line("--model", "0001", "--flash", b.path("dev.bin"))
	host, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	began := time.Now()
	if _, err := host.Write(make([]byte, sent)); err != nil {
		t.Fatal(err)
	}
	if took, least := time.Since(began), (sent-ahead)*time.Second/rate; took < least {
		t.Errorf("%d bytes went in %v, the line needs %v", sent, took, least)
	}
}
