//go:build linux

package webserial

import (
	"encoding/binary"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Kind is what the browser did to a port. The numbers are those of shim/bench.h.
type Kind uint32

const (
	Opened   Kind = 1 // opened the port; DTR and RTS rise, as on a UART
	Signals  Kind = 2 // set DTR, RTS or break
	Asked    Kind = 3 // read the input lines
	Settings Kind = 4 // set speed and framing
)

func (k Kind) String() string {
	switch k {
	case Opened:
		return "opened"
	case Signals:
		return "signals"
	case Asked:
		return "asked"
	case Settings:
		return "settings"
	}
	return fmt.Sprintf("kind %d", uint32(k))
}

// Event is one call of the browser on a port.
type Event struct {
	Kind            Kind
	DTR, RTS, Break bool   // the output lines after Opened, Signals and Asked
	Speed           uint32 // Settings: bits a second
	Flags           uint32 // Settings: c_cflag as asked for, with PARENB, CSTOPB and CRTSCTS
}

// Input lines that SetInputs takes and the page's getSignals shows.
const (
	CTS = unix.TIOCM_CTS
	DCD = unix.TIOCM_CAR
	DSR = unix.TIOCM_DSR
	RI  = unix.TIOCM_RNG
)

const (
	noticeSize = 12 // three words: kind, value, flags
	lineBreak  = 1  // LINE_BREAK of shim/bench.h
)

// decodeNotice reads what the shim sent.
func decodeNotice(b []byte) (Event, error) {
	if len(b) != noticeSize {
		return Event{}, fmt.Errorf("notice of %d bytes", len(b))
	}
	e := Event{Kind: Kind(binary.NativeEndian.Uint32(b))}
	value, flags := binary.NativeEndian.Uint32(b[4:]), binary.NativeEndian.Uint32(b[8:])
	switch e.Kind {
	case Opened, Signals, Asked:
		e.DTR, e.RTS, e.Break = value&unix.TIOCM_DTR != 0, value&unix.TIOCM_RTS != 0, value&lineBreak != 0
	case Settings:
		e.Speed, e.Flags = value, flags
	default:
		return Event{}, fmt.Errorf("notice of %v", e.Kind)
	}
	return e, nil
}

// listen answers the shim, one notice a connection, until the listener is closed.
func (p *Port) listen() {
	buf := make([]byte, noticeSize+1)
	for {
		c, err := p.notices.AcceptUnix()
		if err != nil {
			return
		}
		p.answer(c, buf)
	}
}

func (p *Port) answer(c *net.UnixConn, buf []byte) {
	defer c.Close()
	n, err := c.Read(buf)
	if err != nil {
		return
	}
	e, err := decodeNotice(buf[:n])
	if err != nil {
		panic("webserial: " + err.Error()) // the shim is ours
	}
	if e.Kind == Opened {
		p.opened()
	}
	if p.told != nil {
		p.told(e)
	}
	// A browser that was killed meanwhile does not wait for the answer.
	_, _ = c.Write(binary.NativeEndian.AppendUint32(nil, p.inputs.Load()))
}
