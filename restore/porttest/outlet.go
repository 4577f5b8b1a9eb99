package porttest

import (
	"errors"
	"sync"
	"time"

	"unbrick/restore"
)

// ErrHeld says that an outlet has an opening that was not closed.
var ErrHeld = errors.New("port is open")

// Outlet makes the fakes of tests as strict as a port of a machine: it has one opening at a time, and what was
// closed does nothing any more, whoever has opened it since.
type Outlet struct {
	mu   sync.Mutex
	open *Opening
}

// Opening is one opening of an Outlet. What the port below cannot do is unsupported.
type Opening struct {
	outlet *Outlet
	port   restore.Port

	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup
	ended  chan struct{} // the port below is closed
}

// Open opens the outlet with a port that is closed now.
func (o *Outlet) Open(open func() (restore.Port, error)) (*Opening, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open != nil {
		return nil, ErrHeld
	}
	port, err := open()
	if err != nil {
		return nil, err
	}
	o.open = &Opening{outlet: o, port: port, ended: make(chan struct{})}
	return o.open, nil
}

// use begins what is done with the port below.
func (p *Opening) use() (done func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, restore.ErrClosed
	}
	p.work.Add(1)
	return p.work.Done, nil
}

// Closed reports whether it was closed.
func (p *Opening) Closed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

func (p *Opening) do(f func() error) error {
	done, err := p.use()
	if err != nil {
		return err
	}
	defer done()
	return f()
}

// Read implements restore.Port.
func (p *Opening) Read(b []byte, wait time.Duration) (n int, err error) {
	err = p.do(func() (err error) { n, err = p.port.Read(b, wait); return err })
	return n, err
}

// Write implements restore.Port.
func (p *Opening) Write(b []byte) error { return p.do(func() error { return p.port.Write(b) }) }

// Now implements restore.Port.
func (p *Opening) Now() time.Duration { return p.port.Now() }

// Close implements restore.Port. It returns when nothing is under way any more.
func (p *Opening) Close() error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	if again {
		<-p.ended
		return nil
	}
	err := p.port.Close()
	p.work.Wait()
	p.outlet.mu.Lock()
	p.outlet.open = nil
	p.outlet.mu.Unlock()
	close(p.ended)
	return err
}

// Break implements restore.Breaker.
func (p *Opening) Break(d time.Duration) error {
	b, ok := p.port.(restore.Breaker)
	if !ok {
		return restore.ErrUnsupported
	}
	return p.do(func() error { return b.Break(d) })
}

func (p *Opening) line(set func(restore.Signals) error) error {
	s, ok := p.port.(restore.Signals)
	if !ok {
		return restore.ErrUnsupported
	}
	return p.do(func() error { return set(s) })
}

// SetDTR implements restore.Signals.
func (p *Opening) SetDTR(on bool) error {
	return p.line(func(s restore.Signals) error { return s.SetDTR(on) })
}

// SetRTS implements restore.Signals.
func (p *Opening) SetRTS(on bool) error {
	return p.line(func(s restore.Signals) error { return s.SetRTS(on) })
}

// SetSpeed implements restore.Speeder.
func (p *Opening) SetSpeed(baud uint32) error {
	s, ok := p.port.(restore.Speeder)
	if !ok {
		return restore.ErrUnsupported
	}
	return p.do(func() error { return s.SetSpeed(baud) })
}
