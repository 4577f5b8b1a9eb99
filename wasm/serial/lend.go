//go:build js && wasm

package serial

import (
	"context"
	"fmt"
	"sync"
	"syscall/js"
	"time"

	"unbrick/restore"
	"unbrick/wasm/await"
)

// Lend gives an open port up without closing it, for another program of this worker, which takes it by Adopt: its lines stay as they are, and
// no byte is lost. The Port is as closed then.
func (p *Port) Lend() js.Value {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.mu.Lock()
	p.closing = true
	waiting, baud := p.waiting, p.baud
	p.waiting = nil
	p.mu.Unlock()
	p.lose(restore.ErrClosed)
	p.offLost()
	await.Call(p.reader, "releaseLock")
	await.Call(p.writer, "releaseLock")
	return js.ValueOf(map[string]any{"port": p.port, "baud": baud, "lines": p.lines, "waiting": await.Array(waiting)})
}

// Adopt takes what Lend has given.
func Adopt(lent js.Value) *Port {
	p := &Port{port: lent.Get("port"), start: time.Now(), turn: make(chan struct{}, 1), arrived: make(chan struct{}, 1),
		gone: make(chan struct{}), baud: uint32(lent.Get("baud").Int()), lines: lent.Get("lines"), waiting: await.Bytes(lent.Get("waiting"))}
	if err := p.take(); err != nil {
		p.onRead, p.onFail = js.FuncOf(nothing), js.FuncOf(nothing)
		p.offLost = func() {}
		p.lose(fmt.Errorf("%w: %w", restore.ErrVanished, err))
		return p
	}
	p.attach()
	return p
}

func nothing(js.Value, []js.Value) any { return nil }

const (
	backLimit = 8 * time.Second // for a device to come back to the bus
	backPause = 100 * time.Millisecond
)

// Return implements restore.Returner. The browser may have another object for the device that came back: it is known by its USB numbers.
func (p *Port) Return(ctx context.Context) error {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.mu.Lock()
	lost := p.lost
	p.mu.Unlock()
	if lost == restore.ErrClosed {
		return lost
	}
	p.lose(restore.ErrVanished)
	p.offLost()
	p.release(reopenPause)
	p.onRead.Release()
	p.onFail.Release()
	ctx, cancel := context.WithTimeout(ctx, backLimit)
	defer cancel()
	others := p.alike(ctx)
	var err error
	for ctx.Err() == nil {
		if err = p.find(ctx, others); err == nil {
			return nil
		}
		await.Sleep(backPause, ctx.Done())
	}
	return fmt.Errorf("%w: %w", restore.ErrVanished, err)
}

// alike are the ports that are there with the numbers of this one, but itself: other devices of the kind.
func (p *Port) alike(ctx context.Context) []js.Value {
	all, err := await.Method(ctx, js.Global().Get("navigator").Get("serial"), "getPorts")
	if err != nil {
		return nil
	}
	var list []js.Value
	for i := range all.Length() {
		if port := all.Index(i); numbers(port) == numbers(p.port) && !port.Equal(p.port) && !port.Get("connected").Equal(js.ValueOf(false)) {
			list = append(list, port)
		}
	}
	return list
}

// find opens the port of the device again, if it is there: itself, or one that came meanwhile.
func (p *Port) find(ctx context.Context, others []js.Value) error {
	list := p.alike(ctx)
	if !p.port.Get("connected").Equal(js.ValueOf(false)) {
		list = append([]js.Value{p.port}, list...)
	}
	err := error(restore.ErrVanished)
list:
	for _, port := range list {
		for _, o := range others {
			if port.Equal(o) {
				continue list
			}
		}
		p.port = port
		if err = p.open(ctx, p.baud); err == nil {
			p.mu.Lock()
			p.lost, p.closing, p.waiting, p.gone, p.goneOnce = nil, false, nil, make(chan struct{}), sync.Once{}
			p.mu.Unlock()
			p.lines = js.Undefined()
			p.attach()
			return nil
		}
	}
	return err
}

// numbers are those of a port's USB device, as text.
func numbers(port js.Value) string {
	info, err := await.Call(port, "getInfo")
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Get("usbVendorId"), info.Get("usbProductId"))
}

// SetLines implements restore.BothSignals.
func (p *Port) SetLines(dtr, rts bool) error {
	if p.lines.IsUndefined() {
		p.lines = js.Global().Get("Object").New()
	}
	p.lines.Set("dataTerminalReady", dtr)
	p.lines.Set("requestToSend", rts)
	return p.setLines()
}

// setLines sets both lines as they are to be. A browser sets DTR before RTS, also of one call: when both are released, RTS goes first, since a
// chip whose reset is at RTS alone would be reset on the way.
func (p *Port) setLines() error {
	first := p.lines
	if !p.lines.Get("dataTerminalReady").Truthy() && !p.lines.Get("requestToSend").Truthy() {
		first = js.ValueOf(map[string]any{"requestToSend": false})
	}
	if err := p.signals("modem lines", first); err != nil {
		return err
	}
	// A driver of Windows sends a change of RTS only with DTR behind it.
	return p.signals("DTR", js.ValueOf(map[string]any{"dataTerminalReady": p.lines.Get("dataTerminalReady")}))
}
