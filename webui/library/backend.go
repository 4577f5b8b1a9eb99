package library

import (
	"context"

	"unbrick/protocol"
)

// Backend is our own server, over whatever connection there is. It may be used concurrently.
type Backend interface {
	// Fetch asks for a path from the root, preferring CBOR, and returns status and body. An error says
	// that nobody answered.
	Fetch(ctx context.Context, method, path string, body []byte) (status int, answer []byte, err error)
	// Dial opens the link.
	Dial(ctx context.Context) (protocol.Conn, error)
}
