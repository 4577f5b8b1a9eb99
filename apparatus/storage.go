package apparatus

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hack-pad/hackpadfs"
)

// storeLimit is how long the browser's storage may take for one operation. It is there to remember; nothing that
// a person wants waits for it longer.
const storeLimit = 10 * time.Second

// errStorage says that the browser's storage does not answer, or not as it should.
var errStorage = errors.New("storage does not work")

// storageFS is a file system whose operations end: one that takes longer than limit fails, and so does every one
// after it, at once. So does one in which the program below gives up over what it finds, which ends only that one.
type storageFS struct {
	fs    hackpadfs.FS
	limit time.Duration
	dead  atomic.Bool
}

func storageOf(fs hackpadfs.FS, limit time.Duration) hackpadfs.FS {
	return &storageFS{fs: fs, limit: limit}
}

// within runs f in a goroutine of its own, which is left alone when it takes too long.
func within[T any](p *storageFS, f func() (T, error)) (T, error) {
	type outcome struct {
		v   T
		err error
	}
	var none T
	if p.dead.Load() {
		return none, errStorage
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if e := recover(); e != nil { // records that were half written make the file system below panic
				o.err = fmt.Errorf("%w: %v", errStorage, e)
			}
			done <- o
		}()
		o.v, o.err = f()
	}()
	late := time.NewTimer(p.limit)
	defer late.Stop()
	select {
	case o := <-done:
		return o.v, o.err
	case <-late.C:
		p.dead.Store(true)
		return none, fmt.Errorf("%w: no answer within %v", errStorage, p.limit)
	}
}

// only is within for an f that has nothing to return.
func only(p *storageFS, f func() error) error {
	_, err := within(p, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

func (p *storageFS) Open(name string) (hackpadfs.File, error) {
	f, err := within(p, func() (hackpadfs.File, error) { return p.fs.Open(name) })
	if err != nil {
		return nil, err
	}
	return &storageFile{p, f}, nil
}

func (p *storageFS) OpenFile(name string, flag int, perm hackpadfs.FileMode) (hackpadfs.File, error) {
	f, err := within(p, func() (hackpadfs.File, error) { return hackpadfs.OpenFile(p.fs, name, flag, perm) })
	if err != nil {
		return nil, err
	}
	return &storageFile{p, f}, nil
}

func (p *storageFS) MkdirAll(name string, perm hackpadfs.FileMode) error {
	return only(p, func() error { return hackpadfs.MkdirAll(p.fs, name, perm) })
}

func (p *storageFS) Remove(name string) error {
	return only(p, func() error { return hackpadfs.Remove(p.fs, name) })
}

func (p *storageFS) Rename(from, to string) error {
	return only(p, func() error { return hackpadfs.Rename(p.fs, from, to) })
}

func (p *storageFS) ReadDir(name string) ([]hackpadfs.DirEntry, error) {
	return within(p, func() ([]hackpadfs.DirEntry, error) { return hackpadfs.ReadDir(p.fs, name) })
}

// storageFile is a file of it. What a read brings too late is for nobody: its buffer is its own.
type storageFile struct {
	p *storageFS
	f hackpadfs.File
}

func (f *storageFile) Stat() (hackpadfs.FileInfo, error) { return within(f.p, f.f.Stat) }

func (f *storageFile) Read(b []byte) (int, error) {
	got, err := within(f.p, func() ([]byte, error) {
		own := make([]byte, len(b))
		n, err := f.f.Read(own)
		return own[:max(n, 0)], err
	})
	return copy(b, got), err
}

func (f *storageFile) Write(b []byte) (int, error) {
	return within(f.p, func() (int, error) { return hackpadfs.WriteFile(f.f, b) })
}

func (f *storageFile) Sync() error {
	s, ok := f.f.(hackpadfs.SyncerFile)
	if !ok {
		return nil
	}
	return only(f.p, s.Sync)
}

func (f *storageFile) Close() error { return only(f.p, f.f.Close) }
