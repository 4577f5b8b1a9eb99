//go:build js && wasm

package page

import (
	"fmt"
	"strings"
	"syscall/js"

	"unbrick/wasm/await"
	"unbrick/webui/state"
)

// worker is an engine in a worker, as the page knows it.
type worker struct {
	js.Value
	lab   bool
	said  bool
	known state.State // what it has sent
}

// serve follows a worker.
func (p *page) serve(v js.Value) *worker {
	w := &worker{Value: v}
	v.Set("onmessage", js.Null()) // the shell's
	v.Set("onerror", js.Null())
	await.Listen(v, "error", func(e js.Value) { w.halt("ended", e.Get("message").String()) })
	await.Listen(v, "message", func(e js.Value) { p.message(w, e.Get("data")) })
	return w
}

// openLab starts the Lab's worker when the address is one of the Lab's.
func (p *page) openLab() {
	if strings.HasPrefix(path(), "#lab") {
		p.startLab()
	}
}

// startLab starts the Lab's worker, once, and joins it to the engine's, which has what the Lab borrows.
func (p *page) startLab() *worker {
	if p.lab != nil {
		return p.lab
	}
	p.lab = p.serve(shell.Call("start", "lab"))
	p.lab.lab = true
	channel := window.Get("MessageChannel").New()
	p.engine.give("lend", channel.Get("port1"))
	p.lab.give("desk", channel.Get("port2"))
	return p.lab
}

// message takes one message of a worker: a state, a file for the person, or its end.
func (p *page) message(w *worker, data js.Value) {
	switch {
	case data.Get("state").Truthy():
		if err := state.Change(await.Bytes(data.Get("state")), &w.known); err != nil {
			panic(fmt.Sprintf("page: state from a worker: %v", err))
		}
		w.said = true
		if !p.engine.said {
			return // the Lab's alone says nothing of the rest
		}
		var lab *state.State
		if p.lab != nil && p.lab.said {
			lab = &p.lab.known
		}
		s := p.engine.known.With(lab)
		p.latest = &s
		await.Signal(p.fresh)
	case data.Get("save").Truthy():
		download(data.Get("save").String(), data.Get("data"))
	case data.Get("halt").Truthy():
		w.halt("ended", data.Get("halt").String())
	case data.Get("missing").Truthy():
		w.halt("network", data.Get("missing").String())
	}
}

// give passes one end of a channel to the worker.
func (w *worker) give(name string, port js.Value) {
	w.Call("postMessage", map[string]any{name: port}, []any{port})
}

// send passes a command to the worker.
func (w *worker) send(c state.Command) {
	b, err := state.EncodeCommand(c)
	if err != nil {
		panic(fmt.Sprintf("page: %v", err))
	}
	await.Post(w.Value, b)
}

// halt shows the shell's banner: why is one of its words.
func (w *worker) halt(why, detail string) {
	switch {
	case w.lab && why == "network":
		why = "lab"
	case w.lab:
		why = "lab-ended"
	}
	shell.Call("halt", why, detail)
}
