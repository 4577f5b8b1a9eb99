package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/storage"
)

// creator is the version of everything that decides the bytes of an update file.
var creator = fmt.Sprintf("diff %d", diff.CreatorVersion)

const (
	backoff    = 30 * time.Second // after the first failure, doubled with each
	lookAround = 5 * time.Second  // how often a worker looks for work that nobody told it of
)

// shapeOf names all that the creator is given of a model.
func shapeOf(m *model.Model) storage.Digest {
	area := m.Layout.Software()
	return sha256.Sum256(fmt.Appendf(nil, "%s|%02x|%d|%d|%s", area.String(), area.Erased, release.LeafSize(&area), m.Resident, m.ISA))
}

// maker makes update files (213), each once, in workers of the server's own: nobody who asks runs or stops one.
type maker struct {
	s     *Server
	owner string        // of this server's leases
	wake  chan struct{} // there may be work
	group sync.WaitGroup

	mu      sync.Mutex
	waiting map[storage.FileKey]chan struct{} // closed when the file's state has changed
	// oneClassic holds a value while a classic patch is made.
	oneClassic chan struct{}
	create     func(ctx context.Context, k *storage.FileKey) (*product, error)
}

// product is what making came to.
type product struct {
	file  []byte
	needs uint32
}

func newMaker(s *Server, workers int) *maker {
	var id [8]byte
	rand.Read(id[:])
	m := &maker{s: s, owner: hex.EncodeToString(id[:]), wake: make(chan struct{}, 1), oneClassic: make(chan struct{}, 1), waiting: make(map[storage.FileKey]chan struct{})}
	m.create = m.build
	for range workers {
		m.group.Add(1)
		go m.work(s.ctx)
	}
	return m
}

func (m *maker) wait() { m.group.Wait() }

