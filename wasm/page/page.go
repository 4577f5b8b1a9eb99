//go:build js && wasm

// Package page is the page's role of the browser program: it renders webui, passes the person's wishes
// to the worker, and does what only a page may: the port chooser, files, clipboard, focus, the wake lock
// and the question before leaving.
package page

import (
	"context"
	"fmt"
	"syscall/js"
	"time"

	"unbrick/wasm/await"
	"unbrick/webui/state"
	"unbrick/webui/view"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/domrender"
)

// frameLimit is the longest time between two renders while the tab is hidden and has no frames: its
// title still tells the remaining time.
const frameLimit = time.Second

// page is the page's state besides what webui keeps. Callbacks and goroutines share it; WebAssembly runs
// one of them at a time and switches only where a goroutine waits.
type page struct {
	root   *view.Root
	events vugu.EventEnv
	worker js.Value
	guard  guard

	phase  state.RestorePhase // of the last state
	known  state.State        // what the worker has sent
	latest *state.State       // not yet given to root
	fresh  chan struct{}      // one pending bit: latest is set
	maps   []*canvas
	held   js.Value // element that had the focus last
}

var (
	window   = js.Global()
	document = window.Get("document")
)

// Run takes the page over and never returns; a defect of ours ends the program, and the shell says so.
func Run() {
	p := &page{fresh: make(chan struct{}, 1)}
	renderer, err := domrender.New("#page")
	if err != nil {
		panic(fmt.Sprintf("page: %v", err))
	}
	p.events = renderer.EventEnv()
	build, err := vugu.NewBuildEnv(p.events)
	if err != nil {
		panic(fmt.Sprintf("page: %v", err))
	}
	p.root = view.New(p.hooks())
	p.root.SetTheme(keptTheme())
	p.root.SetToken(keptToken())
	p.root.SetPath(path())
	p.root.SetInk(p.ink())
	p.listen()
	askToKeep()
	p.startWorker()
	go p.follow()

	dirty := make(chan struct{}, 1)
	go func() { // vugu queues every change; one pending bit is enough
		for renderer.EventWait() {
			select {
			case dirty <- struct{}{}:
			default:
			}
		}
		close(dirty)
	}()
	for ok := true; ok; _, ok = <-dirty {
		frame()
		if err := renderer.Render(build.RunBuild(p.root)); err != nil {
			panic(fmt.Sprintf("page: render: %v", err))
		}
		p.events.Lock()
		p.root.Rendered()
		p.keepFocus()
		p.forgetMaps()
		p.events.UnlockOnly()
		document.Get("documentElement").Get("classList").Call("add", "ready")
	}
	panic("page: an event handler has ended the program")
}

// frame waits for the next frame, or not at all long in a tab that has none.
func frame() {
	done := make(chan struct{}, 1)
	fn := js.FuncOf(func(js.Value, []js.Value) any {
		select {
		case done <- struct{}{}:
		default:
		}
		return nil
	})
	id := window.Call("requestAnimationFrame", fn)
	timer := time.NewTimer(frameLimit)
	select {
	case <-done:
	case <-timer.C:
		window.Call("cancelAnimationFrame", id)
	}
	timer.Stop()
	fn.Release()
}

// change runs f under the renderer's lock and renders. Not for callbacks: it may wait.
func (p *page) change(f func()) {
	p.events.Lock()
	f()
	p.events.UnlockRender()
}

// follow gives each new state to the components. States that come faster than they can be shown are
// skipped: each one is whole.
func (p *page) follow() {
	for range p.fresh {
		s := p.latest
		if s == nil {
			continue
		}
		p.latest = nil
		p.phase = s.Restore.Phase
		var busy bool
		p.change(func() {
			p.root.SetState(*s)
			busy = p.root.Busy()
		})
		p.guard.set(busy)
	}
}

// startWorker starts the other role of this program with the module that the shell has compiled.
func (p *page) startWorker() {
	shell := window.Get("unbrick")
	worker, err := await.New(window.Get("Worker"), "worker.js?v="+shell.Get("version").String())
	if err != nil {
		halt("worker: " + err.Error())
		return
	}
	p.worker = worker
	await.Listen(worker, "error", func(e js.Value) { halt("worker: " + e.Get("message").String()) })
	await.Listen(worker, "message", func(e js.Value) { p.message(e.Get("data")) })
	first := window.Get("Object").New()
	first.Set("module", shell.Get("module"))
	worker.Call("postMessage", first)
}

// message takes one message of the worker: a state, a file for the person, or its end.
func (p *page) message(data js.Value) {
	switch {
	case data.Get("state").Truthy():
		s := p.known
		if err := state.Change(await.Bytes(data.Get("state")), &s); err != nil {
			panic(fmt.Sprintf("page: state from the worker: %v", err))
		}
		p.known, p.latest = s, &s
		select {
		case p.fresh <- struct{}{}:
		default:
		}
	case data.Get("save").Truthy():
		download(data.Get("save").String(), data.Get("data"))
	case data.Get("halt").Truthy():
		halt("worker: " + data.Get("halt").String())
	}
}

// send passes a command to the engine.
func (p *page) send(c state.Command) {
	b, err := state.EncodeCommand(c)
	if err != nil {
		panic(fmt.Sprintf("page: %v", err))
	}
	if !p.worker.Truthy() {
		return
	}
	array := await.Array(b)
	p.worker.Call("postMessage", array, []any{array.Get("buffer")})
}

// command passes a wish on; those that want a port show the browser's chooser first, inside the click.
func (p *page) command(c state.Command) {
	switch c.(type) {
	case state.Connect, state.Resume:
		go p.choose(c)
	default:
		p.send(c)
	}
}

// replugLimit is how long a cable that is pushed in again may take until the browser sees it, which is quicker as
// a rule than the person. The press that asked for it stands for the chooser longer than that.
const replugLimit = 2 * time.Second

// choose sends c when there is a port to open. Ports that were allowed earlier come first, also after a
// cable that came out and is back, perhaps this moment; the chooser is shown when there is none, when the person
// asked for the list, and when none of the known ones answered.
func (p *page) choose(c state.Command) {
	serial := window.Get("navigator").Get("serial")
	if !serial.Truthy() {
		p.send(c) // the engine knows why there is none
		return
	}
	if p.phase != state.RestoreNoPort && p.phase != state.RestoreNoAnswer {
		wait := time.Duration(0)
		if p.phase == state.RestoreFailed {
			wait = replugLimit
		}
		if known(serial, wait) {
			p.send(c)
			return
		}
	}
	if _, err := await.Method(context.Background(), serial, "requestPort"); err != nil {
		p.send(state.ChooserClosed{})
		return
	}
	p.send(c)
}

// known reports whether a port that was allowed earlier is there, or comes within that time.
func known(serial js.Value, wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	comes := make(chan struct{}, 1)
	defer await.Listen(serial, "connect", func(js.Value) {
		select {
		case comes <- struct{}{}:
		default:
		}
	})()
	for {
		ports, err := await.Method(context.Background(), serial, "getPorts")
		if err != nil || ports.Length() > 0 {
			return err == nil
		}
		select {
		case <-comes:
		case <-ctx.Done():
			return false
		}
	}
}

// halt shows the shell's banner.
func halt(detail string) { window.Get("unbrick").Call("halt", "ended", detail) }
