//go:build js && wasm

package page

import (
	"context"
	"syscall/js"

	"unbrick/wasm/await"
)

// guard keeps a person from closing the tab, and the computer from sleeping, while a device is written.
// Both are given back as soon as nothing is at stake.
type guard struct {
	on     bool
	remove func()   // takes the question before leaving off
	back   func()   // takes the listener for the tab's return off
	lock   js.Value // wake lock, when the browser grants one
}

// set switches the guard. It does not wait.
func (g *guard) set(on bool) {
	if on == g.on {
		return
	}
	g.on = on
	if !on {
		g.remove()
		g.back()
		if g.lock.Truthy() {
			await.Call(g.lock, "release")
			g.lock = js.Undefined()
		}
		return
	}
	g.remove = await.Listen(window, "beforeunload", func(e js.Value) {
		e.Call("preventDefault")
		e.Set("returnValue", true) // what older browsers want
	})
	// A browser takes the wake lock away when the tab is hidden; it is asked for again.
	g.back = await.Listen(document, "visibilitychange", func(js.Value) {
		if document.Get("visibilityState").String() == "visible" {
			go g.wake()
		}
	})
	go g.wake()
}

// wake asks for the screen wake lock. A browser that has none, or refuses, only risks going to sleep,
// which the restoration survives.
func (g *guard) wake() {
	source := window.Get("navigator").Get("wakeLock")
	if !source.Truthy() {
		return
	}
	lock, err := await.Method(context.Background(), source, "request", "screen")
	if err != nil {
		return
	}
	if !g.on {
		await.Call(lock, "release")
		return
	}
	g.lock = lock
}
