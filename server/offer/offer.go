// Package offer decides what a device is offered: which release, and by which update file. It makes those files, proves
// them, and has them made anew when their bytes are in doubt.
//
// Choose reads what a terminal says of itself and answers with a Choice: update file information for the link, and what the
// device's record is to say of it. It goes from the release to the file. A release is a candidate if the device trusts its
// signers, it is newer and above the floor, nothing holds it back and its rollout has reached the device. Then files are
// tried in the order of what they cost a device (see picker). The first one that fits is offered; what does not exist yet
// is asked for, and who asks waits a while.
//
// Files are made by workers of this package (elements 213 and 212 of the specification), each once, however many devices
// wait for it: nobody who asks runs or stops one. A file's row in storage says where it stands:
//
//	          WantFile            ClaimFile               FinishFile
//	(no row) ----------> wanted ------------> making -+------------------> ready
//	                      ^ ^ ^   a lease      |      +------------------> too-big
//	                      | | |                |      +------------------> failed
//	                      | | +----------------+                           |  ^ |
//	                      | |  given back, or the lease ran out            |  | |
//	                      | +---------------- WantFile, when due ----------+  | |
//	                      |                                                   | |
//	                      +-- WithdrawFile: found damaged, the first time ----|-+-- ready
//	                                                                          |
//	                          FailFile: damaged again, or the server's own ---+---- ready
//	                          proof fails
//
//	any but making -- SetFile, by the operator --> barred (from all devices) or wanted
//	any but making -- RemoveFile, by the operator --> (no row)
//	any -- RemoveRelease, RemoveModel, by the operator --> (no row); whoever makes it finds that out when it is done
//
// A lease is longer than making may take, so that a file has one maker at a time although several servers may share a
// storage, and one whose maker died is made by another. too-big stays: the key names all that decides a file's bytes, and
// Workspace says what it would need.
//
// What a device says of a file keeps that file from this device alone, and has the server prove it again. Only the
// server's own proof takes a file from all.
package offer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"unbrick/model"
	"unbrick/server/storage"
)

// Store is what offers need of the server's storage.
type Store interface {
	storage.Files
	storage.Blobs
	Model(ctx context.Context, id string) (storage.Model, error)
	Releases(ctx context.Context, model string) ([]storage.Release, error)
	Release(ctx context.Context, model string, image storage.Digest) (storage.Release, error)
	RemoveRelease(ctx context.Context, model string, image storage.Digest, order uint64) error
	storage.Settings
}

// Config is what Offers are made of. All of it is required.
type Config struct {
	Store   Store
	Log     *slog.Logger
	Now     func() time.Time
	At      func(*storage.Rollout) time.Time // the moment at which a rollout stands
	Workers int                              // files made at the same time
	Queue   int                              // files waiting to be made
	Prepare time.Duration                    // that Choose waits for a file being made
	Make    time.Duration                    // that making one may take

	Changed   func(model string)                      // is told when devices of a model may not have any more what they could
	Made      func(result string, took time.Duration) // is told of each file that was made, or could not be
	Withdrawn func()                                  // is told of each file that is not what it was when it was made
}

// Offers makes choices and files. It may be used concurrently.
type Offers struct {
	cfg    Config
	images *images
	maker  *maker
	doubts *doubts
	group  sync.WaitGroup
}

// New starts the workers; they end with ctx.
func New(ctx context.Context, cfg Config) *Offers {
	o := &Offers{cfg: cfg, doubts: newDoubts()}
	o.images = &images{store: cfg.Store, log: cfg.Log, spoilt: make(map[storage.Digest]bool)}
	o.maker = newMaker(&o.cfg, o.images)
	for range cfg.Workers {
		o.group.Go(func() { o.maker.work(ctx) })
	}
	o.group.Go(func() { o.settleDoubts(ctx) })
	return o
}

// Wait returns when the workers have ended. A file that was being made is left to whoever comes next.
func (o *Offers) Wait() { o.group.Wait() }

// Waiting is how many files are waited for.
func (o *Offers) Waiting() int { return o.maker.queued() }

// ChangeMaker puts another way of making files in the place of the one that there is, while nothing is made: for tests.
func (o *Offers) ChangeMaker(change func(Maker) Maker) { o.maker.create = change(o.maker.create) }

// OpenImage opens the image of a release. One that is damaged or lost is remembered until its release file comes again.
func (o *Offers) OpenImage(ctx context.Context, model string, image storage.Digest) (storage.Blob, error) {
	return o.images.open(ctx, model, image)
}

// Damaged says whether an image was found damaged or gone.
func (o *Offers) Damaged(image storage.Digest) bool { return o.images.isSpoilt(image) }

// Heal is called when an image was stored again: what could not be made without it is made now.
func (o *Offers) Heal(ctx context.Context, model string, image storage.Digest) error {
	o.images.heals.Add(1)
	o.images.unspoil(image)
	for before := int64(0); ; {
		files, err := o.cfg.Store.Files(ctx, model, before, storage.MaxPage)
		if err != nil || len(files) == 0 {
			return err
		}
		for i := range files {
			f := &files[i]
			before = f.ID
			if f.State == storage.FileFailed && (f.Key.From == image || f.Key.To == image) {
				// a worker has it again, or it was removed
				_, err := o.cfg.Store.SetFile(ctx, f.ID, storage.FileWanted)
				if err != nil && !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrNotFound) {
					return err
				}
			}
		}
		o.maker.nudge()
	}
}

// SetFile keeps an update file from all (FileBarred), or has it made anew, whatever it was (FileWanted).
func (o *Offers) SetFile(ctx context.Context, id int64, state storage.FileState) (storage.File, error) {
	f, err := o.cfg.Store.SetFile(ctx, id, state)
	if err != nil {
		return f, err
	}
	o.maker.unwatch(f.Key)
	o.maker.nudge()
	o.cfg.Changed(f.Key.Model)
	return f, nil
}

// RemoveFile removes an update file; told is told of it before. Transfers of it end.
func (o *Offers) RemoveFile(ctx context.Context, id int64, told func(*storage.File)) (f storage.File, err error) {
	err = o.cfg.Store.RemoveFile(ctx, id, func(was *storage.File) {
		f = *was
		told(was)
	})
	if err != nil {
		return f, err
	}
	o.maker.unwatch(f.Key)
	o.cfg.Changed(f.Key.Model)
	return f, nil
}

// RemoveRelease removes a release as storage.Releases has it. Transfers that lead there end, and nobody waits for its files any more.
func (o *Offers) RemoveRelease(ctx context.Context, model string, image storage.Digest, order uint64) error {
	if err := o.cfg.Store.RemoveRelease(ctx, model, image, order); err != nil {
		return err
	}
	if _, err := o.cfg.Store.Release(ctx, model, image); errors.Is(err, storage.ErrNotFound) {
		o.images.unspoil(image)
		o.maker.unwatchImage(model, image)
	}
	o.cfg.Changed(model)
	return nil
}

// modelOf reads the description of a model.
func modelOf(ctx context.Context, store Store, id string) (*model.Model, error) {
	stored, err := store.Model(ctx, id)
	if err != nil {
		return nil, err
	}
	m, err := model.Decode(stored.Record)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", id, err)
	}
	return &m, nil
}
