//go:build unix

package local

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"unbrick/server/storage"
	"unbrick/server/storage/storagetest"
)

// contents are all files below a folder with their bytes; the lock and SQLite's shared memory, which holds nothing, aside.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, dir)
		if err != nil || d.IsDir() || name == "/"+lockName || strings.HasSuffix(name, "-shm") {
			return err
		}
		b, err := os.ReadFile(path)
		all[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// used is a data folder with a release, a device and an update file, closed.
func used(t *testing.T) (dir string, r storage.Release) {
	t.Helper()
	ctx := context.Background()
	dir = filepath.Join(t.TempDir(), "data")
	s, err := Open(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutModel(ctx, storage.Model{ID: "0001", Record: []byte("record")}); err != nil {
		t.Fatal(err)
	}
	r = put(t, s, "0001", "1", 1, bytes.Repeat([]byte("image"), 1000))
	for i := range 50 {
		d := storagetest.NewDevice("0001", fmt.Sprintf("A-%d", i))
		if err := s.SaveDevice(ctx, &d, storage.Event{At: time.Now(), Kind: storage.FirstSeen, Source: storage.ByServer, Detail: strings.Repeat("x", 900)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, r
}

func shell(t *testing.T, name string, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+name)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statements); err != nil {
		t.Fatal(err)
	}
}

// TestBrokenFolders: a folder that is not whole is refused with one error that names the file and says what to do, and
// nothing in it is changed; put right again, it opens with all that was there.
func TestBrokenFolders(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		path  string // below the folder, that the error names
		words string
	}{
		{"empty database", func(t *testing.T, dir string) { ok(t, os.Truncate(filepath.Join(dir, databaseName), 0)) }, databaseName, "is empty, and"},
		{"no database", func(t *testing.T, dir string) { ok(t, os.Remove(filepath.Join(dir, databaseName))) }, databaseName, "is missing, and"},
		{"database without a schema", func(t *testing.T, dir string) {
			ok(t, os.Remove(filepath.Join(dir, databaseName)))
			shell(t, filepath.Join(dir, databaseName), `PRAGMA journal_mode = WAL`)
		}, databaseName, "holds nothing, and"},
		{"only the log is left", func(t *testing.T, dir string) {
			ok(t, os.RemoveAll(filepath.Join(dir, blobsName)))
			ok(t, os.Rename(filepath.Join(dir, databaseName), filepath.Join(dir, databaseName+"-wal")))
		}, databaseName, "-wal holds what was written last"},
		{"empty database beside a log", func(t *testing.T, dir string) {
			ok(t, os.RemoveAll(filepath.Join(dir, blobsName)))
			ok(t, os.Rename(filepath.Join(dir, databaseName), filepath.Join(dir, databaseName+"-wal")))
			ok(t, os.WriteFile(filepath.Join(dir, databaseName), nil, 0o600))
		}, databaseName, "is empty, and"},
		{"truncated database", func(t *testing.T, dir string) { ok(t, os.Truncate(filepath.Join(dir, databaseName), 20_000)) }, databaseName, "is damaged"},
		{"database cut in its header", func(t *testing.T, dir string) { ok(t, os.Truncate(filepath.Join(dir, databaseName), 50)) }, databaseName, "is damaged"},
		{"text", func(t *testing.T, dir string) {
			ok(t, os.WriteFile(filepath.Join(dir, databaseName), bytes.Repeat([]byte("no database "), 1000), 0o600))
		}, databaseName, "is no database"},
		{"another application's database", func(t *testing.T, dir string) {
			ok(t, os.Remove(filepath.Join(dir, databaseName)))
			shell(t, filepath.Join(dir, databaseName), `CREATE TABLE songs (name TEXT); PRAGMA user_version = 2`)
		}, databaseName, "another application"},
		{"another application's mark", func(t *testing.T, dir string) {
			shell(t, filepath.Join(dir, databaseName), `PRAGMA application_id = 7`)
		}, databaseName, "another application"},
		{"newer schema", func(t *testing.T, dir string) { shell(t, filepath.Join(dir, databaseName), `PRAGMA user_version = 99`) }, databaseName, "is of a newer server: its schema is version 99"},
		{"older schema", func(t *testing.T, dir string) { shell(t, filepath.Join(dir, databaseName), `PRAGMA user_version = 6`) }, databaseName, "nothing reads any more: its schema is version 6"},
		{"database is a folder", func(t *testing.T, dir string) {
			ok(t, os.Remove(filepath.Join(dir, databaseName)))
			ok(t, os.Mkdir(filepath.Join(dir, databaseName), 0o700))
		}, databaseName, "is not a file"},
		{"no blobs", func(t *testing.T, dir string) { ok(t, os.RemoveAll(filepath.Join(dir, blobsName))) }, blobsName, "is missing, and"},
		{"blobs is a file", func(t *testing.T, dir string) {
			ok(t, os.RemoveAll(filepath.Join(dir, blobsName)))
			ok(t, os.WriteFile(filepath.Join(dir, blobsName), []byte("x"), 0o600))
		}, blobsName, "is not a folder"},
		{"folder is a file", func(t *testing.T, dir string) {
			ok(t, os.RemoveAll(dir))
			ok(t, os.WriteFile(dir, []byte("x"), 0o600))
		}, "", "is not a folder"},
		{"lock is a folder", func(t *testing.T, dir string) {
			ok(t, os.Remove(filepath.Join(dir, lockName)))
			ok(t, os.Mkdir(filepath.Join(dir, lockName), 0o700))
		}, lockName, "cannot be opened"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, r := used(t)
			safe := filepath.Join(t.TempDir(), "safe")
			ok(t, os.CopyFS(safe, os.DirFS(dir)))
			c.spoil(t, dir)
			before := contents(t, dir)
			s, err := Open(context.Background(), dir, nil)
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			var e *storage.FolderError
			if !errors.As(err, &e) || e.Path != filepath.Join(dir, c.path) || e.Remedy == "" || !strings.Contains(err.Error(), c.words) || !strings.HasPrefix(err.Error(), e.Path) {
				t.Fatalf("error %v, want one about %q that says %q", err, c.path, c.words)
			}
			for name, b := range before {
				if now, there := contents(t, dir)[name]; !there || now != b {
					t.Errorf("%s was changed", name)
				}
			}
			ok(t, os.RemoveAll(dir))
			ok(t, os.CopyFS(dir, os.DirFS(safe))) // what the remedy says
			whole(t, reopen(t, dir, nil), r)
		})
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// whole checks that what used stored is there.
func whole(t *testing.T, s *Store, r storage.Release) {
	t.Helper()
	ctx := context.Background()
	b, err := s.OpenBlob(ctx, r.Manifest.Digest)
	ok(t, err)
	b.Close()
	if n, err := s.CountDevices(ctx); err != nil || n != 50 {
		t.Fatalf("%d devices, %v", n, err)
	}
	if got, err := s.Release(ctx, "0001", r.Manifest.Digest); err != nil || got.Manifest != r.Manifest {
		t.Fatalf("%+v, %v", got, err)
	}
}

// TestFoldersThatRun: what is half there and can be served is served, said, and nothing of it is taken away.
func TestFoldersThatRun(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string, r storage.Release)
		note  string // "" if there is nothing to say
	}{
		{"as it was left", func(*testing.T, string, storage.Release) {}, ""},
		{"half-written blobs", func(t *testing.T, dir string, _ storage.Release) {
			ok(t, os.WriteFile(filepath.Join(dir, blobsName, "12345.part"), []byte("half"), 0o600))
		}, ""},
		{"a blob of another catalogue", func(t *testing.T, dir string, _ storage.Release) {
			ok(t, os.WriteFile(filepath.Join(dir, blobsName, strings.Repeat("ab", 32)), []byte("newer than this database"), 0o600))
		}, "1 files in"},
		{"files of others", func(t *testing.T, dir string, _ storage.Release) {
			for _, name := range []string{"README", "mine.part", strings.Repeat("AB", 32), strings.Repeat("zz", 32)} {
				ok(t, os.WriteFile(filepath.Join(dir, blobsName, name), []byte("x"), 0o600))
			}
		}, ""},
		{"a missing image", func(t *testing.T, dir string, r storage.Release) {
			ok(t, os.Rename(filepath.Join(dir, blobsName, fmt.Sprintf("%x", r.Manifest.Digest)), filepath.Join(dir, "kept")))
		}, "1 images of releases are missing"},
		{"no lock file", func(t *testing.T, dir string, _ storage.Release) { ok(t, os.Remove(filepath.Join(dir, lockName))) }, ""},
		{"no shared memory", func(t *testing.T, dir string, _ storage.Release) { os.Remove(filepath.Join(dir, databaseName+"-shm")) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, r := used(t)
			c.spoil(t, dir, r)
			before := contents(t, filepath.Join(dir, blobsName))
			s := reopen(t, dir, nil)
			if notes := s.Notes(); c.note == "" && len(notes) > 0 || c.note != "" && (len(notes) != 1 || !strings.Contains(notes[0], c.note)) {
				t.Errorf("notes %q, want %q", notes, c.note)
			}
			after := contents(t, filepath.Join(dir, blobsName))
			for name := range before {
				if _, there := after[name]; !there && name != "/12345.part" {
					t.Errorf("%s is gone", name)
				}
			}
			if _, there := after["/12345.part"]; there {
				t.Error("what a crash left is still there")
			}
			image := bytes.Repeat([]byte("image"), 1000)
			ok(t, s.AddRelease(ctx, r, image)) // the same again heals what is missing
			whole(t, s, r)
		})
	}
}

// TestOlderBackup: a database out of a backup beside newer blobs keeps all of them.
func TestOlderBackup(t *testing.T) {
	ctx := context.Background()
	dir, r := used(t)
	old, err := os.ReadFile(filepath.Join(dir, databaseName))
	ok(t, err)
	s := reopen(t, dir, nil)
	newer := put(t, s, "0001", "2", 2, []byte("published after the backup"))
	ok(t, s.Close())
	ok(t, os.WriteFile(filepath.Join(dir, databaseName), old, 0o600))
	s = reopen(t, dir, nil)
	whole(t, s, r)
	if len(s.Notes()) != 1 || !strings.Contains(s.Notes()[0], fmt.Sprintf("%x", newer.Manifest.Digest)) {
		t.Errorf("notes %q, want the newer image", s.Notes())
	}
	b, err := s.OpenBlob(ctx, newer.Manifest.Digest)
	ok(t, err)
	b.Close()
}

// TestReadOnlyFolder: who may not write there is told so, with the file's name.
func TestReadOnlyFolder(t *testing.T) {
	for name, c := range map[string]struct{ chmod, path string }{
		"folder": {"", lockName}, "database": {databaseName, databaseName}, "blobs": {blobsName, blobsName},
	} {
		t.Run(name, func(t *testing.T) {
			dir, r := used(t)
			everybody(t, dir)
			target := filepath.Join(dir, c.chmod)
			info, err := os.Stat(target)
			ok(t, err)
			if c.chmod == "" {
				ok(t, os.Chmod(filepath.Join(dir, lockName), 0o444))
			}
			ok(t, os.Chmod(target, info.Mode().Perm()&^0o222))
			before := contents(t, dir)
			err = asNobody(t, func() error {
				s, err := Open(context.Background(), dir, nil)
				if err == nil {
					s.Close()
				}
				return err
			})
			var e *storage.FolderError
			if !errors.As(err, &e) || e.Path != filepath.Join(dir, c.path) || !strings.Contains(e.Remedy, "write there") {
				t.Fatalf("error %v, want one about %s", err, c.path)
			}
			for name, b := range before {
				if contents(t, dir)[name] != b {
					t.Errorf("%s was changed", name)
				}
			}
			ok(t, os.Chmod(target, info.Mode()))
			ok(t, os.Chmod(filepath.Join(dir, lockName), 0o600))
			whole(t, reopen(t, dir, nil), r)
		})
	}
}

// everybody opens a folder and the way to it to all users.
func everybody(t *testing.T, dir string) {
	t.Helper()
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		os.Chmod(at, 0o777)
	}
	ok(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o777)
		}
		return os.Chmod(path, 0o666)
	}))
}

