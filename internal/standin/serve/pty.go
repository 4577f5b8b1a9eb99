//go:build linux || darwin

package serve

import (
	"fmt"
	"os"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"unbrick/internal/standin"
	"unbrick/restore"
)

// Terminal is a pseudo-terminal with a device behind it, in real time.
type Terminal struct {
	Path   string // what a client opens
	master *os.File
	fd     int
	wire   *standin.Wire
	opened func(*standin.Port)
	stop   chan struct{}
	ended  chan struct{}
}

// PTY serves a line as a pseudo-terminal until Close. It has no modem lines: opened is called whenever a client has opened it, and brings
// the resets that the client's lines would have brought; nil: none. Who closes it and opens it again within 10 ms is not noticed. The
// device hears the speed that the client sets, on Linux.
func PTY(w *standin.Wire, opened func(*standin.Port)) (*Terminal, error) {
	master, tty, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open pseudo-terminal: %w", err)
	}
	defer tty.Close()
	if _, err := term.MakeRaw(int(tty.Fd())); err != nil {
		master.Close()
		return nil, fmt.Errorf("make pseudo-terminal raw: %w", err)
	}
	t := &Terminal{Path: tty.Name(), master: master, fd: int(master.Fd()), wire: w, opened: opened,
		stop: make(chan struct{}), ended: make(chan struct{})}
	if err := unix.SetNonblock(t.fd, true); err != nil {
		master.Close()
		return nil, fmt.Errorf("pseudo-terminal: %w", err)
	}
	go t.serve()
	return t, nil
}

// Close ends it.
func (t *Terminal) Close() error {
	close(t.stop)
	<-t.ended
	return t.master.Close()
}

// serve carries bytes, and looks a hundred times a second whether somebody has it open: nothing tells.
func (t *Terminal) serve() {
	defer close(t.ended)
	var port *standin.Port
	let := func() {
		if port != nil {
			port.Close()
			port = nil
		}
	}
	defer let()
	baud := uint32(115200)
	for {
		select {
		case <-t.stop:
			return
		default:
		}
		poll := []unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}}
		wait := 10
		if port != nil {
			wait = 0
		}
		if _, err := unix.Poll(poll, wait); err != nil && err != unix.EINTR {
			return
		}
		var p [4096]byte
		n := 0
		if poll[0].Revents&unix.POLLIN != 0 {
			n, _ = unix.Read(t.fd, p[:])
		}
		if n <= 0 && poll[0].Revents&unix.POLLHUP != 0 {
			let()
			time.Sleep(pause)
			continue
		}
		if port == nil {
			var err error
			if port, err = t.wire.Open(baud); err != nil {
				port = nil
				time.Sleep(pause)
				continue
			}
			if t.opened != nil {
				t.opened(port)
			}
		}
		if now := speedOf(t.fd); now != 0 && now != baud {
			baud = now
			_ = port.SetSpeed(baud)
		}
		if n > 0 && port.Write(p[:n]) != nil {
			let()
			continue
		}
		n, err := port.Read(p[:], time.Millisecond)
		if n > 0 {
			_, _ = unix.Write(t.fd, p[:n]) // what nobody takes is lost, as on a cable
		} else if !restore.IsTimeout(err) {
			let()
		}
	}
}
