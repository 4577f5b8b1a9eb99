package engine_test

import (
	"sync"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/restore"
	"unbrick/restore/porttest"
)

// TestContractOfTheCord runs the contract of restore.Port on the cable that the tests of the page use, in virtual
// time: whatever the engine leaves open, or does with a port that it has closed, is seen there as on a real one.
func TestContractOfTheCord(t *testing.T) {
	porttest.Run(t, func(t *testing.T) *porttest.Rig {
		g, err := flash.ParseGeometry("4KiB", 64<<10)
		if err != nil {
			t.Fatal(err)
		}
		g.ProgramUnit, g.Erased = 4, 0xff
		b, err := emulator.New(emulator.Config{Part: emulator.W25Q128JV(), Geometry: &g, RAM: 16 << 10, Line: emulator.LineConfig{Depth: 8192}})
		if err != nil {
			t.Fatal(err)
		}
		b.PowerOn()
		far := &echoless{}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			b.Run(func() { far.device(b) })
		}()
		c := &cord{host: b.Host}
		t.Cleanup(func() { c.yank(); far.stop(); <-ended })
		return &porttest.Rig{
			Open:   func(baud uint32) (restore.Port, error) { return c.Open(t.Context(), 0, baud) },
			Busy:   restore.ErrStuck,
			Send:   far.send,
			Recv:   func(n int) []byte { return far.recv(n, c) },
			Unplug: c.yank,
		}
	})
}

// echoless is a device that says what the test says, and keeps what it hears.
type echoless struct {
	mu      sync.Mutex
	out, in []byte
	stopped bool
}

func (e *echoless) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = true
}

func (e *echoless) send(b []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.out = append(e.out, b...)
}

// recv lets the device's time go on while the host waits.
func (e *echoless) recv(n int, c *cord) []byte {
	for range 2000 {
		e.mu.Lock()
		if in := e.in; len(in) >= n {
			e.in = nil
			e.mu.Unlock()
			return in
		}
		e.mu.Unlock()
		c.mu.Lock()
		p := c.port
		c.mu.Unlock()
		if _, err := p.Read(make([]byte, 1), 10*time.Millisecond); err == nil {
			return nil // nothing was to come
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.in
}

func (e *echoless) device(b *emulator.Board) {
	buf := make([]byte, 512)
	for {
		n, err := b.Cable().Read(buf, time.Millisecond)
		if err != nil {
			return
		}
		e.mu.Lock()
		e.in = append(e.in, buf[:n]...)
		out, stopped := e.out, e.stopped
		e.out = nil
		e.mu.Unlock()
		if stopped {
			return
		}
		if len(out) > 0 && b.Cable().Write(out) != nil {
			return
		}
	}
}