// TestFullDisk fills a real disk: nothing that was there is lost, Ping says why nothing can be taken, and with room again
// all goes on without a restart.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t)
	ctx := context.Background()
	s := reopen(t, dir, nil)
	ok(t, s.PutModel(ctx, storage.Model{ID: "0001", Record: []byte("record")}))
	r := put(t, s, "0001", "1", 1, bytes.Repeat([]byte("image"), 1000))
	ok(t, s.Ping(ctx))
	ballast := filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	ok(t, err)
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
	f.Close()
	if err := s.Ping(ctx); !errors.Is(err, storage.ErrFull) {
		t.Fatalf("on a full disk: %v, want %v", err, storage.ErrFull)
	}
	second := storagetest.NewRelease(t, "0001", "2", 2, bytes.Repeat([]byte("next"), 10_000))
	if err := s.AddRelease(ctx, second, bytes.Repeat([]byte("next"), 10_000)); !errors.Is(err, storage.ErrFull) {
		t.Fatalf("publishing: %v, want %v", err, storage.ErrFull)
	}
	saved, full := 0, false
	for ; saved < 5000 && !full; saved++ { // the log may have some room of its own
		d := storagetest.NewDevice("0001", fmt.Sprint("A-", saved))
		err := s.SaveDevice(ctx, &d)
		full = errors.Is(err, storage.ErrFull)
		if err != nil && !full {
			t.Fatalf("device %d: %v", saved, err)
		}
	}
	if !full {
		t.Fatal("the database took everything")
	}
	if b, err := s.OpenBlob(ctx, r.Manifest.Digest); err != nil {
		t.Fatal(err)
	} else {
		b.Close()
	}
	// A restart on the full disk either serves what is there or says what is missing.
	s.Close()
	if s, err = Open(ctx, dir, nil); err != nil {
		var e *storage.FolderError
		if !errors.As(err, &e) || !errors.Is(err, storage.ErrFull) || !strings.Contains(e.Remedy, "make room") {
			t.Fatalf("restart on a full disk: %v", err)
		}
	} else {
		if err := s.Ping(ctx); !errors.Is(err, storage.ErrFull) {
			t.Fatalf("after a restart: %v", err)
		}
		s.Close()
	}
	ok(t, os.Remove(ballast))
	s = reopen(t, dir, nil)
	ok(t, s.Ping(ctx))
	if n, err := s.CountDevices(ctx); err != nil || n != saved-1 {
		t.Fatalf("%d devices, %v; want %d", n, err, saved-1)
	}
	ok(t, s.AddRelease(ctx, second, bytes.Repeat([]byte("next"), 10_000)))
}

