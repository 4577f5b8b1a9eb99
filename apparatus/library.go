package apparatus

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"unbrick/model"
	"unbrick/release"
	"unbrick/release/store"
	"unbrick/webui/state"

	"github.com/hack-pad/hackpadfs"
)

// Errors of the library.
var (
	errNoServer  = errors.New("the server does not answer")
	errNoRelease = errors.New("the release is not to be had")
)

// answerLimit is how long a device at hand waits for the server's first word on which releases are withdrawn.
const answerLimit = 3 * time.Second

// keepLimit is how many bytes of releases are fetched ahead, so that the page works without a network.
const keepLimit = 32 << 20

// modelsBlob holds the model records as the server last told them; blobsFolder is where blobs are.
const (
	modelsBlob  = "models"
	blobsFolder = "apparatus"
)

// library is what is known of models and releases: the browser's own store (312), files that the person
// chose in this visit, and the server's lists. It may be used concurrently.
type library struct {
	backend Backend // may be nil

	mu        sync.Mutex
	store     *store.Store // nil: nothing is kept
	blobs     *store.Blobs // nil with store
	condition state.StoreCondition
	models    map[string]model.Model
	keys      map[string][]ed25519.PublicKey // by model, as the server told them
	remote    []listed                       // releases that the server offers
	held      map[named]state.Fit            // those that it has and does not offer
	asked     chan struct{}                  // closed when the server was asked for the first time
	files     map[release.Manifest]file      // chosen in this visit
	reach     state.Reach
}

// named is what names a release: one image may be released for several models.
type named struct {
	model string
	image release.Digest
}

func nameOf(m *release.Manifest) named { return named{m.Model, m.Digest} }

// listed is a release of the server's list. fit is FitUnknown of one that it offers.
type listed struct {
	manifest release.Manifest
	signers  release.Signers
	signed   []byte
	fit      state.Fit
}

// file is a release with its bytes.
type file struct {
	signed, image []byte
	manifest      release.Manifest
	signers       release.Signers
}

func newLibrary(b Backend) *library {
	return &library{backend: b, models: make(map[string]model.Model), keys: make(map[string][]ed25519.PublicKey),
		files: make(map[release.Manifest]file), asked: make(chan struct{})}
}

// open takes the browser's storage into use. One that cannot be read keeps nothing, and no more than that: the
// server's releases still work.
func (l *library) open(fs hackpadfs.FS, kept bool) {
	if fs == nil || !l.use(fs, kept) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.condition = state.StoreNone
		return
	}
	b, ok := l.blob(modelsBlob)
	if !ok {
		return
	}
	list, err := decodeModels(b)
	if err != nil {
		l.spoiled(modelsBlob)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range list {
		if _, told := l.models[m.ID]; !told { // the server's word is newer
			l.models[m.ID] = m
		}
	}
}

// use opens what is kept in fs and tells whether it can be used.
func (l *library) use(fs hackpadfs.FS, kept bool) bool {
	fs = storageOf(fs, storeLimit)
	releases, err := store.Open(fs)
	if err != nil {
		return false
	}
	blobs, err := store.OpenBlobs(fs, blobsFolder)
	if err != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.store, l.blobs, l.condition = releases, blobs, state.StoreOpen
	switch {
	case len(releases.Problems()) > 0:
		l.condition = state.StoreLost
	case !kept:
		l.condition = state.StoreFleeting
	}
	return true
}

// refresh asks the server what it has. It returns an error only when nobody answered.
func (l *library) refresh(ctx context.Context) error {
	if l.backend == nil {
		return errNoServer
	}
	var models []model.Model
	records, err := l.get(ctx, "/api/models")
	if err == nil {
		models, err = decodeModels(records)
	}
	var remote []listed
	if err == nil {
		var b []byte
		if b, err = l.get(ctx, "/api/releases"); err == nil {
			remote, err = decodeReleases(b)
		}
	}
	l.mu.Lock()
	select {
	case <-l.asked:
	default:
		close(l.asked)
	}
	if err != nil {
		l.reach = state.ReachNo
		l.mu.Unlock()
		return err
	}
	l.reach = state.ReachYes
	for _, m := range models {
		l.models[m.ID] = m
	}
	l.remote, l.held = nil, make(map[named]state.Fit)
	for _, r := range remote {
		if r.fit.Held() {
			l.held[nameOf(&r.manifest)] = r.fit
		} else {
			l.remote = append(l.remote, r)
		}
	}
	l.mu.Unlock()
	l.keepBlob(modelsBlob, records)
	return nil
}

