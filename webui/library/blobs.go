package library

import (
	"errors"
	"slices"
	"strings"

	"unbrick/release/store"
	"unbrick/webui/state"
)

// small is where small things are kept; nil: nowhere.
func (l *Library) small() blobs {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.blobs
}

// Keep stores a small thing under a name and tells whether it is kept.
func (l *Library) Keep(name string, data []byte) bool {
	blobs := l.small()
	if blobs == nil {
		return false
	}
	if err := blobs.Put(name, data); err != nil {
		l.refused()
		return false
	}
	return true
}

// refused notes that the browser did not keep something.
func (l *Library) refused() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.condition = state.StoreFull
}

// Kept returns what Keep stored, and whether it is there whole.
func (l *Library) Kept(name string) ([]byte, bool) {
	blobs := l.small()
	if blobs == nil {
		return nil, false
	}
	b, err := blobs.Get(name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		l.Lost()
	}
	return b, err == nil
}

// Spoiled forgets a blob that was kept whole and means nothing: another version of this page wrote it.
func (l *Library) Spoiled(name string) {
	l.Lost()
	l.Drop(name)
}

// Lost notes that something that was kept is gone.
func (l *Library) Lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.condition != state.StoreNone && l.condition != state.StoreFull {
		l.condition = state.StoreLost
	}
}

// Drop forgets a name. What cannot be deleted is found again and harms nobody.
func (l *Library) Drop(name string) {
	if blobs := l.small(); blobs != nil {
		blobs.Delete(name)
	}
}

// Names returns the names that begin with prefix.
func (l *Library) Names(prefix string) []string {
	blobs := l.small()
	if blobs == nil {
		return nil
	}
	all, err := blobs.Names()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(all, func(n string) bool { return !strings.HasPrefix(n, prefix) })
}
