//go:build js && wasm

package worker

import (
	"context"
	"strings"

	"unbrick/protocol"
	"unbrick/wasm/fetch"
	"unbrick/wasm/socket"
)

const maxAnswer = 80 << 20 // bytes: a release file and a list around it

// Server is library.Backend for the server that this page came from.
type Server struct{}

// Fetch implements library.Backend.
func (Server) Fetch(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	return fetch.Do(ctx, fetch.Request{Method: method, Path: path, Body: body, Max: maxAnswer,
		Accept: "application/cbor, application/octet-stream;q=0.9, */*;q=0.1", Type: "application/cbor"})
}

// Dial implements library.Backend.
func (Server) Dial(ctx context.Context) (protocol.Conn, error) {
	address := self.Get("URL").New("link", self.Get("location").Get("href")) // beside this worker, below whatever path a proxy has put it
	c, err := socket.Dial(ctx, "ws"+strings.TrimPrefix(address.Get("href").String(), "http"), nil)
	if err != nil {
		return nil, err
	}
	return c, nil
}
