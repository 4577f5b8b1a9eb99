package emulator

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"
)

// duplex is a host outside the emulator.
type duplex struct {
	io.Reader
	io.Writer
}

func TestAttach(t *testing.T) {
	b := lineBoard(t, LineConfig{})
	fromHost, toDevice := io.Pipe()
	fromDevice, toHost := io.Pipe()
	a, err := b.Attach(duplex{fromHost, toHost})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Attach(duplex{}); !errors.Is(err, ErrInUse) {
		t.Errorf("a second host: %v", err)
	}
	if err := b.Host().Open(); !errors.Is(err, ErrInUse) {
		t.Errorf("a port beside it: %v", err)
	}
	go func() {
		buf := make([]byte, 100)
		for {
			n, err := fromDevice.Read(buf)
			if err != nil {
				return
			}
			for i := range n {
				buf[i]++
			}
			if _, err := toDevice.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	wantEnding(t, b.Run(func() {
		if !b.AwaitHost(nil) {
			t.Error("no host")
		}
		for range 50 {
			must(b.Cable().Write([]byte{1, 2, 3}))
			if got := readAll(b, 3); !bytes.Equal(got, []byte{2, 3, 4}) {
				t.Errorf("got % x", got)
			}
		}
		start := time.Now()
		if n, err := b.Cable().Read(make([]byte, 1), 30*time.Millisecond); n != 0 || err != nil || time.Since(start) < 30*time.Millisecond {
			t.Errorf("%d bytes, %v, after %v", n, err, time.Since(start))
		}
		secure(b)
		start = time.Now()
		at := b.Clock().Now()
		for range 100 {
			eraseNow(b.Flash(), 8192, 4096)
		}
		if b.Clock().Now()-at != 4500*time.Millisecond || time.Since(start) > 2*time.Second {
			t.Errorf("100 erases took %v, in real time %v", b.Clock().Now()-at, time.Since(start))
		}
		a.Break(10 * time.Millisecond)
		_, _ = b.Cable().Read(make([]byte, 1), time.Second)
		if !b.Cable().Break() {
			t.Error("no break")
		}
		must(b.Cable().Write([]byte("last")))
		a.Flush()
	}), EndReturned)
	if now := b.Clock().Now(); now < 75*time.Millisecond {
		t.Errorf("only %v passed", now)
	}
	a.Detach()
	if b.Attached() {
		t.Error("still attached")
	}
	_ = toDevice.Close()
	_ = toHost.Close()
}

// A cut ends a wait for a host outside at once.
func TestCutWhileAttached(t *testing.T) {
	b := lineBoard(t, LineConfig{})
	fromHost, toDevice := io.Pipe()
	_, toHost := io.Pipe()
	a, err := b.Attach(duplex{fromHost, toHost})
	if err != nil {
		t.Fatal(err)
	}
	wantEnding(t, b.Run(func() {
		go b.Cut(NotBegun)
		_, _ = b.Cable().Read(make([]byte, 1), time.Hour)
	}), EndCut)
	a.Detach()
	_ = toDevice.Close()
}

// waited says whether the device has waited in real time for d.
func waited(b *Board, d time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.since.IsZero() && time.Since(b.since) >= d
}

// What a host sends after a silence begins when it is sent: a frame longer than the receive buffer
// arrives byte by byte, as fast as the line, and a device that reads loses none of it.
func TestFrameAfterSilence(t *testing.T) {
	const silence = 20 * time.Millisecond
	b := lineBoard(t, LineConfig{Baud: 1_000_000}) // 857 bytes in 8.57 ms
	fromHost, toDevice := io.Pipe()
	a, err := b.Attach(duplex{fromHost, io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	frame := pattern(857, 7)
	wantEnding(t, b.Run(func() {
		began := b.Clock().Now()
		go func() {
			for !waited(b, silence) {
				runtime.Gosched()
			}
			_, _ = toDevice.Write(frame)
		}()
		var got []byte
		for p := make([]byte, 64); len(got) < len(frame); {
			n, err := b.Cable().Read(p, 10*time.Second)
			must(err)
			if n == 0 {
				break
			}
			got = append(got, p[:n]...)
		}
		if !bytes.Equal(got, frame) {
			t.Errorf("%d bytes of %d arrived, %+v", len(got), len(frame), b.LineStats())
		}
		if took := b.Clock().Now() - began; took < silence+chars(len(frame), 1_000_000) {
			t.Errorf("all was there after %v", took)
		}
	}), EndReturned)
	a.Detach()
	_ = toDevice.Close()
}

// TestAttachedLines: the modem lines of an attached host reset the device and hold its pin, as a port's do.
func TestAttachedLines(t *testing.T) {
	b := lineBoard(t, LineConfig{Reset: RTS, Pin: DTR})
	r, w := io.Pipe()
	defer w.Close()
	a, err := b.Attach(duplex{r, io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Detach()
	e := b.Run(func() {
		a.SetDTR(true)
		if !b.Pin() {
			t.Error("DTR does not hold the pin")
		}
		a.SetDTR(false)
		a.SetRTS(true)
		b.Clock().Spend(time.Second)
		t.Error("RTS does not reset")
	})
	if e.Kind != EndReset || e.Cause != CauseLine {
		t.Errorf("got %+v", e)
	}
	a.SetRTS(false)
	if e := b.Run(func() {}); e.Kind != EndReturned {
		t.Errorf("released: %+v", e)
	}
}
