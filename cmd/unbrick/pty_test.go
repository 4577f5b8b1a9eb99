//go:build linux

package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
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

// The device's end learns the speed that a program sets at the other end, and none that nobody set.
func TestSpeedOfTheCable(t *testing.T) {
	link := filepath.Join(t.TempDir(), "cable")
	c, err := openPTY(link)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var speeds []uint32
	c.follow(func(baud uint32) error { speeds = append(speeds, baud); return nil })
	host, err := os.OpenFile(link, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	for _, baud := range []uint32{0, 57600, 57600, 921600} {
		if baud != 0 {
			settings, err := unix.IoctlGetTermios(int(host.Fd()), unix.TCGETS2)
			if err != nil {
				t.Fatal(err)
			}
			settings.Cflag = settings.Cflag&^unix.CBAUD | unix.BOTHER
			settings.Ispeed, settings.Ospeed = baud, baud
			if err := unix.IoctlSetTermios(int(host.Fd()), unix.TCSETS2, settings); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := host.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []uint32{57600, 921600}; !slices.Equal(speeds, want) {
		t.Errorf("told of %v, want %v", speeds, want)
	}
}
