// Package conntest is the contract of protocol.Conn as tests that every implementation passes, and an
// in-memory pair for the tests of others.
package conntest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"unbrick/protocol"
)

// patience bounds what must happen at once; it only runs out when the implementation is wrong.
const patience = 20 * time.Second

// Dial returns the two ends of a fresh connection. It registers its own cleanup.
type Dial func(t *testing.T) (client, server protocol.Conn)

// Run runs the suite over connections from dial.
func Run(t *testing.T, dial Dial) {
	tests := []struct {
		name string
		run  func(t *testing.T, a, b protocol.Conn)
	}{
		{"order", order},
		{"sizes", sizes},
		{"oversize is refused by Send", oversize},
		{"Send does not keep the message", ownership},
		{"both directions at once", concurrent},
		{"messages before a close arrive", before},
		{"Close unblocks own Recv", unblocksOwnRecv},
		{"Close unblocks peer's Recv", unblocksPeerRecv},
		{"Close unblocks own Send", unblocksOwnSend},
		{"Close unblocks peer's Send", unblocksPeerSend},
		{"closed", closed},
		{"both ends name the host", host},
	}
	for _, test := range tests {
		for _, way := range []string{"client to server", "server to client"} {
			t.Run(test.name+", "+way, func(t *testing.T) {
				a, b := dial(t)
				t.Cleanup(func() { a.Close(); b.Close() })
				if way == "server to client" {
					a, b = b, a
				}
				test.run(t, a, b)
			})
		}
	}
}

// Faults make connections whose peer misbehaves, as only the maker of the transport can.
type Faults struct {
	Dead     func(t *testing.T) protocol.Conn // the peer is silent for good; the heartbeat is short
	Half     func(t *testing.T) protocol.Conn // the peer sends half a message and is gone
	Oversize func(t *testing.T) protocol.Conn // the peer sends more than MaxMessage
}

// RunFaults runs the suite's second half.
func RunFaults(t *testing.T, f Faults) {
	for _, test := range []struct {
		name string
		dial func(t *testing.T) protocol.Conn
		want error
	}{
		{"dead peer", f.Dead, protocol.ErrDead},
		{"half a message", f.Half, protocol.ErrClosed},
		{"oversize from the peer", f.Oversize, protocol.ErrTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.dial == nil {
				t.Skip("the transport cannot make this fault")
			}
			c := test.dial(t)
			t.Cleanup(func() { c.Close() })
			sender := make(chan error, 1)
			go func() { sender <- sendOn(c) }()
			err := within(t, func() error {
				msg, err := c.Recv()
				if err == nil {
					t.Errorf("got a message of %d bytes", len(msg))
				}
				return err
			})
			if !errors.Is(err, test.want) {
				t.Errorf("got error %v, want %v", err, test.want)
			}
			if err := within(t, func() error { return <-sender }); !errors.Is(err, test.want) {
				t.Errorf("whoever sends at that moment got error %v, want %v", err, test.want)
			}
		})
	}
}

// sendOn sends until that fails, and returns why.
func sendOn(c protocol.Conn) error {
	for {
		if err := c.Send(message(0, 2)); err != nil {
			return err
		}
	}
}

// message returns the n-th test message, which its reader can recognise.
func message(n, size int) []byte {
	m := bytes.Repeat([]byte{byte(n)}, size)
	if size >= 4 {
		binary.BigEndian.PutUint32(m, uint32(n))
	}
	return m
}

// host checks the name that a terminal's hello is signed for.
func host(t *testing.T, a, b protocol.Conn) {
	if got := a.Host(); got == "" || got != protocol.HostOf(got) || got != b.Host() {
		t.Errorf("the ends say %q and %q", got, b.Host())
	}
}