// answered waits until it is known whether the server answers, for as long as a person may wait for it.
func (l *library) answered(ctx context.Context) {
	if l.backend == nil {
		return
	}
	late := time.NewTimer(answerLimit)
	defer late.Stop()
	select {
	case <-l.asked:
	case <-late.C:
	case <-ctx.Done():
	}
}

// holds says what the server does with a release that it has and does not offer; FitUnknown is any other.
func (l *library) holds(name named) state.Fit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[name]
}

// holdsAny tells whether the server has a release of a model that it does not offer.
func (l *library) holdsAny(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.held {
		if name.model == id {
			return true
		}
	}
	return false
}

// get asks for a path and wants its whole answer.
func (l *library) get(ctx context.Context, path string) ([]byte, error) {
	if l.backend == nil {
		return nil, errNoServer
	}
	status, body, err := l.backend.Fetch(ctx, "GET", path, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoServer, err)
	}
	if status != 200 {
		return nil, fmt.Errorf("%s: status %d", path, status)
	}
	return body, nil
}

// model returns what is known of a model.
func (l *library) model(id string) (model.Model, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, ok := l.models[id]
	return m, ok
}

// known returns every model that is known, in the order of their IDs.
func (l *library) known() []model.Model {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Values(l.models), func(a, b model.Model) int { return strings.Compare(a.ID, b.ID) })
}

// trusted returns the public keys that the server trusts for a model, asking for them once.
func (l *library) trusted(ctx context.Context, id string) ([]ed25519.PublicKey, error) {
	l.mu.Lock()
	keys := l.keys[id]
	l.mu.Unlock()
	if keys != nil {
		return keys, nil
	}
	b, err := l.get(ctx, "/api/models/"+id+"/keys")
	if err != nil {
		return nil, err
	}
	keys, err = decodeKeys(b)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys[id] = keys
	return keys, nil
}

// add takes a release file that the person chose. It is kept, if the store takes it.
func (l *library) add(data []byte) (release.Manifest, error) {
	parts, err := release.SplitFile(data)
	if err != nil {
		return release.Manifest{}, err
	}
	f, err := newFile(slices.Clone(parts.Signed), slices.Clone(parts.Image))
	if err != nil {
		return release.Manifest{}, err
	}
	m := f.manifest
	l.mu.Lock()
	l.files[m] = f
	l.mu.Unlock()
	l.keep(data)
	return m, nil
}

// keep puts a release file into the store and tells whether it is there.
func (l *library) keep(data []byte) bool {
	l.mu.Lock()
	s := l.store
	l.mu.Unlock()
	if s == nil {
		return false
	}
	if _, err := s.Put(data); err != nil {
		l.refused()
		return false
	}
	return true
}

// fetch returns a release's bytes from this visit's files, the store, or the server, in that order. What
// the server sent is kept. Where the server has the same image under a higher order, that release is taken, unless it is
// not to be had: an image may be released again, and the newest release stands for it.
func (l *library) fetch(ctx context.Context, model string, image release.Digest) (file, error) {
	least := l.order(named{model, image})
	f, err := l.atHand(model, image)
	if err == nil && f.manifest.Order >= least {
		return f, nil
	}
	newer, failed := l.download(ctx, model, image)
	if failed != nil && err == nil {
		return f, nil
	}
	return newer, failed
}

// order is the order of the newest release of an image on the server, 0 if there is none.
func (l *library) order(name named) (order uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.remote {
		if m := &l.remote[i].manifest; nameOf(m) == name {
			order = max(order, m.Order)
		}
	}
	return order
}

// atHand returns a release from this visit's files or the store, the newer one.
func (l *library) atHand(model string, image release.Digest) (file, error) {
	l.mu.Lock()
	var f file
	ok := false
	for m, v := range l.files {
		if nameOf(&m) == (named{model, image}) && (!ok || m.Rank().Compare(f.manifest.Rank()) > 0) {
			f, ok = v, true
		}
	}
	s := l.store
	l.mu.Unlock()
	if s != nil {
		signed, bytes, err := s.Get(model, image)
		if err == nil {
			kept, err := newFile(signed, bytes)
			if ok && (err != nil || f.manifest.Order >= kept.manifest.Order) {
				return f, nil
			}
			return kept, err
		}
		if !errors.Is(err, store.ErrNotFound) {
			l.lost()
		}
	}
	if !ok {
		return file{}, errNoRelease
	}
	return f, nil
}

