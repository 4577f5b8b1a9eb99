package engine_test

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"testing"

	"unbrick/webui/state"

	"github.com/hack-pad/hackpadfs"
	"github.com/hack-pad/hackpadfs/mem"
)

var errBroken = errors.New("a broken browser's storage")

// mishap is what a storage does instead of an operation.
type mishap uint8

const (
	fails  mishap = iota
	halves        // writes half, and fails
	panics
	hangs
)

// broken is a browser's storage that does something else than it should in its from-th operation, counted from 1, and
// with on in every one after that. goOn ends what hangs.
type broken struct {
	hackpadfs.FS
	kind mishap
	from int
	on   bool
	goOn chan struct{}

	mu     sync.Mutex
	count  int
	writes int // that went wrong
}

// step is one operation; it returns an error instead of it.
func (b *broken) step(write bool) error {
	b.mu.Lock()
	b.count++
	bad := b.from > 0 && (b.count == b.from || b.on && b.count > b.from)
	if bad && write {
		b.writes++
	}
	b.mu.Unlock()
	switch {
	case !bad:
		return nil
	case b.kind == panics:
		panic("the file system is at its wits' end")
	case b.kind == hangs:
		<-b.goOn
	}
	return errBroken
}

func (b *broken) Open(name string) (hackpadfs.File, error) {
	if err := b.step(false); err != nil {
		return nil, err
	}
	return b.FS.Open(name)
}

func (b *broken) OpenFile(name string, flag int, perm hackpadfs.FileMode) (hackpadfs.File, error) {
	if err := b.step(true); err != nil {
		return nil, err
	}
	f, err := hackpadfs.OpenFile(b.FS, name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &brokenFile{f, b}, nil
}

func (b *broken) MkdirAll(name string, perm hackpadfs.FileMode) error {
	if err := b.step(true); err != nil {
		return err
	}
	return hackpadfs.MkdirAll(b.FS, name, perm)
}

func (b *broken) Remove(name string) error {
	if err := b.step(false); err != nil {
		return err
	}
	return hackpadfs.Remove(b.FS, name)
}

func (b *broken) Rename(from, to string) error {
	if err := b.step(true); err != nil {
		return err
	}
	return hackpadfs.Rename(b.FS, from, to)
}

func (b *broken) ReadDir(name string) ([]hackpadfs.DirEntry, error) {
	if err := b.step(false); err != nil {
		return nil, err
	}
	return hackpadfs.ReadDir(b.FS, name)
}

type brokenFile struct {
	hackpadfs.File
	b *broken
}

func (f *brokenFile) Write(p []byte) (int, error) {
	if err := f.b.step(true); err != nil {
		n := 0
		if f.b.kind == halves {
			n, _ = hackpadfs.WriteFile(f.File, p[:len(p)/2])
		}
		return n, err
	}
	return hackpadfs.WriteFile(f.File, p)
}

// visit is one visit of a person with a damaged device: it is restored, whatever the storage does. It returns the
// last state.
func (s *stand) visit(c *cord) *state.State {
	s.Helper()
	s.run()
	s.phase(state.RestoreIdle{})
	s.know()
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreFound{})
	s.engine.Do(state.Write{})
	s.phase(state.RestoreDone{})
	s.engine.Do(state.Home{})
	st := s.phase(state.RestoreIdle{})
	if is, err := c.device.Settle(s.Context()); err != nil {
		s.Errorf("device is %v, %v", is, err)
	}
	s.stop()
	return st
}

// through lets a person visit twice: with a storage that goes wrong, then with what is left of it.
func (s *stand) through(kind mishap, from int, on bool) (operations int) {
	s.Helper()
	s.bubble(func(s *stand) {
		fs, err := mem.NewFS()
		if err != nil {
			s.Fatal(err)
		}
		b := &broken{FS: fs, kind: kind, from: from, on: on, goOn: make(chan struct{})}
		s.fs = b
		c, _, _ := s.furnished(nil)
		s.ports = c
		st := s.visit(c)
		b.mu.Lock()
		operations = b.count
		if b.writes > 0 {
			switch st.Store {
			case state.StoreFull, state.StoreNone:
			default:
				s.Errorf("%d writes went wrong, and the page takes its store for %d", b.writes, st.Store)
			}
		}
		if from == 0 && st.Store != state.StoreOpen {
			s.Errorf("a whole storage is taken for %d", st.Store)
		}
		b.mu.Unlock()
		close(b.goOn)

		s.fs = fs
		s.run()
		left := s.phase(state.RestoreIdle{})
		if left.Store == state.StoreNone {
			s.Errorf("what is left cannot be used")
		}
		if job := job(left); job.Serial != "" && job.Serial != "CORD-1" {
			s.Errorf("job: got %+v", job)
		}
		s.stop()
		c, _, _ = s.furnished(nil)
		s.ports = c
		if st := s.visit(c); st.Store == state.StoreFull {
			s.Error("a storage that works again is taken for full")
		}
	})
	return operations
}

