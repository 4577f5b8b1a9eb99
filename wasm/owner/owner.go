//go:build js && wasm

// Package owner is the engine's role of the browser program. It alone has what there is only one of: the port, the browser's storage,
// the lock that makes this tab the one that works, and the job of a restoration. What the Lab's worker keeps, it keeps here: see
// engine.Lend.
package owner

import (
	"syscall/js"

	"unbrick/wasm/await"
	"unbrick/wasm/worker"
	"unbrick/webui/engine"
	"unbrick/webui/repair"
)

var self = js.Global()

// Run serves the page until the worker is ended; it never returns.
func Run() {
	world := engine.World{
		Backend:  worker.Server{},
		OpenFS:   openStore,
		Tab:      oneTab(),
		Insecure: !self.Get("isSecureContext").Truthy(),
	}
	if serial := await.Get(self.Get("navigator"), "serial"); serial.Truthy() {
		world.Ports = &ports{serial: serial}
		world.Families = families
	}
	worker.Run(&world, repair.New)
}
