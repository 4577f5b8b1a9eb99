package offer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"unbrick/release"
	"unbrick/server/storage"
)

// images are the images of releases, and which of them were found damaged or gone. A damaged image cannot be made anew.
type images struct {
	store Store
	log   *slog.Logger
	heals atomic.Uint64 // how often an image came again

	mu     sync.Mutex
	spoilt map[storage.Digest]bool
}

// read reads the image of a release.
func (i *images) read(ctx context.Context, model string, image storage.Digest) ([]byte, error) {
	b, err := i.open(ctx, model, image)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	p, err := readBlob(b, image)
	return p, i.spoiltBy(ctx, model, image, err)
}

// open opens the image of a release. One that is damaged or lost is remembered until its release file comes again.
func (i *images) open(ctx context.Context, model string, image storage.Digest) (storage.Blob, error) {
	b, err := i.store.OpenBlob(ctx, image)
	if err != nil {
		return nil, i.spoiltBy(ctx, model, image, err)
	}
	return b, nil
}

// spoiltBy names the release whose image is damaged or gone, if that is what err says. One that was removed with its image is ErrNotFound.
func (i *images) spoiltBy(ctx context.Context, model string, image storage.Digest, err error) error {
	if !errors.Is(err, storage.ErrDamaged) && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	name := release.ShortHex(image)
	r, lost := i.store.Release(ctx, model, image)
	if errors.Is(lost, storage.ErrNotFound) {
		return fmt.Errorf("the release of image %s was removed: %w", name, lost)
	}
	if i.spoil(image, err); lost == nil {
		name = r.Manifest.Version
	}
	return fmt.Errorf("the stored image of release %s is damaged or gone, publish its release file again: %v", name, err)
}

// spoil remembers a damaged image.
func (i *images) spoil(image storage.Digest, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.spoilt[image] {
		i.log.Error("stored image is damaged or gone: publish its release file again", "image", release.ShortHex(image), "error", err)
	}
	i.spoilt[image] = true
}

// isSpoilt says whether an image was found damaged.
func (i *images) isSpoilt(image storage.Digest) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.spoilt[image]
}

// unspoil forgets that images were damaged: whoever reads them finds it anew.
func (i *images) unspoil(images ...storage.Digest) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, image := range images {
		delete(i.spoilt, image)
	}
}

// blob reads a whole blob.
func blob(ctx context.Context, store Store, d storage.Digest) ([]byte, error) {
	b, err := store.OpenBlob(ctx, d)
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
