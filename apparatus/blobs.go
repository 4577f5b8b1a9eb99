package apparatus

import (
	"errors"
	"strings"

	"unbrick/release/store"
	"unbrick/webui/state"
)

// keepBlob stores a small thing under a name and tells whether it is kept.
func (l *library) keepBlob(name string, data []byte) bool {
	l.mu.Lock()
	blobs := l.blobs
	l.mu.Unlock()
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
func (l *library) refused() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.condition = state.StoreFull
}

// blob returns what keepBlob stored, and whether it is there whole.
func (l *library) blob(name string) ([]byte, bool) {
	l.mu.Lock()
	blobs := l.blobs
	l.mu.Unlock()
	if blobs == nil {
		return nil, false
	}
	b, err := blobs.Get(name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		l.lost()
	}
	return b, err == nil
}

// spoiled forgets a blob that was kept whole and means nothing: another version of this page wrote it.
func (l *library) spoiled(name string) {
	l.lost()
	l.dropBlob(name)
}

// lost notes that something that was kept is gone.
func (l *library) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.condition != state.StoreNone && l.condition != state.StoreFull {
		l.condition = state.StoreLost
	}
}

// dropBlob forgets a name. What cannot be deleted is found again and harms nobody.
func (l *library) dropBlob(name string) {
	l.mu.Lock()
	blobs := l.blobs
	l.mu.Unlock()
	if blobs != nil {
		blobs.Delete(name)
	}
}

// blobNames returns the names that begin with prefix.
func (l *library) blobNames(prefix string) []string {
	l.mu.Lock()
	blobs := l.blobs
	l.mu.Unlock()
	if blobs == nil {
		return nil
	}
	all, err := blobs.Names()
	if err != nil {
		return nil
	}
	var names []string
	for _, n := range all {
		if strings.HasPrefix(n, prefix) {
			names = append(names, n)
		}
	}
	return names
}
