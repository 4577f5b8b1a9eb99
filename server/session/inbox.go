package session

import (
	"bytes"
	"sync"

	"unbrick/protocol"
)

// maxWaiting bounds the messages of a peer that wait for the session. One that keeps the rules never comes near it:
// credit is added up, and beside it at most an error, a done and a bye can be due before the server has answered.
const maxWaiting = 4

// greeting is a hello with the bytes that it came in: its signature is over them.
type greeting struct {
	protocol.Hello
	raw []byte
}

// inbox is what a peer has said and the session has not looked at yet. Its reader never waits for the session, so the
// end of the connection is seen at once, whatever was said before it.
type inbox struct {
	more chan struct{} // holds a value when there may be something to take
	over chan struct{} // closed when the reader has ended, err says why

	mu      sync.Mutex
	waiting []protocol.Message
	err     error // set before over is closed
}

func newInbox() *inbox {
	return &inbox{more: make(chan struct{}, 1), over: make(chan struct{})}
}

// read takes messages from the connection until it ends or the peer breaks the rules. heard is told of each.
func (b *inbox) read(conn protocol.Conn, heard func()) {
	defer close(b.over)
	for {
		raw, err := conn.Recv()
		if err == nil {
			heard()
			err = b.put(raw)
		}
		if err != nil {
			b.mu.Lock()
			b.err = err
			b.mu.Unlock()
			return
		}
	}
}

func (b *inbox) put(raw []byte) error {
	if len(raw) <= protocol.MaxHello { // as all is that may wait
		raw = bytes.Clone(raw) // it lies in the connection's buffer
	}
	m, err := protocol.Decode(raw)
	if err != nil {
		return fault(protocol.FaultMalformed, "%v", err)
	}
	switch h := m.(type) {
	case *protocol.Hello:
		m = &greeting{*h, raw}
	// nothing large waits
	case *protocol.Info, *protocol.Data, *protocol.End, *protocol.Gone, *protocol.Challenge, *protocol.News, *protocol.Trust, *protocol.Fresh:
		return fault(protocol.FaultUnexpected, "%s from a terminal", m.Code())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, ok := m.(*protocol.Credit); ok && len(b.waiting) > 0 {
		if last, ok := b.waiting[len(b.waiting)-1].(*protocol.Credit); ok {
			if last.Bytes > protocol.MaxCredit-c.Bytes {
				return fault(protocol.FaultCredit, "%v", protocol.ErrCredit)
			}
			last.Bytes += c.Bytes
			return nil
		}
	}
	if len(b.waiting) == maxWaiting {
		return fault(protocol.FaultUnexpected, "more messages than the rules allow")
	}
	b.waiting = append(b.waiting, m)
	select {
	case b.more <- struct{}{}:
	default:
	}
	return nil
}

// take returns the oldest message, nil if there is none now.
func (b *inbox) take() protocol.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		return nil
	}
	m := b.waiting[0]
	b.waiting = b.waiting[1:]
	if len(b.waiting) > 0 {
		select {
		case b.more <- struct{}{}:
		default:
		}
	}
	return m
}

// why is the end of the connection once over is closed.
func (b *inbox) why() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
