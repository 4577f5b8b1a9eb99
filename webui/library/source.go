package library

import (
	"context"
	"slices"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/webui/state"
)

// Source is what restore plans from: the library.
var _ restore.Source = (*Library)(nil)

// List implements restore.Source: every release at hand for a model, in the store, chosen, or on the
// server.
func (l *Library) List(_ context.Context, id string) ([]restore.Listing, error) {
	return l.Listings(id), nil
}

// Listings is every release at hand for a model.
func (l *Library) Listings(id string) []restore.Listing {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []restore.Listing
	put := func(m *release.Manifest, signers *release.Signers) {
		if m.Model != id {
			return
		}
		if i := slices.IndexFunc(list, func(o restore.Listing) bool { return o.Manifest == *m }); i < 0 {
			list = append(list, restore.Listing{Manifest: *m, Signers: *signers, Hold: holdOf[l.held[NameOf(m)]]})
		} else if signers.Len() > list[i].Signers.Len() {
			list[i].Signers = *signers
		}
	}
	for _, f := range l.files {
		put(&f.Manifest, &f.Signers)
	}
	if l.store != nil {
		for _, e := range l.store.List() {
			put(&e.Manifest, &e.Signers)
		}
	}
	for _, r := range l.remote {
		put(&r.Manifest, &r.Signers)
	}
	return list
}

// Get implements restore.Source. The server's list has the manifests; for an image any release of it does.
func (l *Library) Get(ctx context.Context, want *restore.Listing) (signed, image []byte, err error) {
	is := func(m *release.Manifest, signers *release.Signers) bool {
		return *m == want.Manifest && *signers == want.Signers
	}
	l.mu.Lock()
	f, chosen := l.files[want.Manifest]
	s := l.store
	for i := range l.remote {
		if r := &l.remote[i]; is(&r.Manifest, &r.Signers) {
			signed = r.Signed
		}
	}
	l.mu.Unlock()
	if chosen && is(&f.Manifest, &f.Signers) {
		return f.Signed, f.Image, nil
	}
	if s != nil {
		for _, e := range s.Find(want.Manifest.Digest) {
			if !is(&e.Manifest, &e.Signers) {
				continue
			}
			kept, image, err := s.Read(e)
			if err == nil {
				return kept, image, nil
			}
			l.Lost()
		}
	}
	if f, err = l.Fetch(ctx, want.Manifest.Model, want.Manifest.Digest); err != nil {
		return nil, nil, err
	}
	switch {
	case signed != nil:
		return signed, f.Image, nil
	case is(&f.Manifest, &f.Signers):
		return f.Signed, f.Image, nil
	}
	return nil, nil, ErrNoRelease
}

// Wish is the choice of the newest release of an image.
func (l *Library) Wish(model string, image release.Digest) *restore.Choice {
	best := release.Manifest{Model: model, Digest: image} // as nothing is
	for _, o := range l.Listings(model) {
		if m := &o.Manifest; m.Digest == image && (best.Version == "" || m.Rank().Compare(best.Rank()) > 0) {
			best = *m
		}
	}
	return &restore.Choice{Release: &best}
}

// holdOf is what restore calls a release that is not offered.
var holdOf = map[state.Fit]restore.Hold{state.FitWithheld: restore.Withheld, state.FitWithdrawn: restore.Withdrawn}
