//go:build linux

package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A Read that waits while a host has the cable open ends with Close: nobody may stay behind.
func TestClosingTheCableEndsARead(t *testing.T) {
	link := filepath.Join(t.TempDir(), "cable")
	c, err := openPTY(link)
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.OpenFile(link, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	first, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		p := make([]byte, 1)
		_, err := c.Read(p)
		close(first)
		if err == nil {
			_, err = c.Read(p)
		}
		ended <- err
	}()
	if _, err := host.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	<-first // from here on the reader waits, or is about to
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != io.EOF {
		t.Errorf("read ended with %v, want EOF", err)
	}
	if _, err := os.Lstat(link); err == nil {
		t.Error("the link is still there")
	}
}

func TestLinkToTheCable(t *testing.T) {
	dir := t.TempDir()
	file, stale := filepath.Join(dir, "file"), filepath.Join(dir, "stale")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openPTY(file); err == nil {
		t.Error("a file was replaced by the link")
	}
	if err := os.Symlink("/dev/pts/none", stale); err != nil {
		t.Fatal(err)
	}
	first, err := openPTY(stale)
	if err != nil {
		t.Fatalf("a stale link: %v", err)
	}
	second, err := openPTY(stale)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(stale); err != nil || to != second.name {
		t.Errorf("the first cable took the second's link away: %q %v", to, err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}
