//go:build linux

package webserial

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// stuck is how long a page may leave bytes waiting before Write looks whether it still has the port
// open.
const stuck = 50 * time.Millisecond

// Adapter is a serial adapter as the system describes it. Name is unique on its bench.
type Adapter struct {
	Name            string // of the device node, such as ttyUSB0
	Vendor, Product uint16 // USB numbers; a Vendor of 0 means an adapter that is not on USB
	Serial          string
	Words           string // what the chooser shows
}

// properties are what udev would say of the adapter.
func (a *Adapter) properties(node string) string {
	s := "DEVNAME=" + node + "\n"
	if a.Vendor != 0 {
		s += fmt.Sprintf("ID_BUS=usb\nID_VENDOR_ID=%04x\nID_MODEL_ID=%04x\n", a.Vendor, a.Product)
	}
	if a.Serial != "" {
		s += "ID_SERIAL_SHORT=" + a.Serial + "\n"
	}
	if a.Words != "" {
		s += "ID_MODEL_ENC=" + strings.ReplaceAll(a.Words, " ", `\x20`) + "\n"
	}
	return s
}

func (a *Adapter) check() error {
	if a.Name == "" || a.Name[0] == '.' || strings.ContainsAny(a.Name+a.Serial+a.Words, "/\n") {
		return fmt.Errorf("plug in adapter %q: a name that is no file name, or a text of several lines", a.Name)
	}
	return nil
}

// Port is the device's end of a plugged-in adapter: what is written goes to the page, what is read
// comes from it. One goroutine may read while another writes; the other methods may be called from any.
type Port struct {
	file    string // of the adapter on the bench
	master  *os.File
	notices *net.UnixListener
	told    func(Event)
	inputs  atomic.Uint32

	mu       sync.Mutex
	openings uint64        // how often the browser has opened the port
	news     chan struct{} // closed at the next opening
	hungUp   chan struct{} // closed when the device's end is gone
	once     sync.Once
}

var _ io.ReadWriteCloser = (*Port)(nil)

// Plug plugs an adapter in. told, which may be nil, is told of each Event in order; the browser waits
// for it, at most 2 seconds. The caller unplugs the port. Of each name one adapter can be plugged in.
func (b *Bench) Plug(a Adapter, told func(Event)) (*Port, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, a.Name+".dev")
	if _, err := os.Lstat(file); err == nil {
		return nil, fmt.Errorf("plug in adapter %s: %w", a.Name, os.ErrExist)
	}
	master, number, err := openPTY()
	if err != nil {
		return nil, fmt.Errorf("plug in adapter %s: %w", a.Name, err)
	}
	p := &Port{file: file, master: master, told: told, news: make(chan struct{}), hungUp: make(chan struct{})}
	p.SetInputs(CTS | DCD | DSR)
	at := &net.UnixAddr{Net: "unixpacket", Name: filepath.Join(b.dir, fmt.Sprintf("pts%d.line", number))}
	// A PTY's number is used again, and a socket that a killed test left would refuse.
	if err := os.Remove(at.Name); err != nil && !errors.Is(err, os.ErrNotExist) {
		master.Close()
		return nil, fmt.Errorf("plug in adapter %s: %w", a.Name, err)
	}
	if p.notices, err = net.ListenUnix(at.Net, at); err != nil {
		master.Close()
		return nil, fmt.Errorf("plug in adapter %s: %w", a.Name, err)
	}
	go p.listen()
	if err := publish(p.file, a.properties(slavePath(number))); err != nil {
		p.HangUp()
		return nil, fmt.Errorf("plug in adapter %s: %w", a.Name, err)
	}
	return p, nil
}

// publish puts a file in place in one step: what is written in place is no event for the browser.
func publish(path, text string) error {
	next := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// SetInputs sets the lines that the page reads, a combination of CTS, DCD, DSR and RI. After Plug all
// but RI are on.
func (p *Port) SetInputs(lines uint32) { p.inputs.Store(lines) }

// IsOpen tells whether the page has the port open.
func (p *Port) IsOpen() bool { return isOpen(p.master) }

// Openings is how often the browser has opened the port.
func (p *Port) Openings() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.openings
}

// opened wakes a Read that waits for the page.
func (p *Port) opened() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.openings++
	close(p.news)
	p.news = make(chan struct{})
}

// Read returns bytes from the page, and waits for them however often the page closes and opens the
// port. It returns io.EOF once the port is unplugged or hung up.
func (p *Port) Read(b []byte) (int, error) {
	for {
		// Taken before the attempt: an opening after a failed one is not missed.
		p.mu.Lock()
		news := p.news
		p.mu.Unlock()
		n, err := p.master.Read(b)
		switch {
		case n > 0 || len(b) == 0:
			return n, nil
		case errors.Is(err, os.ErrClosed):
			return 0, io.EOF
		case err != nil && !errors.Is(err, syscall.EIO) && !errors.Is(err, io.EOF):
			return 0, fmt.Errorf("read serial port: %w", err)
		}
		select {
		case <-news:
		case <-p.hungUp:
			return 0, io.EOF
		}
	}
}

// Write sends bytes to the page, and waits while the page does not take them. Without a page that has
// the port open they are lost, which is no error. After Unplug it returns io.ErrClosedPipe.
func (p *Port) Write(b []byte) (int, error) {
	for sent := 0; sent < len(b); {
		select {
		case <-p.hungUp:
			return sent, io.ErrClosedPipe
		default:
		}
		if !p.IsOpen() {
			break
		}
		if err := p.master.SetWriteDeadline(time.Now().Add(stuck)); err != nil && !errors.Is(err, os.ErrClosed) {
			return sent, fmt.Errorf("write serial port: %w", err)
		}
		n, err := p.master.Write(b[sent:])
		sent += n
		switch {
		case err == nil, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, os.ErrClosed):
		case errors.Is(err, syscall.EIO): // closed meanwhile
			return len(b), nil
		default:
			return sent, fmt.Errorf("write serial port: %w", err)
		}
	}
	return len(b), nil
}

// HangUp takes the device's end away and leaves the adapter in place: a device whose emulator died.
// The page's reads fail, but nothing is reported as unplugged.
func (p *Port) HangUp() {
	p.once.Do(func() {
		close(p.hungUp)
		p.notices.Close()
		p.master.Close()
	})
}

// Unplug pulls the adapter out: the line hangs up, then the system reports the removal.
func (p *Port) Unplug() error {
	p.HangUp()
	if err := os.Remove(p.file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("unplug: %w", err)
	}
	return nil
}

// Close is Unplug.
func (p *Port) Close() error { return p.Unplug() }
