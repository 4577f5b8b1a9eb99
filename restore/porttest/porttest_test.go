package porttest

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"unbrick/restore"
)

var errBusy = errors.New("held")

// sloppy is a mistake of a port, or none.
type sloppy string

// mistakes are all that the suite must find.
var mistakes = []sloppy{
	"opens twice", "refusal harms the first", "close does not free", "close frees later", "second close frees another's", "failed opening keeps the port",
	"nothing without an error", "time-out at once", "time-out is no time-out", "waits for a full buffer", "loses what the buffer does not hold", "speaks only when spoken to",
	"spoils zeros", "turns line feeds", "writes a part", "is busy right behind a write", "keeps the buffer", "close leaves reads waiting", "closed read times out", "closed write succeeds",
	"closed break succeeds", "closed lines succeed", "unplugged read times out", "unplugged write succeeds", "unplugging leaves reads waiting", "break returns at once",
	"lines fail", "speed lets go", "speed loses the port", "speed opens a closed port", "speed wins over close", "reads with an error",
}

// machine is one port of memory and the device at it.
type machine struct {
	sloppy sloppy

	mu     sync.Mutex
	holder *memory
	refuse int
	gone   bool
	in     []byte // to the device
	change chan struct{}
}

func (m *machine) changed() {
	close(m.change)
	m.change = make(chan struct{})
}

type memory struct {
	m      *machine
	start  time.Time
	back   []byte // to the host
	err    error
	talked bool
	wrote  int
	kept   [][]byte
}

func (m *machine) open(uint32) (restore.Port, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.holder != nil && m.sloppy != "opens twice" {
		if m.sloppy == "refusal harms the first" {
			m.holder.err = restore.ErrVanished
		}
		return nil, errBusy
	}
	if m.refuse > 0 {
		m.refuse--
		if m.sloppy == "failed opening keeps the port" {
			m.holder = &memory{m: m}
		}
		return nil, errors.New("the system says no")
	}
	m.holder = &memory{m: m, start: time.Now()}
	return m.holder, nil
}

func (m *machine) send(b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.holder
	if p == nil || m.sloppy == "speaks only when spoken to" && !p.talked {
		return
	}
	for _, c := range b {
		switch {
		case m.sloppy == "spoils zeros" && c == 0:
			c = 1
		case m.sloppy == "turns line feeds" && c == '\n':
			p.back = append(p.back, '\r')
		}
		p.back = append(p.back, c)
	}
	m.changed()
}

func (m *machine) recv(n int) []byte {
	timer := time.NewTimer(patience)
	if m.sloppy != "" {
		timer.Reset(50 * time.Millisecond) // what is missing stays so
	}
	defer timer.Stop()
	for {
		m.mu.Lock()
		in, change := m.in, m.change
		if len(in) >= n {
			m.in = nil
			m.mu.Unlock()
			return in
		}
		m.mu.Unlock()
		select {
		case <-change:
		case <-timer.C:
			return in
		}
	}
}

func (m *machine) unplug() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = true
	if m.holder != nil {
		m.holder.err = restore.ErrVanished
	}
	if m.sloppy != "unplugging leaves reads waiting" {
		m.changed()
	}
}

func (p *memory) Read(b []byte, wait time.Duration) (int, error) {
	m := p.m
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	if m.sloppy == "time-out at once" {
		timer.Reset(time.Microsecond)
	}
	for {
		m.mu.Lock()
		n, err, change := 0, p.err, m.change
		if m.sloppy != "waits for a full buffer" || len(p.back) >= len(b) {
			n = copy(b, p.back)
		}
		if p.back = p.back[n:]; n > 0 && m.sloppy == "loses what the buffer does not hold" {
			p.back = nil
		}
		m.mu.Unlock()
		switch {
		case n > 0 && m.sloppy == "reads with an error":
			return n, restore.ErrTimeout
		case n > 0:
			return n, nil
		case errors.Is(err, restore.ErrClosed) && m.sloppy == "closed read times out", errors.Is(err, restore.ErrVanished) && m.sloppy == "unplugged read times out":
			<-timer.C
			return 0, restore.ErrTimeout
		case err != nil:
			return 0, err
		}
		select {
		case <-change:
		case <-timer.C:
			switch m.sloppy {
			case "nothing without an error":
				return 0, nil
			case "time-out is no time-out":
				return 0, errors.New("nothing")
			}
			return 0, restore.ErrTimeout
		}
	}
}

