package emulator

import (
	"errors"
	"fmt"
	"time"
)

// timeout is the error of a read that got nothing in time.
type timeout struct{}

func (timeout) Error() string   { return "timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// What a port fails with. ErrTimeout also has a method Timeout that returns true.
var (
	ErrTimeout error = timeout{}
	ErrClosed        = errors.New("port is closed")
	ErrInUse         = errors.New("line is in use")
)

type portState uint8

const (
	portUnused portState = iota // opens at first use
	portOpen
	portClosed
)

// Port is the host's end of the line. It is open from Open or its first use until Close. While it is
// open and its user computes, time stands still for the device. So a user that does something else,
// such as wait for the end of a run, closes it or calls Leave first. Close and Leave may be
// called by any goroutine, the other methods by one at a time.
type Port struct {
	b     *Board
	state portState
}

// Open opens the port, so that the device waits for its user. An open one stays open.
func (p *Port) Open() error {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	if p.state == portClosed {
		p.state = portUnused
	}
	return p.use()
}

// use opens the port unless it was closed. With mu held.
func (p *Port) use() error {
	switch p.state {
	case portUnused:
		if p.b.att != nil {
			return ErrInUse
		}
		p.state = portOpen
		p.b.settle()
		p.b.line.up.buffer = p.b.line.up.buffer[:0]
		p.b.hostCame()
	case portClosed:
		return ErrClosed
	case portOpen:
	}
	if p.b.host.waiting {
		return ErrInUse
	}
	return nil
}

// Close closes the port; a read under way ends.
func (p *Port) Close() error { return p.away(portClosed) }

// Leave lets the device's time go on without the user, until the next use. Bytes that come
// meanwhile are lost.
func (p *Port) Leave() { _ = p.away(portUnused) }

func (p *Port) away(s portState) error {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	p.b.settle()
	if p.state != portClosed || s == portClosed {
		p.state = s
	}
	p.b.wakeAll()
	return nil
}

// Read waits until bytes come, at most wait, and returns them: as many as buf holds, or fewer when the
// line became idle behind them. It returns ErrTimeout when none came.
func (p *Port) Read(buf []byte, wait time.Duration) (int, error) {
	b := p.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := p.use(); err != nil {
		return 0, err
	}
	if len(buf) == 0 {
		return 0, nil
	}
	if !p.wait(after(b.now, max(wait, lookTime)), len(buf)) {
		return 0, ErrClosed
	}
	n := b.line.up.take(buf)
	if n == 0 {
		return 0, ErrTimeout
	}
	return n, nil
}

// wait lets the host wait until a time, or until it can read n bytes if n is not 0. It reports
// whether the port is still open.
func (p *Port) wait(until time.Duration, n int) bool {
	b := p.b
	b.host.deadline, b.host.read = until, n
	b.await(&b.host, &b.dev)
	b.host.read = 0
	return p.state == portOpen
}

// Write sends buf. It returns when all but a few thousand bytes are on the wire.
func (p *Port) Write(buf []byte) error {
	b := p.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := p.use(); err != nil {
		return err
	}
	for len(buf) > 0 {
		n := min(len(buf), hostOut)
		end := b.line.hostSend(buf[:n])
		buf = buf[n:]
		b.wakeAll()
		ahead := chars(hostOut, b.line.hostBaud)
		if end > after(b.now, ahead) && !p.wait(end-ahead, 0) {
			return ErrClosed
		}
	}
	return nil
}

// Break holds the line low for d and returns after that.
func (p *Port) Break(d time.Duration) error {
	b := p.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := p.use(); err != nil {
		return err
	}
	if d <= 0 || d > time.Minute {
		return fmt.Errorf("break of %v", d)
	}
	end := b.line.breakFor(d)
	if !p.wait(end, 0) {
		return ErrClosed
	}
	return nil
}

// breakFor puts a break on the wire and returns when it ends.
func (l *line) breakFor(d time.Duration) time.Duration {
	start := l.hostStart()
	l.down.free = start + d
	if len(l.breaks) < 16 {
		l.breaks = append(l.breaks, brk{start: start, end: start + d})
	}
	l.b.wakeAll()
	return start + d
}

// SetSpeed changes the speed of the host's end, for what is written from now on.
func (p *Port) SetSpeed(baud uint32) error {
	b := p.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := p.use(); err != nil {
		return err
	}
	if err := checkBaud(baud); err != nil {
		return err
	}
	b.line.hostBaud = baud
	return nil
}

func checkBaud(baud uint32) error {
	if baud == 0 || baud > maxBaud {
		return fmt.Errorf("line of %d baud", baud)
	}
	return nil
}

// SetDTR sets the DTR line, which may be wired to reset or to the pin.
func (p *Port) SetDTR(on bool) error { return p.signal(&p.b.line.dtr, on) }

// SetRTS sets the RTS line, which may be wired to reset or to the pin.
func (p *Port) SetRTS(on bool) error { return p.signal(&p.b.line.rts, on) }

func (p *Port) signal(s *bool, on bool) error {
	b := p.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := p.use(); err != nil {
		return err
	}
	b.signal(s, on)
	return nil
}

// signal sets a modem line of the host. With mu held.
func (b *Board) signal(s *bool, on bool) {
	was := b.line.held()
	*s = on
	switch now := b.line.held(); {
	case now && !was:
		b.reset(CauseLine)
	case was && !now && b.held:
		// The agent begins at once; time must not pass before it does.
		b.power = starting
	}
	b.wakeAll()
}

// Now returns the virtual time.
func (p *Port) Now() time.Duration {
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	return p.b.now
}
