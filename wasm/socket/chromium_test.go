//go:build !js

package socket_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"unbrick/internal/browsertest"
	"unbrick/protocol"

	"github.com/coder/websocket"
)

// hall pairs the WebSockets that come to the same room and passes messages between them.
type hall struct {
	mu    sync.Mutex
	rooms map[string]chan *websocket.Conn
}

func (h *hall) room(name string) chan *websocket.Conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms == nil {
		h.rooms = make(map[string]chan *websocket.Conn)
	}
	c, ok := h.rooms[name]
	if !ok {
		c = make(chan *websocket.Conn, 1)
		h.rooms[name] = c
	}
	return c
}

func accept(w http.ResponseWriter, r *http.Request, protocols ...string) *websocket.Conn {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: protocols, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return nil
	}
	c.SetReadLimit(1 << 20)
	return c
}

func (h *hall) relay(w http.ResponseWriter, r *http.Request) {
	c := accept(w, r, protocol.Subprotocol)
	if c == nil {
		return
	}
	room := h.room(r.PathValue("room"))
	select {
	case room <- c: // the first waits for the second
		<-r.Context().Done()
	case other := <-room:
		var both sync.WaitGroup
		both.Add(2)
		go func() { defer both.Done(); pass(c, other) }()
		go func() { defer both.Done(); pass(other, c) }()
		both.Wait()
	}
}

// pass hands messages on until one side ends, then ends the other.
func pass(from, to *websocket.Conn) {
	defer to.Close(websocket.StatusNormalClosure, "")
	for {
		kind, b, err := from.Read(context.Background())
		if err != nil {
			return
		}
		if to.Write(context.Background(), kind, b) != nil {
			from.CloseNow()
			return
		}
	}
}

func TestInChromium(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	mux := http.NewServeMux()
	h := &hall{}
	mux.HandleFunc("GET /relay/{room}", h.relay)
	mux.HandleFunc("GET /dead", func(w http.ResponseWriter, r *http.Request) {
		if c := accept(w, r, protocol.Subprotocol); c != nil {
			for { // takes everything, and never says a word
				if _, _, err := c.Read(context.Background()); err != nil {
					return
				}
			}
		}
	})
	deaf := make(chan *websocket.Conn, 8)
	mux.HandleFunc("GET /deaf", func(w http.ResponseWriter, r *http.Request) {
		if c := accept(w, r, protocol.Subprotocol); c != nil {
			deaf <- c // reads nothing
			<-r.Context().Done()
		}
	})
	mux.HandleFunc("POST /deaf/close", func(w http.ResponseWriter, r *http.Request) {
		for len(deaf) > 0 {
			(<-deaf).CloseNow()
		}
	})
	mux.HandleFunc("GET /flood", func(w http.ResponseWriter, r *http.Request) {
		if c := accept(w, r, protocol.Subprotocol); c != nil {
			for c.Write(context.Background(), websocket.MessageBinary, make([]byte, 1024)) == nil {
			}
		}
	})
	mux.HandleFunc("GET /half", func(w http.ResponseWriter, r *http.Request) {
		c := accept(w, r, protocol.Subprotocol)
		if c == nil {
			return
		}
		if out, err := c.Writer(context.Background(), websocket.MessageBinary); err == nil {
			out.Write(make([]byte, 8192))
		}
		c.CloseNow()
	})
	mux.HandleFunc("GET /oversize", func(w http.ResponseWriter, r *http.Request) {
		if c := accept(w, r, protocol.Subprotocol); c != nil {
			c.Write(context.Background(), websocket.MessageBinary, make([]byte, protocol.MaxMessage+1))
			<-c.CloseRead(context.Background()).Done()
		}
	})
	mux.HandleFunc("GET /other", func(w http.ResponseWriter, r *http.Request) {
		if c := accept(w, r); c != nil {
			<-c.CloseRead(context.Background()).Done()
		}
	})
	// A browser cannot hold a peer back that sends without credit: the two cases that want this of both
	// ends are replaced by TestSendHoldsBack and TestFloodEndsTheLink.
	browsertest.Go(t, "unbrick/wasm/socket", mux, map[string]string{"UNBRICK_RELAY": "ws://{host}"}, "-test.v",
		"-test.skip=TestContract/Close_unblocks_(own|peer's)_Send")
}
