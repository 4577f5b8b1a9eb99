//go:build linux || darwin

package serialport

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"unbrick/restore"
	"unbrick/restore/porttest"
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

// TestStuckWrite: behind a write that was given up, as a line that takes no bytes leaves it, another one fails at once, and the
// port can be closed.
func TestStuckWrite(t *testing.T) {
	_, p := open(t)
	p.writing.Lock() // the write that was given up
	ended := make(chan error, 1)
	go func() {
		err := p.Write([]byte("more"))
		p.Close()
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, restore.ErrVanished) {
			t.Errorf("got %v", err)
		}
	case <-time.After(time.Minute):
		p.writing.Unlock() // for the end of the test
		t.Fatal("the port waits for the write that was given up")
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
		if !errors.Is(err, restore.ErrClosed) {
			t.Errorf("got %v", err)
		}
	case <-time.After(time.Minute):
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

// TestPort runs the contract of restore.Port over a pseudo-terminal.
func TestPort(t *testing.T) {
	porttest.Run(t, func(t *testing.T) *porttest.Rig {
		m, s, err := pty.Open()
		if err != nil {
			t.Skipf("no pseudo-terminals here: %v", err)
		}
		name := s.Name()
		// Whoever asked for its descriptor has made it block: a Close would wait for a Read then.
		fd, err := unix.FcntlInt(m.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err == nil {
			err = unix.SetNonblock(fd, true)
		}
		if err != nil {
			t.Fatal(err)
		}
		m.Close()
		m = os.NewFile(uintptr(fd), "master")
		t.Cleanup(func() { m.Close(); s.Close() })
		// What the host sends is taken as it comes, so that nothing waits in the terminal.
		come := make(chan []byte, 1024)
		go func() {
			defer close(come)
			for {
				b := make([]byte, 4096)
				n, err := m.Read(b)
				if err != nil {
					return
				}
				come <- b[:n]
			}
		}()
		return &porttest.Rig{
			Open: func(baud uint32) (restore.Port, error) {
				p, err := Open(name, baud)
				if err != nil {
					return nil, err
				}
				return p, nil
			},
			Busy: ErrBusy,
			Send: func(b []byte) {
				if _, err := m.Write(b); err != nil {
					t.Errorf("device writes: %v", err)
				}
			},
			Recv: func(n int) []byte {
				var all []byte
				limit := time.NewTimer(time.Minute)
				defer limit.Stop()
				for len(all) < n {
					select {
					case b, ok := <-come:
						if all = append(all, b...); !ok {
							return all
						}
					case <-limit.C:
						return all
					}
				}
				return all
			},
			Unplug: func() { m.Close() },
		}
	})
}
