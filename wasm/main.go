//go:build js && wasm

// Command wasm is the browser program in two roles: the page (components, maps, chooser), and the engine behind Restore in a worker
// (port, store, link), so that neither a hidden tab nor a busy device stalls the other. Between them go commands one way and states
// the other. The Lab is a program of its own: wasm/lab.
//
// Both roles are one program: a second one would bring Go's runtime a second time, which is half of what the page's part weighs. The
// worker compiles it, off the page's thread, and hands it to the page.
package main

import (
	"os"

	"unbrick/wasm/owner"
	"unbrick/wasm/page"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "engine" {
		owner.Run()
	}
	page.Run()
}