// TestProbeNeedsRoom is the part of TestFullDisk that needs no disk of its own.
func TestProbeNeedsRoom(t *testing.T) {
	s := reopen(t, t.TempDir(), nil)
	ctx := context.Background()
	ok(t, s.Ping(ctx))
	wide := s.blobs.create
	s.blobs.create = func(dir string) (partFile, error) {
		f, err := os.CreateTemp(dir, "*"+partSuffix)
		return &narrow{f, 100}, err
	}
	if err := s.Ping(ctx); !errors.Is(err, storage.ErrFull) {
		t.Fatalf("blobs: %v, want %v", err, storage.ErrFull)
	}
	s.blobs.create = func(string) (partFile, error) { return nil, &os.PathError{Op: "open", Path: "x", Err: syscall.EROFS} }
	if err := s.Ping(ctx); !errors.Is(err, syscall.EROFS) {
		t.Fatalf("read-only blobs: %v", err)
	}
	s.blobs.create = wide
	ok(t, s.Ping(ctx))
	if entries, _ := os.ReadDir(s.blobs.dir); len(entries) != 0 {
		t.Fatalf("the probe left %d files", len(entries))
	}
	if _, err := s.write.Exec(`PRAGMA query_only = 1`); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(ctx); err == nil {
		t.Fatal("a database that takes nothing is ready")
	}
}
