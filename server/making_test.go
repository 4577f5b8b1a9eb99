package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unbrick/delta/diff"
	"unbrick/protocol"
	"unbrick/server/offer"
	"unbrick/server/storage"
)

// creations counts calls of the creator and holds each until the test lets it go.
type creations struct {
	calls atomic.Int32
	begun chan storage.FileKey
	goOn  chan error
}

func (c *creations) create(ctx context.Context, k *storage.FileKey) (*offer.Product, error) {
	c.calls.Add(1)
	c.begun <- *k
	select {
	case err := <-c.goOn:
		if err != nil {
			return nil, err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return &offer.Product{File: append([]byte("file"), k.To[:]...), Needs: 100}, nil
}

// creates has update files made by m, and returns what made them before.
func (r *rig) creates(m offer.Maker) (before offer.Maker) {
	r.s.offers.ChangeMaker(func(b offer.Maker) offer.Maker { before = b; return m })
	return before
}

func newCreations(r *rig) *creations {
	c := &creations{begun: make(chan storage.FileKey, 10), goOn: make(chan error, 10)}
	r.creates(c.create)
	return c
}

func TestSingleFlight(t *testing.T) {
	r, one, _ := newPair(t)
	made := newCreations(r)
	clients := make([]*client, 5)
	for i := range clients {
		clients[i] = r.dial()
		clients[i].say(r.hello("A-"+string(rune('0'+i)), one))
	}
	<-made.begun
	r.until("all wait", func() bool { return r.s.live.Number() == len(clients) })
	made.goOn <- nil
	for _, c := range clients {
		if info := hears[*protocol.Info](c); info.Kind != protocol.KindDelta {
			t.Fatalf("info %+v", info)
		}
	}
	if n := made.calls.Load(); n != 1 {
		t.Fatalf("made %d times for 5 devices", n)
	}
}

func TestLeavingCancelsNothing(t *testing.T) {
	r, one, _ := newPair(t)
	made := newCreations(r)
	c := r.dial()
	c.say(r.hello("A-1", one))
	key := <-made.begun
	c.conn.Close()
	r.until("the session is over", func() bool { return r.s.live.Number() == 0 })
	made.goOn <- nil
	r.until("the file is made all the same", func() bool {
		f, err := r.store.FileOf(context.Background(), key)
		return err == nil && f.State == storage.FileReady
	})
}

func TestPreparing(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.Prepare = time.Millisecond })
	a := image(1, 20_000)
	one := r.publish("1", 1, a)
	r.publish("2", 2, next(a, 2))
	made := newCreations(r)
	info := r.session(r.hello("A-1", one))
	if info.Reason != protocol.ReasonPreparing || info.Wait == 0 {
		t.Fatalf("info %+v, want preparing with a wait", info)
	}
	key := <-made.begun
	made.goOn <- nil
	r.until("the file is made", func() bool {
		f, err := r.store.FileOf(context.Background(), key)
		return err == nil && f.State == storage.FileReady
	})
	if info := r.session(r.hello("A-1", one)); info.Kind != protocol.KindDelta {
		t.Fatalf("info %+v, want the delta", info)
	}
}

// As package offer has them.
const (
	backoff   = 30 * time.Second
	maxUnmade = 3
)

func TestFailuresBackOff(t *testing.T) {
	r, one, _ := newPair(t)
	var mu sync.Mutex
	deltas := 0
	r.creates(func(_ context.Context, k *storage.FileKey) (*offer.Product, error) {
		mu.Lock()
		defer mu.Unlock()
		if k.From == (storage.Digest{}) {
			return &offer.Product{File: []byte("full"), Needs: 100}, nil
		}
		if deltas++; deltas == 2 {
			panic("a fault in the creator")
		}
		return nil, errors.New("cannot")
	})
	tried := func() int {
		if info := r.session(r.hello("A-1", one)); info.Kind != protocol.KindFull {
			t.Fatalf("info %+v, want the full image meanwhile", info)
		}
		mu.Lock()
		defer mu.Unlock()
		return deltas
	}
	for _, step := range []struct {
		wait time.Duration
		want int
	}{{0, 1}, {0, 1}, {backoff - time.Second, 1}, {2 * time.Second, 2}, {backoff + time.Second, 2}, {backoff, 3}} {
		r.later(step.wait)
		if got := tried(); got != step.want {
			t.Fatalf("after %v more: tried %d times, want %d", step.wait, got, step.want)
		}
	}
}

