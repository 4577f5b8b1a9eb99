//go:build js && wasm

// Package serial is the cable of the browser: restore.Port over Web Serial.
//
// Line errors that a cable has (break, framing, parity, a full buffer) are counted and survived: the
// browser replaces the stream and reading goes on. Everything else means that the port is gone. A write
// that the browser has accepted proves nothing, which the framing above knows.
package serial

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall/js"
	"time"

	"unbrick/restore"
	"unbrick/wasm/await"
)

const (
	bufferSize = 16 << 10         // bytes that the browser may keep for us between two reads
	maxWaiting = 256 << 10        // bytes that may wait here; a device never has so much in flight
	writeLimit = 10 * time.Second // for one write; a line that takes longer is stuck
	closeLimit = 3 * time.Second  // for each step of closing, which a lost device can keep waiting
	// Setting lines and speed of a port that works: a busy machine takes its time.
	switchLimit = 15 * time.Second
	reopenPause = 50 * time.Millisecond
)

var (
	// ErrBusy says that the system would not open the port, usually because another program holds it.
	ErrBusy = errors.New("port is held by another program")
	// ErrOurs says that the port is open, being opened or being closed in this page.
	ErrOurs = errors.New("port is in use by this page")
)

// Port is one open serial port. One goroutine may read while another writes; Close may be called from
// any.
type Port struct {
	port  js.Value
	start time.Time
	turn  chan struct{} // holds a value while the port is closed, or closed and opened anew for another speed

	onRead, onFail js.Func
	offLost        func()

	mu       sync.Mutex
	reader   js.Value
	writer   js.Value
	waiting  []byte
	lost     error // why nothing comes any more
	errors   int   // survived line errors
	dropped  int   // bytes that did not fit
	arrived  chan struct{}
	gone     chan struct{} // closed with lost
	goneOnce sync.Once
	baud     uint32
	closing  bool     // a stream that ends now was ended by us
	lines    js.Value // modem lines as they were set; undefined: as the system has them
}

var _ restore.Port = (*Port)(nil)

// Open opens a port that the person has allowed. It returns ErrBusy when the system refuses it, restore.ErrVanished
// when the port is gone, and ErrOurs when this page has it. When ctx ends first, a port that opens later is closed.
func Open(ctx context.Context, port js.Value, baud uint32) (*Port, error) {
	p := &Port{port: port, start: time.Now(), turn: make(chan struct{}, 1), arrived: make(chan struct{}, 1), gone: make(chan struct{})}
	if err := p.open(ctx, baud); err != nil {
		return nil, err
	}
	p.attach()
	return p, nil
}

// attach begins to read a port that is open.
func (p *Port) attach() {
	p.onRead = js.FuncOf(func(_ js.Value, args []js.Value) any { p.took(args[0]); return nil })
	p.onFail = js.FuncOf(func(_ js.Value, args []js.Value) any { p.failed(await.ErrorOf(args[0])); return nil })
	p.offLost = await.Listen(p.port, "disconnect", func(js.Value) { p.lose(restore.ErrVanished) })
	p.listen()
}

func (p *Port) open(ctx context.Context, baud uint32) error {
	promise, err := await.Call(p.port, "open", map[string]any{"baudRate": baud, "bufferSize": bufferSize})
	if err == nil {
		_, err = await.Promise(ctx, promise)
		if ctx.Err() != nil {
			await.Then(promise, func(_ js.Value, err error) { // nothing calls an opening off
				if err == nil {
					await.Call(p.port, "close")
				}
			})
		}
	}
	if err != nil {
		return fmt.Errorf("open port: %w", p.refusal(err))
	}
	p.baud = baud
	if err := p.take(); err != nil {
		await.Call(p.port, "close")
		return fmt.Errorf("open port: %w", err)
	}
	return nil
}

// take takes the writing side of an open port.
func (p *Port) take() error {
	writer, err := await.Call(p.port.Get("writable"), "getWriter")
	if err == nil {
		p.writer = writer
	}
	return err
}

