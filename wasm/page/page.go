//go:build js && wasm

// Package page is the page's role of the browser program: it renders webui, passes the person's wishes
// to the workers, and does what only a page may: the port chooser, files, clipboard, focus, the wake lock
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
	engine *worker
	lab    *worker // nil until the Lab is opened
	guard  guard

	restore state.Restore // of the last state
	latest  *state.State  // not yet given to root
	fresh   chan struct{} // one pending bit: latest is set
	maps    []*canvas
	held    js.Value // element that had the focus last
}

var (
	window   = js.Global()
	document = window.Get("document")
	shell    = window.Get("unbrick") // static/boot.js
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
	p.root.SetSigned(kept("localStorage", signedKey))
	p.root.SetPath(path())
	p.root.SetInk(p.ink())
	p.listen()
	askToKeep()
	p.engine = p.serve(shell.Get("worker"))
	for early := shell.Get("early"); early.Length() > 0; { // what it said before we listened
		p.message(p.engine, early.Call("shift"))
	}
	await.Then(shell.Get("port"), func(js.Value, error) { go p.connect(state.Connect{}) }) // chosen before we were there
	p.openLab()
	go p.follow()

	rested := false // the shell knows that the page is drawn
	dirty := make(chan struct{}, 1)
	go func() { // vugu queues every change; one pending bit is enough
		for renderer.EventWait() {
			await.Signal(dirty)
		}
		close(dirty)
	}()
	for range dirty {
		if !p.engine.said {
			continue // until the engine has said something the shell is right
		}
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
		if !rested {
			rested = true
			shell.Call("ready")
		}
	}
	panic("page: an event handler has ended the program")
}

// frame waits for the next frame, or not at all long in a tab that has none.
func frame() {
	done := make(chan struct{}, 1)
	fn := js.FuncOf(func(js.Value, []js.Value) any {
		await.Signal(done)
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
		p.restore = s.Restore
		var busy bool
		p.change(func() {
			p.root.SetState(*s)
			busy = p.root.Busy()
		})
		p.guard.set(busy)
	}
}

// command passes a wish on; those that want a port show the browser's chooser first, inside the click.
func (p *page) command(c state.Command) {
	switch c.(type) {
	case state.Connect, state.Resume:
		go p.choose(c)
	case state.ForLab:
		p.startLab().send(c)
	default:
		p.engine.send(c)
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
		p.engine.send(c) // the engine knows why there is none
		return
	}
	wait, look := time.Duration(0), true
	switch p.restore.(type) {
	case state.RestoreNoPort, state.RestoreNoAnswer:
		look = false
	case state.RestoreFailed:
		wait = replugLimit
	}
	if look && known(serial, wait) {
		p.connect(c)
		return
	}
	if _, err := await.Method(context.Background(), serial, "requestPort"); err == nil {
		p.connect(c)
	} else {
		p.engine.send(state.ChooserClosed{})
	}
}

// connect sends c, for which there is a port.
func (p *page) connect(c state.Command) {
	p.change(p.root.Chosen)
	p.engine.send(c)
}

// known reports whether a port that was allowed earlier is there, or comes within that time.
func known(serial js.Value, wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	comes := make(chan struct{}, 1)
	defer await.Listen(serial, "connect", func(js.Value) { await.Signal(comes) })()
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
