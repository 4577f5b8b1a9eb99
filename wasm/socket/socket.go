//go:build js && wasm

// Package socket is protocol.Conn over the browser's WebSocket.
//
// The browser hides close codes, has no backpressure and may report a close before the program has taken
// the messages that came first. This Conn therefore keeps every message that arrived in order and hands
// them out before it reports the end, holds Send back while the browser's own buffer is full, bounds what
// may wait on either side, and finds a dead peer with protocol.Heartbeat, whose Ping and Pong it keeps to
// itself. How much may be in flight is the link's own affair: credit.
package socket

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall/js"
	"time"

	"unbrick/protocol"
	"unbrick/wasm/await"
)

const (
	maxQueued   = 64        // messages that may wait to be received; a peer that sends more ignores credit
	maxBuffered = 256 << 10 // bytes that may wait in the browser before Send holds back
	writeLimit  = 30 * time.Second
	drainStep   = 5 * time.Millisecond // the browser has no event for a drained buffer
	perTurn     = 64                   // messages after which Send lets the browser do its own work: till then it tells of nothing
	openLimit   = 20 * time.Second
)

// Conn is one open WebSocket. It implements protocol.Conn.
type Conn struct {
	ws     js.Value
	host   string
	remove []func() // takes the listeners off
	start  time.Time

	mu     sync.Mutex
	queue  [][]byte
	end    error // why nothing comes after what is queued; nil while open
	closed bool  // Close was called: what is queued is dropped
	sent   int   // messages
	beat   protocol.Heartbeat

	arrived chan struct{} // one pending bit: queue or end changed
	stop    chan struct{} // closed with end
	once    sync.Once
}

var _ protocol.Conn = (*Conn)(nil)

// Options are for tests; nil means the link's own times.
type Options struct {
	Interval, Timeout time.Duration // of the heartbeat; 0: the protocol's
}

// Dial opens a WebSocket of the link's subprotocol. It waits until it is open, refused, or ctx ends.
func Dial(ctx context.Context, url string, o *Options) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	class := js.Global().Get("WebSocket")
	if class.Type() != js.TypeFunction {
		return nil, errors.New("open link: this program has no WebSocket")
	}
	ws, err := await.New(class, url, protocol.Subprotocol)
	if err != nil {
		return nil, fmt.Errorf("open link: %w", err)
	}
	ws.Set("binaryType", "arraybuffer")
	at := js.Global().Get("URL").New(url).Get("host").String() // a browser follows nobody elsewhere
	c := &Conn{ws: ws, host: protocol.HostOf(at), start: time.Now(), arrived: make(chan struct{}, 1), stop: make(chan struct{})}
	if o != nil {
		c.beat.Interval, c.beat.Timeout = o.Interval, o.Timeout
	}
	opened := make(chan struct{}, 1)
	c.remove = []func(){
		await.Listen(ws, "open", func(js.Value) { await.Signal(opened) }),
		await.Listen(ws, "message", func(e js.Value) { c.message(e.Get("data")) }),
		await.Listen(ws, "close", func(js.Value) { c.finish(protocol.ErrClosed) }),
	}
	select {
	case <-opened:
	case <-c.stop:
		return nil, errors.New("open link: the server does not answer")
	case <-ctx.Done():
		c.Close()
		return nil, fmt.Errorf("open link: %w", ctx.Err())
	}
	if got := ws.Get("protocol").String(); got != protocol.Subprotocol {
		c.Close()
		return nil, fmt.Errorf("open link: the server speaks %q", got)
	}
	c.mu.Lock()
	c.beat.Heard(time.Since(c.start))
	c.mu.Unlock()
	go c.heartbeat()
	return c, nil
}

