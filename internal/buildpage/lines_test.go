package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A program loses its lines and files and keeps the names of its functions; what is not known stays as it is.
func TestWithoutLines(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":           "module probe\n\ngo 1.24\n",
		"probe_program.go": "package main\n\n//go:noinline\nfunc heavyLoad(p *int) int { return *p }\n\nfunc main() { heavyLoad(nil) }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "probe.wasm")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, ".")
	build.Dir = dir
	build.Env = append(build.Environ(), "GOOS=js", "GOARCH=wasm", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(before, []byte("probe_program.go")) || !bytes.Contains(before, []byte("main.heavyLoad")) {
		t.Fatal("the program has no names to begin with")
	}
	after := bytes.Clone(before)
	if err := withoutLines(after); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(after, []byte("probe_program.go")) {
		t.Error("the file's name is still there")
	}
	if !bytes.Contains(after, []byte("main.heavyLoad")) {
		t.Error("the function's name is gone")
	}
	again := bytes.Clone(after)
	if err := withoutLines(again); err != nil || !bytes.Equal(again, after) {
		t.Errorf("a second time changes it: %v", err)
	}
	other := bytes.Replace(before, []byte(tableMagic), []byte("\xf0\xff\xff\xff\x00\x00\x01\x08"), 1)
	kept := bytes.Clone(other)
	if err := withoutLines(other); !errors.Is(err, errForm) || !bytes.Equal(other, kept) {
		t.Errorf("a table of another form: %v, changed: %v", err, !bytes.Equal(other, kept))
	}
	for n := 0; n < len(before); n += 1 + len(before)/50 {
		if withoutLines(bytes.Clone(before[:n])) == nil {
			t.Errorf("%d of %d bytes are taken", n, len(before))
		}
	}
}
