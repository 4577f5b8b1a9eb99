package protocol

import "errors"

// Conn carries messages between a terminal and a server, in order, each whole or not at all.
// protocol/conntest is its contract as tests, which every implementation passes.
//
// One goroutine may Send while another Recvs; two may not do the same at once. Close may be called
// from any goroutine, more than once. A Conn finds a dead peer by itself (see Heartbeat).
type Conn interface {
	// Send hands one encoded message over. It does not keep msg. A message longer than MaxMessage is
	// refused with ErrTooLarge and the Conn stays usable. Send blocks while the transport is full, at
	// most for the implementation's write limit.
	Send(msg []byte) error
	// Recv waits for the next message. The result is the caller's until the next Recv. After the
	// peer's orderly close and everything that came before it, and after Close, it returns an error
	// that is ErrClosed; after silence ErrDead; after an oversize message ErrTooLarge.
	Recv() ([]byte, error)
	// Close ends the Conn in both directions and unblocks Send and Recv on both sides. What was sent
	// before and not received may be lost: say Bye first.
	Close() error
	// Host returns the name under which the terminal dialled the server, as HostOf makes it: the same at both ends, but
	// at the server's it is what the peer says.
	Host() string
}

// How a Conn ends.
var (
	ErrClosed   = errors.New("link is closed")
	ErrDead     = errors.New("peer does not answer")
	ErrTooLarge = errors.New("message is too large")
)

// Send encodes m into buf[:0] and sends it. It returns the buffer, grown if that was needed, for the
// next call.
func Send(c Conn, m Message, buf []byte) ([]byte, error) {
	b, err := m.Append(buf[:0])
	if err != nil {
		return buf, err
	}
	return b, c.Send(b)
}