func order(t *testing.T, a, b protocol.Conn) {
	const count = 300
	size := func(i int) int { return 1 + i*i%3000 }
	sent := make(chan error, 1)
	go func() {
		for i := range count {
			if err := a.Send(message(i, size(i))); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for i := range count {
		got := recv(t, b)
		if !bytes.Equal(got, message(i, size(i))) {
			t.Fatalf("message %d: got %d other bytes", i, len(got))
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func sizes(t *testing.T, a, b protocol.Conn) {
	for _, n := range []int{1, 2, 125, 126, 127, 65535, protocol.MaxMessage - 1, protocol.MaxMessage} {
		sent := make(chan error, 1)
		go func() { sent <- a.Send(message(n, n)) }()
		if got := recv(t, b); !bytes.Equal(got, message(n, n)) {
			t.Fatalf("size %d: got %d bytes", n, len(got))
		}
		if err := <-sent; err != nil {
			t.Fatalf("size %d: %v", n, err)
		}
	}
}

func oversize(t *testing.T, a, b protocol.Conn) {
	if err := a.Send(make([]byte, protocol.MaxMessage+1)); !errors.Is(err, protocol.ErrTooLarge) {
		t.Fatalf("got error %v, want %v", err, protocol.ErrTooLarge)
	}
	if err := a.Send([]byte("still here")); err != nil {
		t.Fatalf("afterwards: %v", err)
	}
	if got := recv(t, b); string(got) != "still here" {
		t.Fatalf("afterwards: got %q", got)
	}
}

func ownership(t *testing.T, a, b protocol.Conn) {
	m := []byte("first")
	if err := a.Send(m); err != nil {
		t.Fatal(err)
	}
	copy(m, "XXXXX")
	if got := recv(t, b); string(got) != "first" {
		t.Fatalf("got %q", got)
	}
}

func concurrent(t *testing.T, a, b protocol.Conn) {
	const count = 200
	errs := make(chan error, 4)
	send := func(c protocol.Conn) {
		for i := range count {
			if err := c.Send(message(i, 2000)); err != nil {
				errs <- err
				return
			}
		}
		errs <- nil
	}
	take := func(c protocol.Conn) {
		for i := range count {
			m, err := c.Recv()
			if err == nil && !bytes.Equal(m, message(i, 2000)) {
				err = errors.New("other bytes than sent")
			}
			if err != nil {
				errs <- err
				return
			}
		}
		errs <- nil
	}
	go send(a)
	go send(b)
	go take(a)
	go take(b)
	for range 4 {
		if err := within(t, func() error { return <-errs }); err != nil {
			t.Fatal(err)
		}
	}
}

func before(t *testing.T, a, b protocol.Conn) {
	const count = 4
	for i := range count {
		if err := a.Send(message(i, 100)); err != nil {
			t.Fatal(err)
		}
	}
	go a.Close()
	for i := range count {
		if got := recv(t, b); !bytes.Equal(got, message(i, 100)) {
			t.Fatalf("message %d: got other bytes", i)
		}
	}
	wantClosed(t, within(t, func() error { _, err := b.Recv(); return err }))
}

func unblocksOwnRecv(t *testing.T, a, _ protocol.Conn)  { unblocksRecv(t, a, a) }
func unblocksPeerRecv(t *testing.T, a, b protocol.Conn) { unblocksRecv(t, a, b) }

func unblocksRecv(t *testing.T, closer, waiter protocol.Conn) {
	got := make(chan error, 1)
	go func() {
		_, err := waiter.Recv()
		got <- err
	}()
	closer.Close()
	wantClosed(t, within(t, func() error { return <-got }))
}

func unblocksOwnSend(t *testing.T, a, b protocol.Conn)  { unblocksSend(t, a, a, b) }
func unblocksPeerSend(t *testing.T, a, b protocol.Conn) { unblocksSend(t, b, a, b) }

// unblocksSend lets one side send until nothing more fits, which shows in that no Send ends any more,
// and closes.
func unblocksSend(t *testing.T, closer, sender, receiver protocol.Conn) {
	sent := make(chan struct{}, 1<<16)
	got := make(chan error, 1)
	go func() {
		for {
			if err := sender.Send(make([]byte, protocol.MaxMessage)); err != nil {
				got <- err
				return
			}
			sent <- struct{}{}
		}
	}()
	for full := false; !full; {
		select {
		case <-sent:
		case err := <-got:
			t.Fatalf("before the close: %v", err)
		case <-time.After(200 * time.Millisecond):
			full = true
		}
	}
	closer.Close()
	wantClosed(t, within(t, func() error { return <-got }))
}

func closed(t *testing.T, a, b protocol.Conn) {
	if err := a.Close(); err != nil {
		t.Errorf("first Close: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	wantClosed(t, within(t, func() error { return a.Send([]byte("x")) }))
	wantClosed(t, within(t, func() error { _, err := a.Recv(); return err }))
	wantClosed(t, within(t, func() error { _, err := b.Recv(); return err }))
}

func wantClosed(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, protocol.ErrClosed) {
		t.Errorf("got error %v, want %v", err, protocol.ErrClosed)
	}
}

func recv(t *testing.T, c protocol.Conn) []byte {
	t.Helper()
	var got []byte
	if err := within(t, func() (err error) { got, err = c.Recv(); return err }); err != nil {
		t.Fatal(err)
	}
	return got
}

// within fails the test when f does not come back.
func within(t *testing.T, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		t.Fatal("does not come back")
		return nil
	}
}
