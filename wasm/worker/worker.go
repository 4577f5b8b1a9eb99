//go:build js && wasm

// Package worker is what an engine needs in a worker: it takes commands from the page, posts states and files back, and reaches the
// server. Two programs use it, package owner's and the Lab's, and desk.go joins them. Nothing here knows what a command means.
package worker

import (
	"context"
	"fmt"
	"syscall/js"
	"time"

	"unbrick/wasm/await"
	"unbrick/webui/engine"
	"unbrick/webui/state"
)

var self = js.Global()

// Run serves the page with an engine of these works until the worker is ended; it never returns.
func Run(world *engine.World, works ...func(*engine.Engine) engine.Work) {
	world.Show, world.Save, world.Now = show, save, time.Now
	world.Browser = self.Get("navigator").Get("userAgent").String()
	world.Seed = seed()
	run := engine.New(world, works...)
	running = run
	Listen(func(data js.Value) {
		if port := data.Get("lend"); port.Truthy() {
			lend(run, port)
			return
		}
		if desk, ok := world.Backend.(*Desk); ok && data.Get("desk").Truthy() {
			desk.Open(run, data.Get("desk"))
			return
		}
		cmd, err := state.DecodeCommand(await.Bytes(data))
		if err != nil {
			panic(fmt.Sprintf("worker: command from the page: %v", err))
		}
		run.Do(cmd)
	})
	run.Run(context.Background())
	panic("worker: the engine has ended")
}

// running is the engine of Run.
var running *engine.Engine

// sent is what the page holds.
var sent = new(state.State)

// show posts what makes a state of the one before; its bytes move to the page without a copy.
func show(s *state.State) {
	b, err := state.AppendChanges(nil, sent, s)
	sent = s
	if err != nil {
		panic(fmt.Sprintf("worker: %v", err))
	}
	await.PostIn(self, "state", b, nil)
}

// save posts a file for the person.
func save(d state.Download) {
	await.PostIn(self, "data", d.Data, map[string]any{"save": d.Name})
}

// Listen passes the page's messages on, first those that came before we listened.
func Listen(take func(data js.Value)) {
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
