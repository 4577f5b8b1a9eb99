package server

import (
	"context"
	"strings"

	"unbrick/protocol"

	"github.com/coder/websocket"
)

const binaryMessage = websocket.MessageBinary

// rawDial opens the link without the rules of a Conn.
func rawDial(r *rig) (*websocket.Conn, error) {
	ws, _, err := websocket.Dial(context.Background(), strings.Replace(r.web.URL, "http", "ws", 1)+"/link", &websocket.DialOptions{Subprotocols: []string{protocol.Subprotocol}})
	return ws, err
}
