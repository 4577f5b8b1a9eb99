//go:build !js

package serialport

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"syscall"
	"time"

	"go.bug.st/serial"

	"unbrick/restore"
)

// Why a port cannot be opened.
var (
	ErrNotFound   = errors.New("there is no such port")
	ErrBusy       = errors.New("another program holds the port")
	ErrPermission = errors.New("you may not use the port")
	ErrNoPort     = errors.New("this is no serial port")
)

// writeLimit bounds one write: a line at 1200 baud takes a packet of ours in less.
const writeLimit = 30 * time.Second

// Port is an open port. Close may come from another goroutine and ends a waiting Read.
type Port struct {
	port    serial.Port
	release func() // the lock
	start   time.Time
	path    string
	info    Info // of it, when it was opened
	baud    uint32

	mu      sync.Mutex // held while a line or the speed is set
	closed  bool
	writing sync.Mutex // held by a write under way, which may be stuck
}

// closeLimit is how long closing waits for a write that is stuck, once what it waits for was dropped.
const closeLimit = time.Second

// use begins what is done with the open port. What it would do after Close would reach whatever file has the
// descriptor then.
func (p *Port) use() (done func(), err error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, restore.ErrClosed
	}
	return p.mu.Unlock, nil
}

var (
	_ restore.Port    = (*Port)(nil)
	_ restore.Breaker = (*Port)(nil)
	_ restore.Signals = (*Port)(nil)
	_ restore.Speeder = (*Port)(nil)
)

// Open opens the port at path (a device file, or COM and a number) with 8 data bits, no parity and one
// stop bit, no flow control, DTR and RTS released as far as the port has them.
func Open(path string, baud uint32) (*Port, error) {
	release, err := lock(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	mode := mode(baud)
	mode.InitialStatusBits = &serial.ModemOutputBits{}
	p, err := openTTY(path, mode)
	if known := why(err); errors.Is(known, ErrNoPort) {
		// A pseudo-terminal has no modem lines to set.
		mode.InitialStatusBits = nil
		p, err = openTTY(path, mode)
	}
	if err != nil {
		release()
		return nil, fmt.Errorf("open %s: %w", path, why(err))
	}
	info, _ := infoOf(path)
	return &Port{port: p, release: release, start: time.Now(), path: path, info: info, baud: baud}, nil
}

func openTTY(path string, mode *serial.Mode) (p serial.Port, err error) {
	err = steadily(func() error {
		p, err = serial.Open(path, mode)
		return err
	})
	return p, err
}

// steadily does something anew that a signal has ended: Go's own scheduler sends them, and a line takes one for a reason to end.
func steadily(do func() error) error {
	for {
		if err := do(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func mode(baud uint32) *serial.Mode {
	return &serial.Mode{BaudRate: int(baud), DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit}
}

// why says in our words why a port does not open.
func why(err error) error {
	var p *serial.PortError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return ErrNotFound
	case errors.Is(err, fs.ErrPermission):
		return ErrPermission
	case !errors.As(err, &p):
		return err
	}
	switch p.Code() {
	case serial.PortBusy:
		return ErrBusy
	case serial.PortNotFound:
		return ErrNotFound
	case serial.PermissionDenied:
		return ErrPermission
	case serial.InvalidSerialPort:
		return fmt.Errorf("%w: %w", ErrNoPort, err)
	}
	return err
}

// Read implements restore.Port: the library's 0 bytes without an error, after its time-out, become
// ErrTimeout, and every error means that the port is gone.
func (p *Port) Read(b []byte, wait time.Duration) (int, error) {
	done, err := p.use()
	if err != nil {
		return 0, err
	}
	err = p.port.SetReadTimeout(max(wait, 0))
	done()
	if err != nil {
		return 0, gone(err)
	}
	n, err := p.port.Read(b) // the library ends it when the port is closed
	switch {
	case n > 0:
		return n, nil
	case err != nil:
		return 0, p.ended(err)
	}
	return 0, restore.ErrTimeout
}

// Write implements restore.Port. Behind a write that was given up nothing is written any more.
func (p *Port) Write(b []byte) error {
	done, err := p.use()
	if err != nil {
		return err
	}
	free := p.writing.TryLock()
	done()
	if !free {
		return gone(errStuck)
	}
	b = slices.Clone(b) // it may outlive this call
	ended := make(chan error, 1)
	go func() {
		err := p.writeAll(b)
		p.writing.Unlock() // before anybody hears of the end, and writes on
		ended <- err
	}()
	limit := time.NewTimer(writeLimit)
	defer limit.Stop()
	select {
	case err := <-ended:
		return gone(err)
	case <-limit.C:
		return gone(errStuck)
	}
}

func (p *Port) writeAll(b []byte) error {
	for len(b) > 0 {
		n, err := p.port.Write(b)
		if err != nil && !errors.Is(err, syscall.EINTR) { // as at steadily; what went out is not sent anew
			return err
		}
		b = b[n:]
	}
	return nil
}

var errStuck = errors.New("it takes no bytes")

// ended says why a read that waited has ended.
func (p *Port) ended(err error) error {
	done, closed := p.use()
	if closed != nil {
		return closed
	}
	done()
	return gone(err)
}

// gone makes a vanished port of any error.
func gone(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", restore.ErrVanished, err)
}

// Now implements restore.Port.
func (p *Port) Now() time.Duration { return time.Since(p.start) }

// Close implements restore.Port. A write that is stuck loses its bytes.
func (p *Port) Close() error {
	done, err := p.use()
	if err != nil {
		return nil
	}
	p.closed = true
	done()
	defer p.release()
	if !p.writing.TryLock() {
		free := make(chan struct{})
		go func() { p.writing.Lock(); close(free) }()
		_ = p.port.ResetOutputBuffer() // wakes it
		limit := time.NewTimer(closeLimit)
		defer limit.Stop()
		select {
		case <-free:
		case <-limit.C:
		}
	}
	return p.port.Close()
}

// set does something to the lines of the open port.
func (p *Port) set(do func() error) error {
	done, err := p.use()
	if err != nil {
		return err
	}
	defer done()
	return lacking(steadily(do))
}

// Break implements restore.Breaker.
func (p *Port) Break(d time.Duration) error { return p.set(func() error { return p.port.Break(d) }) }

// SetDTR implements restore.Signals.
func (p *Port) SetDTR(on bool) error { return p.set(func() error { return p.port.SetDTR(on) }) }

// SetRTS implements restore.Signals.
func (p *Port) SetRTS(on bool) error { return p.set(func() error { return p.port.SetRTS(on) }) }

// SetSpeed implements restore.Speeder.
func (p *Port) SetSpeed(baud uint32) error {
	err := p.set(func() error { return p.port.SetMode(mode(baud)) })
	if err == nil {
		p.baud = baud
	}
	return err
}

// lacking tells a port that has no such line from one that is gone.
func lacking(err error) error {
	for _, no := range []error{syscall.ENOTTY, syscall.EINVAL, syscall.ENOSYS, errors.ErrUnsupported} {
		if errors.Is(err, no) {
			return restore.ErrUnsupported
		}
	}
	return gone(err)
}

// Info is what this machine knows of one port.
type Info struct {
	Path    string `json:"path"`
	USB     bool   `json:"usb"`
	Vendor  string `json:"vendor,omitempty"`  // USB, four hexadecimal digits
	Product string `json:"product,omitempty"` // USB, four hexadecimal digits
	Serial  string `json:"serial,omitempty"`  // of the adapter
	Name    string `json:"name,omitempty"`    // of the adapter
}