func (p *memory) Write(b []byte) error {
	m := p.m
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case errors.Is(p.err, restore.ErrClosed) && m.sloppy == "closed write succeeds", errors.Is(p.err, restore.ErrVanished) && m.sloppy == "unplugged write succeeds":
		return nil
	case p.err != nil:
		return p.err
	}
	p.talked = true
	if m.sloppy == "is busy right behind a write" && p.wrote == 20 {
		return restore.ErrVanished
	}
	p.wrote++
	if m.sloppy == "writes a part" && len(b) > 1000 {
		b = b[:1000]
	}
	if m.sloppy == "keeps the buffer" {
		// It goes out with the next one.
		p.kept = append(p.kept, b)
		if len(p.kept) > 1 || len(b) < 1000 {
			m.in = append(m.in, slices.Concat(p.kept...)...)
			p.kept = nil
		}
	} else {
		m.in = append(m.in, b...)
	}
	m.changed()
	return nil
}

func (p *memory) Now() time.Duration { return time.Since(p.start) }

func (p *memory) Close() error {
	m := p.m
	m.mu.Lock()
	defer m.mu.Unlock()
	free := m.holder == p || m.sloppy == "second close frees another's"
	if m.sloppy == "close does not free" {
		free = false
	}
	if p.err == nil {
		p.err = restore.ErrClosed
	}
	if m.sloppy == "close leaves reads waiting" {
		m.holder = nil
		return nil
	}
	if free && m.sloppy == "close frees later" {
		go func() {
			<-time.After(time.Millisecond)
			m.mu.Lock()
			defer m.mu.Unlock()
			m.holder = nil
		}()
	} else if free {
		m.holder = nil
	}
	m.changed()
	return nil
}

func (p *memory) state() error {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	return p.err
}

func (p *memory) Break(d time.Duration) error {
	if err := p.state(); err != nil && p.m.sloppy != "closed break succeeds" {
		return err
	}
	if p.m.sloppy != "break returns at once" {
		<-time.After(d)
	}
	return nil
}

func (p *memory) SetDTR(bool) error {
	if p.m.sloppy == "lines fail" {
		return errors.New("inappropriate ioctl for device")
	}
	if err := p.state(); err != nil && p.m.sloppy != "closed lines succeed" {
		return err
	}
	return nil
}

func (p *memory) SetRTS(on bool) error { return p.SetDTR(on) }

// SetSpeed closes and opens, as a browser does.
func (p *memory) SetSpeed(uint32) error {
	m := p.m
	if err := p.state(); err != nil {
		if m.sloppy == "speed opens a closed port" {
			m.mu.Lock()
			m.holder = p
			m.mu.Unlock()
			return nil
		}
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.sloppy {
	case "speed lets go":
		m.holder = nil
	case "speed loses the port":
		p.err = restore.ErrVanished
	case "speed wins over close":
		m.mu.Unlock()
		<-time.After(time.Millisecond)
		m.mu.Lock()
		m.holder = p // whoever has closed it meanwhile
	default:
		if p.err != nil {
			return p.err
		}
	}
	return nil
}

func (m *machine) rig() *Rig {
	m.change = make(chan struct{})
	return &Rig{Open: m.open, Busy: errBusy, Send: m.send, Recv: m.recv, Unplug: m.unplug, Refuse: func(n int) { m.mu.Lock(); m.refuse = n; m.mu.Unlock() }}
}

func TestGoodPort(t *testing.T) {
	for _, c := range Checks() {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.Run(t, (&machine{}).rig()) })
		})
	}
}

// recorder is a TB that keeps what a check says first.
type recorder struct{ first string }

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	if r.first == "" {
		r.first = fmt.Sprintf(format, args...)
	}
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// TestEveryMistakeIsFound: a port with one mistake fails, each with at least one check.
func TestEveryMistakeIsFound(t *testing.T) {
	for _, s := range mistakes {
		t.Run(string(s), func(t *testing.T) {
			found := ""
			for _, c := range Checks() {
				r := &recorder{}
				synctest.Test(t, func(*testing.T) {
					done := make(chan struct{})
					go func() {
						defer close(done)
						c.Run(r, (&machine{sloppy: s}).rig())
					}()
					<-done
					<-time.After(2 * time.Minute) // for what a mistake leaves behind
				})
				if r.first != "" {
					found = c.Name + ": " + r.first
					break
				}
			}
			if found == "" {
				t.Fatal("every check passes")
			}
			t.Log(found)
		})
	}
}
