// Package wsconn is protocol.Conn natively, over github.com/coder/websocket: for the server, the
// command and tests. The browser has its own.
package wsconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"unbrick/protocol"
)

const (
	// waiting is how many messages may wait for Recv; behind them the transport itself holds the peer
	// back.
	waiting = 8
	// goodbye is how long Close waits for the peer's part of it.
	goodbye = time.Second
	// WriteTimeout is how long one message may take to be handed to the transport.
	WriteTimeout = 30 * time.Second
)

// Options tune a Conn; nil means the defaults.
type Options struct {
	Interval     time.Duration // of silence before a ping; 0: protocol.HeartbeatInterval
	Timeout      time.Duration // of silence before the peer is dead; 0: protocol.HeartbeatTimeout
	WriteTimeout time.Duration // 0: WriteTimeout
	Client       *http.Client  // Dial only; nil: http.DefaultClient
	Origins      []string      // Accept only: host patterns of other pages that may connect; nil: only our own
}

// Conn is one connection. It is made by Dial or Accept.
type Conn struct {
	ws           *websocket.Conn
	host         string
	ctx          context.Context // of all reading and writing
	cancel       context.CancelFunc
	writeTimeout time.Duration
	start        time.Time

	messages chan []byte
	pongs    chan uint32
	ended    chan struct{} // closed by finish
	over     sync.Once

	mu     sync.Mutex
	beat   protocol.Heartbeat
	held   bool  // a message waits for Recv: silence is ours, not the peer's
	end    error // why it is over
	closed bool  // by our own Close
}

var _ protocol.Conn = (*Conn)(nil)

// Dial connects to the link at a ws:, wss:, http: or https: URL.
func Dial(ctx context.Context, url string, o *Options) (*Conn, error) {
	var opt Options
	if o != nil {
		opt = *o
	}
	ws, answer, err := websocket.Dial(ctx, url, &websocket.DialOptions{
		HTTPClient: opt.Client, Subprotocols: []string{protocol.Subprotocol}, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		if refusal := refusalOf(answer); refusal != nil {
			err = refusal
		}
		return nil, fmt.Errorf("dial link: %w", err)
	}
	if got := ws.Subprotocol(); got != protocol.Subprotocol {
		ws.Close(websocket.StatusPolicyViolation, "")
		return nil, fmt.Errorf("dial link: server speaks subprotocol %q, want %q", got, protocol.Subprotocol)
	}
	// Who answered counts, also when the dialled one sent us on: a name that leads elsewhere vouches for nothing.
	return newConn(ws, protocol.HostOf(answer.Request.URL.Host), &opt), nil
}

// Accept turns an HTTP request into a Conn. If it returns an error it has answered the request.
func Accept(w http.ResponseWriter, r *http.Request, o *Options) (*Conn, error) {
	var opt Options
	if o != nil {
		opt = *o
	}
	if offers := r.Header.Values("Sec-WebSocket-Protocol"); r.Header.Get("Upgrade") != "" && !speaks(offers) {
		text := fmt.Sprintf("this server speaks %s, the client offers %.100q", protocol.Subprotocol, strings.Join(offers, ", "))
		http.Error(w, text, http.StatusBadRequest)
		return nil, errors.New("accept link: " + text)
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{protocol.Subprotocol}, OriginPatterns: opt.Origins, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return nil, fmt.Errorf("accept link: %w", err)
	}
	return newConn(ws, protocol.HostOf(r.Host), &opt), nil
}

func newConn(ws *websocket.Conn, host string, o *Options) *Conn {
	ws.SetReadLimit(protocol.MaxMessage)
	ctx, cancel := context.WithCancel(context.Background())
	c := &Conn{
		ws: ws, host: host, ctx: ctx, cancel: cancel, writeTimeout: o.WriteTimeout, start: time.Now(),
		messages: make(chan []byte, waiting), pongs: make(chan uint32, 1), ended: make(chan struct{}),
		beat: protocol.Heartbeat{Interval: o.Interval, Timeout: o.Timeout},
	}
	if c.writeTimeout <= 0 {
		c.writeTimeout = WriteTimeout
	}
	c.beat.Heard(0)
	go c.read()
	go c.heartbeat()
	return c
}

// Send implements protocol.Conn.
func (c *Conn) Send(msg []byte) error {
	if len(msg) > protocol.MaxMessage {
		return fmt.Errorf("%w: %d bytes", protocol.ErrTooLarge, len(msg))
	}
	select {
	case <-c.ended:
		return c.why()
	default:
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.writeTimeout)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageBinary, msg); err != nil {
		if ctx.Err() != nil && c.ctx.Err() == nil {
			c.finish(fmt.Errorf("write for %v: %w", c.writeTimeout, protocol.ErrDead))
		}
		c.finish(fmt.Errorf("%w: %w", protocol.ErrClosed, err))
		return c.why()
	}
	return nil
}

