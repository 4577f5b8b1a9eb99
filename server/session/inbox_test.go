package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"unbrick/protocol"
	"unbrick/server/fleet"
	"unbrick/server/storage"
)

// TestInbox: whatever a terminal sends without waiting, a bounded number of messages waits for the session, none is lost and none
// changes its place.
func TestInbox(t *testing.T) {
	messages := []protocol.Message{&protocol.Credit{Bytes: 10}, &protocol.Done{}, &protocol.Bye{}, &protocol.Request{Credit: 1}, &protocol.Error{Fault: protocol.FaultSize}}
	for seed := range uint64(2000) {
		r, b := rand.New(rand.NewPCG(seed, 1)), newInbox()
		var said []protocol.Code // what may be taken, credits that follow each other once
		var granted, taken uint32
		for range 40 {
			if r.IntN(3) == 0 {
				m := b.take()
				if m == nil {
					continue
				}
				if len(said) == 0 || m.Code() != said[0] {
					t.Fatalf("seed %d: took %s, said %v", seed, m.Code(), said)
				}
				said = said[1:]
				if c, ok := m.(*protocol.Credit); ok {
					taken += c.Bytes
				}
				continue
			}
			m := messages[r.IntN(len(messages))]
			raw, err := m.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			before := len(b.waiting)
			err = b.put(raw)
			if n := len(b.waiting); n > maxWaiting {
				t.Fatalf("seed %d: %d messages wait", seed, n)
			}
			if c, ok := m.(*protocol.Credit); ok && err == nil {
				granted += c.Bytes
			}
			var f *faultError
			switch {
			case err == nil && len(b.waiting) > before:
				said = append(said, m.Code())
			case err != nil && (before < maxWaiting || !errors.As(err, &f)):
				t.Fatalf("seed %d: with %d waiting %v", seed, before, err)
			}
		}
		for m := b.take(); m != nil; m = b.take() {
			if c, ok := m.(*protocol.Credit); ok {
				taken += c.Bytes
			}
		}
		if granted != taken {
			t.Fatalf("seed %d: %d bytes granted, %d taken", seed, granted, taken)
		}
	}
}

// TestLive: sessions under one serial know of each other, and leave nothing behind.
func TestLive(t *testing.T) {
	l, id := NewLive(), fleet.ID{Model: "0001", Serial: "A"}
	var all [3]*session
	for i := range all {
		if err := l.enter(len(all)); err != nil {
			t.Fatal(err)
		}
		all[i] = &session{id: id, standing: storage.Proven, peer: Peer{Address: string(rune('a' + i))}, changed: make(chan struct{}, 1)}
		if met, err := l.take(all[i], 4, l.drops()); met != i || err != nil {
			t.Errorf("session %d met %d, %v", i, met, err)
		}
	}
	if err := l.enter(len(all)); !errors.Is(err, errBusy) {
		t.Errorf("one too many: %v", err)
	}
	if from := all[0].newer.Load(); from == nil || *from != "c" {
		t.Errorf("the oldest does not know of the youngest")
	}
	all[1].size.Store(9)
	all[1].sent.Store(4)
	if sent, size, ok := l.Progress(id); !ok || sent != 4 || size != 9 {
		t.Errorf("progress %d of %d, %v", sent, size, ok)
	}
	if !l.transfers(id, all[0]) || l.transfers(id, all[1]) {
		t.Error("who transfers is another session for all but itself")
	}
	l.Look("0002")
	l.Look("0001")
	l.Look("0001")
	for i, v := range all {
		if len(v.changed) != 1 {
			t.Errorf("session %d was told %d times", i, len(v.changed))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		if l.Wait(ctx) == nil {
			t.Error("nobody is left")
		}
		cancel()
		l.leave(v)
	}
	if err := l.Wait(t.Context()); err != nil || l.Number() != 0 || len(l.sessions) != 0 {
		t.Errorf("%v, %d sessions, %d serials left", err, l.Number(), len(l.sessions))
	}
}
