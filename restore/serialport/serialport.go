//go:build !js

package serialport

import (
	"errors"
	"fmt"
	"io/fs"
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
	baud    uint32
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
	p, err := serial.Open(path, mode)
	if known := why(err); errors.Is(known, ErrNoPort) {
		// A pseudo-terminal has no modem lines to set.
		mode.InitialStatusBits = nil
		p, err = serial.Open(path, mode)
	}
	if err != nil {
		release()
		return nil, fmt.Errorf("open %s: %w", path, why(err))
	}
	return &Port{port: p, release: release, start: time.Now(), baud: baud}, nil
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
	if err := p.port.SetReadTimeout(max(wait, 0)); err != nil {
		return 0, gone(err)
	}
	n, err := p.port.Read(b)
	switch {
	case n > 0:
		return n, nil
	case err != nil:
		return 0, gone(err)
	}
	return 0, restore.ErrTimeout
}

// Write implements restore.Port.
func (p *Port) Write(b []byte) error {
	done := make(chan error, 1)
	go func() {
		for len(b) > 0 {
			n, err := p.port.Write(b)
			if err != nil {
				done <- err
				return
			}
			b = b[n:]
		}
		done <- nil
	}()
	limit := time.NewTimer(writeLimit)
	defer limit.Stop()
	select {
	case err := <-done:
		return gone(err)
	case <-limit.C:
		return gone(errors.New("it takes no bytes"))
	}
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

// Close implements restore.Port.
func (p *Port) Close() error {
	defer p.release()
	return p.port.Close()
}

// Break implements restore.Breaker.
func (p *Port) Break(d time.Duration) error { return lacking(p.port.Break(d)) }

// SetDTR implements restore.Signals.
func (p *Port) SetDTR(on bool) error { return lacking(p.port.SetDTR(on)) }

// SetRTS implements restore.Signals.
func (p *Port) SetRTS(on bool) error { return lacking(p.port.SetRTS(on)) }

// SetSpeed implements restore.Speeder.
func (p *Port) SetSpeed(baud uint32) error {
	if err := p.port.SetMode(mode(baud)); err != nil {
		return lacking(err)
	}
	p.baud = baud
	return nil
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
