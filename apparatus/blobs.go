package apparatus

import "strings"

// keepBlob stores a small thing under a name and tells whether it is kept.
func (l *library) keepBlob(name string, data []byte) bool {
	l.mu.Lock()
	blobs := l.blobs
	l.mu.Unlock()
	if blobs == nil {
		return false
	}
	if err := blobs.Put(name, data); err != nil {
		l.mu.Lock()
		l.condition = StoreFull
		l.mu.Unlock()
		return false
	}
	return true
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
	return b, err == nil
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