// message takes one event; it runs inside the browser's callback.
func (c *Conn) message(data js.Value) {
	if data.Type() != js.TypeObject { // text is not of this link
		c.finish(fmt.Errorf("text message: %w", protocol.ErrClosed))
		return
	}
	if n := data.Get("byteLength").Int(); n > protocol.MaxMessage {
		c.finish(protocol.ErrTooLarge)
		return
	}
	msg := await.Bytes(data)
	c.mu.Lock()
	c.beat.Heard(time.Since(c.start))
	full := len(c.queue) >= maxQueued
	own := len(msg) > 1 && c.ours(msg)
	if !own && !full && c.end == nil {
		c.queue = append(c.queue, msg)
	}
	c.mu.Unlock()
	if full && !own {
		c.finish(fmt.Errorf("peer sent more than was granted: %w", protocol.ErrClosed))
		return
	}
	await.Signal(c.arrived)
}

// ours answers a Ping and swallows a Pong; anything else is for the user. The second byte of a message
// is its code: in all that a server sends, arrays are short and codes small, so both are one byte of CBOR.
func (c *Conn) ours(msg []byte) bool {
	switch protocol.Code(msg[1]) {
	case protocol.CodePing:
		var ping protocol.Ping
		if ping.Decode(msg) != nil {
			return false
		}
		pong := protocol.Pong(ping)
		if b, err := pong.Append(nil); err == nil {
			c.post(b)
		}
		return true
	case protocol.CodePong:
		var pong protocol.Pong
		return pong.Decode(msg) == nil
	}
	return false
}

// post hands bytes to the browser.
func (c *Conn) post(b []byte) error {
	if c.ws.Get("readyState").Int() != 1 {
		return protocol.ErrClosed
	}
	_, err := await.Call(c.ws, "send", await.Array(b))
	if err != nil {
		return fmt.Errorf("%w: %w", protocol.ErrClosed, err)
	}
	return nil
}

// Send implements protocol.Conn. It holds back while the browser's buffer is full, and between some messages, however small they are:
// who sends without end must hear that the link has ended.
func (c *Conn) Send(msg []byte) error {
	if len(msg) > protocol.MaxMessage {
		return protocol.ErrTooLarge
	}
	for waited := time.Duration(0); ; waited += drainStep {
		c.mu.Lock()
		end, turn := c.end, waited == 0 && c.sent%perTurn == perTurn-1
		c.mu.Unlock()
		if end != nil {
			return end
		}
		if !turn && c.ws.Get("bufferedAmount").Int() <= maxBuffered {
			break
		}
		if waited >= writeLimit {
			c.finish(protocol.ErrDead)
			return protocol.ErrDead
		}
		await.Sleep(drainStep, c.stop)
	}
	c.mu.Lock()
	c.sent++
	c.mu.Unlock()
	return c.post(msg)
}

// Recv implements protocol.Conn: first everything that arrived, then why there is no more.
func (c *Conn) Recv() ([]byte, error) {
	for {
		c.mu.Lock()
		if len(c.queue) > 0 && !c.closed {
			msg := c.queue[0]
			c.queue[0] = nil
			c.queue = c.queue[1:]
			c.mu.Unlock()
			return msg, nil
		}
		end := c.end
		c.mu.Unlock()
		if end != nil {
			return nil, end
		}
		<-c.arrived
	}
}

// Host implements protocol.Conn.
func (c *Conn) Host() string { return c.host }

// Close implements protocol.Conn. The browser sends what Send has taken, then closes.
func (c *Conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.queue = nil
	c.mu.Unlock()
	c.finish(protocol.ErrClosed)
	return nil
}

// finish ends the Conn once, with the first reason. It may run inside a callback and does not block.
func (c *Conn) finish(why error) {
	c.once.Do(func() {
		c.mu.Lock()
		c.end = why
		c.mu.Unlock()
		for _, remove := range c.remove {
			remove()
		}
		await.Call(c.ws, "close", 1000) // other codes than this and 3000-4999 are refused
		close(c.stop)
	})
	await.Signal(c.arrived)
}

// heartbeat pings a silent peer and ends the Conn when it stays silent.
func (c *Conn) heartbeat() {
	for {
		c.mu.Lock()
		ping, wait, err := c.beat.Beat(time.Since(c.start))
		c.mu.Unlock()
		if err != nil {
			c.finish(err)
			return
		}
		if ping != nil {
			if b, err := ping.Append(nil); err == nil {
				c.post(b)
			}
		}
		if await.Sleep(wait, c.stop) {
			return
		}
	}
}
