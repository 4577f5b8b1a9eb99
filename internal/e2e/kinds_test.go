package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"unbrick/internal/firmware"
	"unbrick/release"
)

// gatewayBase is where the software area of the demo's model 0003 begins: 128 KiB boot area, two 64 KiB record
// sectors.
const gatewayBase = 0x40000

// TestBsdiff lets the demo's gateway have its update by a classic patch, which the demo prefers for it, then by a
// delta, which the operator prefers, and by a patch with power failures.
func TestBsdiff(t *testing.T) {
	sh := newShell(t, startServer(t, "--demo", "--data", t.TempDir()))
	old, next := firmware.OpenSBI()
	sh.write(t, "v1.bin", old)
	sh.write(t, "demo.pub", demoKey(t, sh.url, "0003"))
	patches := !strings.Contains(sh.must(t, 0, "version").stdout, "without bsdiff")
	want := "bsdiff"
	if !patches { // a build without cgo does not offer it, whatever is preferred
		want = "delta"
	}
	device := func(serial string, more ...string) []string {
		return append([]string{"emulate", "--model", "0003", "--serial", serial, "--version", "1", "--image", "v1.bin", "--pub", "demo.pub", "--flash", serial + ".bin",
			"--update", "--json"}, more...)
	}
	holds := func(serial string, image []byte) {
		t.Helper()
		if raw := sh.read(t, serial+".bin"); !bytes.Equal(raw[gatewayBase:gatewayBase+len(image)], image) {
			t.Errorf("the flash of %s does not hold the image", serial)
		}
	}
	var got struct {
		emulated
		Workspace int `json:"workspace"`
	}
	sh.must(t, 0, device("G1")...).last(t, &got)
	if got.Release != "2" || got.Kind != want || patches && got.Workspace < int(got.Bytes)+len(next) {
		t.Errorf("got %+v, want release 2 by %s", got, want)
	}
	t.Logf("image of %d bytes by %s: %d bytes, workspace %d, %d flash operations", len(next), got.Kind, got.Bytes, got.Workspace, got.Operations)
	holds("G1", next)
	whole := got.Operations

	sh.must(t, exitUsage, "model", "prefer", "0003", "full")
	if patches {
		sh.must(t, 0, "model", "prefer", "0003", "delta")
		sh.must(t, 0, device("G2")...).last(t, &got)
		if got.Release != "2" || got.Kind != "delta" {
			t.Errorf("got %+v, want release 2 by a delta", got)
		}
		sh.must(t, 0, "model", "prefer", "0003", "bsdiff")
	} else if o := sh.must(t, exitFailed, "model", "prefer", "0003", "bsdiff"); !strings.Contains(o.stderr, "cgo") {
		t.Errorf("words: %s", o.stderr)
	}
	for i, n := range []int{1, whole / 3, whole - 1} {
		serial := fmt.Sprintf("C%d", i)
		switch o := sh.run(t, device(serial, "--cut-at", fmt.Sprint(n), "--tear", []string{"half", "unstable", "erase-weak"}[i])...); o.code {
		case 0:
			holds(serial, next)
		case exitFailed:
			holds(serial, old)
		case exitBricked:
			restoreOverPTY(t, sh, "0003", serial+".bin")
			holds(serial, next)
		default:
			t.Errorf("cut at %d: exit code %d\n%s", n, o.code, o.stderr)
		}
	}
}

// demoKey returns the key file of the key that signs a model's releases.
func demoKey(t *testing.T, url, model string) []byte {
	t.Helper()
	answer, err := http.Get(url + "/api/models/" + model + "/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var keys struct {
		Keys []struct {
			Public []byte `json:"public"`
		} `json:"keys"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&keys); err != nil || len(keys.Keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys.Keys), err)
	}
	file, err := release.MarshalPub(keys.Keys[0].Public)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestUnknownBase: a device that runs what was never published gets the whole image, compressed, if it has the room, and
// is told what is missing if not.
func TestUnknownBase(t *testing.T) {
	sh, old, next := published(t)
	own := bytes.Clone(old)
	copy(own[5000:], "built on somebody's desk")
	sh.write(t, "own.bin", own)
	put := func(id, ram string, more ...string) {
		t.Helper()
		sh.must(t, 0, append([]string{"model", "put", id, "--flash", "1MiB", "--geometry", "4KiB", "--program-unit", "8", "--boot", "64KiB", "--ram", ram}, more...)...)
	}
	put("0001", "256KiB", "-o", "0001.model")
	put("0002", "64KiB", "-o", "0002.model")
	put("0002", "64KiB", "--enrol", "open")
	sh.must(t, 0, "publish", "--key", "release.key", "--model", "0002", "--version", "2", "--order", "2", "v2.bin")
	device := func(model, serial string) []string {
		t.Helper()
		file := model + "-own.release"
		sh.must(t, 0, "publish", "--key", "release.key", "--model", model, "--model-file", model+".model", "--version", "own", "--order", "1", "own.bin", "-o", file)
		return []string{"emulate", "--model", model, "--serial", serial, "--manifest", file, "--image", "own.bin", "--pub", "release.pub", "--flash", serial + ".bin", "--update", "--json"}
	}
	var got struct {
		emulated
		Workspace int `json:"workspace"`
	}
	sh.must(t, 0, device("0001", "S1")...).last(t, &got)
	if got.Release != "2" || got.Kind != "full" || int(got.Bytes) >= len(next)*4/5 || got.Workspace > 256<<10 {
		t.Errorf("got %+v, want release 2 by a full image well below %d bytes", got, len(next))
	}
	t.Logf("full image of %d bytes: %d sent, workspace %d", len(next), got.Bytes, got.Workspace)
	if raw := sh.read(t, "S1.bin"); !bytes.Equal(raw[softwareBase:softwareBase+len(next)], next) {
		t.Error("the flash does not hold release 2")
	}
	sh.must(t, exitFailed, device("0002", "S2")...).last(t, &got)
	if got.Release != "own" || !strings.HasPrefix(got.Reason, "unknown base: needs ") || got.Workspace <= 64<<10 {
		t.Errorf("got %+v, want to be told that the base is unknown, and how much room the full image needs", got)
	}
	if raw := sh.read(t, "S2.bin"); !bytes.Equal(raw[softwareBase:softwareBase+len(own)], own) {
		t.Error("the small device does not hold what it had")
	}
}