// get returns the file of a key, and waits for it up to Limits.Prepare if it is being made. When ctx ends first, the
// file is returned as it stands; the making goes on.
func (m *maker) get(ctx context.Context, k storage.FileKey) (storage.File, error) {
	timer := time.NewTimer(m.s.limits.Prepare)
	defer timer.Stop()
	look := time.NewTicker(lookAround)
	defer look.Stop()
	for {
		f, err := m.s.store.FileOf(ctx, k)
		if err == nil && f.State != storage.FileWanted && f.State != storage.FileMaking && (f.State != storage.FileFailed || !f.Due(m.s.now())) {
			m.unwatch(k)
			return f, nil
		}
		changed, ok := m.watch(k)
		if !ok {
			return storage.File{Key: k, State: storage.FileWanted}, nil // the queue is full: come again
		}
		if f, err = m.s.store.WantFile(ctx, k, m.s.now()); err != nil {
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
		if len(m.waiting) >= m.s.limits.Queue {
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
	defer m.group.Done()
	look := time.NewTicker(lookAround)
	defer look.Stop()
	for {
		// The lease outlives the work, which ends by itself after Limits.Make.
		f, err := m.s.store.ClaimFile(ctx, m.owner, m.s.now(), m.s.limits.Make+time.Minute)
		if err == nil {
			m.nudge() // another worker may find more
			m.make(ctx, f)
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, storage.ErrNotFound) {
			m.s.log.Error("claim update file", "error", err)
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
	log := m.s.log.With("step", "S03", "element", 213, "model", f.Key.Model, "from", release.ShortHex(f.Key.From), "to", release.ShortHex(f.Key.To), "workspace_step", f.Key.Step)
	start, heals := time.Now(), m.s.heals.Load()
	bounded, cancel := context.WithTimeout(ctx, m.s.limits.Make)
	p, err := m.safely(bounded, &f.Key)
	cancel()
	if ctx.Err() != nil { // the server closes: whoever comes next makes it
		m.giveBack(f)
		return
	}
	if err != nil && m.s.heals.Load() != heals { // what it failed for may be whole by now
		m.s.unspoil(f.Key.From, f.Key.To)
		m.giveBack(f)
		m.nudge()
		return
	}
	f.Made = time.Since(start)
	var tooBig *diff.ErrDoesNotFit
	switch {
	case err == nil:
		f.State, f.Size, f.Workspace, f.Error = storage.FileReady, uint32(len(p.file)), p.needs, ""
		f.Blob, err = m.s.store.PutBlob(ctx, p.file)
	case errors.As(err, &tooBig):
		f.State, f.Workspace, f.Error, err = storage.FileTooBig, tooBig.Needs, "", nil
	}
	if err != nil {
		f.State, f.Error, f.Blob, f.Size = storage.FileFailed, clip(err.Error(), 500), storage.Digest{}, 0
		f.Attempts++
		f.Next = m.s.now().Add(backoffAfter(f.Attempts))
	}
	result := map[storage.FileState]string{storage.FileReady: "ready", storage.FileTooBig: "too-big", storage.FileFailed: "failed"}[f.State]
	m.s.metrics.made.add(result)
	m.s.metrics.making.observe(f.Made.Seconds())
	level := slog.LevelInfo
	if f.State == storage.FileFailed {
		level = slog.LevelError
	}
	log.Log(ctx, level, "update file made", "result", result, "size", f.Size, "needs", f.Workspace, "seconds", f.Made.Seconds(), "error", f.Error)
	if err := m.s.store.FinishFile(ctx, m.owner, f); err != nil {
		log.Error("store update file", "error", err)
	}
	m.unwatch(f.Key)
}

// giveBack ends the lease of a file that is not made, so that it is made at once when somebody can.
func (m *maker) giveBack(f storage.File) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	f.State = storage.FileWanted
	if err := m.s.store.FinishFile(ctx, m.owner, f); err != nil {
		m.s.log.Error("give update file back", "error", err)
	}
}

// backoffAfter is how long a file is not tried again after so many failures.
func backoffAfter(attempts uint32) time.Duration {
	return min(storage.MaxBackoff, backoff<<min(attempts-1, 20))
}

func clip(s string, n int) string { return s[:min(len(s), n)] }

// safely turns a panic of the creator into a failure of this one file, which is remembered with back-off.
func (m *maker) safely(ctx context.Context, k *storage.FileKey) (p *product, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("creator panicked: %v", r)
		}
	}()
	return m.create(ctx, k)
}

// build makes the file of a key and proves it by applying it.
func (m *maker) build(ctx context.Context, k *storage.FileKey) (*product, error) {
	in, err := m.s.ingredients(ctx, k)
	if err != nil {
		return nil, err
	}
	o := &diff.Options{Geometry: &in.area, Workspace: k.Step, Resident: in.model.Resident, LeafSize: in.to.LeafSize, Hint: in.model.ISA, Effort: diff.EffortBest}
	var file []byte
	switch in.kind {
	case protocol.KindFull:
		file, err = diff.Full(ctx, in.image, o)
	case protocol.KindBsdiff:
		file, err = m.classic(ctx, in.base, in.image)
	default:
		file, err = diff.Create(ctx, in.base, in.image, o)
	}
	if err != nil {
		return nil, err
	}
	needs, err := in.prove(file)
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	return &product{file, needs}, nil
}

// ingredients is what an update file is made from, and proven with.
type ingredients struct {
	kind        protocol.Kind
	model       model.Model
	area        flash.Geometry
	base, image []byte
	to          release.Manifest
}

func (s *Server) ingredients(ctx context.Context, k *storage.FileKey) (*ingredients, error) {
	stored, err := s.store.Model(ctx, k.Model)
	if err != nil {
		return nil, err
	}
	in := &ingredients{kind: kindOf(k)}
	if in.model, err = model.Decode(stored.Record); err != nil {
		return nil, err
	}
	if shapeOf(&in.model) != k.Shape {
		return nil, errors.New("model has changed since the file was asked for")
	}
	in.area = in.model.Layout.Software()
	r, err := s.store.Release(ctx, k.Model, k.To)
	if err != nil {
		return nil, err
	}
	in.to = r.Manifest
	if in.image, err = s.image(ctx, k.Model, k.To); err != nil {
		return nil, err
	}
	if k.From != (storage.Digest{}) {
		if in.base, err = s.image(ctx, k.Model, k.From); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// blob reads a whole blob.
func (s *Server) blob(ctx context.Context, d storage.Digest) ([]byte, error) {
	b, err := s.store.OpenBlob(ctx, d)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return readBlob(b, d)
}

func readBlob(b storage.Blob, d storage.Digest) ([]byte, error) {
	p := make([]byte, b.Size())
	if _, err := io.ReadFull(io.NewSectionReader(b, 0, b.Size()), p); err != nil {
		return nil, fmt.Errorf("read blob: %w", err)
	}
	if storage.Digest(sha256.Sum256(p)) != d { // the storage need not have read all of it just now
		return nil, fmt.Errorf("read blob: %w", storage.ErrDamaged)
	}
	return p, nil
}

// prove applies an update file to its base as a terminal would before its first erase, compares with the manifest, and
// returns the workspace that it needs.
func (in *ingredients) prove(file []byte) (needs uint32, err error) {
	if in.kind == protocol.KindBsdiff {
		return in.proveClassic(file)
	}
	h, err := delta.ParseHeader(file)
	if err != nil {
		return 0, err
	}
	old := append(bytes.Clone(in.base), bytes.Repeat([]byte{in.area.Erased}, int(in.area.Size())-len(in.base))...)
	var d delta.Decoder
	if err := d.Open(file, &in.area, memory(old), make([]byte, h.Memory())); err != nil {
		return 0, err
	}
	leaves := release.MakeLeaves(in.to.Leaves())
	if err := delta.Prove(&d, &in.to, memory(old), leaves, nil, false, make([]byte, (in.area.Sectors()+7)/8)); err != nil {
		return 0, err
	}
	n := delta.NeedsOf(&h, uint32(len(file)), in.to.Leaves(), in.model.Resident)
	return n.Workspace(), nil
}

// memory is a flash.Reader over bytes.
type memory []byte

// Read implements flash.Reader.
func (m memory) Read(addr uint32, p []byte) error {
	if uint64(addr)+uint64(len(p)) > uint64(len(m)) {
		return flash.ErrBounds
	}
	copy(p, m[addr:])
	return nil
}
