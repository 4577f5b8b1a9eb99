//go:build js && wasm

package owner

import (
	"context"
	"fmt"
	"syscall/js"

	"unbrick/restore"
	"unbrick/wasm/await"
	"unbrick/wasm/serial"
	"unbrick/wasm/worker"
	"unbrick/webui/engine"
	"unbrick/webui/state"
)

// families starts the program that speaks with boot loaders of other families, in this worker: a port cannot be given to another one, and
// closing and opening it again would reset some devices. It takes the visit as it begins, from self.visit.
func families(ctx context.Context, v *engine.Visit) (engine.Visitor, error) {
	port, ok := v.Port.(*serial.Port)
	if !ok {
		return nil, fmt.Errorf("a port of another make: %w", restore.ErrUnsupported)
	}
	if _, err := await.Method(ctx, self, "program", "families"); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	g := &visitor{visit: js.Global().Get("Object").New()}
	g.visit.Set("early", js.Global().Get("Array").New())
	known := new(state.State)
	g.on("show", func(args []js.Value) {
		if state.Change(await.Bytes(args[0]), known) != nil { // of another build: this page is older than what the server has now
			v.Show(state.RestoreFailed{Failure: state.Failure{Code: restore.CodeProgramFault}})
			return
		}
		v.Show(known.Restore)
	})
	g.on("save", func(args []js.Value) { v.Save(state.Download{Name: args[0].String(), Data: await.Bytes(args[1])}) })
	g.on("gone", func([]js.Value) { v.Gone() })
	channel := js.Global().Get("MessageChannel").New()
	worker.Lend(channel.Get("port1"))
	g.visit.Set("desk", channel.Get("port2"))
	g.visit.Set("port", port.Lend())
	f := &v.Found
	g.visit.Set("found", map[string]any{"kind": int(f.Kind), "way": int(f.Way), "baud": int(f.Baud), "vendor": int(v.USB.Vendor), "product": int(v.USB.Product),
		"heard": await.Array(f.Heard)})
	self.Set("visit", g.visit)
	await.Then(self.Call("begin", "families"), func(_ js.Value, err error) {
		if err != nil {
			v.Show(state.RestoreFailed{Failure: state.Failure{Code: restore.CodeProgramFault}})
			v.Gone()
		}
		g.release()
	})
	return g, nil
}

// visitor is the other program, as this one knows it.
type visitor struct {
	visit js.Value
	funcs []js.Func
	ended bool
}

// on lets the other program call f. It runs inside that call and must not block.
func (g *visitor) on(name string, f func(args []js.Value)) {
	fn := js.FuncOf(func(_ js.Value, args []js.Value) any {
		f(args)
		return nil
	})
	g.funcs = append(g.funcs, fn)
	g.visit.Set(name, fn)
}

// release forgets what the other program, which has ended, called.
func (g *visitor) release() {
	g.ended = true
	for _, f := range g.funcs {
		f.Release()
	}
}

// Do implements engine.Visitor.
func (g *visitor) Do(c state.Command) {
	b, err := state.EncodeCommand(c)
	if err != nil {
		panic(fmt.Sprintf("owner: %v", err))
	}
	if do := g.visit.Get("do"); !g.ended && do.Truthy() {
		do.Invoke(await.Array(b))
	} else if !g.ended { // it takes up what came before it began
		g.visit.Get("early").Call("push", await.Array(b))
	}
}

// Leave implements engine.Visitor.
func (g *visitor) Leave() {
	g.visit.Set("left", true)
	if leave := g.visit.Get("leave"); !g.ended && leave.Truthy() {
		leave.Invoke()
	}
}
