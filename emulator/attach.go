package emulator

import (
	"fmt"
	"io"
	"time"
)

// attachedOut is how many bytes are kept for a host that does not read.
const attachedOut = 1 << 16

// Attachment is a host outside the emulator at the other end of the line: a pseudo-terminal, a page.
// While it lasts, the device's waits for the cable take real time, bytes are really transferred, and
// what they and the flash take is added to virtual time without waiting for it.
type Attachment struct {
	b      *Board
	rw     io.ReadWriter
	out    []byte
	busy   bool // a write is under way
	closed bool
}

// Attach connects a host. It reads from and writes to rw with two goroutines of its own until
// Detach, or until rw fails. To end a read that waits, the caller closes rw after Detach.
func (b *Board) Attach(rw io.ReadWriter) (*Attachment, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.att != nil || b.line.port.state == portOpen {
		return nil, fmt.Errorf("attach: %w", ErrInUse)
	}
	a := &Attachment{b: b, rw: rw}
	b.att = a
	b.hostCame()
	go a.reads()
	go a.writes()
	return a, nil
}

// Detach disconnects the host at once. Bytes that it has not taken are lost.
func (a *Attachment) Detach() {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	a.detach()
}

func (a *Attachment) detach() {
	if a.b.att == a {
		a.b.att = nil
		a.b.line.hostBaud = a.b.line.cfg.Baud
	}
	a.closed = true
	a.b.wakeAll()
}

// Flush waits until the host has taken all bytes, or is detached.
func (a *Attachment) Flush() {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	for !a.closed && (len(a.out) > 0 || a.busy) {
		a.b.cond.Wait()
	}
}

// Break is a break that the host sends now and that lasts d of virtual time.
func (a *Attachment) Break(d time.Duration) {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	a.b.catchUp()
	if !a.closed && a.b.alive && d > 0 {
		a.b.line.breakFor(d)
	}
}

// Attached says whether a host is attached.
func (b *Board) Attached() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.att != nil
}

func (a *Attachment) reads() {
	b := a.b
	buf := make([]byte, 512)
	for {
		n, err := a.rw.Read(buf)
		b.mu.Lock()
		for !a.closed && b.alive && b.line.down.free-b.now > chars(hostOut, b.line.hostBaud) {
			b.cond.Wait() // the host writes faster than the line takes it
		}
		b.catchUp()
		switch {
		case a.closed:
		case b.alive && b.ending == nil:
			b.line.hostSend(buf[:n])
			b.wakeAll()
		default:
			b.line.stats.ToDevice += uint64(n)
			b.line.stats.Unheard += uint64(n)
		}
		if err != nil {
			a.detach()
		}
		closed := a.closed
		b.mu.Unlock()
		if closed {
			return
		}
	}
}

func (a *Attachment) writes() {
	b := a.b
	var buf []byte
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		for !a.closed && len(a.out) == 0 {
			b.cond.Wait()
		}
		if a.closed {
			return
		}
		buf = append(buf[:0], a.out...)
		a.out = a.out[:0]
		a.busy = true
		b.mu.Unlock()
		_, err := a.rw.Write(buf)
		b.mu.Lock()
		a.busy = false
		if err != nil {
			a.detach()
		}
		b.cond.Broadcast()
	}
}

// take is called with bytes that arrived at the host's end. With mu held.
func (a *Attachment) take(c byte) bool {
	if len(a.out) >= attachedOut {
		return false
	}
	a.out = append(a.out, c)
	return true
}

// realWait waits in real time until the deadline, or until something happened. With mu held, but
// released meanwhile.
func (b *Board) realWait(deadline time.Duration) {
	select {
	case <-b.kick:
	default:
	}
	var expired <-chan time.Time
	if deadline != never {
		timer := time.NewTimer(deadline - b.now)
		defer timer.Stop()
		expired = timer.C
	}
	b.advancing = true
	b.since, b.until = time.Now(), deadline
	b.mu.Unlock()
	select {
	case <-b.kick:
	case <-expired:
	}
	b.mu.Lock()
	b.catchUp()
	b.since = time.Time{}
	b.advancing = false
	b.cond.Broadcast()
}

// catchUp brings virtual time to the present while the device waits in real time. Without it, what a
// host sends after a long silence would have begun when the silence began, and be there all at once.
// With mu held.
func (b *Board) catchUp() {
	if b.since.IsZero() {
		return
	}
	now := time.Now()
	b.now += max(0, min(now.Sub(b.since), b.until-b.now))
	b.since = now
}
