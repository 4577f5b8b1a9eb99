package library

import (
	"context"
	"errors"
	"fmt"

	"unbrick/release"
	"unbrick/release/store"
	"unbrick/webui/state"
)

// Fetch returns a release's bytes from this visit's files, the store, or the server, in that order. What
// the server sent is kept. Where the server has the same image under a higher order, that release is taken, unless it is
// not to be had: an image may be released again, and the newest release stands for it.
func (l *Library) Fetch(ctx context.Context, model string, image release.Digest) (File, error) {
	least := l.order(Name{model, image})
	f, err := l.atHand(model, image)
	if err == nil && f.Manifest.Order >= least {
		return f, nil
	}
	newer, failed := l.download(ctx, model, image)
	if failed != nil && err == nil {
		return f, nil
	}
	return newer, failed
}

// order is the order of the newest release of an image on the server, 0 if there is none.
func (l *Library) order(name Name) (order uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.remote {
		if m := &l.remote[i].Manifest; NameOf(m) == name {
			order = max(order, m.Order)
		}
	}
	return order
}

// atHand returns a release from this visit's files or the store, the newer one.
func (l *Library) atHand(model string, image release.Digest) (File, error) {
	l.mu.Lock()
	var f File
	ok := false
	for m, v := range l.files {
		if NameOf(&m) == (Name{model, image}) && (!ok || m.Rank().Compare(f.Manifest.Rank()) > 0) {
			f, ok = v, true
		}
	}
	s := l.store
	l.mu.Unlock()
	if s != nil {
		signed, bytes, err := s.Get(model, image)
		if err == nil {
			kept, err := newFile(signed, bytes)
			if ok && (err != nil || f.Manifest.Order >= kept.Manifest.Order) {
				return f, nil
			}
			return kept, err
		}
		if !errors.Is(err, store.ErrNotFound) {
			l.Lost()
		}
	}
	if !ok {
		return File{}, ErrNoRelease
	}
	return f, nil
}

// download gets a release from the server and keeps it.
func (l *Library) download(ctx context.Context, model string, image release.Digest) (File, error) {
	data, err := l.get(ctx, filePath(Name{model, image}))
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrNoRelease, err)
	}
	parts, err := release.SplitFile(data)
	if err != nil {
		return File{}, err
	}
	f, err := newFile(parts.Signed, parts.Image)
	if err != nil {
		return File{}, err
	}
	if NameOf(&f.Manifest) != (Name{model, image}) {
		return File{}, fmt.Errorf("the server sent another release: %w", release.ErrImage)
	}
	if !l.keep(data) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.files[f.Manifest] = f // it is worth keeping for this visit
	}
	return f, nil
}

func newFile(signed, image []byte) (File, error) {
	m, signers, err := release.Parse(signed)
	if err != nil {
		return File{}, err
	}
	if err := m.CheckImage(image); err != nil {
		return File{}, err
	}
	return File{Signed: signed, Image: image, Manifest: m, Signers: signers}, nil
}

// Ahead fetches the newest release of each model into the store, within keepLimit, so that a device can
// be restored later without a network, and the records of models. It stops at the first error.
func (l *Library) Ahead(ctx context.Context) {
	l.keepRecords()
	budget := int64(keepLimit)
	done := make(map[string]bool)
	for _, r := range l.All() {
		l.mu.Lock()
		usable := l.store != nil && l.condition != state.StoreFull
		l.mu.Unlock()
		if !usable || ctx.Err() != nil {
			return
		}
		if done[r.Model] || r.Fit.Held() {
			continue
		}
		done[r.Model] = true
		if r.Origin != state.OriginServer || int64(r.Size) > budget {
			continue
		}
		budget -= int64(r.Size)
		if _, err := l.Fetch(ctx, r.Model, r.Digest); err != nil {
			return
		}
	}
}
