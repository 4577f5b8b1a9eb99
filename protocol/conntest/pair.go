package conntest

import (
	"fmt"
	"sync"

	"unbrick/protocol"
)

// PairHost is the name under which the server of a Pair was dialled.
const PairHost = "server.test"

// queued is how many messages wait in a Pair before Send blocks.
const queued = 8

// Pair returns the two ends of a connection in memory. It has no heartbeat: both ends are alive.
func Pair() (client, server protocol.Conn) {
	up, down := newPipe(), newPipe()
	return &end{out: up, in: down}, &end{out: down, in: up}
}

// pipe is one direction.
type pipe struct {
	messages chan []byte
	shut     chan struct{} // nothing is sent any more
	once     sync.Once
}

func newPipe() *pipe {
	return &pipe{messages: make(chan []byte, queued), shut: make(chan struct{})}
}

func (p *pipe) close() { p.once.Do(func() { close(p.shut) }) }

type end struct {
	out, in *pipe
	mu      sync.Mutex
	closed  bool
}

func (e *end) Send(msg []byte) error {
	if len(msg) > protocol.MaxMessage {
		return fmt.Errorf("%w: %d bytes", protocol.ErrTooLarge, len(msg))
	}
	select {
	case <-e.out.shut:
		return protocol.ErrClosed
	default:
	}
	select {
	case e.out.messages <- append([]byte(nil), msg...):
		return nil
	case <-e.out.shut:
		return protocol.ErrClosed
	}
}

func (e *end) Recv() ([]byte, error) {
	select {
	case m := <-e.in.messages:
		return e.open(m)
	case <-e.in.shut:
	}
	// Shut, but what was sent before comes first.
	select {
	case m := <-e.in.messages:
		return e.open(m)
	default:
		return nil, protocol.ErrClosed
	}
}

// open drops a message that arrived after this end's own Close.
func (e *end) open(m []byte) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, protocol.ErrClosed
	}
	return m, nil
}

// Host implements protocol.Conn.
func (e *end) Host() string { return PairHost }

func (e *end) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.out.close()
	e.in.close()
	return nil
}
