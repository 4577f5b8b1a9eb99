//go:build js && wasm

// Command lab is the browser's second program, which is loaded when the Lab is opened: an engine with the Lab's work in a worker of its
// own, and in another one, for which static/worker.js starts it again, what computes one run of the power-cut lab, and ends.
package main

import (
	"context"
	"fmt"
	"os"
	"syscall/js"

	"unbrick/wasm/await"
	"unbrick/wasm/worker"
	"unbrick/webui/engine"
	"unbrick/webui/labwork"
	"unbrick/webui/projector"
)

var self = js.Global()

func main() {
	if len(os.Args) > 1 && os.Args[1] == "replay" {
		compute()
		return
	}
	worker.Run(&engine.World{Backend: worker.NewDesk(), Lent: true, Project: project}, labwork.New)
}

// compute answers one request with a run.
func compute() {
	request := make(chan []byte, 1)
	worker.Listen(func(data js.Value) { request <- await.Bytes(data) })
	answer, err := projector.Project(context.Background(), <-request)
	if err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
	await.Post(self, answer)
}
