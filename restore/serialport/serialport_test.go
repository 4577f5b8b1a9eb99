//go:build linux || darwin

package serialport

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/creack/pty"

	"unbrick/restore"
)

// open returns the two ends of a pseudo-terminal: the device's, and ours as a Port.
func open(t *testing.T) (master interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
	Close() error
}, port *Port) {
	t.Helper()
	m, s, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { m.Close(); s.Close() })
	p, err := Open(s.Name(), 115200)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return m, p
}

func TestBusy(t *testing.T) {
	m, s, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	defer m.Close()
	defer s.Close()
	first, err := Open(s.Name(), 115200)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := Open(s.Name(), 115200); !errors.Is(err, ErrBusy) {
		t.Errorf("second opening: %v, %v; want ErrBusy", p, err)
	}
	first.Close()
	second, err := Open(s.Name(), 115200)
	if err != nil {
		t.Fatalf("after the first was closed: %v", err)
	}
	second.Close()
}

func TestReadWrite(t *testing.T) {
	m, p := open(t)
	sent := []byte("\x06\x09 every byte \x00\x11\x13\x0d\x0a\xff as it is")
	if err := p.Write(sent); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(sent))
	for n := 0; n < len(got); {
		k, err := m.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	if !bytes.Equal(got, sent) {
		t.Errorf("device got %q, want %q", got, sent)
	}
	if _, err := m.Write(sent); err != nil {
		t.Fatal(err)
	}
	var back []byte
	for len(back) < len(sent) {
		b := make([]byte, 7)
		n, err := p.Read(b, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		back = append(back, b[:n]...)
	}
	if !bytes.Equal(back, sent) {
		t.Errorf("host got %q, want %q", back, sent)
	}
}

func TestTimeoutIsAnError(t *testing.T) {
	_, p := open(t)
	before := p.Now()
	if n, err := p.Read(make([]byte, 8), 30*time.Millisecond); n != 0 || !errors.Is(err, restore.ErrTimeout) {
		t.Errorf("got %d, %v", n, err)
	}
	if took := p.Now() - before; took < 25*time.Millisecond || took > 5*time.Second {
		t.Errorf("waited %v", took)
	}
}

// TestLackingLines: a pseudo-terminal has no modem lines, which is no fault.
func TestLackingLines(t *testing.T) {
	_, p := open(t)
	for name, err := range map[string]error{"DTR": p.SetDTR(true), "RTS": p.SetRTS(false)} {
		if err != nil && !errors.Is(err, restore.ErrUnsupported) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := p.Break(time.Millisecond); err != nil && !errors.Is(err, restore.ErrUnsupported) {
		t.Errorf("break: got %v", err)
	}
}

func TestVanished(t *testing.T) {
	m, p := open(t)
	m.Close()
	if _, err := p.Read(make([]byte, 8), time.Second); !errors.Is(err, restore.ErrVanished) {
		t.Errorf("got %v", err)
	}
}

func TestCloseEndsRead(t *testing.T) {
	_, p := open(t)
	got := make(chan error, 1)
	go func() {
		_, err := p.Read(make([]byte, 8), time.Minute)
		got <- err
	}()
	p.Close()
	select {
	case err := <-got:
		if !errors.Is(err, restore.ErrVanished) {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Read goes on")
	}
}

func TestOpenSaysWhy(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none"), 115200); !errors.Is(err, ErrNotFound) {
		t.Errorf("nothing there: got %v", err)
	}
	if _, err := Open(dir, 115200); err == nil {
		t.Error("a folder was opened")
	}
}

func TestList(t *testing.T) {
	if _, err := List(); err != nil {
		t.Error(err)
	}
}
