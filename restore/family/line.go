package family

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/restore"
)

const (
	look     = 100 * time.Millisecond // how long one read waits, so that a context that ended is noticed
	maxHeard = 4096                   // bytes of what a device says that are kept: the first and the last
)

// Exchange is one request and how it went, for a diagnostic file.
type Exchange struct {
	At, Took time.Duration // on the port's clock
	Name     string
	Bytes    int // of the request, without its framing
	Tries    int
	Err      error
}

// Line is a port as a family's protocol sees it: bytes one by one, modem lines, and what was heard. It counts what travels.
type Line struct {
	port  restore.Port
	o     Options
	buf   [4096]byte
	in    []byte // of buf, not looked at yet
	heard []byte
	said  bool // more was heard since Options.Heard was told
	stats Stats
}

// NewLine returns the line of a port that is open at a speed.
func NewLine(port restore.Port, baud uint32, o *Options) *Line {
	l := &Line{port: port}
	if o != nil {
		l.o = *o
	}
	l.stats.Baud = baud
	return l
}

// Now is the port's clock.
func (l *Line) Now() time.Duration { return l.port.Now() }

// Stats are what has travelled, and the speed of the line.
func (l *Line) Stats() Stats { return l.stats }

// Repeat notes that a request is sent again.
func (l *Line) Repeat() { l.stats.Repeated++ }

// Time is how long n bytes take at the line's speed.
func (l *Line) Time(n int) time.Duration {
	return time.Duration(n) * 10 * time.Second / time.Duration(l.stats.Baud)
}

// Write hands over all of p.
func (l *Line) Write(p []byte) error {
	l.stats.Sent += uint64(len(p))
	return l.lost(l.port.Write(p))
}

// Read fills p with what is there, and waits until at most until for the first byte of it. It fails with restore.ErrTimeout when nothing
// came, with CodeVanished when nothing will, and with the context's error.
func (l *Line) Read(ctx context.Context, p []byte, until time.Duration) (int, error) {
	for len(l.in) == 0 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		wait := until - l.port.Now()
		n, err := l.port.Read(l.buf[:], max(0, min(wait, look)))
		if n > 0 {
			l.stats.Received += uint64(n)
			l.in = l.buf[:n]
			break
		}
		if !restore.IsTimeout(err) {
			return 0, l.lost(err)
		}
		if wait <= look {
			return 0, restore.ErrTimeout
		}
	}
	n := copy(p, l.in)
	l.in = l.in[n:]
	return n, nil
}

// Byte is Read of one byte.
func (l *Line) Byte(ctx context.Context, until time.Duration) (byte, error) {
	var b [1]byte
	_, err := l.Read(ctx, b[:], until)
	return b[0], err
}

// lost makes of a port's end what it means.
func (l *Line) lost(err error) error {
	var e *restore.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &restore.Error{Code: restore.CodeVanished, Err: err}
}

// Listen takes what comes until a moment as the device's own words. It ends early when stop, asked after each piece, wants it to; nil: it
// never does.
func (l *Line) Listen(ctx context.Context, until time.Duration, stop func(heard []byte) bool) error {
	var p [512]byte
	for {
		n, err := l.Read(ctx, p[:], until)
		if n > 0 {
			l.Hear(p[:n])
			if stop != nil && stop(l.heard) {
				return nil
			}
			continue
		}
		if errors.Is(err, restore.ErrTimeout) {
			l.tell()
			return nil
		}
		return err
	}
}

// Pause is Listen for so long.
func (l *Line) Pause(ctx context.Context, d time.Duration) error {
	return l.Listen(ctx, l.port.Now()+d, nil)
}

// Drop takes what is there already as the device's own words.
func (l *Line) Drop(ctx context.Context) error { return l.Pause(ctx, 0) }

// Hear keeps what came and is no answer.
func (l *Line) Hear(p []byte) {
	if len(p) == 0 {
		return
	}
	if len(l.heard)+len(p) > 2*maxHeard { // its first words stay
		l.heard = append(l.heard[:min(len(l.heard), maxHeard/2)], l.heard[max(0, len(l.heard)-maxHeard/2):]...)
	}
	l.heard = append(l.heard, p...)
	l.said = true
}

// Heard is what the device said that is no answer, first and last. It is the line's.
func (l *Line) Heard() []byte { return l.heard }

// Forget forgets what was heard.
func (l *Line) Forget() { l.heard, l.said = l.heard[:0], false }

func (l *Line) tell() {
	if l.said && l.o.Heard != nil {
		l.o.Heard(l.heard)
	}
	l.said = false
}

// Done tells of an exchange that is over.
func (l *Line) Done(e Exchange) {
	if l.o.Trace != nil {
		l.o.Trace(e)
	}
}

// Speed changes the speed of the line. What came at the old one is dropped.
func (l *Line) Speed(ctx context.Context, baud uint32) error {
	if baud == l.stats.Baud {
		return nil
	}
	s, ok := l.port.(restore.Speeder)
	if !ok {
		return restore.ErrUnsupported
	}
	if err := s.SetSpeed(baud); err != nil {
		if errors.Is(err, restore.ErrUnsupported) {
			return err
		}
		return l.lost(err)
	}
	l.stats.Baud = baud
	l.in = nil
	return nil
}

// Close closes the port.
func (l *Line) Close() error { return l.port.Close() }

// Set sets both modem lines, at once where the port can; true is asserted, which is low at the pin. It fails with restore.ErrUnsupported where
// there are none.
func (l *Line) Set(dtr, rts bool) error {
	if both, ok := l.port.(restore.BothSignals); ok {
		return l.signalled(both.SetLines(dtr, rts))
	}
	s, ok := l.port.(restore.Signals)
	if !ok {
		return restore.ErrUnsupported
	}
	// Both are released with RTS first: with DTR first, a chip whose reset is at RTS would be reset on the way.
	steps := []func() error{func() error { return s.SetDTR(dtr) }, func() error { return s.SetRTS(rts) }}
	if !dtr && !rts {
		steps[0], steps[1] = steps[1], steps[0]
	}
	for _, set := range steps {
		if err := set(); err != nil {
			return l.signalled(err)
		}
	}
	return nil
}

func (l *Line) signalled(err error) error {
	if err == nil || errors.Is(err, restore.ErrUnsupported) {
		return err
	}
	return l.lost(fmt.Errorf("modem lines: %w", err))
}

// Return waits for a port whose device has left the bus, as a chip with USB of its own does when it is reset, and opens it again.
func (l *Line) Return(ctx context.Context) error {
	r, ok := l.port.(restore.Returner)
	if !ok {
		return &restore.Error{Code: restore.CodeVanished, Err: restore.ErrVanished}
	}
	l.in = nil
	return l.lost(r.Return(ctx))
}

// CanSpeed says whether the port can change its speed.
func (l *Line) CanSpeed() bool {
	_, ok := l.port.(restore.Speeder)
	return ok
}
