//go:build js && wasm

// Command families is the program that speaks with boot loaders of other families. It is loaded when one is found, and runs in the worker of
// the engine that found it, which lends its port and its library. It ends with the visit.
package main

import (
	"context"
	"fmt"
	"syscall/js"
	"time"

	"unbrick/restore/family"
	"unbrick/restore/recognise"
	"unbrick/wasm/await"
	"unbrick/wasm/serial"
	"unbrick/wasm/worker"
	"unbrick/webui/engine"
	"unbrick/webui/families"
	"unbrick/webui/state"
)

var self = js.Global()

func main() {
	visit := self.Get("visit")
	self.Delete("visit")
	found := visit.Get("found")
	at := func(name string) int { return found.Get(name).Int() }
	v := &engine.Visit{
		Port:  serial.Adopt(visit.Get("port")),
		Found: recognise.Found{Kind: recognise.Kind(at("kind")), Way: family.Way(at("way")), Baud: uint32(at("baud")), Heard: await.Bytes(found.Get("heard"))},
		USB:   family.USB{Vendor: uint16(at("vendor")), Product: uint16(at("product"))},
	}
	ctx, leave := context.WithCancel(context.Background())
	sent := new(state.State)
	desk := worker.NewDesk()
	world := &engine.World{
		Backend: desk, Lent: true, Now: time.Now, Browser: self.Get("navigator").Get("userAgent").String(),
		Show: func(s *state.State) {
			b, err := state.AppendChanges(nil, sent, s)
			if sent = s; err != nil {
				panic(fmt.Sprintf("families: %v", err))
			}
			visit.Call("show", await.Array(b))
		},
		Save: func(d state.Download) { visit.Call("save", d.Name, await.Array(d.Data)) },
	}
	run := engine.New(world, families.New(v, leave))
	desk.Open(run, visit.Get("desk"))
	do := js.FuncOf(func(_ js.Value, args []js.Value) any {
		c, err := state.DecodeCommand(await.Bytes(args[0]))
		if err != nil {
			panic(fmt.Sprintf("families: command: %v", err))
		}
		run.Do(c)
		return nil
	})
	stop := js.FuncOf(func(js.Value, []js.Value) any {
		leave()
		return nil
	})
	visit.Set("do", do)
	visit.Set("leave", stop)
	for early := visit.Get("early"); early.Length() > 0; {
		do.Invoke(early.Call("shift"))
	}
	if visit.Get("left").Truthy() {
		leave()
	}
	run.Run(ctx)
	visit.Delete("do")
	visit.Delete("leave")
	visit.Get("desk").Call("close")
	visit.Call("gone")
}