// refusal says why a port was not opened. A browser says NetworkError whatever the system says, and does not tell
// another program from a port that is no longer there.
func (p *Port) refusal(err error) error {
	var e *await.Error
	switch {
	case !errors.As(err, &e):
		return err
	case e.Name == "InvalidStateError":
		return fmt.Errorf("%w: %w", ErrOurs, err)
	case e.Name != "NetworkError":
		return err
	case p.port.Get("connected").Equal(js.ValueOf(false)):
		return fmt.Errorf("%w: %w", restore.ErrVanished, err)
	}
	return fmt.Errorf("%w: %w", ErrBusy, err)
}

// listen asks for the next bytes with a new reader. It is called at the start and after a line error,
// also inside callbacks.
func (p *Port) listen() {
	readable := p.port.Get("readable")
	if !readable.Truthy() {
		p.lose(restore.ErrVanished)
		return
	}
	reader, err := await.Call(readable, "getReader")
	if err != nil {
		p.lose(fmt.Errorf("%w: %w", restore.ErrVanished, err))
		return
	}
	p.mu.Lock()
	p.reader = reader
	p.mu.Unlock()
	reader.Call("read").Call("then", p.onRead, p.onFail)
}

// took takes what one read brought. It runs inside the browser's callback.
func (p *Port) took(result js.Value) {
	if result.Get("done").Truthy() { // cancelled: we are closing
		return
	}
	value := result.Get("value")
	n := value.Get("byteLength").Int()
	p.mu.Lock()
	at := len(p.waiting)
	if at+n > maxWaiting {
		p.dropped += n
	} else {
		p.waiting = append(p.waiting, make([]byte, n)...)
		js.CopyBytesToGo(p.waiting[at:], value)
	}
	reader := p.reader
	p.mu.Unlock()
	await.Signal(p.arrived)
	reader.Call("read").Call("then", p.onRead, p.onFail)
}

// failed decides whether an error of the stream is survived. It runs inside the browser's callback.
func (p *Port) failed(err *await.Error) {
	p.mu.Lock()
	reader, closing := p.reader, p.closing
	p.mu.Unlock()
	if closing {
		return
	}
	await.Call(reader, "releaseLock")
	switch err.Name {
	case "BufferOverrunError", "FramingError", "ParityError", "BreakError":
		p.mu.Lock()
		p.errors++
		p.mu.Unlock()
		p.listen()
	default:
		p.lose(fmt.Errorf("%w: %w", restore.ErrVanished, err))
	}
}

func (p *Port) lose(why error) {
	p.goneOnce.Do(func() {
		p.mu.Lock()
		p.lost = why
		p.mu.Unlock()
		close(p.gone)
	})
}

// Now implements restore.Port.
func (p *Port) Now() time.Duration { return time.Since(p.start) }

// Gone implements restore.Leaver.
func (p *Port) Gone() <-chan struct{} { return p.gone }

// LineErrors is how many breaks, framing, parity and overrun errors the line has had.
func (p *Port) LineErrors() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.errors
}

// Read implements restore.Port. What arrived before the port vanished is read first.
func (p *Port) Read(b []byte, wait time.Duration) (int, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		p.mu.Lock()
		n := copy(b, p.waiting)
		p.waiting = p.waiting[:copy(p.waiting, p.waiting[n:])]
		lost := p.lost
		p.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		if lost != nil {
			return 0, lost
		}
		select {
		case <-p.arrived:
		case <-p.gone:
		case <-timer.C:
			return 0, restore.ErrTimeout
		}
	}
}

// Write implements restore.Port. It returns when the browser has taken every byte.
func (p *Port) Write(b []byte) error {
	p.mu.Lock()
	lost, writer := p.lost, p.writer
	p.mu.Unlock()
	if lost != nil {
		return lost
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
	defer cancel()
	if _, err := await.Method(ctx, writer, "write", await.Array(b)); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("write %d bytes: the line is stuck: %w", len(b), err)
		}
		p.lose(fmt.Errorf("%w: %w", restore.ErrVanished, err))
		return restore.ErrVanished
	}
	return nil
}
