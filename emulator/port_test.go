package emulator

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestModemLines(t *testing.T) {
	b := lineBoard(t, LineConfig{Reset: RTS, Pin: DTR})
	p := b.Host()
	must(p.Open())
	b.PowerOn()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer p.Close()
		_, _ = p.Read(make([]byte, 1), 5*time.Millisecond)
		must(p.SetDTR(true))
		must(p.SetRTS(true))
		_, _ = p.Read(make([]byte, 1), 100*time.Millisecond) // held that long
		must(p.SetRTS(false))
		buf := make([]byte, 4)
		n, err := p.Read(buf, time.Second)
		if err != nil || string(buf[:n]) != "boot" || p.Now() > 106*time.Millisecond {
			t.Errorf("%q, %v at %v", buf[:n], err, p.Now())
		}
		must(p.SetDTR(false))
	}()
	e := b.Run(func() {
		if b.Pin() {
			t.Error("the pin is set at first")
		}
		_, _ = b.Cable().Read(make([]byte, 1), time.Hour)
		t.Error("after a reset")
	})
	wantEnding(t, e, EndReset)
	if e.Cause != CauseLine {
		t.Errorf("cause %v", e.Cause)
	}
	b.Run(func() {
		if !b.Pin() || b.Clock().Now() != 105*time.Millisecond {
			t.Errorf("pin %v at %v", b.Pin(), b.Clock().Now())
		}
		must(b.Cable().Write([]byte("boot")))
	})
	<-done
	if b.Pin() {
		t.Error("the pin stays set")
	}
	b.SetPin(true)
	if !b.Pin() {
		t.Error("the pin's own switch does nothing")
	}
}

func TestCutEndsAWrite(t *testing.T) {
	b := lineBoard(t, LineConfig{Baud: 1_000_000})
	p := b.Host()
	must(p.Open())
	b.PowerOn()
	var got []byte
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer p.Close()
		for {
			buf := make([]byte, 10)
			n, err := p.Read(buf, time.Second)
			if err != nil {
				return
			}
			if got = append(got, buf[:n]...); len(got) == 30 {
				b.Cut(NotBegun)
			}
		}
	}()
	wantEnding(t, b.Run(func() { _ = b.Cable().Write(pattern(100, 1)) }), EndCut)
	<-done
	if !bytes.Equal(got, pattern(100, 1)[:30]) {
		t.Errorf("%d bytes left a device that lost power after 30", len(got))
	}
}

func TestPortUse(t *testing.T) {
	b := lineBoard(t, LineConfig{})
	p := b.Host()
	b.PowerOn() // so that a read waits for an agent
	reading := make(chan error)
	must(p.Open())
	go func() { _, err := p.Read(make([]byte, 1), time.Hour); reading <- err }()
	for {
		b.mu.Lock()
		waits := b.host.waiting
		b.mu.Unlock()
		runtime.Gosched()
		if waits {
			break
		}
	}
	if err := p.Write([]byte{1}); !errors.Is(err, ErrInUse) {
		t.Errorf("a second user: %v", err)
	}
	if _, err := b.Attach(nil); !errors.Is(err, ErrInUse) {
		t.Errorf("attach beside a port: %v", err)
	}
	must(p.Close())
	if err := <-reading; !errors.Is(err, ErrClosed) {
		t.Errorf("read of a closed port: %v", err)
	}
	if err := p.Write([]byte{1}); !errors.Is(err, ErrClosed) {
		t.Errorf("write to a closed port: %v", err)
	}
	must(p.Open())
	p.Leave()
	b.Run(func() { b.Clock().Sleep(time.Second) }) // does not wait for the host
	if _, err := p.Read(make([]byte, 1), time.Second); !errors.Is(err, ErrTimeout) {
		t.Errorf("after Leave: %v", err)
	}
}

func TestHostIsHeldBackByTheWire(t *testing.T) {
	b := lineBoard(t, LineConfig{Baud: 1_000_000, Depth: 1 << 16})
	must(b.Host().Write(pattern(20000, 1)))
	if got := b.Host().Now(); got != 159040*time.Microsecond { // all but 4096 of 20000 characters of 10 µs
		t.Errorf("writing 20000 bytes took %v", got)
	}
}

// A long stream must not make the wire's memory grow.
func TestWireIsBounded(t *testing.T) {
	b := lineBoard(t, LineConfig{Baud: 1_000_000})
	together(t, b, func() { readAll(b, 300_000) }, func(p *Port) {
		for range 3000 {
			must(p.Write(pattern(100, 1)))
		}
	})
	if s := b.LineStats(); cap(b.line.down.queue) > 8*hostOut || s.Overrun != 0 || s.Unheard != 0 {
		t.Errorf("room for %d bytes under way, %+v", cap(b.line.down.queue), s)
	}
}

func TestOutsideAndAwaitHost(t *testing.T) {
	b := lineBoard(t, LineConfig{})
	p := b.Host()
	b.PowerOn()
	order := make(chan string, 10)
	stop := make(chan struct{})
	go func() {
		must(p.Open()) // the agent is awake by the time this reads
		n, err := p.Read(make([]byte, 2), time.Second)
		order <- name("host read ", n, " ", err)
		_, err = p.Read(make([]byte, 2), time.Hour) // the agent is outside
		order <- name("host read ", err)
		close(stop)
		must(p.Close())
	}()
	b.Run(func() {
		if !b.AwaitHost(nil) {
			t.Error("no host")
		}
		must(b.Cable().Write([]byte("hi")))
		b.Outside(func() { <-stop })
		for p.state == portOpen {
			b.Clock().Sleep(time.Millisecond)
		}
		if b.AwaitHost(stop) {
			t.Error("a host that went")
		}
	})
	if got := []string{<-order, <-order}; !slices.Equal(got, []string{"host read 2 <nil>", "host read timeout"}) {
		t.Errorf("got %q", got)
	}
}

func TestPace(t *testing.T) {
	b := lineBoard(t, LineConfig{})
	var total time.Duration
	b.SetPace(func(d time.Duration) {
		if d > 20*time.Millisecond || d <= 0 {
			t.Errorf("a step of %v", d)
		}
		total += d
		_ = b.SectorState(0) // the hook may look
	})
	b.Run(func() {
		secure(b)
		eraseNow(b.Flash(), 8192, 4096)
		b.Clock().Sleep(time.Second)
	})
	if total != 1045*time.Millisecond {
		t.Errorf("%v passed, 1.045 s was told", total)
	}
}
