package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"unbrick/protocol"
	"unbrick/server/offer"
	"unbrick/server/storage"
)

// crowded is a store whose disk can be full.
type crowded struct {
	storage.Store
	full  atomic.Bool
	blind atomic.Pointer[error] // what the next look at a release meets
	pings atomic.Int64
}

func (c *crowded) state() error {
	if c.full.Load() {
		return errors.Join(errors.New("write unbrick.db-wal"), storage.ErrFull)
	}
	return nil
}

func (c *crowded) SaveDevice(ctx context.Context, d *storage.Device, events ...storage.Event) error {
	if err := c.state(); err != nil {
		return err
	}
	return c.Store.SaveDevice(ctx, d, events...)
}

func (c *crowded) Enrol(ctx context.Context, list []storage.Identity) (fresh int, err error) {
	if err := c.state(); err != nil {
		return 0, err
	}
	return c.Store.Enrol(ctx, list)
}

func (c *crowded) Release(ctx context.Context, model string, image storage.Digest) (storage.Release, error) {
	if trouble := c.blind.Swap(nil); trouble != nil {
		return storage.Release{}, *trouble
	}
	return c.Store.Release(ctx, model, image)
}

func (c *crowded) WantFile(ctx context.Context, k storage.FileKey, now time.Time) (storage.File, error) {
	if err := c.state(); err != nil {
		return storage.File{}, err
	}
	return c.Store.WantFile(ctx, k, now)
}

func (c *crowded) Ping(ctx context.Context) error {
	c.pings.Add(1)
	return errors.Join(c.state(), c.Store.Ping(ctx))
}

func newCrowded(t *testing.T) (*rig, *crowded) {
	var c *crowded
	r := newRig(t, func(cfg *Config) {
		c = &crowded{Store: cfg.Store}
		cfg.Store = c
	})
	return r, c
}

// TestFullDiskIsTold: devices are told to ask again later, whatever they were at, and all goes on when there is room.
func TestFullDiskIsTold(t *testing.T) {
	r, disk := newCrowded(t)
	a := image(1, 60_000)
	one := r.publish("1", 1, a)
	r.publish("2", 2, next(a, 2))
	told := func(info *protocol.Info) {
		t.Helper()
		if info.Kind != protocol.KindNone || info.Reason != protocol.ReasonPreparing || info.Wait != offer.WaitFailed {
			t.Fatalf("%s, %s, wait %d: want to be told to ask again in %d s", info.Kind, info.Reason, info.Wait, offer.WaitFailed)
		}
	}
	disk.full.Store(true)
	told(r.session(r.hello("A-1", one))) // nobody knows the device, and its update file is not made yet
	if _, err := r.store.Device(context.Background(), "0001", "A-1"); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("device: %v", err)
	}
	disk.full.Store(false)
	c := r.dial()
	c.say(r.hello("A-1", one))
	info := hears[*protocol.Info](c)
	if info.Kind != protocol.KindDelta {
		t.Fatalf("with room: %s %s", info.Kind, info.Reason)
	}
	disk.full.Store(true) // between information and request
	c.say(&protocol.Request{Digest: info.Digest, Credit: 4096})
	gone := hears[*protocol.Gone](c)
	told(&gone.Info)
	c.bye()
	disk.full.Store(false)
	// The disk runs full while the file is under way: the device has it whole, and that is what counts.
	c = r.dial()
	c.say(r.hello("A-1", one))
	info = hears[*protocol.Info](c)
	c.fetch(info, nil, 4096)
	disk.full.Store(true)
	c.say(&protocol.Done{Digest: info.Digest})
	c.bye()
	if m := string(r.must(http.StatusOK, "GET", "/metrics", nil)); !strings.Contains(m, "unbrick_sessions_unrecorded_total 2\n") {
		t.Error("the metrics do not tell of two sessions that could not be recorded")
	}
	disk.full.Store(false)
	if info := r.session(r.hello("A-1", one)); info.Kind != protocol.KindDelta {
		t.Fatalf("with room again: %s %s", info.Kind, info.Reason)
	}
}

// TestTransferWhileStorageDoesNotAnswer: what cannot be looked up in the middle of a transfer ends it with an answer, not with a link that
// closes without a word.
func TestTransferWhileStorageDoesNotAnswer(t *testing.T) {
	for name, trouble := range map[string]error{"full": storage.ErrFull, "no answer": errors.New("unable to open database file")} {
		t.Run(name, func(t *testing.T) {
			r, disk := newCrowded(t)
			a := image(1, 60_000)
			one := r.publish("1", 1, a)
			two := r.publish("2", 2, next(a, 2))
			c := r.dial()
			c.say(r.hello("A-1", one))
			info := hears[*protocol.Info](c)
			c.say(&protocol.Request{Digest: info.Digest, Credit: 1})
			hears[*protocol.Data](c)
			disk.blind.Store(&trouble)
			disk.full.Store(true)
			r.s.live.Look(two.Model) // as after any change of an operator's
			gone := hears[*protocol.Gone](c)
			if gone.Info.Kind != protocol.KindNone || gone.Info.Reason != protocol.ReasonPreparing || gone.Info.Wait != offer.WaitFailed {
				t.Fatalf("%s, %s, wait %d: want to be told to ask again in %d s", gone.Info.Kind, gone.Info.Reason, gone.Info.Wait, offer.WaitFailed)
			}
			c.bye()
		})
	}
}

// TestReadyTellsOfStorage: the server is not ready on a full disk, and says why.
func TestReadyTellsOfStorage(t *testing.T) {
	r, disk := newCrowded(t)
	ask := func(status int, words string) {
		t.Helper()
		r.later(time.Second)
		if b := r.must(status, "GET", "/readyz", nil); string(b) != words {
			t.Fatalf("%q, want %q", b, words)
		}
	}
	ask(http.StatusOK, "ready\n")
	disk.full.Store(true)
	ask(http.StatusServiceUnavailable, "storage is full\n")
	disk.full.Store(false)
	ask(http.StatusOK, "ready\n")
}
