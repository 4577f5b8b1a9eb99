package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unbrick/internal/firmware"
)

// deltaRun runs one command line and returns its exit code and what it printed.
func deltaRun(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(context.Background(), append([]string{"delta"}, args...), &o, &e)
	return code, o.String(), e.String()
}

func deltaFiles(t *testing.T) (dir string, old, new []byte) {
	t.Helper()
	dir = t.TempDir()
	old, new = firmware.Mithermo()
	for name, b := range map[string][]byte{"old": old, "new": new} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir, old, new
}

func TestDeltaCreateInfoApply(t *testing.T) {
	for name, flags := range map[string][]string{
		"even":    {"--geometry", "4KiB"},
		"uneven":  {"--geometry", "16KiB*2,8KiB*3,64KiB", "--erased", "00", "--effort", "fast"},
		"tight":   {"--geometry", "1KiB", "--workspace", "32KiB", "--state-max", "8KiB", "--stash-max", "0"},
		"batches": {"--geometry", "1KiB", "--batch", "2KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, old, new := deltaFiles(t)
			d, target := filepath.Join(dir, "d"), filepath.Join(dir, "old")
			args := append([]string{"create", target, filepath.Join(dir, "new"), "-o", d, "--json"}, flags...)
			if code, out, errOut := deltaRun(t, args...); code != exitOK {
				t.Fatalf("create: exit %d: %s%s", code, out, errOut)
			}
			file, err := os.ReadFile(d)
			if err != nil {
				t.Fatal(err)
			}
			code, out, errOut := deltaRun(t, "info", d, "--json")
			if code != exitOK {
				t.Fatalf("info: exit %d: %s", code, errOut)
			}
			var r deltaReport
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatal(err)
			}
			if r.Size != len(file) || r.Kind != "delta" || r.Changed != len(r.Order) || r.Changed == 0 ||
				int(r.FromSize) != len(old) || int(r.ToSize) != len(new) || r.Workspace < uint32(r.Size)+r.State+r.Stash+r.History+r.Buffer {
				t.Errorf("info says %s", out)
			}
			if name == "tight" && (r.Workspace > 32<<10 || r.State > 8<<10 || r.Stash != 0) {
				t.Errorf("limits are not kept: %s", out)
			}
			if batched := r.Batches > 1 && r.Batch <= 2<<10 && r.Checkpoint >= 76; batched != (name == "batches") || r.MostSteps < 65536 || r.MostReads < 65536 {
				t.Errorf("batches or work are not told: %s", out)
			}
			if code, out, errOut := deltaRun(t, "apply", d, target); code != exitOK {
				t.Fatalf("apply: exit %d: %s%s", code, out, errOut)
			}
			got, err := os.ReadFile(target)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) < len(new) || !bytes.Equal(got[:len(new)], new) {
				t.Error("the flash does not hold the new image")
			}
			// The base is gone: a second run must refuse and touch nothing.
			code, _, errOut = deltaRun(t, "apply", d, target)
			again, _ := os.ReadFile(target)
			if code != exitFailed || !strings.Contains(errOut, "untouched") || !bytes.Equal(again, got) {
				t.Errorf("second apply: exit %d, %q, touched %v", code, errOut, !bytes.Equal(again, got))
			}
		})
	}
}

func TestDeltaApplyExtendsAndRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	old := bytes.Repeat([]byte("unbrick "), 100)
	new := bytes.Repeat([]byte("Unbrick! "), 2000)
	for name, b := range map[string][]byte{"old": old, "new": new, "flash": old} {
		if err := os.WriteFile(at(name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, errOut := deltaRun(t, "create", at("old"), at("new"), "-o", at("d"), "--geometry", "1KiB", "--raw"); code != exitOK {
		t.Fatal(errOut)
	}
	if code, _, errOut := deltaRun(t, "apply", at("d"), at("flash")); code != exitOK {
		t.Fatal(errOut)
	}
	if got, _ := os.ReadFile(at("flash")); len(got) != (len(new)+1023)/1024*1024 || !bytes.Equal(got[:len(new)], new) || got[len(got)-1] != 0xff {
		t.Errorf("flash of %d bytes after extending", len(got))
	}
	file, err := os.ReadFile(at("d"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range file {
		damaged := bytes.Clone(file)
		damaged[i] ^= 0x20
		if err := os.WriteFile(at("d"), damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at("flash"), old, 0o666); err != nil {
			t.Fatal(err)
		}
		code, _, _ := deltaRun(t, "apply", at("d"), at("flash"))
		got, _ := os.ReadFile(at("flash"))
		if code == exitOK && !bytes.Equal(got[:len(new)], new) || code != exitOK && !bytes.Equal(got, old) {
			t.Fatalf("byte %d damaged: exit %d, flash of %d bytes", i, code, len(got))
		}
	}
}

func TestDeltaUsage(t *testing.T) {
	dir, _, _ := deltaFiles(t)
	old, new := filepath.Join(dir, "old"), filepath.Join(dir, "new")
	for name, c := range map[string]struct {
		code int
		args []string
	}{
		"nothing":        {exitUsage, nil},
		"unknown verb":   {exitUsage, []string{"frob"}},
		"help":           {exitOK, []string{"--help"}},
		"create help":    {exitOK, []string{"create", "--help"}},
		"no output":      {exitUsage, []string{"create", old, new}},
		"geometry":       {exitUsage, []string{"create", old, new, "-o", "x", "--geometry", "4KiBs"}},
		"erased":         {exitUsage, []string{"create", old, new, "-o", "x", "--erased", "55"}},
		"effort":         {exitUsage, []string{"create", old, new, "-o", "x", "--effort", "some"}},
		"isa":            {exitUsage, []string{"create", old, new, "-o", filepath.Join(dir, "x"), "--isa", "z80"}},
		"does not fit":   {exitFailed, []string{"create", old, new, "-o", filepath.Join(dir, "x"), "--workspace", "8KiB"}},
		"missing image":  {exitFailed, []string{"create", old, new + "er", "-o", filepath.Join(dir, "x")}},
		"info of none":   {exitFailed, []string{"info", filepath.Join(dir, "none")}},
		"info of image":  {exitFailed, []string{"info", old}},
		"apply of image": {exitFailed, []string{"apply", old, new}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := deltaRun(t, c.args...)
			if code != c.code || code != exitOK && errOut == "" || code == exitOK && out+errOut == "" {
				t.Errorf("exit %d, want %d; printed %q %q", code, c.code, out, errOut)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "x")); err == nil {
		t.Error("a failed create left a file")
	}
}
