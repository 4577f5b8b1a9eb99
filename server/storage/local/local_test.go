//go:build !js

package local

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"unbrick/server/storage"
	"unbrick/server/storage/storagetest"
)

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Opener {
		dir := filepath.Join(t.TempDir(), "data #1?%41") // signs that mean something in a URI
		return func(t *testing.T) storage.Store { return reopen(t, dir, nil) }
	})
}

func reopen(t *testing.T, dir string, o *Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t *testing.T, s storage.Store, model, version string, order uint64, image []byte) storage.Release {
	t.Helper()
	r := storagetest.NewRelease(t, model, version, order, image)
	if err := s.AddRelease(context.Background(), r, image); err != nil {
		t.Fatal(err)
	}
	return r
}

// A lease ends with the process that held it: one process has the folder at a time, so whoever leased is dead.
func TestLeaseEndsWithItsProcess(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s := reopen(t, dir, nil)
	now := time.Now()
	if err := s.PutModel(ctx, storage.Model{ID: "0001", Record: []byte("record")}); err != nil {
		t.Fatal(err)
	}
	k := storage.FileKey{Model: "0001", To: put(t, s, "0001", "1", 1, []byte("image")).Manifest.Digest, Creator: "x"}
	if _, err := s.WantFile(ctx, k, now); err != nil {
		t.Fatal(err)
	}
	f, err := s.ClaimFile(ctx, "killed", now, 11*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = reopen(t, dir, nil)
	if _, err := s.ClaimFile(ctx, "next", now, 11*time.Minute); err != nil {
		t.Fatalf("at once after the restart: %v", err)
	}
	f.State = storage.FileFailed
	if err := s.FinishFile(ctx, "killed", f); !errors.Is(err, storage.ErrStale) {
		t.Fatalf("the dead process's word: %v, want %v", err, storage.ErrStale)
	}
}

func TestPragmas(t *testing.T) {
	s := reopen(t, t.TempDir(), nil)
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		for i, db := range []*sql.DB{s.write, s.read} {
			var got string
			if err := db.QueryRow("PRAGMA " + name).Scan(&got); err != nil || got != want {
				t.Errorf("%s of connection %d: got %q, want %q (%v)", name, i, got, want, err)
			}
		}
	}
}

