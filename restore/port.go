package restore

import (
	"context"
	"errors"
	"time"
)

// Port is the host's end of a cable: raw bytes and a clock. A Port is used by one goroutine, except
// Close, which may come from another and ends a waiting call.
type Port interface {
	// Read waits for at least one byte, at most for wait, and returns what is there. When nothing came
	// it returns 0 and an error that is ErrTimeout, or says so by a method Timeout. An error that is
	// neither ends the port.
	Read(p []byte, wait time.Duration) (int, error)
	// Write hands over all of p; it may return before the bytes are on the wire.
	Write(p []byte) error
	// Now tells the time since some moment; it is the scale of wait.
	Now() time.Duration
	Close() error
}

// Breaker is a Port that can send a break.
type Breaker interface {
	// Break holds the line low for d and returns after that, or fails with ErrUnsupported.
	Break(d time.Duration) error
}

// Leaver is a Port that says when it is gone, also while nobody uses it.
type Leaver interface {
	// Gone is closed when nothing will come any more.
	Gone() <-chan struct{}
}

// Signals is a Port with modem lines. One that lacks a line fails with ErrUnsupported.
type Signals interface {
	SetDTR(on bool) error
	SetRTS(on bool) error
}

// BothSignals is a Port whose modem lines DTR and RTS change at one moment.
type BothSignals interface{ SetLines(dtr, rts bool) error }

// Returner is a Port whose device may leave the bus and come back, as one with USB of its own does when it is reset.
type Returner interface {
	// Return waits until it is there again, and opens it at the same speed, with its lines released. It fails with ErrVanished when it does not come
	// back in time.
	Return(ctx context.Context) error
}

// Speeder is a Port that can change its speed.
type Speeder interface{ SetSpeed(baud uint32) error }

// What a Port fails with.
var (
	ErrTimeout  = errors.New("nothing came in time")
	ErrVanished = errors.New("port vanished")
	// ErrBusy says that another program holds the port.
	ErrBusy = errors.New("port is held by another program")
	// ErrStuck says that the browser does not end the opening or closing of a port.
	ErrStuck  = errors.New("port is neither opened nor let go")
	ErrClosed = errors.New("port is closed")
	// ErrUnsupported says that a port lacks a modem line or cannot send a break. It is no fault: another
	// way is tried.
	ErrUnsupported = errors.New("port cannot do that")
)

// IsTimeout reports whether a read only got nothing in time.
func IsTimeout(err error) bool {
	if errors.Is(err, ErrTimeout) {
		return true
	}
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
