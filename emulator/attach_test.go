package emulator

import (
	"bytes"
	"errors"
	"io"
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
