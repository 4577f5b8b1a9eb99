package apparatus

import (
	"unbrick/protocol"
)

// watched is the link of the emulated device, observed: what the server does is seen here, as the device
// itself does not tell.
type watched struct {
	protocol.Conn
	saw func(m protocol.Message, sent bool) // called in the device's goroutine; byte fields die with the call
}

// Send passes on and observes what the terminal says.
func (w *watched) Send(msg []byte) error {
	w.look(msg, true)
	return w.Conn.Send(msg)
}

// Recv passes on and observes what the server says.
func (w *watched) Recv() ([]byte, error) {
	msg, err := w.Conn.Recv()
	if err == nil {
		w.look(msg, false)
	}
	return msg, err
}

// look decodes the few messages that mark a step; the rest is the device's own business.
func (w *watched) look(msg []byte, sent bool) {
	code, err := protocol.CodeOf(msg)
	if err != nil {
		return
	}
	switch code {
	case protocol.CodeHello, protocol.CodeInfo, protocol.CodeRequest, protocol.CodeGone, protocol.CodeEnd, protocol.CodeError:
	default:
		return
	}
	if m, err := protocol.Decode(msg); err == nil {
		w.saw(m, sent)
	}
}
