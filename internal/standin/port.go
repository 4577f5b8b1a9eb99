package standin

import (
	"context"
	"time"

	"unbrick/restore"
)

// back is how long Return waits for a device that left the bus.
const back = 5 * time.Second

// Port is one opening of a Wire: a restore.Port with all that a port can have. It may be used by several goroutines.
type Port struct {
	w      *Wire
	closed bool
	lost   bool // the device left
	gone   chan struct{}
}

var (
	_ restore.Port        = (*Port)(nil)
	_ restore.Signals     = (*Port)(nil)
	_ restore.BothSignals = (*Port)(nil)
	_ restore.Speeder     = (*Port)(nil)
	_ restore.Breaker     = (*Port)(nil)
	_ restore.Leaver      = (*Port)(nil)
	_ restore.Returner    = (*Port)(nil)
)

// Open opens the line at a speed. It fails with restore.ErrBusy while it is open, and with restore.ErrVanished while nothing is there.
func (w *Wire) Open(baud uint32) (*Port, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	switch {
	case w.port != nil:
		return nil, restore.ErrBusy
	case w.away:
		return nil, restore.ErrVanished
	case w.refuse > 0:
		w.refuse--
		return nil, restore.ErrStuck
	case baud == 0:
		return nil, restore.ErrUnsupported
	}
	w.port = &Port{w: w, gone: make(chan struct{})}
	w.opened(baud)
	return w.port, nil
}

func (w *Wire) opened(baud uint32) {
	w.baud = baud
	w.in, w.held, w.toDev = nil, nil, nil
	if w.o.Asserts {
		w.lines(true, true)
	}
	w.lines(false, false)
}

// use begins a call.
func (p *Port) use() error {
	p.w.mu.Lock()
	p.w.catchUp()
	return p.state()
}

func (p *Port) state() error {
	switch {
	case p.closed:
		return restore.ErrClosed
	case p.lost:
		return restore.ErrVanished
	}
	return nil
}

// Read implements restore.Port.
func (p *Port) Read(b []byte, wait time.Duration) (int, error) {
	err := p.use()
	defer p.w.mu.Unlock()
	w := p.w
	for end := w.now + max(wait, 0); err == nil; err = p.state() {
		if len(w.in) > 0 && len(b) > 0 {
			n := min(len(b), len(w.in))
			if w.o.Ragged {
				n = 1 + int(w.Random()%uint64(n))
			}
			copy(b, w.in[:n])
			w.in = w.in[n:]
			return n, nil
		}
		if w.now >= end && w.next() > end {
			return 0, restore.ErrTimeout
		}
		w.step(end)
	}
	return 0, err
}

// Write implements restore.Port. It waits while the port has no room.
func (p *Port) Write(b []byte) error {
	err := p.use()
	defer p.w.mu.Unlock()
	w := p.w
	for ; err == nil && len(b) > 0; err = p.state() {
		n := min(len(b), sendRoom-len(w.toDev))
		if n <= 0 {
			w.step(w.toDevAt)
			continue
		}
		if len(w.toDev) == 0 {
			w.toDevAt = w.now + w.hostByte()
		}
		w.toDev = append(w.toDev, b[:n]...)
		b = b[n:]
		w.stir()
	}
	return err
}

// Now implements restore.Port.
func (p *Port) Now() time.Duration { return p.w.Elapsed() }

// Close implements restore.Port. It releases the modem lines.
func (p *Port) Close() error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.catchUp()
	if p.closed {
		return nil
	}
	if !p.lost {
		close(p.gone)
	}
	p.closed = true
	p.w.port = nil
	p.w.toDev, p.w.in, p.w.held = nil, nil, nil
	p.w.lines(false, false)
	p.w.stir()
	return nil
}

// set is a call that takes no time.
func (p *Port) set(f func(w *Wire)) error {
	err := p.use()
	defer p.w.mu.Unlock()
	if err == nil {
		f(p.w)
		p.w.stir()
	}
	return err
}

// SetDTR implements restore.Signals.
func (p *Port) SetDTR(on bool) error { return p.set(func(w *Wire) { w.lines(on, w.rts) }) }

// SetRTS implements restore.Signals.
func (p *Port) SetRTS(on bool) error { return p.set(func(w *Wire) { w.lines(w.dtr, on) }) }

// SetLines implements restore.BothSignals.
func (p *Port) SetLines(dtr, rts bool) error { return p.set(func(w *Wire) { w.lines(dtr, rts) }) }

// SetSpeed implements restore.Speeder. What was not sent yet goes out at the new speed.
func (p *Port) SetSpeed(baud uint32) error {
	if baud == 0 {
		return restore.ErrUnsupported
	}
	return p.set(func(w *Wire) {
		w.baud = baud
		w.in, w.held = nil, nil
	})
}

// Break implements restore.Breaker. It comes behind what was written.
func (p *Port) Break(d time.Duration) error {
	err := p.use()
	defer p.w.mu.Unlock()
	w := p.w
	for err == nil && len(w.toDev) > 0 {
		w.step(w.toDevAt)
		err = p.state()
	}
	for end := w.now + d; err == nil && w.now < end; err = p.state() {
		w.step(end)
	}
	if err == nil {
		w.device.Break(d)
	}
	return err
}

// Gone implements restore.Leaver.
func (p *Port) Gone() <-chan struct{} {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return p.gone
}

// Return implements restore.Returner.
func (p *Port) Return(ctx context.Context) error {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.catchUp()
	w := p.w
	for end := w.now + back; w.away; {
		if p.closed {
			return restore.ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if w.now >= end {
			return restore.ErrVanished
		}
		w.step(min(end, w.now+100*time.Millisecond))
	}
	if p.closed {
		return restore.ErrClosed
	}
	if p.lost {
		p.lost, p.gone = false, make(chan struct{})
	}
	w.opened(w.baud)
	return nil
}
