package sweep

import (
	"errors"

	"unbrick/protocol"
)

// link is a server that offers one update file, and the link to it, in one piece: it answers within Send,
// so that a session needs no second goroutine. It never looks at the device.
type link struct {
	s       *Subject
	begun   bool // the challenge was sent
	up      bool // nothing newer is offered
	queue   [][]byte
	sender  protocol.Sender
	message uint32    // messages so far, both directions
	fault   LinkFault // what befalls message number at, from 1
	at      uint32
	closed  bool
	ends    bool     // closed from the next call on
	done    bool     // the device says that it has the file
	dead    []uint32 // sectors that the hello says are dead
	kinds   []protocol.Code
	watch   func(send bool, code protocol.Code, n int) // told of every message, may be nil
}

// LinkFault is what befalls one message of the link.
type LinkFault uint8

// The faults of a message.
const (
	LinkFine LinkFault = iota
	LinkLost
	LinkTwice
	LinkDamaged
	LinkLate         // delayed past the time-out
	LinkClosedBefore // the connection ends before it
	LinkClosedAfter  // and right behind it
	linkFaults
)

var linkNames = [linkFaults]string{"fine", "lost", "duplicated", "damaged", "delayed", "closed before", "closed after"}

func (f LinkFault) String() string { return linkNames[f] }

// challenge is the same in every session, so that each can be played again.
var challenge = protocol.Nonce{'s', 'w', 'e', 'e', 'p'}

var errMessage = errors.New("message cannot be read")

// pass counts a message and says what becomes of it: how many copies arrive, and whether the link fails.
func (l *link) pass(send bool, b []byte) (copies int, err error) {
	l.message++
	code, codeErr := protocol.CodeOf(b)
	if codeErr == nil {
		l.kinds = append(l.kinds, code)
	}
	if l.watch != nil {
		l.watch(send, code, len(b))
	}
	if l.at == 0 || l.message != l.at {
		return 1, nil
	}
	switch l.fault {
	case LinkLost:
		return 0, nil
	case LinkTwice:
		return 2, nil
	case LinkDamaged:
		b[len(b)/2] ^= 0x10
	case LinkLate, LinkClosedBefore:
		// One who waits longer than the time-out has a closed link when the message comes.
		l.closed = true
		return 0, protocol.ErrClosed
	case LinkClosedAfter:
		l.ends = true
	case LinkFine, linkFaults:
	}
	return 1, nil
}

// Send implements protocol.Conn.
func (l *link) Send(msg []byte) error {
	if l.over() {
		return protocol.ErrClosed
	}
	b := append([]byte(nil), msg...)
	copies, err := l.pass(true, b)
	if err != nil {
		return err
	}
	for range copies {
		if err := l.take(b); err != nil {
			// A server closes on what it cannot make sense of.
			l.closed = true
			break
		}
	}
	return nil
}

// take is the server.
func (l *link) take(b []byte) error {
	m, err := protocol.Decode(b)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *protocol.Hello:
		if err := protocol.VerifyHello(b, &challenge, l.Host()); err != nil && !errors.Is(err, protocol.ErrUnsigned) {
			return err
		}
		if m.Report != nil {
			l.dead = m.Report.Dead
		}
		if l.up {
			return l.put(&protocol.Info{Kind: protocol.KindNone, Reason: protocol.ReasonUpToDate})
		}
		return l.put(&l.s.info)
	case *protocol.Request:
		if m.Digest != l.s.info.Digest {
			return errMessage
		}
		if l.sender, err = protocol.NewSender(uint32(len(l.s.file)), m); err != nil {
			return err
		}
		return l.feed()
	case *protocol.Credit:
		if err := l.sender.Grant(m); err != nil {
			return err
		}
		return l.feed()
	case *protocol.Done:
		l.done = true
	case *protocol.Bye:
		return l.put(&protocol.Bye{})
	case *protocol.Error:
	default:
		return errMessage
	}
	return nil
}

func (l *link) feed() error {
	for {
		at, n := l.sender.Next()
		if n == 0 {
			break
		}
		if err := l.put(&protocol.Data{Offset: at, Bytes: l.s.file[at : at+uint32(n)]}); err != nil {
			return err
		}
	}
	if l.sender.Finished() {
		return l.put(&protocol.End{Size: l.s.info.Size, Digest: l.s.info.Digest})
	}
	return nil
}

func (l *link) put(m protocol.Message) error {
	b, err := m.Append(nil)
	if err == nil {
		l.queue = append(l.queue, b)
	}
	return err
}

// Recv implements protocol.Conn. Nothing to come means that the device would wait until the time-out.
func (l *link) Recv() ([]byte, error) {
	if !l.begun { // the server speaks first
		l.begun = true
		if err := l.put(&protocol.Challenge{Nonce: challenge}); err != nil {
			return nil, err
		}
	}
	for {
		if l.over() {
			return nil, protocol.ErrClosed
		}
		if len(l.queue) == 0 {
			return nil, protocol.ErrDead
		}
		b := l.queue[0]
		l.queue = l.queue[1:]
		copies, err := l.pass(false, b)
		switch {
		case err != nil:
			return nil, err
		case copies == 0:
			continue
		case copies == 2:
			l.queue = append([][]byte{append([]byte(nil), b...)}, l.queue...)
			l.message-- // the copy is the same message
			l.at = 0
		}
		return b, nil
	}
}

func (l *link) over() bool {
	l.closed = l.closed || l.ends
	return l.closed
}

// Close implements protocol.Conn.
func (l *link) Close() error { l.closed = true; return nil }

// Host implements protocol.Conn.
func (l *link) Host() string { return "server.test" }