// download gets a release from the server and keeps it.
func (l *library) download(ctx context.Context, model string, image release.Digest) (file, error) {
	data, err := l.get(ctx, "/api/releases/"+release.Hex(image)+"/file?model="+model)
	if err != nil {
		return file{}, fmt.Errorf("%w: %w", errNoRelease, err)
	}
	parts, err := release.SplitFile(data)
	if err != nil {
		return file{}, err
	}
	f, err := newFile(parts.Signed, parts.Image)
	if err != nil {
		return file{}, err
	}
	if nameOf(&f.manifest) != (named{model, image}) {
		return file{}, fmt.Errorf("the server sent another release: %w", release.ErrImage)
	}
	if !l.keep(data) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.files[f.manifest] = f // it is worth keeping for this visit
	}
	return f, nil
}

func newFile(signed, image []byte) (file, error) {
	m, signers, err := release.Parse(signed)
	if err != nil {
		return file{}, err
	}
	if err := m.CheckImage(image); err != nil {
		return file{}, err
	}
	return file{signed: signed, image: image, manifest: m, signers: signers}, nil
}

// releaseOf is a release as it is shown.
func releaseOf(m *release.Manifest, signers *release.Signers, origin state.Origin, fit state.Fit) state.Release {
	return state.Release{Digest: m.Digest, Model: m.Model, Version: m.Version, Order: m.Order, Size: m.Size, Date: m.Date(), Note: m.Note,
		Signers: signersOf(signers), Origin: origin, Fit: fit}
}

func signersOf(signers *release.Signers) (all state.Signers) {
	for i, id := range signers.IDs() {
		all[i] = id
	}
	return all
}

// all returns every known release of every model once, with where it is at hand; newest first within its model.
func (l *library) all() []state.Release {
	l.mu.Lock()
	defer l.mu.Unlock()
	byName := make(map[named]state.Release)
	put := func(m *release.Manifest, signers *release.Signers, origin state.Origin) {
		if have, ok := byName[nameOf(m)]; ok && (have.Order > m.Order || have.Order == m.Order && have.Origin <= origin) {
			return
		}
		byName[nameOf(m)] = releaseOf(m, signers, origin, l.held[nameOf(m)])
	}
	for _, r := range l.remote {
		put(&r.manifest, &r.signers, state.OriginServer)
	}
	for _, f := range l.files {
		put(&f.manifest, &f.signers, state.OriginFile)
	}
	if l.store != nil {
		for _, e := range l.store.List() {
			put(&e.Manifest, &e.Signers, state.OriginStore)
		}
	}
	list := make([]state.Release, 0, len(byName))
	for _, r := range byName {
		list = append(list, r)
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := &list[i], &list[j]
		return cmp.Or(strings.Compare(a.Model, b.Model), cmp.Compare(b.Order, a.Order), strings.Compare(a.Version, b.Version)) < 0
	})
	return list
}

// newest returns the newest release of a model that is at hand and may be offered, and whether there is one.
func (l *library) newest(id string) (state.Release, bool) {
	for _, r := range l.all() {
		if r.Model == id && !r.Fit.Held() {
			return r, true
		}
	}
	return state.Release{}, false
}

// ahead fetches the newest release of each model into the store, within keepLimit, so that a device can
// be restored later without a network. It stops at the first error.
func (l *library) ahead(ctx context.Context) {
	budget := int64(keepLimit)
	done := make(map[string]bool)
	for _, r := range l.all() {
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
		if _, err := l.fetch(ctx, r.Model, r.Digest); err != nil {
			return
		}
	}
}

// shown is what the page shows of the library.
func (l *library) shown() (state.Store, state.Server) {
	releases := l.all()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := state.Store{Condition: l.condition, Releases: releases[:min(len(releases), state.MaxReleases)]}
	if l.store != nil {
		for _, e := range l.store.List() {
			s.Bytes += uint64(e.FileSize)
		}
	}
	server := state.Server{Reach: l.reach}
	if l.backend != nil {
		server.Address = l.backend.Address()
	}
	return s, server
}
