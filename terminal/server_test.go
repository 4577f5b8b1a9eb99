package terminal_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"unbrick/protocol"
)

// server is a software management server in one piece: what it offers, and how it misbehaves.
type server struct {
	t      testing.TB
	info   protocol.Info
	file   []byte
	nonce  protocol.Nonce
	host   string             // under which it is dialled, empty: server.test
	first  protocol.Message   // what it says instead of the challenge
	before []protocol.Message // and before the information
	gone   *protocol.Info     // what there is instead when the file is requested
	hello  protocol.Hello
	done   bool
	fail   func(sent int) error // before each message to the terminal
	damage func(data []byte)
	offset uint32
	sent   int
	fault  protocol.Fault
}

func (f *fixture) serverFor(t testing.TB, file []byte, g goods) *server {
	s := &server{t: t, file: file}
	kind := protocol.KindDelta
	switch {
	case bytes.HasPrefix(file, []byte("ENDSLEY")):
		kind = protocol.KindBsdiff
	case len(file) > 3 && file[3]&3 == 2:
		kind = protocol.KindFull
	}
	s.info = protocol.Info{
		Kind: kind, Size: uint32(len(file)), Digest: sha256.Sum256(file), Workspace: f.workspace(t, file, g),
		Steps: 1, Manifest: g.signed,
	}
	return s
}

func nothing(t testing.TB) *server {
	return &server{t: t, info: protocol.Info{Kind: protocol.KindNone, Reason: protocol.ReasonUpToDate}}
}

func (s *server) conn() protocol.Conn {
	c := &conn{s: s}
	if c.put(&protocol.Challenge{Nonce: s.nonce}); s.first != nil {
		c.queue = nil
		c.put(s.first)
	}
	return c
}

// conn answers within Send, so that a session needs no second goroutine.
type conn struct {
	s      *server
	queue  [][]byte
	sender protocol.Sender
	closed bool
}

var errPulled = errors.New("line was pulled")

func (c *conn) put(m protocol.Message) {
	b, err := m.Append(nil)
	if err != nil {
		panic(fmt.Sprintf("test server: %v", err))
	}
	c.queue = append(c.queue, b)
}

func (c *conn) Send(msg []byte) error {
	if c.closed {
		return protocol.ErrClosed
	}
	m, err := protocol.Decode(append([]byte(nil), msg...))
	if err != nil {
		c.s.t.Errorf("terminal sent: %v", err)
		return err
	}
	switch m := m.(type) {
	case *protocol.Hello:
		if err := protocol.VerifyHello(msg, &c.s.nonce, c.Host()); err != nil && !errors.Is(err, protocol.ErrUnsigned) {
			c.s.t.Errorf("hello: %v", err)
		}
		c.s.hello = *m
		for _, m := range c.s.before {
			c.put(m)
		}
		c.put(&c.s.info)
	case *protocol.Request:
		c.s.offset = m.Offset
		if c.s.gone != nil {
			c.put(&protocol.Gone{Info: *c.s.gone})
			break
		}
		if m.Digest != c.s.info.Digest {
			c.s.t.Errorf("request for another file")
		}
		if c.sender, err = protocol.NewSender(uint32(len(c.s.file)), m); err != nil {
			c.s.t.Errorf("request: %v", err)
		}
		c.feed()
	case *protocol.Credit:
		if err := c.sender.Grant(m); err != nil {
			c.s.t.Errorf("credit: %v", err)
		}
		c.feed()
	case *protocol.Done:
		c.s.done = true
	case *protocol.Error:
		c.s.fault = m.Fault
	case *protocol.Bye:
		c.put(&protocol.Bye{})
	default:
		c.s.t.Errorf("terminal sent %v", m.Code())
	}
	return nil
}

func (c *conn) feed() {
	for {
		at, n := c.sender.Next()
		if n == 0 {
			break
		}
		p := append([]byte(nil), c.s.file[at:at+uint32(n)]...)
		if c.s.damage != nil {
			c.s.damage(p)
		}
		c.put(&protocol.Data{Offset: at, Bytes: p})
	}
	if c.sender.Finished() {
		c.put(&protocol.End{Size: c.s.info.Size, Digest: c.s.info.Digest})
	}
}

func (c *conn) Recv() ([]byte, error) {
	if c.closed || len(c.queue) == 0 {
		return nil, protocol.ErrClosed
	}
	c.s.sent++
	if c.s.fail != nil {
		if err := c.s.fail(c.s.sent); err != nil {
			c.closed = true
			return nil, err
		}
	}
	b := c.queue[0]
	c.queue = c.queue[1:]
	return b, nil
}

func (c *conn) Close() error { c.closed = true; return nil }

func (c *conn) Host() string { return cmp.Or(c.s.host, "server.test") }