func TestQueueIsBounded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.Queue, c.Limits.Prepare = 1, time.Millisecond })
	a := image(1, 20_000)
	one := r.publish("1", 1, a)
	b := next(a, 2)
	two := r.publish("2", 2, b)
	made := newCreations(r)
	r.session(r.hello("A-1", one))
	<-made.begun
	r.publish("3", 3, next(b, 3))
	if info := r.session(r.hello("A-2", two)); info.Reason != protocol.ReasonPreparing {
		t.Fatalf("info %+v, want preparing", info)
	}
	if n := r.s.offers.Waiting(); n != 1 {
		t.Fatalf("%d files wait, want 1", n)
	}
	made.goOn <- nil
	r.until("the queue is empty", func() bool { return r.s.offers.Waiting() == 0 })
}

func TestUnfinishedFileIsMadeAfterRestart(t *testing.T) {
	r, one, _ := newPair(t)
	made := newCreations(r)
	c := r.dial()
	c.say(r.hello("A-1", one))
	<-made.begun
	r.s.Close(context.Background()) // in the middle of making
	again, err := New(&Config{Store: r.store, Now: r.now, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close(context.Background())
	r.until("the file is made", func() bool { return counted(again.metrics.Made, "ready") == 1 })
}

func TestTooBigIsRemembered(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 20_000))
	r.publish("2", 2, image(2, 20_000))
	var calls atomic.Int32
	r.creates(func(context.Context, *storage.FileKey) (*offer.Product, error) {
		calls.Add(1)
		return nil, &diff.ErrDoesNotFit{Needs: 1 << 20}
	})
	for range 3 {
		if info := r.session(r.hello("A-1", one)); info.Workspace != 1<<20 {
			t.Fatalf("info %+v, want needs of 1 MiB", info)
		}
	}
	first := calls.Load()
	r.session(r.hello("A-2", one))
	if calls.Load() != first {
		t.Fatal("what does not fit was tried again")
	}
}

func TestModelChangeMakesNewFiles(t *testing.T) {
	r, one, _ := newPair(t)
	first := r.session(r.hello("A-1", one))
	r.model.Resident = 8 << 10
	r.must(http.StatusOK, "PUT", "/api/models/0001", r.model.Append(nil), "Content-Type", cborType)
	second := r.session(r.hello("A-1", one))
	if second.Workspace != first.Workspace+(4<<10) {
		t.Fatalf("needs %d, then %d with 4 KiB more resident code", first.Workspace, second.Workspace)
	}
}

// TestWhatCannotBeMadeIsTold: a device whose newest release cannot be made into any update file is not up to date, and not
// waiting: after some tries its state and its history say so, with the reason. When a file can be made it is offered.
func TestWhatCannotBeMadeIsTold(t *testing.T) {
	r, one, _ := newPair(t)
	build := r.creates(func(context.Context, *storage.FileKey) (*offer.Product, error) {
		return nil, errors.New("no such sector")
	})
	for n := range maxUnmade {
		info := r.session(r.hello("A-1", one))
		if info.Reason != protocol.ReasonPreparing || info.Wait == 0 {
			t.Fatalf("info %+v", info)
		}
		want := storage.Running
		if n == maxUnmade-1 {
			want = storage.HeldBack
		}
		if d := r.device("A-1"); d.State != want {
			t.Fatalf("after %d tries: %v, want %v", n+1, d.State, want)
		}
		r.later(storage.MaxBackoff + time.Second)
	}
	if d := r.device("A-1"); d.TargetVersion != "2" {
		t.Errorf("leads to %q", d.TargetVersion)
	}
	h, err := r.store.History(context.Background(), "0001", "A-1", 0, 50)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, e := range h {
		if e.Kind == storage.Unmade {
			told++
			if !strings.Contains(e.Detail, "no such sector") || e.To != "2" {
				t.Errorf("told as %+v", e)
			}
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	r.creates(build)
	if info := r.session(r.hello("A-1", one)); info.Kind != protocol.KindDelta {
		t.Fatalf("info %+v, want the delta", info)
	}
	if d := r.device("A-1"); d.State == storage.HeldBack {
		t.Errorf("still %v", d.State)
	}
}
