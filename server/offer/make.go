package offer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"unbrick/delta/diff"
	"unbrick/release"
	"unbrick/server/storage"
)

const (
	backoff    = 30 * time.Second // after the first failure, doubled with each
	lookAround = 5 * time.Second  // how often a worker looks for work that nobody told it of
)

// maker makes update files (213), each once, in workers of the server's own: nobody who asks runs or stops one.
type maker struct {
	cfg    *Config
	images *images
	owner  string        // of this server's leases
	wake   chan struct{} // there may be work

	mu      sync.Mutex
	waiting map[storage.FileKey]chan struct{} // closed when the file's state has changed
	// oneClassic holds a value while a classic patch is made.
	oneClassic chan struct{}
	create     Maker
}

// Product is what making came to: an update file, and the workspace that a terminal needs for it.
type Product struct {
	File  []byte
	Needs uint32
}

// Maker makes the update file of a key.
type Maker func(ctx context.Context, k *storage.FileKey) (*Product, error)

func newMaker(cfg *Config, images *images) *maker {
	var id [8]byte
	rand.Read(id[:])
	m := &maker{cfg: cfg, images: images, owner: hex.EncodeToString(id[:]), wake: make(chan struct{}, 1),
		oneClassic: make(chan struct{}, 1), waiting: make(map[storage.FileKey]chan struct{})}
	m.create = m.build
	return m
}

// get returns the file of a key, and waits for it up to Config.Prepare if it is being made. When ctx ends first, the
// file is returned as it stands; the making goes on. ErrNotFound if a release that it is of was removed meanwhile.
func (m *maker) get(ctx context.Context, k storage.FileKey) (storage.File, error) {
	timer := time.NewTimer(m.cfg.Prepare)
	defer timer.Stop()
	look := time.NewTicker(lookAround)
	defer look.Stop()
	for {
		f, err := m.cfg.Store.FileOf(ctx, k)
		if err == nil && f.State != storage.FileWanted && f.State != storage.FileMaking &&
			(f.State != storage.FileFailed || !f.Due(m.cfg.Now())) {
			m.unwatch(k)
			return f, nil
		}
		changed, ok := m.watch(k)
		if !ok {
			return storage.File{Key: k, State: storage.FileWanted}, nil // the queue is full: come again
		}
		if f, err = m.cfg.Store.WantFile(ctx, k, m.cfg.Now()); err != nil {
			m.unwatch(k)
			return f, err
		}
		if f.State != storage.FileWanted && f.State != storage.FileMaking {
			continue // made in between
		}
		m.nudge()
		select {
		case <-changed:
		case <-look.C: // another server on the same store may have made it
		case <-timer.C:
			return f, nil
		case <-ctx.Done():
			return f, ctx.Err()
		}
	}
}

// watch returns a channel that is closed when the file's state changes; false when too many files are waited for.
func (m *maker) watch(k storage.FileKey) (<-chan struct{}, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.waiting[k]
	if c == nil {
		if len(m.waiting) >= m.cfg.Queue {
			return nil, false
		}
		c = make(chan struct{})
		m.waiting[k] = c
	}
	return c, true
}

// unwatch ends the watch of a file that needs none, for everybody.
func (m *maker) unwatch(k storage.FileKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.waiting[k]; c != nil {
		close(c)
		delete(m.waiting, k)
	}
}

// unwatchImage does so for all files to and from an image.
func (m *maker) unwatchImage(model string, image storage.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, c := range m.waiting {
		if k.Model == model && (k.From == image || k.To == image) {
			close(c)
			delete(m.waiting, k)
		}
	}
}

func (m *maker) queued() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.waiting)
}

func (m *maker) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// work makes one file after the other until the server closes.
func (m *maker) work(ctx context.Context) {
	look := time.NewTicker(lookAround)
	defer look.Stop()
	for {
		// The lease outlives the work, which ends by itself after Config.Make.
		f, err := m.cfg.Store.ClaimFile(ctx, m.owner, m.cfg.Now(), m.cfg.Make+time.Minute)
		if err == nil {
			m.nudge() // another worker may find more
			m.make(ctx, f)
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, storage.ErrNotFound) {
			m.cfg.Log.Error("claim update file", "error", err)
		}
		select {
		case <-m.wake:
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// make makes one leased file and stores the outcome.
func (m *maker) make(ctx context.Context, f storage.File) {
	log := m.cfg.Log.With("step", "S03", "element", 213, "model", f.Key.Model, "from", release.ShortHex(f.Key.From), "to",
		release.ShortHex(f.Key.To), "workspace_step", f.Key.Step)
	start, heals := time.Now(), m.images.heals.Load()
	bounded, cancel := context.WithTimeout(ctx, m.cfg.Make)
	p, err := m.safely(bounded, &f.Key)
	cancel()
	if ctx.Err() != nil { // the server closes: whoever comes next makes it
		m.giveBack(f)
		return
	}
	if err != nil && m.images.heals.Load() != heals { // what it failed for may be whole by now
		m.images.unspoil(f.Key.From, f.Key.To)
		m.giveBack(f)
		m.nudge()
		return
	}
	f.Made = time.Since(start)
	var tooBig *diff.ErrDoesNotFit
	switch {
	case err == nil:
		f.State, f.Size, f.Workspace, f.Error = storage.FileReady, uint32(len(p.File)), p.Needs, ""
		f.Blob, err = m.cfg.Store.PutBlob(ctx, p.File)
	case errors.As(err, &tooBig):
		f.State, f.Workspace, f.Error, err = storage.FileTooBig, tooBig.Needs, "", nil
	}
	if err != nil {
		f.State, f.Error, f.Blob, f.Size = storage.FileFailed, clip(err.Error(), 500), storage.Digest{}, 0
		f.Attempts++
		f.Next = m.cfg.Now().Add(backoffAfter(f.Attempts))
	}
	m.cfg.Made(f.State.String(), f.Made)
	level := slog.LevelInfo
	if f.State == storage.FileFailed {
		level = slog.LevelError
	}
	log.Log(ctx, level, "update file made", "result", f.State.String(), "size", f.Size, "needs", f.Workspace, "seconds", f.Made.Seconds(),
		"error", f.Error)
	if err := m.cfg.Store.FinishFile(ctx, m.owner, f); errors.Is(err, storage.ErrStale) {
		log.Info("update file is not kept: it was removed meanwhile, or another made it")
	} else if err != nil {
		log.Error("store update file", "error", err)
	}
	m.unwatch(f.Key)
}

// giveBack ends the lease of a file that is not made, so that it is made at once when somebody can.
func (m *maker) giveBack(f storage.File) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	f.State = storage.FileWanted
	if err := m.cfg.Store.FinishFile(ctx, m.owner, f); err != nil {
		m.cfg.Log.Error("give update file back", "error", err)
	}
}

// backoffAfter is how long a file is not tried again after so many failures.
func backoffAfter(attempts uint32) time.Duration {
	return min(storage.MaxBackoff, backoff<<min(attempts-1, 20))
}

func clip(s string, n int) string { return s[:min(len(s), n)] }

// safely turns a panic of the creator into a failure of this one file, which is remembered with back-off.
func (m *maker) safely(ctx context.Context, k *storage.FileKey) (p *Product, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("creator panicked: %v", r)
		}
	}()
	return m.create(ctx, k)
}
