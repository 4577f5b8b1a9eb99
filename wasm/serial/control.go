//go:build js && wasm

package serial

import (
	"context"
	"errors"
	"fmt"
	"syscall/js"
	"time"

	"unbrick/restore"
	"unbrick/wasm/await"
)

var (
	_ restore.Breaker = (*Port)(nil)
	_ restore.Signals = (*Port)(nil)
	_ restore.Speeder = (*Port)(nil)
)

// Break holds the line in a break for d. On an adapter that cannot, nothing happens.
func (p *Port) Break(d time.Duration) error {
	if err := p.signal("break", true); err != nil {
		return err
	}
	if await.Sleep(d, p.gone) {
		return restore.ErrVanished
	}
	return p.signal("break", false)
}

// SetDTR sets the modem line DTR. On an adapter without it nothing happens.
func (p *Port) SetDTR(on bool) error { return p.hold("dataTerminalReady", on) }

// SetRTS sets the modem line RTS. On an adapter without it nothing happens.
func (p *Port) SetRTS(on bool) error { return p.hold("requestToSend", on) }

// hold sets a modem line and keeps it so when the speed changes.
func (p *Port) hold(name string, on bool) error {
	if p.lines.IsUndefined() {
		p.lines = js.Global().Get("Object").New()
	}
	p.lines.Set(name, on)
	return p.signal(name, on)
}

func (p *Port) signal(name string, on bool) error {
	return p.signals(name, js.ValueOf(map[string]any{name: on}))
}

// signals sets lines; what names them in an error.
func (p *Port) signals(what string, signals js.Value) error {
	ctx, cancel := context.WithTimeout(context.Background(), switchLimit)
	defer cancel()
	_, err := await.Method(ctx, p.port, "setSignals", signals)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost != nil {
		return p.lost
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("set %s: %w", what, err)
	}
	return nil // a browser says NetworkError for a line that is not there; the cable itself still works
}

// SetSpeed changes the line speed. Web Serial can only do so by closing the port and opening it again;
// bytes that arrive in between are lost, and what arrived before stays readable. Opening raises DTR and RTS:
// a device that one of them holds in its reset would stay there, so both get back what they were set to.
func (p *Port) SetSpeed(baud uint32) error {
	if baud == p.baud {
		return nil
	}
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.mu.Lock()
	lost := p.lost
	p.mu.Unlock()
	if lost != nil { // one that was closed stays closed
		return lost
	}
	if err := p.release(switchLimit); err != nil {
		p.lose(fmt.Errorf("%w: %w", restore.ErrVanished, err))
		return err
	}
	if err := p.reopen(baud); err != nil {
		p.lose(fmt.Errorf("%w: %w", restore.ErrVanished, err))
		return err
	}
	p.mu.Lock()
	p.closing = false
	p.mu.Unlock()
	p.listen()
	if p.lines.IsUndefined() {
		return nil
	}
	if p.lines.Get("dataTerminalReady").IsUndefined() || p.lines.Get("requestToSend").IsUndefined() {
		return p.signals("modem lines", p.lines)
	}
	return p.setLines()
}

// reopen opens a port that was closed a moment ago. The system may still hold it then, and says that it is
// busy: that passes.
func (p *Port) reopen(baud uint32) error {
	ctx, cancel := context.WithTimeout(context.Background(), switchLimit)
	defer cancel()
	for {
		err := p.open(ctx, baud)
		if !errors.Is(err, ErrBusy) && !errors.Is(err, ErrOurs) {
			return err
		}
		if await.Sleep(reopenPause, p.gone) {
			return restore.ErrVanished
		}
		if ctx.Err() != nil {
			return err
		}
	}
}

// Close implements restore.Port. It unblocks Read and Write, and waits for a change of speed. A device that was pulled out can make each
// step of closing wait, so each has its own limit; the port is unusable afterwards in any case.
func (p *Port) Close() error {
	p.lose(restore.ErrClosed)
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.offLost()
	err := p.release(closeLimit)
	p.mu.Lock()
	released := p.onRead.Truthy()
	p.mu.Unlock()
	if released {
		p.onRead.Release()
		p.onFail.Release()
	}
	return err
}

// release lets reader and writer go, reader first, and closes the port. Each step takes at most limit.
func (p *Port) release(limit time.Duration) error {
	p.mu.Lock()
	p.closing = true
	reader, writer := p.reader, p.writer
	p.mu.Unlock()
	step := func(v js.Value, method string) error {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		_, err := await.Method(ctx, v, method)
		return err
	}
	step(reader, "cancel") // a lost stream refuses this; releasing its lock is what counts
	await.Call(reader, "releaseLock")
	if step(writer, "close") != nil { // it waits for what was written; a lost or stuck line does not let it
		step(writer, "abort")
	}
	await.Call(writer, "releaseLock")
	if err := step(p.port, "close"); err != nil {
		return fmt.Errorf("close port: %w", err)
	}
	return nil
}
