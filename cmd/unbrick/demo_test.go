package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unbrick/internal/firmware"
)

func TestDemoImages(t *testing.T) {
	dir := t.TempDir()
	must(t, exitOK, "demo", "images", dir)
	must(t, exitOK, "demo", "images", dir) // the same again is no fault
	older, newer := firmware.OpenSBI()
	for name, want := range map[string][]byte{"v1.bin": older, "v2.bin": newer} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(b, want) {
			t.Errorf("%s is not the image: %v", name, err)
		}
	}
	mine := filepath.Join(dir, "v1.bin")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, exitFailed, "demo", "images", dir)
	if b, err := os.ReadFile(mine); err != nil || string(b) != "mine" {
		t.Errorf("a file of somebody's was overwritten: %q %v", b, err)
	}
	must(t, exitUsage, "demo", "pictures", dir)
}

func TestReady(t *testing.T) {
	t.Setenv("UNBRICK_TOKEN", "")
	must(t, exitFailed, "ready", "--server", "http://127.0.0.1:1", "--wait", "0s")
	s := startServe(t, "--data", t.TempDir())
	must(t, exitOK, "ready", "--server", s.url)
}

// TestReadyEndsInTime: a server that takes the question and does not answer is waited for no longer than one that is not there.
func TestReadyEndsInTime(t *testing.T) {
	hung := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hung.Close()
	code, _, errOut := execute(t, "ready", "--server", hung.URL, "--wait", "50ms")
	if code != exitFailed || !strings.Contains(errOut, "not ready after 50ms") {
		t.Errorf("%d %s", code, errOut)
	}
}
