//go:build js && wasm

// Package fetch asks our own server over the browser's fetch, which is a third of the program smaller
// than net/http.
package fetch

import (
	"context"
	"fmt"
	"strings"
	"syscall/js"

	"unbrick/wasm/await"
)

// Request is one question. The slash that Path begins with is the folder in which the page lies: a proxy may have put the server
// below a path of its own.
type Request struct {
	Method, Path string
	Accept       string
	Type         string // of Body
	Body         []byte
	Max          int // bytes of the answer that are taken; a longer one is an error
}

// Do sends r and returns status and body. An error says that nobody answered, or too much. Ending ctx
// aborts the request.
func Do(ctx context.Context, r Request) (status int, body []byte, err error) {
	headers := map[string]any{"Accept": r.Accept}
	abort := js.Global().Get("AbortController").New()
	options := map[string]any{"method": r.Method, "headers": headers, "cache": "no-store", "signal": abort.Get("signal")}
	if r.Body != nil {
		headers["Content-Type"] = r.Type
		options["body"] = await.Array(r.Body)
	}
	stop := context.AfterFunc(ctx, func() { abort.Call("abort") })
	defer stop()
	answer, err := await.Method(ctx, js.Global(), "fetch", strings.TrimPrefix(r.Path, "/"), options)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	buffer, err := await.Method(ctx, answer, "arrayBuffer")
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	if n := buffer.Get("byteLength").Int(); r.Max > 0 && n > r.Max {
		abort.Call("abort")
		return 0, nil, fmt.Errorf("%s %s: answer of %d bytes is above its limit of %d", r.Method, r.Path, n, r.Max)
	}
	return answer.Get("status").Int(), await.Bytes(buffer), nil
}
