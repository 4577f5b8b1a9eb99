package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"

	"github.com/hack-pad/hackpadfs"

	"unbrick/limits"
)

// Limits of a blob.
const (
	MaxBlob     = limits.File // bytes
	MaxBlobName = 64          // bytes
)

// blobSuffix keeps the names of blobs apart from anything else in the folder.
const blobSuffix = ".blob"

// ErrBlob tells that a name or a size is not fit for a blob.
var ErrBlob = errors.New("not fit for a blob")

// Blobs keeps small named things, each whole or not at all: a restoration that is under way, the
// sectors of an emulated flash. It follows the same discipline as Store, and each file ends in the
// SHA-256 of its content, so that a damaged one is never mistaken for a sound one.
type Blobs struct {
	mu     sync.RWMutex
	folder folder
}

// OpenBlobs returns the blobs in a folder of fs, a plain relative path other than Folder, which it
// makes if need be.
func OpenBlobs(fs hackpadfs.FS, dir string) (*Blobs, error) {
	f, _, err := openFolder(fs, dir)
	if err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	return &Blobs{folder: f}, nil
}

// Put stores data under name, in place of what was there. Names consist of letters, digits, '-', '_'
// and '.', and do not begin with '.'. When it fails, the old content or the new is there.
func (b *Blobs) Put(name string, data []byte) error {
	if !blobName(name) || len(data) > MaxBlob {
		return fmt.Errorf("%w: %d bytes as %.80q", ErrBlob, len(data), name)
	}
	sum := sha256.Sum256(data)
	file := make([]byte, 0, len(data)+len(sum))
	file = append(append(file, data...), sum[:]...)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.folder.replace(name+blobSuffix, file)
}

// Get returns what Put stored under name; the caller owns it. It fails with ErrNotFound, or ErrCorrupt
// (then the blob is gone), or with what reading said.
func (b *Blobs) Get(name string) ([]byte, error) {
	if !blobName(name) {
		return nil, fmt.Errorf("blob %.80q: %w", name, ErrNotFound)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	file, _, err := b.folder.read(name+blobSuffix, MaxBlob+sha256.Size, true)
	switch {
	case errors.Is(err, hackpadfs.ErrNotExist):
		return nil, fmt.Errorf("blob %q: %w", name, ErrNotFound)
	case err != nil && !errors.Is(err, errTooLarge) && !errors.Is(err, errHalf):
		return nil, fmt.Errorf("blob: %w", err)
	}
	if n := len(file) - sha256.Size; err == nil && n >= 0 {
		if sum := sha256.Sum256(file[:n]); bytes.Equal(sum[:], file[n:]) {
			return file[:n:n], nil
		}
	}
	return nil, errors.Join(fmt.Errorf("blob %q: %w", name, ErrCorrupt), b.folder.remove(name+blobSuffix))
}

// Delete removes a blob. That there is none is no error.
func (b *Blobs) Delete(name string) error {
	if !blobName(name) {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.folder.remove(name + blobSuffix)
}

// Names returns the names of all blobs, sorted.
func (b *Blobs) Names() ([]string, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	files, err := b.folder.names()
	if err != nil {
		return nil, fmt.Errorf("blobs: %w", err)
	}
	var names []string
	for _, file := range files {
		if name, ok := strings.CutSuffix(file, blobSuffix); ok && blobName(name) {
			names = append(names, name)
		}
	}
	sort.Slice(names, func(i, j int) bool { return names[i] < names[j] })
	return names, nil
}

func blobName(name string) bool {
	if name == "" || len(name) > MaxBlobName || name[0] == '.' {
		return false
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}
