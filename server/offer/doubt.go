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

// What becomes of bytes that are in doubt. A device may be wrong about an update file, so what it says keeps
// the file from that device only. It makes the server prove the file again, and its own proof alone takes a file from all.
// A damaged update file is made anew; a damaged image cannot be made anew and is reported.

const (
	proveAgain = time.Hour // between two proofs of one file that devices found wrong
	maxDoubts  = 64        // files that wait for their proof, or had one in the last hour; further ones wait for another refusal
	unproven   = 16        // of them, beyond which nobody is heard who is not proven to be a device
)

// doubts are the update files that are to be proven again, one after the other.
type doubts struct {
	queue chan doubt

	mu     sync.Mutex
	proven map[storage.Digest]time.Time // when a file was proven last
}

func newDoubts() *doubts {
	return &doubts{queue: make(chan doubt, maxDoubts), proven: make(map[storage.Digest]time.Time)}
}

type doubt struct {
	file storage.Digest
	done chan struct{}
}

// Doubt counts a device that says that it found a file wrong, and has the file proven again if that is due. Who is not proven to be a
// device is not counted. done is closed when that is over, nil if there is nothing to wait for.
func (o *Offers) Doubt(ctx context.Context, file storage.Digest, proven bool) (done <-chan struct{}) {
	most := maxDoubts
	var err error
	if proven {
		err = o.cfg.Store.RefuseFile(ctx, file)
	} else {
		most = unproven
		_, err = o.cfg.Store.FileByBlob(ctx, file)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil // not one of ours
	} else if err != nil {
		o.cfg.Log.Error("count refusal", "file", release.ShortHex(file), "error", err)
	}
	now := o.cfg.Now()
	o.doubts.mu.Lock()
	defer o.doubts.mu.Unlock()
	for f, at := range o.doubts.proven {
		if d := now.Sub(at); d >= proveAgain || d < 0 {
			delete(o.doubts.proven, f)
		}
	}
	if _, recent := o.doubts.proven[file]; recent || len(o.doubts.proven) >= most {
		return nil
	}
	d := doubt{file, make(chan struct{})}
	select {
	case o.doubts.queue <- d:
		o.doubts.proven[file] = now
		return d.done
	default: // proven forgets by the time of day, and those before may not be proven yet
		return nil
	}
}

func (o *Offers) settleDoubts(ctx context.Context) {
	for {
		select {
		case d := <-o.doubts.queue:
			o.prove(ctx, d.file)
			close(d.done)
		case <-ctx.Done():
			return
		}
	}
}

// prove applies a file once more, and takes it from all if that fails.
func (o *Offers) prove(ctx context.Context, file storage.Digest) {
	f, err := o.reprove(ctx, file)
	switch {
	case errors.Is(err, storage.ErrDamaged), errors.Is(err, storage.ErrNotFound):
		if f.ID != 0 {
			err = o.Remake(ctx, file, err)
		} else {
			err = nil // made anew meanwhile
		}
	case errors.Is(err, errProof):
		o.cfg.Log.Error("update file withdrawn", "file", release.ShortHex(file), "error", err)
		o.cfg.Withdrawn()
		err = o.cfg.Store.FailFile(ctx, file, clip(err.Error(), 500), o.cfg.Now().Add(storage.MaxBackoff))
		o.cfg.Changed(f.Key.Model)
	}
	if err != nil && ctx.Err() == nil {
		o.cfg.Log.Error("doubtful update file", "file", release.ShortHex(file), "error", err)
	}
}

var errProof = errors.New("the server's own proof failed")

// reprove proves a stored file. An error that is ErrDamaged or ErrNotFound is about the file's own bytes.
func (o *Offers) reprove(ctx context.Context, file storage.Digest) (f storage.File, err error) {
	if f, err = o.cfg.Store.FileByBlob(ctx, file); err != nil {
		return f, err
	}
	in, err := o.maker.ingredients(ctx, &f.Key)
	if err != nil {
		return f, fmt.Errorf("prove again: %v", err) // not the file's fault: the image is reported where it is read
	}
	b, err := blob(ctx, o.cfg.Store, file)
	if err != nil {
		return f, err
	}
	if _, err := in.prove(b); err != nil {
		return f, fmt.Errorf("%w: %w", errProof, err)
	}
	return f, nil
}

// Remake has a damaged or lost update file made anew: at once, and with growing pauses when that happens again.
func (o *Offers) Remake(ctx context.Context, file storage.Digest, why error) error {
	f, err := o.cfg.Store.FileByBlob(ctx, file)
	if err == nil {
		o.cfg.Log.Error("update file is damaged and made anew", "file", release.ShortHex(file), "error", why)
		o.cfg.Withdrawn()
		if f.Attempts == 0 {
			err = o.cfg.Store.WithdrawFile(ctx, file)
		} else {
			err = o.cfg.Store.FailFile(ctx, file, clip(why.Error(), 500), o.cfg.Now().Add(backoffAfter(f.Attempts)))
		}
		o.cfg.Changed(f.Key.Model)
		o.maker.nudge()
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil // another session was faster
	}
	return err
}
