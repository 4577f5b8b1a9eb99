//go:build js && wasm

// Package worker is the worker's role of the browser program: it gives the engine its port, link, store
// and clock, takes commands from the page, and posts states back. Nothing here knows what a command
// means.
package worker

import (
	"context"
	"fmt"
	"syscall/js"
	"time"

	"unbrick/wasm/await"
	"unbrick/webui/engine"
	"unbrick/webui/labwork"
	"unbrick/webui/repair"
	"unbrick/webui/state"
)

var self = js.Global()

// Run serves the page until the worker is ended; it never returns.
func Run() {
	ctx := context.Background()
	world := engine.World{
		Backend:  backend{},
		OpenFS:   openStore,
		Project:  project,
		Tab:      oneTab(),
		Insecure: !self.Get("isSecureContext").Truthy(),
		Show:     show,
		Save: func(d state.Download) {
			message := self.Get("Object").New()
			message.Set("save", d.Name)
			message.Set("data", await.Array(d.Data))
			self.Call("postMessage", message)
		},
		Now:     time.Now,
		Browser: self.Get("navigator").Get("userAgent").String(),
		Seed:    seed(),
	}
	if serial := await.Get(self.Get("navigator"), "serial"); serial.Truthy() {
		world.Ports = &ports{serial: serial}
	}
	run := engine.New(&world, repair.New, labwork.New)
	listen(run)
	run.Run(ctx)
	panic("worker: the engine has ended")
}

// sent is what the page holds.
var sent = new(state.State)

// show posts what makes a state of the one before; its bytes move to the page without a copy.
func show(s *state.State) {
	b, err := state.AppendChanges(nil, sent, s)
	sent = s
	if err != nil {
		panic(fmt.Sprintf("worker: %v", err))
	}
	array := await.Array(b)
	message := self.Get("Object").New()
	message.Set("state", array)
	self.Call("postMessage", message, []any{array.Get("buffer")})
}

// listen passes the page's commands to the engine, first those that came before we listened.
func listen(e *engine.Engine) {
	take := func(data js.Value) {
		cmd, err := state.DecodeCommand(await.Bytes(data))
		if err != nil {
			panic(fmt.Sprintf("worker: command from the page: %v", err))
		}
		e.Do(cmd)
	}
	self.Set("onmessage", js.FuncOf(func(_ js.Value, args []js.Value) any {
		take(args[0].Get("data"))
		return nil
	}))
	early := self.Get("early")
	for early.Length() > 0 {
		take(early.Call("shift"))
	}
}

// seed is a random number of the browser's.
func seed() uint64 {
	b := await.Array(make([]byte, 8))
	self.Get("crypto").Call("getRandomValues", b)
	var n uint64
	for _, v := range await.Bytes(b) {
		n = n<<8 | uint64(v)
	}
	return n
}
