//go:build !js

package serialport

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"go.bug.st/serial"
)

// interrupted is a port of which a signal ends every other call.
type interrupted struct {
	serial.Port
	calls int
	got   bytes.Buffer
}

func (p *interrupted) signal() error {
	if p.calls++; p.calls%2 == 1 {
		return syscall.EINTR
	}
	return nil
}

func (p *interrupted) Write(b []byte) (int, error) {
	if err := p.signal(); err != nil {
		return 0, err
	}
	return p.got.Write(b[:1])
}

func (p *interrupted) Break(time.Duration) error  { return p.signal() }
func (p *interrupted) SetDTR(bool) error          { return p.signal() }
func (p *interrupted) SetRTS(bool) error          { return p.signal() }
func (p *interrupted) SetMode(*serial.Mode) error { return p.signal() }

// TestInterruptedWrite: a signal, as Go's own scheduler sends them, is no cable that came out.
func TestInterruptedWrite(t *testing.T) {
	inner := &interrupted{}
	p := &Port{port: inner}
	if err := p.Write([]byte("hello")); err != nil || inner.got.String() != "hello" {
		t.Errorf("wrote %q: %v", inner.got.String(), err)
	}
}

// TestInterruptedLines: nor is one that comes while something is done to the lines.
func TestInterruptedLines(t *testing.T) {
	p := &Port{port: &interrupted{}}
	for name, do := range map[string]func() error{
		"break": func() error { return p.Break(time.Millisecond) }, "DTR": func() error { return p.SetDTR(true) },
		"RTS": func() error { return p.SetRTS(false) }, "speed": func() error { return p.SetSpeed(9600) },
	} {
		if err := do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
