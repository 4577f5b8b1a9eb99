package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"unbrick/internal/firmware"
	"unbrick/lab/sweep"
)

// powercut runs the command and returns its exit code and what it printed.
func powercut(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var out, errOut bytes.Buffer
	code := run(t.Context(), append([]string{"powercut"}, args...), &out, &errOut)
	return code, out.String(), errOut.String()
}

// smallPair writes the beginnings of two real images.
func smallPair(t *testing.T) (old, new string) {
	t.Helper()
	a, b := firmware.CityHub()
	dir := t.TempDir()
	old, new = filepath.Join(dir, "old.bin"), filepath.Join(dir, "new.bin")
	for path, image := range map[string][]byte{old: a[:7000], new: b[:7100]} {
		if err := os.WriteFile(path, image, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return old, new
}

func TestPowercut(t *testing.T) {
	old, new := smallPair(t)
	page := filepath.Join(t.TempDir(), "report.html")
	code, out, errOut := powercut(t, "--old", old, "--new", new, "--program-unit", "32", "--ecc", "--budget", "6s", "--json", "--report", page)
	if code != exitOK {
		t.Fatalf("exit code %d: %s %s", code, out, errOut)
	}
	if strings.Count(out, "\n") != 1 {
		t.Fatalf("more than one line of JSON:\n%s", out)
	}
	var r struct {
		Cuts     uint64                 `json:"cuts"`
		States   uint64                 `json:"distinct_states"`
		Pairs    *uint64                `json:"pairs"`
		Share    *float64               `json:"sampled_share"`
		Seconds  float64                `json:"seconds"`
		Checks   map[string]sweep.Count `json:"checks"`
		Failures []sweep.Failure        `json:"failures"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if r.Cuts < r.States || r.States < 50 || r.Pairs == nil || r.Share == nil || r.Seconds <= 0 || len(r.Failures) > 0 {
		t.Errorf("result %s", out)
	}
	if n := r.Checks["boots-agree"]; n.Runs < 50 || n.Failures != 0 {
		t.Errorf("boots-agree: %+v", n)
	}
	if html, err := os.ReadFile(page); err != nil || !bytes.Contains(html, []byte("boots-agree")) || !bytes.Contains(html, []byte("</html>")) {
		t.Errorf("report of %d bytes: %v", len(html), err)
	}
}

func TestPowercutReplay(t *testing.T) {
	old, new := smallPair(t)
	images := make([][]byte, 2)
	for i, path := range []string{old, new} {
		var err error
		if images[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	list, err := sweep.Fit("4KiB", 7100)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sweep.NewSubject(t.Context(), "test", sweep.Shape{Runs: list, Erased: 0xFF}, images[0], images[1], 1)
	if err != nil {
		t.Fatal(err)
	}
	id := s.ID(&sweep.Run{Cuts: []sweep.Cut{{In: sweep.ActUpdate, Op: 12, Tear: 3}}, Mend: sweep.Restoring(sweep.RoadFile, sweep.New)})
	code, out, errOut := powercut(t, "--old", old, "--new", new, "--replay", id.String())
	if code != exitOK {
		t.Fatalf("exit code %d: %s %s", code, out, errOut)
	}
	for _, want := range []string{"power fails, tear half", "restoration mode", "verdict: the wanted image", "runs new; the flash's SHA-256 begins with"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code, _, errOut := powercut(t, "--replay", id.String()); code != exitFailed || !strings.Contains(errOut, "--old") {
		t.Errorf("without the images: exit code %d, %s", code, errOut)
	}
	for _, args := range [][]string{{}, {"--old", old}, {"--replay", "0123"}, {"--old", old, "--new", new, "--program-unit", "3"}, {"--old", old, "--new", new, "--geometry", "4"}} {
		if code, _, _ := powercut(t, args...); code != exitUsage {
			t.Errorf("%v: exit code %d, want %d", args, code, exitUsage)
		}
	}
}

// A failed check is exit code 1, and its message says how to see it again.
func TestPowercutVerdict(t *testing.T) {
	f := &powercutFlags{old: "a.bin", new: "b.bin"}
	if err := f.verdict(&sweep.Result{}); err != nil {
		t.Errorf("nothing failed: %v", err)
	}
	r := &sweep.Result{Failures: []sweep.Failure{{Check: "boots-agree", ID: "04xyz", Text: "they do not"}}}
	err := f.verdict(r)
	if err == nil || !strings.Contains(err.Error(), "--old a.bin --new b.bin --replay 04xyz") {
		t.Errorf("verdict %v", err)
	}
	var out bytes.Buffer
	if err := printSweep(&out, r); err != nil || !strings.Contains(out.String(), "replay 04xyz") {
		t.Errorf("%v: %s", err, &out)
	}
}

// A device that fails is exit code 1 with an id, and the id shows the failure again. The program is built with a
// terminal that always waits in restoration mode: there is no other way to have one that fails.
func TestPowercutFails(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	dir := t.TempDir()
	boot, err := filepath.Abs("../../terminal/boot.go")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(boot)
	if err != nil {
		t.Fatal(err)
	}
	const right, wrong = "	case asked:\n", "	case true:\n		return smp.WhyDamaged\n	case asked:\n"
	if bytes.Count(code, []byte(right)) != 1 {
		t.Fatalf("%q is not once in %s", right, boot)
	}
	broken, overlay, program := filepath.Join(dir, "boot.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "unbrick.test")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{boot: broken}})
	if err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string][]byte{broken: bytes.Replace(code, []byte(right), []byte(wrong), 1), overlay: list} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	old, new := smallPair(t)
	start := func(args ...string) (int, string, string) {
		t.Helper()
		var out, errOut bytes.Buffer
		cmd := exec.CommandContext(t.Context(), program, append([]string{"powercut", "--old", old, "--new", new}, args...)...)
		cmd.Stdout, cmd.Stderr = &out, &errOut
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), out.String(), errOut.String()
	}
	exit, out, errOut := start("--json")
	var r struct {
		Checks   map[string]sweep.Count `json:"checks"`
		Failures []sweep.Failure        `json:"failures"`
	}
	if err := json.Unmarshal([]byte(out), &r); exit != exitFailed || err != nil || len(r.Failures) == 0 {
		t.Fatalf("exit code %d, %v: %s %s", exit, err, out, errOut)
	}
	f := r.Failures[0]
	if n := r.Checks[f.Check]; n.Failures == 0 || !strings.Contains(errOut, "--replay "+f.ID) {
		t.Errorf("%s: %+v: %s", f.Check, n, errOut)
	}
	if exit, out, errOut := start("--replay", f.ID); exit != exitFailed || !strings.Contains(out, f.Check+": ") {
		t.Errorf("replay: exit code %d\n%s%s", exit, out, errOut)
	}
}
