package library

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

// within runs f in a goroutine of its own, which is left alone when it takes too long. What f returns is boxed: with a type
// parameter the program holds all of this once for each type.
func (p *storageFS) within(f func() (any, error)) (any, error) {
	type outcome struct {
		v   any
		err error
	}
	if p.dead.Load() {
		return nil, errStorage
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
		return nil, fmt.Errorf("%w: no answer within %v", errStorage, p.limit)
	}
}

// only is within for an f that has nothing to return.
func (p *storageFS) only(f func() error) error {
	_, err := p.within(func() (any, error) { return nil, f() })
	return err
}

// File opens a file within.
func (p *storageFS) File(open func() (hackpadfs.File, error)) (hackpadfs.File, error) {
	v, err := p.within(func() (any, error) { return open() })
	if err != nil {
		return nil, err
	}
	f, _ := v.(hackpadfs.File)
	return &storageFile{p, f}, nil
}

func (p *storageFS) Open(name string) (hackpadfs.File, error) {
	return p.File(func() (hackpadfs.File, error) { return p.fs.Open(name) })
}

func (p *storageFS) OpenFile(name string, flag int, perm hackpadfs.FileMode) (hackpadfs.File, error) {
	return p.File(func() (hackpadfs.File, error) { return hackpadfs.OpenFile(p.fs, name, flag, perm) })
}

func (p *storageFS) MkdirAll(name string, perm hackpadfs.FileMode) error {
	return p.only(func() error { return hackpadfs.MkdirAll(p.fs, name, perm) })
}

func (p *storageFS) Remove(name string) error {
	return p.only(func() error { return hackpadfs.Remove(p.fs, name) })
}

func (p *storageFS) Rename(from, to string) error {
	return p.only(func() error { return hackpadfs.Rename(p.fs, from, to) })
}

func (p *storageFS) ReadDir(name string) ([]hackpadfs.DirEntry, error) {
	v, err := p.within(func() (any, error) { return hackpadfs.ReadDir(p.fs, name) })
	list, _ := v.([]hackpadfs.DirEntry)
	return list, err
}

// storageFile is a file of it. What a read brings too late is for nobody: its buffer is its own.
type storageFile struct {
	p *storageFS
	f hackpadfs.File
}

func (f *storageFile) Stat() (hackpadfs.FileInfo, error) {
	v, err := f.p.within(func() (any, error) { return f.f.Stat() })
	info, _ := v.(hackpadfs.FileInfo)
	return info, err
}

func (f *storageFile) Read(b []byte) (int, error) {
	v, err := f.p.within(func() (any, error) {
		own := make([]byte, len(b))
		n, err := f.f.Read(own)
		return own[:max(n, 0)], err
	})
	got, _ := v.([]byte)
	return copy(b, got), err
}

func (f *storageFile) Write(b []byte) (int, error) {
	v, err := f.p.within(func() (any, error) { return hackpadfs.WriteFile(f.f, b) })
	n, _ := v.(int)
	return n, err
}

func (f *storageFile) Sync() error {
	s, ok := f.f.(hackpadfs.SyncerFile)
	if !ok {
		return nil
	}
	return f.p.only(s.Sync)
}

func (f *storageFile) Close() error { return f.p.only(f.f.Close) }
