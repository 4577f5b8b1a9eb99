// Package porttest is the contract of restore.Port as checks that every implementation passes: one port that is
// exclusive, whose openings come one after the other, and that tells a time-out from its end.
package porttest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"unbrick/restore"
)

// patience bounds what must happen; it only runs out when the port is wrong, or loses bytes.
const patience = 20 * time.Second

// short is a wait that is meant to run out.
const short = 30 * time.Millisecond

// TB is what a check needs of a test.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Rig is one port of a machine, and the device at its far end. What is nil cannot be done here.
type Rig struct {
	Open   func(baud uint32) (restore.Port, error) // the one port
	Busy   error                                   // what an opening beside another fails with
	Send   func(b []byte)                          // the device says b
	Recv   func(n int) []byte                      // what the device has received, once that is n bytes or the patience is over
	Unplug func()                                  // the adapter is pulled out
	Refuse func(n int)                             // the next n openings fail for the system's own reasons
}

// Check is one of the contract.
type Check struct {
	Name string
	Run  func(t TB, r *Rig)
}

// Run runs all checks, each with a rig of its own, which registers its own cleanup.
func Run(t *testing.T, rig func(t *testing.T) *Rig) {
	for _, c := range Checks() {
		t.Run(c.Name, func(t *testing.T) { c.Run(t, rig(t)) })
	}
}

// Checks returns the contract.
func Checks() []Check {
	return []Check{
		{"a port that is open cannot be opened again", exclusive},
		{"close frees the port before it returns", frees},
		{"close again harms no later opening", closesOnce},
		{"an opening that fails leaves nothing behind", refused},
		{"a read that gets nothing is a time-out, and no sooner", timesOut},
		{"a read gives what is there, in pieces and whole", reads},
		{"the device may speak first", speaksFirst},
		{"every byte arrives as it is, both ways", transparent},
		{"write hands over all, and keeps nothing", writes},
		{"close ends a waiting read", endsRead},
		{"a closed port does nothing any more", closed},
		{"a port that is pulled out ends, and can be closed", unplugged},
		{"pulling out ends a waiting read", unplugEndsRead},
		{"a break and modem lines work or are unsupported", lines},
		{"another speed keeps the port", speed},
		{"a closed port stays closed when its speed is set", speedOfClosed},
		{"close wins over a change of speed", closeWhileSpeed},
	}
}

func open(t TB, r *Rig) restore.Port {
	t.Helper()
	p, err := r.Open(115200)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return p
}

func timeout(err error) bool {
	var to interface{ Timeout() bool }
	return errors.Is(err, restore.ErrTimeout) || errors.As(err, &to) && to.Timeout()
}

// collect reads n bytes with a buffer of so many.
func collect(t TB, p restore.Port, n, buffer int) []byte {
	t.Helper()
	var all []byte
	end := p.Now() + patience
	for len(all) < n && p.Now() < end {
		b := make([]byte, buffer)
		k, err := p.Read(b, time.Second)
		switch {
		case k < 0 || k > len(b):
			t.Fatalf("read of %d bytes into %d", k, len(b))
		case k > 0 && err != nil:
			t.Fatalf("read gave %d bytes and the error %v", k, err)
		case k == 0 && err == nil:
			t.Fatalf("read gave nothing, and no error")
		case err != nil && !timeout(err):
			t.Fatalf("read after %d bytes: %v", len(all), err)
		}
		all = append(all, b[:k]...)
	}
	return all
}

func same(t TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes %.40q, want %d bytes %.40q", what, len(got), got, len(want), want)
	}
}

func exclusive(t TB, r *Rig) {
	p := open(t, r)
	if q, err := r.Open(115200); err == nil {
		q.Close()
		t.Errorf("a second opening succeeded")
	} else if r.Busy != nil && !errors.Is(err, r.Busy) {
		t.Errorf("a second opening: got %v, want %v", err, r.Busy)
	}
	// The one that was refused has not harmed the first.
	r.Send([]byte("still"))
	same(t, "after the refusal", collect(t, p, 5, 64), []byte("still"))
	p.Close()
}

