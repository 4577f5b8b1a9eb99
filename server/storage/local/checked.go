//go:build !js

package local

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"unbrick/server/storage"
)

const (
	checkAgain = time.Hour       // a file that was found right is read whole again after so long
	settled    = 2 * time.Second // a file that was changed more recently may change once more without a trace in its time
	maxChecked = 10_000          // files that are remembered; when there are more, all are forgotten
)

// checked remembers which files were read whole and found right, so that a hundred clients of one file do not read it a hundred
// times. A file that was replaced or written to is another one. As many files as there are processors are read at once; the others
// wait, and find that somebody else has read theirs.
type checked struct {
	reading chan struct{}
	mu      *sync.Mutex
	right   map[storage.Digest]rightFile
}

type rightFile struct {
	info os.FileInfo
	at   time.Time // with the monotonic clock
}

func newChecked() checked {
	return checked{reading: make(chan struct{}, runtime.GOMAXPROCS(0)), mu: new(sync.Mutex), right: make(map[storage.Digest]rightFile)}
}

// check returns the size of a file that has the digest, ErrDamaged for any other.
func (c *checked) check(ctx context.Context, f *os.File, d storage.Digest) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if c.known(info, d) {
		return info.Size(), nil
	}
	select {
	case c.reading <- struct{}{}:
		defer func() { <-c.reading }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if c.known(info, d) {
		return info.Size(), nil
	}
	began := time.Now()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return 0, err
	}
	if storage.Digest(h.Sum(nil)) != d {
		return 0, storage.ErrDamaged
	}
	if began.Sub(info.ModTime()) > settled && n == info.Size() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.right) >= maxChecked {
			clear(c.right)
		}
		c.right[d] = rightFile{info, began}
	}
	return n, nil
}

// forget makes the next check of a digest read its file, whatever the file system says of it: somebody found it wrong.
func (c *checked) forget(d storage.Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.right, d)
}

func (c *checked) known(info os.FileInfo, d storage.Digest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.right[d]
	if ok && (!os.SameFile(r.info, info) || r.info.Size() != info.Size() || !r.info.ModTime().Equal(info.ModTime()) ||
		time.Since(r.at) >= checkAgain) {
		delete(c.right, d)
		return false
	}
	return ok
}
