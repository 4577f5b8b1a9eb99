//go:build js && wasm

package worker

import (
	"context"
	"errors"
	"syscall/js"

	"unbrick/wasm/await"
	"unbrick/webui/engine"
)

// One request over the port that joins two workers is {n, method, path, body}, its answer {n, status, body}; status 0 says that nobody
// answered. {told} says that there is more, as engine.Borrower does.

// lend answers what comes over a port with the library of this worker's engine, and tells when there is more.
func lend(e *engine.Engine, port js.Value) {
	e.Borrower(func(told bool) { await.PostIn(port, "body", nil, map[string]any{"told": told}) })
	answer(e, port)
}

// Lend answers what comes over a port with the library of the engine of Run, until the other side closes it.
func Lend(port js.Value) { answer(running, port) }

func answer(e *engine.Engine, port js.Value) {
	await.Listen(port, "message", func(event js.Value) {
		q := event.Get("data")
		var body []byte // a request that has none must not have an empty one
		if b := q.Get("body"); b.Get("length").Int() > 0 {
			body = await.Bytes(b)
		}
		go func() {
			status, answer, err := e.Library().Lend(context.Background(), q.Get("method").String(), q.Get("path").String(), body)
			if err != nil {
				status, answer = 0, nil
			}
			await.PostIn(port, "body", answer, map[string]any{"n": q.Get("n"), "status": status})
		}()
	})
	port.Call("start")
}

// Desk is library.Backend of an engine that borrows: what is kept comes from the worker that has the store, the link from the server.
type Desk struct {
	Server
	port    js.Value
	early   []func() // requests that came before the port
	last    int
	waiting map[int]chan js.Value
}

// NewDesk returns a desk that waits for its port.
func NewDesk() *Desk { return &Desk{waiting: make(map[int]chan js.Value)} }

// Open takes the port into use.
func (d *Desk) Open(e *engine.Engine, port js.Value) {
	d.port = port
	await.Listen(port, "message", func(event js.Value) {
		a := event.Get("data")
		if told := a.Get("told"); told.Type() == js.TypeBoolean {
			e.Renew(told.Bool())
			return
		}
		n := a.Get("n").Int()
		if c := d.waiting[n]; c != nil {
			delete(d.waiting, n)
			c <- a
		}
	})
	port.Call("start")
	for _, f := range d.early {
		f()
	}
	d.early = nil
}

var errAway = errors.New("nobody answered")

// Fetch implements library.Backend.
func (d *Desk) Fetch(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	d.last++
	n, answered := d.last, make(chan js.Value, 1)
	d.waiting[n] = answered
	send := func() { await.PostIn(d.port, "body", body, map[string]any{"n": n, "method": method, "path": path}) }
	if d.port.Truthy() {
		send()
	} else {
		d.early = append(d.early, send)
	}
	select {
	case a := <-answered:
		status := a.Get("status").Int()
		if status == 0 {
			return 0, nil, errAway
		}
		return status, await.Bytes(a.Get("body")), nil
	case <-ctx.Done():
		delete(d.waiting, n)
		return 0, nil, ctx.Err()
	}
}
