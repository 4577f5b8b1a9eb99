//go:build !js

package local

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"unbrick/server/storage"
)

const partSuffix = ".part"

// isPart says whether a file is one that create made and that never became whole.
func isPart(name string) bool {
	digits, ok := strings.CutSuffix(name, partSuffix)
	return ok && strings.Trim(digits, "0123456789") == ""
}

// blobs is a folder of files named by the SHA-256 of their content.
type blobs struct {
	dir    string
	seen   checked
	create func(dir string) (partFile, error) // a fresh temporary file; tests let it run full

	mu   sync.Mutex             // of held, and while files are removed
	held map[storage.Digest]int // how many are about to name a blob: it is not removed
}

// partFile is the little of *os.File that writing a blob needs.
type partFile interface {
	io.WriteCloser
	Name() string
	Sync() error
}

func openBlobs(dir string) (*blobs, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(dir, err)
	}
	if err := syncFolder(filepath.Dir(dir)); err != nil {
		return nil, fmt.Errorf("sync data folder: %w", err)
	}
	return &blobs{dir: dir, seen: newChecked(), held: make(map[storage.Digest]int), create: func(dir string) (partFile, error) {
		return os.CreateTemp(dir, "*"+partSuffix)
	}}, nil
}

func (b *blobs) path(d storage.Digest) string {
	return filepath.Join(b.dir, hex.EncodeToString(d[:]))
}

// put stores p, whose digest is d, durably. A blob that is there and whole is left alone, a damaged one is replaced.
func (b *blobs) put(p []byte, d storage.Digest) error {
	b.seen.forget(d) // a disk may lose bytes and not say so: what is stored again is read again
	if f, err := b.open(context.Background(), d); err == nil {
		f.Close()
		// It may have been renamed by a process that died before its sync.
		return syncFolder(b.dir)
	}
	f, err := b.create(b.dir)
	if err != nil {
		return full(err)
	}
	if err = fill(f, p); err == nil {
		err = os.Rename(f.Name(), b.path(d))
	}
	if err != nil {
		os.Remove(f.Name())
		return full(err)
	}
	return full(syncFolder(b.dir))
}

// open opens a blob whose digest was checked: just now, or within checkAgain on exactly this file.
func (b *blobs) open(ctx context.Context, d storage.Digest) (*blob, error) {
	f, err := os.Open(b.path(d))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, storage.ErrNotFound
		}
		return nil, err
	}
	n, err := b.seen.check(ctx, f, d)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &blob{File: f, size: n}, nil
}

// blob is an open blob whose bytes were checked.
type blob struct {
	*os.File
	size int64
}

func (b *blob) Size() int64 { return b.size }

// probeSize is how much room a folder must have for the store to be ready, in bytes.
const probeSize = 64 << 10

// probe writes a little and takes it away again.
func (b *blobs) probe() error {
	f, err := b.create(b.dir)
	if err != nil {
		return full(err)
	}
	return full(errors.Join(fill(f, make([]byte, probeSize)), os.Remove(f.Name())))
}

// fill writes a file durably, and closes it.
func fill(f partFile, p []byte) error {
	_, err := f.Write(p)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// PutBlob implements storage.Store.
func (s *Store) PutBlob(ctx context.Context, p []byte) (storage.Digest, error) {
	if err := ctx.Err(); err != nil {
		return storage.Digest{}, named(err, "put blob")
	}
	if len(p) > storage.MaxBlob {
		return storage.Digest{}, fmt.Errorf("put blob: %d bytes are more than %d", len(p), storage.MaxBlob)
	}
	d, err := s.keep(ctx, p)
	return d, named(err, "put blob %x", d[:8])
}

// OpenBlob implements storage.Store.
func (s *Store) OpenBlob(ctx context.Context, d storage.Digest) (storage.Blob, error) {
	b, err := s.blobs.open(ctx, d)
	if err != nil {
		return nil, named(err, "open blob %x", d[:8])
	}
	return b, nil
}
