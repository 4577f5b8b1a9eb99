package engine_test

import (
	"context"
	"runtime"
	"sync"

	"unbrick/restore"
	"unbrick/restore/porttest"
	"unbrick/webui/engine"
)

// turns is how often another goroutine may run while a port is opened or closed: nothing that a browser does with
// a port is done at once.
const turns = 300

// outlet is the one opening that a cable's port has, as Web Serial has it: it cannot be opened, or even be listed
// meanwhile, before the last close has ended. Whoever tries is told so, and the test fails.
type outlet struct {
	mu   sync.Mutex
	use  string // what is done with it; empty: nothing
	pass func() // while it is opened or closed; nil: other goroutines run
	porttest.Outlet
}

// begin notes that something is done with the port, which only one may.
func (o *outlet) begin(s *stand, what string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.use != "" {
		s.Errorf("the page would %s a port that it has itself: %s", what, o.use)
		return false
	}
	o.use = what
	return true
}

func (o *outlet) becomes(use string) {
	o.mu.Lock()
	o.use = use
	pass := o.pass
	o.mu.Unlock()
	if pass != nil && use != "" {
		pass()
		return
	}
	for range turns {
		runtime.Gosched()
	}
}

// strictPorts are the stand's ports with one outlet.
type strictPorts struct {
	s *stand
	engine.Ports
}

func (p *strictPorts) List(ctx context.Context) ([]engine.PortInfo, error) {
	if !p.s.outlet.begin(p.s, "list") {
		return nil, restore.ErrStuck
	}
	defer p.s.outlet.becomes("")
	return p.Ports.List(ctx)
}

func (p *strictPorts) Open(ctx context.Context, i int, baud uint32) (restore.Port, error) {
	o := p.s.outlet
	if !o.begin(p.s, "open") {
		return nil, restore.ErrStuck
	}
	o.becomes("opening")
	var gone <-chan struct{}
	opening, err := o.Open(func() (restore.Port, error) {
		port, err := p.Ports.Open(ctx, i, baud)
		if l, ok := port.(restore.Leaver); ok {
			gone = l.Gone()
		}
		return port, err
	})
	if err != nil {
		o.becomes("")
		return nil, err
	}
	o.mu.Lock()
	o.use = "open"
	o.mu.Unlock()
	return &strictPort{Opening: opening, s: p.s, gone: gone}, nil
}

// strictPort is an open one.
type strictPort struct {
	*porttest.Opening
	s      *stand
	closed sync.Once
	gone   <-chan struct{}
}

// Gone implements restore.Leaver.
func (p *strictPort) Gone() <-chan struct{} { return p.gone }

func (p *strictPort) Close() (err error) {
	p.closed.Do(func() {
		p.s.outlet.becomes("closing")
		err = p.Opening.Close()
		p.s.outlet.mu.Lock()
		p.s.outlet.use = ""
		p.s.outlet.mu.Unlock()
	})
	return err
}

// SetSpeed closes the port and opens it again, as the browser does.
func (p *strictPort) SetSpeed(baud uint32) error {
	p.s.outlet.becomes("changing its speed")
	defer p.s.outlet.becomes("open")
	return p.Opening.SetSpeed(baud)
}

// free fails unless nothing is done with the port.
func (s *stand) free() {
	s.Helper()
	s.outlet.mu.Lock()
	defer s.outlet.mu.Unlock()
	if s.outlet.use != "" {
		s.Errorf("the port is left: %s", s.outlet.use)
	}
}
