//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"unbrick/limits"
)

// emulated is the beginning of a command line that makes a device without a server.
const emulated = "emulate --model-file 0001.model --serial S1 "

// readers are command lines that read the file FILE that a person names.
var readers = map[string]string{
	"image to publish":      "publish --key release.key --model 0001 --version 1 FILE",
	"secret key":            "publish --key FILE --model 0001 --version 1 v1.bin",
	"model to publish for":  "publish --key release.key --model 0001 --model-file FILE --order 1 --version 1 v1.bin",
	"public key to publish": "publish --pub FILE 1.release",
	"old image":             "delta create FILE v1.bin -o d",
	"new image":             "delta create v1.bin FILE -o d",
	"delta to apply":        "delta apply FILE v1.bin",
	"delta to explain":      "delta info FILE",
	"old image to cut":      "powercut --old FILE --new v1.bin",
	"new image to cut":      "powercut --old v1.bin --new FILE",
	"model to emulate":      "emulate --model-file FILE --serial S1",
	"public key":            emulated + "--release-file 1.release --pub FILE",
	"release file":          emulated + "--release-file FILE --pub release.pub",
	"image to emulate":      emulated + "--version 1 --pub release.pub --image FILE",
	"manifest":              emulated + "--pub release.pub --image v1.bin --manifest FILE",
	"flash":                 emulated + "--flash FILE",
	"release to restore":    "restore --port none --release-file FILE",
	"key to restore":        "restore --port none --release-file 1.release --pub FILE",
	"image to restore":      "restore --port none --image FILE",
}

// reading is a folder with what the command lines of readers need besides.
func reading(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("UNBRICK_SERVER", "http://127.0.0.1:1")
	must(t, exitOK, "key", "new", "-o", "release.key")
	must(t, exitOK, "model", "put", "0001", "--flash", "256KiB", "--ram", "256KiB", "-o", "0001.model")
	if err := os.WriteFile("v1.bin", programBytes(12000), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, exitOK, "publish", "--key", "release.key", "--model-file", "0001.model", "--model", "0001", "--version", "1", "--order", "1", "v1.bin", "-o", "1.release")
}

func fill(line, file string) []string {
	return strings.Fields(strings.ReplaceAll(line, "FILE", file))
}

// TestFilesAreReadWithinBounds: no command reads what is no file, or more than it can use; the sparse file is larger than any memory.
func TestFilesAreReadWithinBounds(t *testing.T) {
	reading(t)
	if err := os.WriteFile("huge", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate("huge", 1<<42); err != nil {
		t.Skipf("no sparse file here: %v", err)
	}
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, line := range readers {
		for file, want := range map[string]string{"huge": fmt.Sprint(int64(1 << 42)), "/dev/zero": "/dev/zero is", "folder": "folder is"} {
			code, out, errOut := execute(t, fill(line, file)...)
			if code != exitFailed || !strings.Contains(errOut, want) {
				t.Errorf("%s from %s: exit code %d, %s%s", name, file, code, out, errOut)
			}
		}
	}
}

// TestPipesAreReadAndStopped: a pipe is a file to read from, up to the limit, and one that never begins is left at a signal.
func TestPipesAreReadAndStopped(t *testing.T) {
	reading(t)
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for name, line := range readers {
		if name == "flash" { // it is written to as well
			continue
		}
		ctx, cancel := context.WithCancel(t.Context())
		var out, errOut bytes.Buffer
		code := make(chan int)
		go func() { code <- run(ctx, fill(line, "pipe"), &out, &errOut) }()
		cancel()
		if got := <-code; got != exitFailed || !strings.Contains(errOut.String(), "stopped before the end") {
			t.Errorf("%s: exit code %d, %s", name, got, &errOut)
		}
	}
	for size, want := range map[int]string{limits.Model: "", limits.Model + 1: "more than 4096 bytes"} {
		name := filepath.Join(t.TempDir(), "other")
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
		go func() {
			if w, err := os.OpenFile(name, os.O_WRONLY, 0); err == nil {
				w.Write(make([]byte, size))
				w.Close()
			}
		}()
		b, err := readFile(t.Context(), name, "a record", limits.Model)
		if want == "" && (err != nil || len(b) != size) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d bytes: %d, %v", size, len(b), err)
		}
	}
}