// Recv implements protocol.Conn.
func (c *Conn) Recv() ([]byte, error) {
	select {
	case m := <-c.messages:
		return c.unlessClosed(m)
	case <-c.ended:
	}
	// Over, but what came before comes first. read fills the channel before it ends.
	select {
	case m := <-c.messages:
		return c.unlessClosed(m)
	default:
		return nil, c.why()
	}
}

// Close implements protocol.Conn. It waits a second for the peer to agree, unless the link is over already.
func (c *Conn) Close() error {
	c.mu.Lock()
	first, over := !c.closed, c.end != nil
	c.closed = true
	c.mu.Unlock()
	c.finish(protocol.ErrClosed)
	if !first {
		return nil
	}
	if !over {
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.ws.Close(websocket.StatusNormalClosure, "")
		}()
		patience := time.NewTimer(goodbye)
		defer patience.Stop()
		select {
		case <-done:
		case <-patience.C:
		}
	}
	c.cancel()
	c.ws.CloseNow()
	return nil
}

// Host implements protocol.Conn.
func (c *Conn) Host() string { return c.host }

func (c *Conn) now() time.Duration { return time.Since(c.start) }

// finish notes the end and tells everybody who waits for it.
func (c *Conn) finish(err error) {
	c.note(err)
	c.over.Do(func() { close(c.ended) })
}

// note notes why it is over; the first reason counts.
func (c *Conn) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end == nil {
		c.end = err
	}
}

func (c *Conn) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return protocol.ErrClosed
	}
	return c.end
}

func (c *Conn) unlessClosed(m []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, protocol.ErrClosed
	}
	return m, nil
}

// read takes messages from the transport until its end.
func (c *Conn) read() {
	defer c.cancel()
	for {
		m, err := c.take()
		if err != nil {
			c.finish(err)
			c.ws.CloseNow()
			return
		}
		c.heard()
		if c.control(m) {
			continue
		}
		if !c.hand(m) {
			return
		}
	}
}

// hand gives a message to Recv. While it waits, silence does not count.
func (c *Conn) hand(m []byte) bool {
	c.mu.Lock()
	c.held = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.held = false
		c.beat.Heard(c.now())
		c.mu.Unlock()
	}()
	select {
	case c.messages <- m:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// control handles Ping and Pong.
func (c *Conn) control(m []byte) bool {
	code, err := protocol.CodeOf(m)
	if err != nil {
		return false
	}
	switch code {
	case protocol.CodePing:
		var ping protocol.Ping
		if ping.Decode(m) != nil {
			return false
		}
		select {
		case c.pongs <- ping.Number:
		default: // one is on its way: that answers too
		}
		return true
	case protocol.CodePong:
		var pong protocol.Pong
		return pong.Decode(m) == nil
	}
	return false
}

func (c *Conn) heard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beat.Heard(c.now())
}

// heartbeat sends pings and pongs and ends the connection of a dead peer.
func (c *Conn) heartbeat() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.ended:
			return
		case n := <-c.pongs:
			c.post(&protocol.Pong{Number: n})
		case <-timer.C:
			ping, wait, err := c.due()
			if err != nil {
				c.finish(err)
				c.cancel()
				c.ws.CloseNow()
				return
			}
			timer.Reset(wait)
			if ping != nil {
				c.post(ping)
			}
		}
	}
}

func (c *Conn) due() (*protocol.Ping, time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held {
		// Nothing of the peer's can be read, its pings included: tell it that this side lives.
		c.beat.Heard(c.now())
		_, wait, err := c.beat.Beat(c.now())
		return &protocol.Ping{}, wait, err
	}
	return c.beat.Beat(c.now())
}

// post sends a control message; if that does not work, Send has noted why.
func (c *Conn) post(m protocol.Message) {
	if b, err := m.Append(nil); err == nil {
		c.Send(b)
	}
}

// take returns the next message. A message that is too large is noted as the reason before the transport is let see it: the
// transport tells the peer and closes, and whoever sends just then would make that the reason.
func (c *Conn) take() ([]byte, error) {
	kind, r, err := c.ws.Reader(c.ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", protocol.ErrClosed, err)
	}
	if kind != websocket.MessageBinary {
		return nil, fmt.Errorf("text message: %w", protocol.ErrClosed)
	}
	m, err := io.ReadAll(io.LimitReader(r, protocol.MaxMessage+1))
	if err == nil && len(m) > protocol.MaxMessage {
		c.note(protocol.ErrTooLarge)
		_, err = r.Read(make([]byte, 1))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", protocol.ErrClosed, err)
	}
	return m, nil
}
