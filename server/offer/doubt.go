package offer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"unbrick/release"
	"unbrick/server/storage"
)

// What becomes of bytes that are in doubt. Nobody proves who says that an update file is wrong, so what a device says keeps
// the file from that device only. It makes the server prove the file again, and its own proof alone takes a file from all.
// A damaged update file is made anew; a damaged image cannot be made anew and is reported.

const (
	proveAgain = time.Hour // between two proofs of one file that devices found wrong
	maxDoubts  = 64        // files that wait for their proof, or had one in the last hour; further ones wait for another refusal
)

// prover proves update files again, one after the other.
type prover struct {
	cfg   *Config
	maker *maker
	queue chan doubt

	mu   sync.Mutex
	last map[storage.Digest]time.Time // when a file was proven last
}

type doubt struct {
	file storage.Digest
	done chan struct{}
}

func newProver(cfg *Config, maker *maker) *prover {
	return &prover{cfg: cfg, maker: maker, queue: make(chan doubt, maxDoubts), last: make(map[storage.Digest]time.Time)}
}

// doubt counts a device that says that it found a file wrong, and has the file proven again if that is due. done is
// closed when that is over, nil if there is nothing to wait for.
func (p *prover) doubt(ctx context.Context, file storage.Digest) (done <-chan struct{}) {
	if err := p.cfg.Store.RefuseFile(ctx, file); errors.Is(err, storage.ErrNotFound) {
		return nil // not one of ours
	} else if err != nil {
		p.cfg.Log.Error("count refusal", "file", release.ShortHex(file), "error", err)
	}
	now := p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for f, at := range p.last {
		if d := now.Sub(at); d >= proveAgain || d < 0 {
			delete(p.last, f)
		}
	}
	if _, recent := p.last[file]; recent || len(p.last) >= maxDoubts {
		return nil
	}
	d := doubt{file, make(chan struct{})}
	select {
	case p.queue <- d:
		p.last[file] = now
		return d.done
	default: // last forgets by the time of day, and those before may not be proven yet
		return nil
	}
}

func (p *prover) work(ctx context.Context) {
	for {
		select {
		case d := <-p.queue:
			p.prove(ctx, d.file)
			close(d.done)
		case <-ctx.Done():
			return
		}
	}
}

// prove applies a file once more, and takes it from all if that fails.
func (p *prover) prove(ctx context.Context, file storage.Digest) {
	f, err := p.reprove(ctx, file)
	switch {
	case errors.Is(err, storage.ErrDamaged), errors.Is(err, storage.ErrNotFound):
		if f.ID != 0 {
			err = p.remake(ctx, file, err)
		} else {
			err = nil // made anew meanwhile
		}
	case errors.Is(err, errProof):
		p.cfg.Log.Error("update file withdrawn", "file", release.ShortHex(file), "error", err)
		p.cfg.Withdrawn()
		err = p.cfg.Store.FailFile(ctx, file, clip(err.Error(), 500), p.cfg.Now().Add(storage.MaxBackoff))
		p.cfg.Changed(f.Key.Model)
	}
	if err != nil && ctx.Err() == nil {
		p.cfg.Log.Error("doubtful update file", "file", release.ShortHex(file), "error", err)
	}
}

var errProof = errors.New("the server's own proof failed")

// reprove proves a stored file. An error that is ErrDamaged or ErrNotFound is about the file's own bytes.
func (p *prover) reprove(ctx context.Context, file storage.Digest) (f storage.File, err error) {
	if f, err = p.cfg.Store.FileByBlob(ctx, file); err != nil {
		return f, err
	}
	in, err := p.maker.ingredients(ctx, &f.Key)
	if err != nil {
		return f, fmt.Errorf("prove again: %v", err) // not the file's fault: the image is reported where it is read
	}
	b, err := blob(ctx, p.cfg.Store, file)
	if err != nil {
		return f, err
	}
	if _, err := in.prove(b); err != nil {
		return f, fmt.Errorf("%w: %w", errProof, err)
	}
	return f, nil
}

// remake has a damaged or lost update file made anew: at once, and with growing pauses when that happens again.
func (p *prover) remake(ctx context.Context, file storage.Digest, why error) error {
	f, err := p.cfg.Store.FileByBlob(ctx, file)
	if err == nil {
		p.cfg.Log.Error("update file is damaged and made anew", "file", release.ShortHex(file), "error", why)
		p.cfg.Withdrawn()
		if f.Attempts == 0 {
			err = p.cfg.Store.WithdrawFile(ctx, file)
		} else {
			err = p.cfg.Store.FailFile(ctx, file, clip(why.Error(), 500), p.cfg.Now().Add(backoffAfter(f.Attempts)))
		}
		p.cfg.Changed(f.Key.Model)
		p.maker.nudge()
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil // another session was faster
	}
	return err
}
