//go:build !js

package serialport

import (
	"bytes"
	"syscall"
	"testing"

	"go.bug.st/serial"
)

// interrupted is a port whose writes a signal ends now and then.
type interrupted struct {
	serial.Port
	calls int
	got   bytes.Buffer
}

func (p *interrupted) Write(b []byte) (int, error) {
	if p.calls++; p.calls%2 == 1 {
		return 0, syscall.EINTR
	}
	return p.got.Write(b[:1])
}

// TestInterruptedWrite: a signal, as Go's own scheduler sends them, is no cable that came out.
func TestInterruptedWrite(t *testing.T) {
	inner := &interrupted{}
	p := &Port{port: inner}
	if err := p.Write([]byte("hello")); err != nil || inner.got.String() != "hello" {
		t.Errorf("wrote %q: %v", inner.got.String(), err)
	}
}