// TestQueriesUseIndexes: what is asked of a large fleet looks at as many rows as it tells of.
func TestQueriesUseIndexes(t *testing.T) {
	s := reopen(t, t.TempDir(), nil)
	list := deviceColumns + `INDEXED BY %s WHERE state = 1 AND last_seen >= 0 AND last_seen < 9 AND (last_seen, id) < (9, 9)%s ORDER BY last_seen DESC, id DESC LIMIT 5`
	for _, c := range []struct{ query, index string }{
		{fmt.Sprintf(list, "devices_state", ""), "INDEX devices_state (state=? AND last_seen>? AND last_seen<?)"},
		{fmt.Sprintf(list, "devices_model", " AND model = 'm'"), "INDEX devices_model (model=? AND state=? AND last_seen>? AND last_seen<?)"},
		{fmt.Sprintf(list, "devices_image", " AND image = x'00'"), "INDEX devices_image (image=? AND state=? AND last_seen>? AND last_seen<?)"},
		{edgeCount, "COVERING INDEX devices_state"},
		{edgeCount + ofModel("m").where, "COVERING INDEX devices_model"},
		{edgeCount + ofImage("m", storage.Digest{}).where, "COVERING INDEX devices_image"},
		{edgeCount + awaiting("m", storage.Digest{}).where, "COVERING INDEX devices_awaited"},
		{tallyKey, "tally USING PRIMARY KEY (scope=? AND model=? AND image=? AND state=? AND level=?)"},
		{tallyRange, "tally USING PRIMARY KEY (scope=? AND model=? AND image=? AND state=? AND level=? AND bucket>? AND bucket<?)"},
		{runsOfReleases, "SEARCH runs USING"},
		{runsOfOthers, "runs USING INDEX runs_installed"},
		{`SELECT DISTINCT model FROM runs WHERE image = x'00'`, "runs_image"},
		{`DELETE FROM tally WHERE n = 0`, "tally_empty"},
		{`DELETE FROM runs WHERE installed = 0`, "runs_installed"},
		{`SELECT id FROM history WHERE device = 1 AND id < 7 ORDER BY id DESC LIMIT 5`, "history_device"},
		{fileColumns + `WHERE state IN (1, 2) AND (state = 1 OR lease <= 7) ORDER BY state, id LIMIT 1`, "files_work"},
		{fileColumns + `WHERE blob = x'00' ORDER BY state != 3, id LIMIT 1`, "files_blob"},
	} {
		args := make([]any, strings.Count(strings.ReplaceAll(c.query, "?1", ""), "?"))
		if strings.Contains(c.query, "?1") {
			args = append(args, nil)
		}
		rows, err := s.read.Query("EXPLAIN QUERY PLAN "+c.query, args...)
		if err != nil {
			t.Fatalf("%s: %v", c.query, err)
		}
		var plan string
		for rows.Next() {
			var a, b, c int
			var line string
			if err := rows.Scan(&a, &b, &c, &line); err != nil {
				t.Fatal(err)
			}
			plan += line + "\n"
		}
		rows.Close()
		if !strings.Contains(plan, c.index) || strings.Contains(plan, "SCAN devices") {
			t.Errorf("%s\nis planned as %swant %s", c.query, plan, c.index)
		}
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	s := reopen(t, dir, nil)
	if _, err := Open(context.Background(), dir, nil); !errors.Is(err, storage.ErrLocked) {
		t.Fatalf("error %v, want %v", err, storage.ErrLocked)
	}
	s.Close()
	reopen(t, dir, nil)
}

func TestDamagedBlob(t *testing.T) {
	dir := t.TempDir()
	s := reopen(t, dir, nil)
	image := bytes.Repeat([]byte("image"), 1000)
	if err := s.PutModel(context.Background(), storage.Model{ID: "0001", Record: []byte("record")}); err != nil {
		t.Fatal(err)
	}
	r := put(t, s, "0001", "1", 1, image)
	name := s.blobs.path(r.Manifest.Digest)
	for what, rotten := range map[string][]byte{"bit": append([]byte("I"), image[1:]...), "short": image[:100], "empty": {}} {
		if err := os.WriteFile(name, rotten, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.OpenBlob(context.Background(), r.Manifest.Digest); !errors.Is(err, storage.ErrDamaged) {
			t.Fatalf("%s: error %v, want %v", what, err, storage.ErrDamaged)
		}
	}
	put(t, s, "0001", "1", 1, image) // publishing again heals it
	b, err := s.OpenBlob(context.Background(), r.Manifest.Digest)
	if err != nil {
		t.Fatal(err)
	}
	b.Close()
}

// narrow is a temporary file on a disk with room for so many bytes.
type narrow struct {
	*os.File
	room int
}

func (n *narrow) Write(p []byte) (int, error) {
	if len(p) > n.room {
		k, _ := n.File.Write(p[:n.room])
		return k, &os.PathError{Op: "write", Path: n.Name(), Err: syscall.ENOSPC}
	}
	return n.File.Write(p)
}

var _ io.Writer = (*narrow)(nil)

func TestFullDiskUnderBlobs(t *testing.T) {
	dir := t.TempDir()
	s := reopen(t, dir, nil)
	ctx := context.Background()
	if err := s.PutModel(ctx, storage.Model{ID: "0001", Record: []byte("record")}); err != nil {
		t.Fatal(err)
	}
	r := put(t, s, "0001", "1", 1, []byte("fits"))
	wide := s.blobs.create
	s.blobs.create = func(dir string) (partFile, error) {
		f, err := os.CreateTemp(dir, "*"+partSuffix)
		return &narrow{f, 10}, err
	}
	image := []byte("longer than ten bytes")
	second := storagetest.NewRelease(t, "0001", "2", 2, image)
	if err := s.AddRelease(ctx, second, image); !errors.Is(err, storage.ErrFull) {
		t.Fatalf("error %v, want %v", err, storage.ErrFull)
	}
	all, err := s.Releases(ctx, "0001")
	if err != nil || len(all) != 1 || all[0].Manifest.Digest != r.Manifest.Digest {
		t.Fatalf("releases %+v, %v: want the first alone", all, err)
	}
	if entries, _ := os.ReadDir(s.blobs.dir); len(entries) != 1 {
		t.Fatalf("%d files in the blob folder, want 1", len(entries))
	}
	s.blobs.create = wide // room again
	put(t, s, "0001", "2", 2, image)
}

func TestFullDiskUnderDatabase(t *testing.T) {
	dir := t.TempDir()
	s := reopen(t, dir, &Options{MaxPages: 60})
	ctx := context.Background()
	if err := s.PutModel(ctx, storage.Model{ID: "0001", Record: []byte("record")}); err != nil {
		t.Fatal(err)
	}
	saved := 0
	for ; saved < 10_000; saved++ {
		d := storagetest.NewDevice("0001", fmt.Sprint(saved))
		err := s.SaveDevice(ctx, &d, storage.Event{At: time.Now(), Kind: storage.Offer, Source: storage.ByServer, Detail: strings.Repeat("x", 500)})
		if errors.Is(err, storage.ErrFull) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if saved == 0 || saved == 10_000 {
		t.Fatalf("%d devices before the disk was full", saved)
	}
	s.Close()
	s = reopen(t, dir, nil)
	if n, err := s.CountDevices(ctx); err != nil || n != saved {
		t.Fatalf("%d devices, %v; want %d", n, err, saved)
	}
	d := storagetest.NewDevice("0001", "one more")
	if err := s.SaveDevice(ctx, &d); err != nil {
		t.Fatal(err)
	}
}
