//go:build js && wasm

// Command replay is the browser's second program: it computes one run of the power-cut lab, for which
// static/replay.js starts it in a worker of its own, and ends.
package main

import (
	"context"
	"fmt"
	"os"
	"syscall/js"

	"unbrick/wasm/await"
	"unbrick/webui/projector"
)

func main() {
	self := js.Global()
	answer, err := projector.Project(context.Background(), await.Bytes(self.Get("request")))
	if err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
	self.Set("answer", await.Array(answer))
}
