//go:build js && wasm

// Command wasm is the browser program, one binary in two roles: the page (components, maps, chooser) and
// a worker (port, store, link, emulated device, engine), so that neither a hidden tab nor a busy device
// stalls the other. Between them go commands one way and states the other.
package main

import (
	"os"

	"unbrick/wasm/page"
	"unbrick/wasm/worker"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		worker.Run()
	}
	page.Run()
}
