package labwork

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
	switch code { // by name, so that the page has no decoder of the others
	case protocol.CodeHello:
		w.saw(new(protocol.Hello), sent) // that it was sent is all that is told
	case protocol.CodeInfo:
		var m protocol.Info
		if m.Decode(msg) == nil {
			w.saw(&m, sent)
		}
	case protocol.CodeRequest:
		var m protocol.Request
		if m.Decode(msg) == nil {
			w.saw(&m, sent)
		}
	case protocol.CodeEnd:
		var m protocol.End
		if m.Decode(msg) == nil {
			w.saw(&m, sent)
		}
	case protocol.CodeError:
		var m protocol.Error
		if m.Decode(msg) == nil {
			w.saw(&m, sent)
		}
	default:
	}
}
