package library

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hack-pad/hackpadfs"
	"github.com/hack-pad/hackpadfs/mem"
)

// odd is a storage whose Open does something else.
type odd struct {
	hackpadfs.FS
	opening func() (hackpadfs.File, error)
}

func (o *odd) Open(string) (hackpadfs.File, error) { return o.opening() }

func (o *odd) MkdirAll(name string, perm hackpadfs.FileMode) error {
	return hackpadfs.MkdirAll(o.FS, name, perm)
}

// TestPatience: an operation that never ends fails in time, and none after it is waited for; one that panics
// fails alone.
func TestPatience(t *testing.T) {
	fs, err := mem.NewFS()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		o := &odd{FS: fs, opening: func() (hackpadfs.File, error) { panic("no such record") }}
		p := storageOf(o, storeLimit)
		if _, err := p.Open("a"); !errors.Is(err, errStorage) {
			t.Errorf("a panic: got %v, want %v", err, errStorage)
		}
		if err := hackpadfs.MkdirAll(p, "b", 0o755); err != nil {
			t.Errorf("after a panic: %v", err)
		}
		o.opening = func() (hackpadfs.File, error) { <-goOn; return nil, nil }
		begun := time.Now()
		if _, err := p.Open("a"); !errors.Is(err, errStorage) || time.Since(begun) != storeLimit {
			t.Errorf("no answer: got %v after %v, want %v after %v", err, time.Since(begun), errStorage, storeLimit)
		}
		begun = time.Now()
		if err := hackpadfs.MkdirAll(p, "c", 0o755); !errors.Is(err, errStorage) || time.Since(begun) != 0 {
			t.Errorf("after that: got %v after %v, want %v at once", err, time.Since(begun), errStorage)
		}
		close(goOn)
	})
}
