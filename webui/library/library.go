// Package library is what the page knows of models and releases: the browser's own store (312), the files that a person chose in
// this visit, and the server's lists. It is the source that restorations plan from, and keeps small things by name for the rest of
// the engine.
package library

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
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
	ErrNoServer  = errors.New("the server does not answer")
	ErrNoRelease = errors.New("the release is not to be had")
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

// Library is what is known of models and releases: the browser's own store (312), files that the person
// chose in this visit, and the server's lists. It may be used concurrently.
type Library struct {
	backend Backend // may be nil

	mu        sync.Mutex
	store     *store.Store  // nil: nothing is kept
	blobs     blobs         // nil with store
	borrows   bool          // from the library that has the store
	opened    chan struct{} // closed when Open has ended
	condition state.StoreCondition
	models    map[string]model.Model
	records   []byte                         // of models, as the server told them last, until they are kept
	keys      map[string][]ed25519.PublicKey // by model, as the server told them
	remote    []listed                       // releases that the server offers
	held      map[Name]state.Fit             // those that it has and does not offer
	asked     chan struct{}                  // closed when the server was asked for the first time
	files     map[release.Manifest]File      // chosen in this visit
	reach     state.Reach
}

// blobs are small things that are kept by name, as store.Blobs keeps them.
type blobs interface {
	Put(name string, data []byte) error
	Get(name string) ([]byte, error)
	Delete(name string) error
	Names() ([]string, error)
}

// Name is what names a release: one image may be released for several models.
type Name struct {
	Model string
	Image release.Digest
}

func NameOf(m *release.Manifest) Name { return Name{m.Model, m.Digest} }

// listed is a release of the server's list. fit is FitUnknown of one that it offers.
type listed struct {
	Manifest release.Manifest
	Signers  release.Signers
	Signed   []byte
	fit      state.Fit
	origin   state.Origin
}

// File is a release with its bytes.
type File struct {
	Signed, Image []byte
	Manifest      release.Manifest
	Signers       release.Signers
}

func New(b Backend) *Library {
	return &Library{backend: b, models: make(map[string]model.Model), keys: make(map[string][]ed25519.PublicKey),
		files: make(map[release.Manifest]File), asked: make(chan struct{}), opened: make(chan struct{})}
}

// Open takes the browser's storage into use. One that cannot be read keeps nothing, and no more than that: the
// server's releases still work. It is called once.
func (l *Library) Open(fs hackpadfs.FS) {
	defer close(l.opened)
	if fs == nil || !l.use(fs) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.condition = state.StoreNone
		return
	}
	b, ok := l.Kept(modelsBlob)
	if !ok {
		return
	}
	list, err := decodeModels(b)
	if err != nil {
		l.Spoiled(modelsBlob)
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

// keepRecords keeps what the server has told of models, if it has and there is a store. Where the server was quicker than the store,
// it is up to Ahead.
func (l *Library) keepRecords() {
	l.mu.Lock()
	if l.store == nil || l.records == nil {
		l.mu.Unlock()
		return
	}
	records := l.records
	l.records = nil
	l.mu.Unlock()
	l.Keep(modelsBlob, records)
}

// use opens what is kept in fs and tells whether it can be used.
func (l *Library) use(fs hackpadfs.FS) bool {
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
	if len(releases.Problems()) > 0 {
		l.condition = state.StoreLost
	}
	return true
}

// Refresh asks the server what it has. It returns an error only when nobody answered.
func (l *Library) Refresh(ctx context.Context) error {
	if l.backend == nil {
		return ErrNoServer
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
	l.remote, l.held = nil, make(map[Name]state.Fit)
	for _, r := range remote {
		if r.fit.Held() {
			l.held[NameOf(&r.Manifest)] = r.fit
		} else {
			l.remote = append(l.remote, r)
		}
	}
	l.records = records
	l.mu.Unlock()
	l.keepRecords()
	return nil
}

// Answered waits until it is known whether the server answers, for as long as a person may wait for it.
func (l *Library) Answered(ctx context.Context) {
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

// Holds says what the server does with a release that it has and does not offer; FitUnknown is any other.
func (l *Library) Holds(name Name) state.Fit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[name]
}

// HoldsAny tells whether the server has a release of a model that it does not offer.
func (l *Library) HoldsAny(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.held {
		if name.Model == id {
			return true
		}
	}
	return false
}

// get asks for a path and wants its whole answer.
func (l *Library) get(ctx context.Context, path string) ([]byte, error) {
	if l.backend == nil {
		return nil, ErrNoServer
	}
	status, body, err := l.backend.Fetch(ctx, "GET", path, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoServer, err)
	}
	if status != 200 {
		return nil, fmt.Errorf("%s: status %d", path, status)
	}
	return body, nil
}

// Model returns what is known of a model.
func (l *Library) Model(id string) (model.Model, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, ok := l.models[id]
	return m, ok
}

// Models returns every model that is known, in the order of their IDs.
func (l *Library) Models() []model.Model {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := slices.Collect(maps.Values(l.models))
	sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID }) // package slices would weigh 20 KB of the page for this type
	return list
}

// Trusted returns the public keys that the server trusts for a model, asking for them once.
func (l *Library) Trusted(ctx context.Context, id string) ([]ed25519.PublicKey, error) {
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

// Add takes a release file that the person chose. It is kept, if the store takes it.
func (l *Library) Add(data []byte) (release.Manifest, error) {
	parts, err := release.SplitFile(data)
	if err != nil {
		return release.Manifest{}, err
	}
	f, err := newFile(slices.Clone(parts.Signed), slices.Clone(parts.Image))
	if err != nil {
		return release.Manifest{}, err
	}
	m := f.Manifest
	l.mu.Lock()
	l.files[m] = f
	l.mu.Unlock()
	l.keep(data)
	return m, nil
}

// keep puts a release file into the store and tells whether it is there.
func (l *Library) keep(data []byte) bool {
	l.mu.Lock()
	s, borrows := l.store, l.borrows
	l.mu.Unlock()
	if s == nil {
		return borrows // who lends it has kept it
	}
	if _, err := s.Put(data); err != nil {
		l.refused()
		return false
	}
	return true
}
