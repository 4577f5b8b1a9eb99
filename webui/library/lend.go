package library

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"unbrick/internal/cbor"
	"unbrick/release"
	"unbrick/release/store"
	"unbrick/webui/state"
)

// Only one program of a page may have the store. The Lab's has a library that borrows: its Backend is the library that has the store,
// which answers as the server does, of what it has itself where it can, and keeps what begins with lentPrefix.
const (
	keptPath   = "/kept/"
	lentPrefix = "lab-"
)

// What a library says of a release that it has itself, where the server says that it offers one.
const (
	saysKept   = "kept"
	saysChosen = "chosen"
)

// originOfState is where a release in such a state is at hand; any other is on the server.
var originOfState = map[string]state.Origin{saysKept: state.OriginStore, saysChosen: state.OriginFile}

// saysOf is what a server says of a release that it does not offer.
var saysOf = map[state.Fit]string{state.FitWithheld: "withheld", state.FitWithdrawn: "withdrawn"}

// Lend answers a library that borrows. Its arguments and results are those of Backend.Fetch. It waits until the store is open, which
// it is only in the tab that has the work.
func (l *Library) Lend(ctx context.Context, method, path string, body []byte) (status int, answer []byte, err error) {
	select {
	case <-l.opened:
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	}
	if name, ok := strings.CutPrefix(path, keptPath); ok {
		return l.lendKept(method, name, body)
	}
	switch path {
	case "/api/models":
		w := cbor.Appending(nil)
		models := l.Models()
		w.Array(len(models))
		for i := range models {
			w.Bytes(models[i].Append(nil))
		}
		answer, err = w.Result()
		return 200, answer, err
	case "/api/releases":
		l.Answered(ctx)
		answer, err = l.lendList()
		return 200, answer, err
	}
	if name, ok := fileName(path); ok {
		if f, err := l.Fetch(ctx, name.Model, name.Image); err == nil {
			return 200, release.AppendFile(nil, &release.File{Signed: f.Signed, Image: f.Image}), nil
		} else if errors.Is(err, ErrNoRelease) && !errors.Is(err, ErrNoServer) {
			return 404, nil, nil
		}
	}
	if l.backend == nil {
		return 0, nil, ErrNoServer
	}
	return l.backend.Fetch(ctx, method, path, body)
}

// filePath is where the server has the file of a release.
func filePath(name Name) string {
	return "/api/releases/" + release.Hex(name.Image) + "/file?model=" + name.Model
}

// fileName is the other way round.
func fileName(path string) (name Name, ok bool) {
	rest, ok := strings.CutPrefix(path, "/api/releases/")
	digits, model, found := strings.Cut(rest, "/file?model=")
	b, err := hex.DecodeString(digits)
	if !ok || !found || err != nil || len(b) != len(name.Image) {
		return Name{}, false
	}
	return Name{model, release.Digest(b)}, true
}

// lendList is the list of every release that is known, and of those at hand once more what the server does with them.
func (l *Library) lendList() ([]byte, error) {
	type row struct {
		says   string
		signed []byte
	}
	var rows []row
	l.mu.Lock()
	for _, r := range l.remote {
		rows = append(rows, row{"offered", r.Signed})
	}
	held, files, kept := maps.Clone(l.held), slices.Collect(maps.Values(l.files)), l.store
	l.mu.Unlock()
	put := func(says string, m *release.Manifest, signed []byte) {
		rows = append(rows, row{says, signed})
		if says, ok := saysOf[held[NameOf(m)]]; ok {
			rows = append(rows, row{says, signed})
		}
	}
	for i := range files {
		put(saysChosen, &files[i].Manifest, files[i].Signed)
	}
	if kept != nil {
		for _, e := range kept.List() {
			if signed, err := kept.Signed(&e); err == nil {
				put(saysKept, &e.Manifest, signed)
			}
		}
	}
	rows = rows[:min(len(rows), maxReleases)]
	w := cbor.Appending(nil)
	w.Array(len(rows))
	for _, r := range rows {
		w.Array(3)
		w.Text(r.says)
		w.Uint(0)
		w.Bytes(r.signed)
	}
	return w.Result()
}

// lendKept puts, gets, lists or deletes what a borrower keeps.
func (l *Library) lendKept(method, name string, body []byte) (status int, answer []byte, err error) {
	if !strings.HasPrefix(name, lentPrefix) {
		return 403, nil, nil // a job or a report is not the borrower's
	}
	switch method {
	case "PUT":
		if !l.Keep(name, body) {
			return 507, nil, nil
		}
	case "DELETE":
		l.Drop(name)
	case "LIST":
		return 200, []byte(strings.Join(l.Names(name), "\n")), nil
	default:
		b, ok := l.Kept(name)
		if !ok {
			return 404, nil, nil
		}
		return 200, b, nil
	}
	return 200, nil, nil
}

// Borrow lets the library keep what it is given where its Backend does, which is a library that lends.
func (l *Library) Borrow(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blobs, l.borrows, l.condition = &lent{ctx, l.backend}, true, state.StoreOpen
}

// lent are the blobs of a library that borrows. They end with ctx.
type lent struct {
	ctx context.Context
	by  Backend
}

var _ blobs = (*lent)(nil)

func (b *lent) ask(method, name string, body []byte) ([]byte, error) {
	status, answer, err := b.by.Fetch(b.ctx, method, keptPath+name, body)
	switch {
	case err != nil:
		return nil, err
	case status == 404:
		return nil, store.ErrNotFound
	case status != 200:
		return nil, fmt.Errorf("%s %s: status %d", method, name, status)
	}
	return answer, nil
}

func (b *lent) Put(name string, data []byte) error {
	_, err := b.ask("PUT", name, data)
	return err
}

func (b *lent) Get(name string) ([]byte, error) { return b.ask("GET", name, nil) }

func (b *lent) Delete(name string) error {
	_, err := b.ask("DELETE", name, nil)
	return err
}

// Names returns those that a borrower may have.
func (b *lent) Names() ([]string, error) {
	answer, err := b.ask("LIST", lentPrefix, nil)
	return strings.Fields(string(answer)), err
}
