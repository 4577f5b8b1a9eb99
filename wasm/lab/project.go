//go:build js && wasm

package main

import (
	"context"
	"errors"
	"syscall/js"

	"unbrick/wasm/await"
)

var errProject = errors.New("the run could not be computed")

// project lets a worker of its own compute a run, so that ours goes on meanwhile.
func project(ctx context.Context, request []byte) ([]byte, error) {
	worker, err := await.New(self.Get("Worker"), self.Get("location").Get("href"), map[string]any{"name": "replay"})
	if err != nil {
		return nil, errProject
	}
	defer worker.Call("terminate")
	done := make(chan js.Value, 1)
	put := func(v js.Value) {
		select {
		case done <- v:
		default: // it has answered
		}
	}
	defer await.Listen(worker, "message", func(e js.Value) { put(e.Get("data")) })()
	defer await.Listen(worker, "error", func(js.Value) { put(js.Null()) })()
	await.Post(worker, request)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case v := <-done:
		if !v.InstanceOf(self.Get("Uint8Array")) {
			return nil, errProject
		}
		return await.Bytes(v), nil
	}
}
