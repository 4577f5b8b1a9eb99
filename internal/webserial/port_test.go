//go:build linux

package webserial

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// host plays the browser without one: it opens the slave and speaks as the shim does.
type host struct {
	t     *testing.T
	bench *Bench
	node  string
}

func newHost(t *testing.T, b *Bench, name string) *host {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, name+".dev"))
	if err != nil {
		t.Fatal(err)
	}
	node, _, _ := strings.Cut(strings.TrimPrefix(string(text), "DEVNAME="), "\n")
	return &host{t, b, node}
}

func (h *host) open() *os.File {
	h.t.Helper()
	f, err := os.OpenFile(h.node, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	if got, want := h.notify(Opened, unix.TIOCM_DTR|unix.TIOCM_RTS, 0), uint32(CTS|DCD|DSR); got != want {
		h.t.Errorf("the inputs are %#x, want %#x", got, want)
	}
	return f
}

func (h *host) notify(k Kind, value, flags uint32) uint32 {
	h.t.Helper()
	c, err := net.Dial("unixpacket", filepath.Join(h.bench.dir, "pts"+filepath.Base(h.node)+".line"))
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	var b []byte
	for _, word := range []uint32{uint32(k), value, flags} {
		b = binary.NativeEndian.AppendUint32(b, word)
	}
	if _, err := c.Write(b); err != nil {
		h.t.Fatal(err)
	}
	answer := make([]byte, 8)
	n, err := c.Read(answer)
	if err != nil || n != 4 {
		h.t.Fatalf("an answer of %d bytes, %v, want 4", n, err)
	}
	return binary.NativeEndian.Uint32(answer)
}

func TestPortAcrossOpenings(t *testing.T) {
	b := &Bench{dir: t.TempDir()}
	events := make(chan Event, 8)
	port, err := b.Plug(first, func(e Event) { events <- e })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Unplug() })
	h := newHost(t, b, first.Name)
	if n, err := port.Write([]byte("lost")); n != 4 || err != nil {
		t.Errorf("a write without a page is %d, %v, want 4 and no error", n, err)
	}
	got := make(chan string)
	go func() {
		defer close(got)
		buf := make([]byte, 16)
		for {
			n, err := port.Read(buf)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				return
			}
			got <- string(buf[:n])
		}
	}()
	for range 3 {
		f := h.open()
		if e, want := <-events, (Event{Kind: Opened, DTR: true, RTS: true}); e != want {
			t.Errorf("opening was heard as %+v, want %+v", e, want)
		}
		if !port.IsOpen() {
			t.Error("the port is not open, but the host has it")
		}
		if _, err := f.Write([]byte("ask\x00\xff\n")); err != nil {
			t.Fatal(err)
		}
		if s := <-got; s != "ask\x00\xff\n" {
			t.Errorf("the device read %q", s)
		}
		if _, err := port.Write([]byte("answer\r\n")); err != nil {
			t.Error(err)
		}
		buf := make([]byte, 16)
		if n, err := f.Read(buf); err != nil || !bytes.Equal(buf[:n], []byte("answer\r\n")) {
			t.Errorf("the host read %q, %v", buf[:n], err)
		}
		f.Close()
		if port.IsOpen() {
			t.Error("the port is open, but the host has closed it")
		}
	}
	if port.Openings() != 3 {
		t.Errorf("%d openings, want 3", port.Openings())
	}
	h.notify(Signals, unix.TIOCM_RTS|lineBreak, 0)
	if e, want := <-events, (Event{Kind: Signals, RTS: true, Break: true}); e != want {
		t.Errorf("heard %+v, want %+v", e, want)
	}
	h.notify(Settings, 115200, unix.PARENB)
	if e, want := <-events, (Event{Kind: Settings, Speed: 115200, Flags: unix.PARENB}); e != want {
		t.Errorf("heard %+v, want %+v", e, want)
	}
	if err := port.Unplug(); err != nil {
		t.Error(err)
	}
	if s, more := <-got; more {
		t.Errorf("read %q after unplugging", s)
	}
	if _, err := port.Write([]byte{1}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a write after unplugging is %v, want %v", err, io.ErrClosedPipe)
	}
	if err := port.Unplug(); err != nil {
		t.Errorf("unplugging twice is %v", err)
	}
	if left, err := os.ReadDir(b.dir); err != nil || len(left) != 0 {
		t.Errorf("the bench holds %v, %v, want nothing", left, err)
	}
}

func TestPlugRefuses(t *testing.T) {
	b := &Bench{dir: t.TempDir()}
	for _, name := range []string{"", ".tty", "a/b", "a\nb"} {
		if p, err := b.Plug(Adapter{Name: name}, nil); err == nil {
			p.Unplug()
			t.Errorf("an adapter named %q is taken", name)
		}
	}
	p, err := b.Plug(first, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Unplug()
	if q, err := b.Plug(first, nil); !errors.Is(err, os.ErrExist) {
		if err == nil {
			q.Unplug()
		}
		t.Errorf("the same adapter twice is %v, want %v", err, os.ErrExist)
	}
}

func TestNoticesAreStrict(t *testing.T) {
	good := []byte{noticeSize - 1: 0}
	binary.NativeEndian.PutUint32(good, uint32(Asked))
	if _, err := decodeNotice(good); err != nil {
		t.Error(err)
	}
	for _, bad := range [][]byte{nil, good[:noticeSize-1], append(good, 0), make([]byte, noticeSize)} {
		if e, err := decodeNotice(bad); err == nil {
			t.Errorf("%x is taken as %+v", bad, e)
		}
	}
}

func TestAllowNeedsAnIdentity(t *testing.T) {
	for _, a := range []Adapter{{Name: "ttyS0"}, {Name: "ttyUSB0", Vendor: 1, Product: 2}} {
		if err := Allow(t.TempDir(), "http://localhost:1", a); err == nil {
			t.Errorf("%+v is allowed, but the browser cannot tell it from others", a)
		}
	}
}

// TestShimIsWhole compares what the installed browser wants of libudev with what the shim has. A
// function that were missing would come from the real library, with foreign pointers.
func TestShimIsWhole(t *testing.T) {
	b := Need(t)
	program, err := elf.Open(b.browser)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	wanted, err := program.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	library, err := elf.Open(b.library)
	if err != nil {
		t.Fatal(err)
	}
	defer library.Close()
	has, err := library.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	defined := make(map[string]bool)
	for _, s := range has {
		defined[s.Name] = s.Section != elf.SHN_UNDEF
	}
	seen := 0
	for _, s := range wanted {
		if !strings.HasPrefix(s.Name, "udev_") {
			continue
		}
		seen++
		if !defined[s.Name] {
			t.Errorf("the browser calls %s, which the shim lacks", s.Name)
		}
	}
	if seen == 0 {
		t.Errorf("%s links %s and calls nothing of it", b.browser, udevLibrary)
	}
}

func TestBrowserThatDoesNotFit(t *testing.T) {
	script := filepath.Join(t.TempDir(), "chromium")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{script, os.Args[0], filepath.Join(t.TempDir(), "none")} {
		t.Setenv("CHROMIUM", path)
		if found, err := findBrowser(); err == nil {
			t.Errorf("%s is taken as a browser: %s", path, found)
		}
	}
}