func frees(t TB, r *Rig) {
	for i := range 5 {
		p := open(t, r)
		word := fmt.Appendf(nil, "opening %d", i)
		r.Send(word)
		same(t, "read", collect(t, p, len(word), 64), word)
		if err := p.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

func closesOnce(t TB, r *Rig) {
	first := open(t, r)
	first.Close()
	second := open(t, r)
	first.Close()
	if q, err := r.Open(115200); err == nil {
		q.Close()
		t.Errorf("the port was given away twice")
	}
	r.Send([]byte("mine"))
	same(t, "the second opening", collect(t, second, 4, 64), []byte("mine"))
	second.Close()
	second.Close()
}

func refused(t TB, r *Rig) {
	if r.Refuse == nil {
		return
	}
	r.Refuse(2)
	for range 2 {
		if p, err := r.Open(115200); err == nil {
			p.Close()
			t.Fatalf("an opening that fails succeeded")
		} else if timeout(err) {
			t.Errorf("an opening that fails: got the time-out %v", err)
		}
	}
	p := open(t, r)
	r.Send([]byte("now"))
	same(t, "read", collect(t, p, 3, 64), []byte("now"))
	p.Close()
}

func timesOut(t TB, r *Rig) {
	p := open(t, r)
	defer p.Close()
	for _, wait := range []time.Duration{short, 0, -time.Second, short} {
		before := p.Now()
		n, err := p.Read(make([]byte, 16), wait)
		if n != 0 || !timeout(err) {
			t.Errorf("read for %v: got %d, %v, want a time-out", wait, n, err)
		}
		// Clocks of systems are coarse, by a tick.
		if took := p.Now() - before; took < wait-2*time.Millisecond {
			t.Errorf("a read for %v gave up after %v", wait, took)
		}
	}
	r.Send([]byte("after"))
	same(t, "behind the time-outs", collect(t, p, 5, 64), []byte("after"))
}

func reads(t TB, r *Rig) {
	p := open(t, r)
	defer p.Close()
	text := bytes.Repeat([]byte("0123456789"), 40)
	for _, buffer := range []int{1, 7, 64, 4096} {
		r.Send(text)
		same(t, fmt.Sprintf("buffer of %d", buffer), collect(t, p, len(text), buffer), text)
	}
	// More room than there is must not make it wait for more.
	r.Send([]byte("x"))
	before := p.Now()
	n, err := p.Read(make([]byte, 4096), patience)
	if n != 1 || err != nil || p.Now()-before >= patience {
		t.Errorf("one byte for a large buffer: got %d, %v after %v", n, err, p.Now()-before)
	}
}

func speaksFirst(t TB, r *Rig) {
	p := open(t, r)
	p.Close()
	// What comes while nobody has the port open may be lost; it must not end or spoil the next opening.
	p = open(t, r)
	defer p.Close()
	r.Send([]byte("*** Booting ***\r\n"))
	same(t, "before anything was written", collect(t, p, 17, 64), []byte("*** Booting ***\r\n"))
	if err := p.Write([]byte("answer")); err != nil {
		t.Fatalf("write: %v", err)
	}
	same(t, "the device", r.Recv(6), []byte("answer"))
}

func transparent(t TB, r *Rig) {
	p := open(t, r)
	defer p.Close()
	all := make([]byte, 0, 512)
	for i := range 256 {
		all = append(all, byte(i), byte(255-i))
	}
	if err := p.Write(all); err != nil {
		t.Fatalf("write: %v", err)
	}
	same(t, "the device", r.Recv(len(all)), all)
	r.Send(all)
	same(t, "the host", collect(t, p, len(all), 100), all)
}

func writes(t TB, r *Rig) {
	p := open(t, r)
	defer p.Close()
	if err := p.Write(nil); err != nil {
		t.Errorf("write of nothing: %v", err)
	}
	text := make([]byte, 3000)
	for i := range text {
		text[i] = byte(i * 7)
	}
	mine := slices.Clone(text)
	if err := p.Write(mine); err != nil {
		t.Fatalf("write: %v", err)
	}
	clear(mine) // the port has no claim on it any more
	if err := p.Write([]byte("end")); err != nil {
		t.Fatalf("write: %v", err)
	}
	text = append(text, "end"...)
	// A host writes the next frame as soon as the last is taken.
	for i := range 200 {
		b := []byte{byte(i), byte(i >> 8)}
		if err := p.Write(b); err != nil {
			t.Fatalf("write %d, one right behind the other: %v", i, err)
		}
		text = append(text, b...)
	}
	same(t, "the device", r.Recv(len(text)), text)
}

// waitEnds runs a read that waits, does something, and returns how the read ended.
func waitEnds(t TB, p restore.Port, do func()) error {
	t.Helper()
	got := make(chan error, 1)
	begun := make(chan struct{})
	go func() {
		close(begun)
		for {
			if n, err := p.Read(make([]byte, 8), time.Minute); n == 0 {
				got <- err
				return
			}
		}
	}()
	<-begun
	do()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-got:
		return err
	case <-timer.C:
		t.Fatalf("the read goes on")
	}
	return nil
}

func endsRead(t TB, r *Rig) {
	p := open(t, r)
	if err := waitEnds(t, p, func() { p.Close() }); err == nil || timeout(err) {
		t.Errorf("the read ended with %v", err)
	}
	open(t, r).Close()
}

func closed(t TB, r *Rig) {
	p := open(t, r)
	p.Close()
	q := open(t, r) // nothing of what p does may reach this one
	defer q.Close()
	r.Send([]byte("for q"))
	if n, err := p.Read(make([]byte, 8), short); n != 0 || err == nil || timeout(err) {
		t.Errorf("read: got %d, %v", n, err)
	}
	if err := p.Write([]byte("from p")); err == nil || timeout(err) {
		t.Errorf("write: got %v", err)
	}
	if b, ok := p.(restore.Breaker); ok && b.Break(time.Millisecond) == nil {
		t.Errorf("a break was sent")
	}
	if s, ok := p.(restore.Signals); ok && (s.SetDTR(true) == nil || s.SetRTS(true) == nil) {
		t.Errorf("a modem line was set")
	}
	same(t, "the open one", collect(t, q, 5, 64), []byte("for q"))
	if err := q.Write([]byte("from q")); err != nil {
		t.Fatalf("write: %v", err)
	}
	same(t, "the device", r.Recv(6), []byte("from q"))
}

func unplugged(t TB, r *Rig) {
	if r.Unplug == nil {
		return
	}
	p := open(t, r)
	r.Unplug()
	end := p.Now() + patience
	for {
		_, err := p.Read(make([]byte, 8), time.Second)
		if err != nil && !timeout(err) {
			break
		}
		if p.Now() > end {
			t.Fatalf("a read never notices")
		}
	}
	// From then on it is gone for good: no time-out, no success.
	for range 3 {
		if n, err := p.Read(make([]byte, 8), short); n != 0 || err == nil || timeout(err) {
			t.Errorf("read: got %d, %v", n, err)
		}
	}
	if err := p.Write(make([]byte, 4096)); err == nil || timeout(err) {
		t.Errorf("write: got %v", err)
	}
	p.Close()
	p.Close()
}

func unplugEndsRead(t TB, r *Rig) {
	if r.Unplug == nil {
		return
	}
	p := open(t, r)
	if err := waitEnds(t, p, r.Unplug); err == nil || timeout(err) {
		t.Errorf("the read ended with %v", err)
	}
	p.Close()
}

func lines(t TB, r *Rig) {
	p := open(t, r)
	defer p.Close()
	good := func(what string, err error) {
		if err != nil && !errors.Is(err, restore.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if s, ok := p.(restore.Signals); ok {
		for _, on := range []bool{true, false} {
			good("DTR", s.SetDTR(on))
			good("RTS", s.SetRTS(on))
		}
	}
	if b, ok := p.(restore.Breaker); ok {
		const d = 20 * time.Millisecond
		before := p.Now()
		err := b.Break(d)
		good("break", err)
		if took := p.Now() - before; err == nil && took < d-2*time.Millisecond {
			t.Errorf("a break of %v was over after %v", d, took)
		}
	}
	if err := p.Write([]byte("behind")); err != nil {
		t.Fatalf("write: %v", err)
	}
	if got := r.Recv(6); !bytes.HasSuffix(got, []byte("behind")) { // a break is a byte to some
		t.Errorf("the device: got %q", got)
	}
}

func speed(t TB, r *Rig) {
	p := open(t, r)
	s, ok := p.(restore.Speeder)
	if !ok {
		p.Close()
		return
	}
	for _, baud := range []uint32{115200, 57600, 57600, 115200} {
		if err := s.SetSpeed(baud); errors.Is(err, restore.ErrUnsupported) {
			continue
		} else if err != nil {
			t.Fatalf("speed %d: %v", baud, err)
		}
		if q, err := r.Open(115200); err == nil {
			q.Close()
			t.Errorf("speed %d: the port was let go", baud)
		}
	}
	if err := p.Write([]byte("speed")); err != nil {
		t.Fatalf("write: %v", err)
	}
	same(t, "the device", r.Recv(5), []byte("speed"))
	r.Send([]byte("same"))
	same(t, "the host", collect(t, p, 4, 64), []byte("same"))
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	open(t, r).Close()
}

func speedOfClosed(t TB, r *Rig) {
	p := open(t, r)
	p.Close()
	if s, ok := p.(restore.Speeder); ok && s.SetSpeed(57600) == nil {
		t.Errorf("the speed of a closed port was set")
	}
	open(t, r).Close()
}

func closeWhileSpeed(t TB, r *Rig) {
	p := open(t, r)
	s, ok := p.(restore.Speeder)
	if !ok {
		p.Close()
		return
	}
	done := make(chan struct{})
	begun := make(chan struct{})
	go func() {
		defer close(done)
		close(begun)
		for _, baud := range []uint32{57600, 38400, 115200} {
			if s.SetSpeed(baud) != nil {
				return
			}
		}
	}()
	<-begun
	p.Close()
	<-done
	// Whichever came first: it is closed now.
	q, err := r.Open(115200)
	if err != nil {
		t.Fatalf("the port is still held: %v", err)
	}
	q.Close()
}
