// Package serve gives foreign programs the stand-ins of internal/standin in real time: over TCP as RFC 2217 has it, with modem lines and
// speeds, and as a pseudo-terminal, which has neither lines nor a wire that is pulled out. It is for tests.
package serve

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	"unbrick/internal/standin"
	"unbrick/restore"
)

// Telnet (RFC 854), and its option for serial ports (RFC 2217).
const (
	se       = 240
	sb       = 250
	will     = 251
	wont     = 252
	do       = 253
	dont     = 254
	iac      = 255
	comPort  = 44
	setBaud  = 1
	setLines = 5
	answer   = 100 // added to a command's number
)

// pause is how often a device that is off the bus is looked for.
const pause = 10 * time.Millisecond

// Net serves a line that is in real time to one client after the other, until the listener is closed. When the device leaves the bus its
// client is hung up on.
func Net(l net.Listener, w *standin.Wire) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		port, err := w.Open(115200)
		for errors.Is(err, restore.ErrVanished) {
			time.Sleep(pause)
			port, err = w.Open(115200)
		}
		if err != nil {
			conn.Close()
			return err
		}
		RFC2217(conn, port)
	}
}

// RFC2217 serves one client until either side ends, and closes both.
func RFC2217(conn io.ReadWriteCloser, port *standin.Port) {
	out := make(chan struct{})
	go func() {
		defer close(out)
		defer conn.Close()
		var p [4096]byte
		for {
			n, err := port.Read(p[:], time.Minute)
			if n == 0 && !restore.IsTimeout(err) {
				return
			}
			if _, err := conn.Write(double(p[:n])); err != nil {
				return
			}
		}
	}()
	t := telnet{conn: conn, port: port}
	var p [4096]byte
	for {
		n, err := conn.Read(p[:])
		if n == 0 || t.take(p[:n]) != nil || err != nil {
			break
		}
	}
	port.Close()
	conn.Close()
	<-out
}

// double is p with each byte FF twice.
func double(p []byte) []byte {
	out := make([]byte, 0, len(p)+8)
	for _, b := range p {
		if out = append(out, b); b == iac {
			out = append(out, b)
		}
	}
	return out
}

// telnet is what a client has said so far.
type telnet struct {
	conn     io.Writer
	port     *standin.Port
	state    byte // 0: data; iac; will to dont: an option follows; sb: inside a subnegotiation; se: behind iac there
	sub      []byte
	promised [2][256]bool // options that were agreed on: ours, theirs
	dtr, rts bool
}

func (t *telnet) take(p []byte) error {
	var data []byte
	flush := func() error {
		err := t.port.Write(data)
		data = nil
		return err
	}
	for _, b := range p {
		switch t.state {
		case 0:
			if b == iac {
				t.state = iac
			} else {
				data = append(data, b)
			}
		case iac:
			t.state = 0
			switch {
			case b == iac:
				data = append(data, b)
			case b >= sb:
				t.state, t.sub = b, nil
			}
		case sb:
			if b == iac {
				t.state = se
			} else if len(t.sub) < 64 {
				t.sub = append(t.sub, b)
			}
		case se:
			if b == iac {
				t.sub, t.state = append(t.sub, b), sb
				continue
			}
			t.state = 0
			// What was written before goes out before.
			if err := flush(); err != nil {
				return err
			}
			if err := t.command(); err != nil {
				return err
			}
		default:
			how := t.state
			t.state = 0
			if err := t.option(how, b); err != nil {
				return err
			}
		}
	}
	return flush()
}

// option agrees to what a serial port needs, once.
func (t *telnet) option(how, what byte) error {
	good := what == 0 || what == 1 || what == 3 || what == comPort // binary, echo (of which nothing comes), no go-ahead
	side, yes, no := 0, byte(will), byte(wont)
	if how == will || how == wont {
		side, yes, no = 1, do, dont
	}
	if (how != will && how != do) || t.promised[side][what] {
		return nil
	}
	if !good {
		yes = no
	}
	t.promised[side][what] = true
	_, err := t.conn.Write([]byte{iac, yes, what})
	return err
}

// command is one of RFC 2217: each is answered with what holds now.
func (t *telnet) command() error {
	if len(t.sub) < 3 || t.sub[0] != comPort {
		return nil
	}
	var err error
	switch what := t.sub[2:]; t.sub[1] {
	case setBaud:
		if len(what) != 4 {
			return nil
		}
		if baud := binary.BigEndian.Uint32(what); baud != 0 {
			err = t.port.SetSpeed(baud)
		}
	case setLines:
		switch what[0] {
		case 5:
			err = t.port.Break(250 * time.Millisecond)
		case 8, 9:
			t.dtr = what[0] == 8
			err = t.port.SetDTR(t.dtr)
		case 11, 12:
			t.rts = what[0] == 11
			err = t.port.SetRTS(t.rts)
		}
	}
	if err != nil {
		return err
	}
	p := append([]byte{iac, sb, comPort, t.sub[1] + answer}, double(t.sub[2:])...)
	_, err = t.conn.Write(append(p, iac, se))
	return err
}