// TestStorageThatGoesWrong breaks the browser's storage at each of its operations in turn: once, for good, with half
// a write, with a panic of the program below, and without any answer. The device is restored each time, the page
// says that not all is kept, and the next visit can use what is left.
func TestStorageThatGoesWrong(t *testing.T) {
	s := newStand(t)
	s.maker()
	operations := s.through(fails, 0, false)
	if operations < 30 {
		t.Fatalf("only %d operations", operations)
	}
	const opening = 8 // operations that are certainly of the opening
	step := 1
	if testing.Short() {
		step = 7
	}
	for from := 1; from <= operations; from += step {
		for _, kind := range []mishap{fails, halves, panics, hangs} {
			for _, on := range []bool{false, true} {
				if kind == hangs && (on || from > opening) {
					continue // after the first no other is asked; and in a bubble nobody may wait for a lock meanwhile
				}
				t.Run(fmt.Sprintf("%d at %d, on %t", kind, from, on), func(t *testing.T) {
					x := &stand{T: t, serial: s.serial, made: s.made}
					x.through(kind, from, on)
				})
				if t.Failed() {
					return
				}
			}
		}
	}
}

// TestDamagedStorage damages each file that the browser keeps, in each way. The page says that something is lost,
// restores all the same, and what it keeps after that is whole.
func TestDamagedStorage(t *testing.T) {
	s := newStand(t)
	s.bubble(func(s *stand) {
		kept, err := mem.NewFS()
		if err != nil {
			s.Fatal(err)
		}
		s.fs = kept
		c, _, _ := s.furnished(nil)
		s.ports = c
		s.run()
		s.phase(state.RestoreIdle{})
		s.know()
		s.leaveJob(c, 2)
		s.stop()
		damages := map[string]func([]byte) []byte{
			"a bit":   func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
			"half":    func(b []byte) []byte { return b[:len(b)/2] },
			"nothing": func([]byte) []byte { return nil },
		}
		files := s.files(kept)
		if len(files) < 4 {
			s.Fatalf("kept: %q", files)
		}
		for _, file := range files {
			for name, damage := range damages {
				fs, err := mem.NewFS()
				if err != nil {
					s.Fatal(err)
				}
				for _, f := range files {
					b, err := hackpadfs.ReadFile(kept, f)
					if err != nil {
						s.Fatal(err)
					}
					if f == file {
						b = damage(b)
					}
					if err := hackpadfs.MkdirAll(fs, path.Dir(f), 0o755); err != nil {
						s.Fatal(err)
					}
					if err := hackpadfs.WriteFullFile(fs, f, b, 0o644); err != nil {
						s.Fatal(err)
					}
				}
				s.fs = fs
				s.run()
				idle := s.phase(state.RestoreIdle{})
				lost := strings.Contains(file, "jobs")
				if (job(idle).Serial == "") != lost {
					s.Errorf("%s of %s: job %+v", name, file, job(idle))
				}
				if idle.Store != state.StoreLost && !strings.HasPrefix(file, "releases/") {
					s.Errorf("%s of %s: the page takes its store for %d", name, file, idle.Store)
				}
				s.stop()
				c, _, _ := s.furnished(nil)
				s.ports = c
				if st := s.visit(c); st.Store == state.StoreNone || st.Store == state.StoreFull {
					s.Errorf("%s of %s: afterwards the page takes its store for %d", name, file, st.Store)
				}
			}
		}
	})
}

// files are all that is kept.
func (s *stand) files(fs hackpadfs.FS) (all []string) {
	s.Helper()
	for _, dir := range []string{"apparatus", "releases"} {
		entries, err := hackpadfs.ReadDir(fs, dir)
		if err != nil {
			s.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, path.Join(dir, e.Name()))
		}
	}
	return all
}

// TestWithoutStorage: a browser that has none restores, and the page says that nothing is kept.
func TestWithoutStorage(t *testing.T) {
	s := newStand(t)
	s.bubble(func(s *stand) {
		s.fs = nil
		c, _, _ := s.furnished(nil)
		s.ports = c
		if st := s.visit(c); st.Store != state.StoreNone {
			s.Errorf("the page takes its store for %d", st.Store)
		}
	})
}
