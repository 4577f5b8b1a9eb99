//go:build !js

package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"unbrick/server/storage"
	"unbrick/server/storage/storagetest"
)

// left are the files in the folder of blobs.
func left(t *testing.T, s *Store) int {
	t.Helper()
	entries, err := os.ReadDir(s.blobs.dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestBetweenRowAndFile: a crash at either side of the row leaves nothing behind, and takes nothing that is named again.
func TestBetweenRowAndFile(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := reopen(t, dir, nil)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(s.PutModel(ctx, storage.Model{ID: "0001", Record: []byte("record")}))
	image := []byte("image")
	d := storage.Digest(sha256.Sum256(image))
	for _, again := range []bool{false, true} {
		put(t, s, "0001", "1", 1, image)
		check(s.SetReleaseState(ctx, "0001", d, storage.Withdrawn))
		s.blobs.hold(d) // so that the row goes and the file does not, as in a crash between
		check(s.RemoveRelease(ctx, "0001", d, 0))
		if again {
			put(t, s, "0001", "2", 2, image)
		}
		if left(t, s) != 1 {
			t.Fatal("the file went although somebody holds it")
		}
		s.Close()
		s = reopen(t, dir, nil)
		if want := map[bool]int{true: 1}[again]; left(t, s) != want {
			t.Fatalf("%d files after the restart, want %d", left(t, s), want)
		}
	}
	if len(s.Notes()) > 0 {
		t.Errorf("notes %q", s.Notes())
	}
}

// TestRefusedLeavesNoBytes: an image that came with a release that is refused, and a file that nobody may finish, are gone at once.
func TestRefusedLeavesNoBytes(t *testing.T) {
	ctx := context.Background()
	s := reopen(t, t.TempDir(), nil)
	if err := s.PutModel(ctx, storage.Model{ID: "0001", Record: []byte("record")}); err != nil {
		t.Fatal(err)
	}
	put(t, s, "0001", "1", 1, []byte("image"))
	other := []byte("another image")
	if err := s.AddRelease(ctx, storagetest.NewRelease(t, "0001", "1", 2, other), other); !errors.Is(err, storage.ErrConflict) {
		t.Fatal(err)
	}
	d, err := s.PutBlob(ctx, []byte("file"))
	if err != nil {
		t.Fatal(err)
	}
	if left(t, s) != 2 {
		t.Fatalf("%d files, want the image, and what was put last", left(t, s))
	}
	if err := s.FinishFile(ctx, "w", storage.File{ID: 1, State: storage.FileReady, Blob: d}); !errors.Is(err, storage.ErrStale) {
		t.Fatal(err)
	}
	if left(t, s) != 1 {
		t.Fatalf("%d files, want the image alone", left(t, s))
	}
}

// TestOpeningIsBounded: at the start only so many loose blobs are removed; none is taken for one of another catalogue.
func TestOpeningIsBounded(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := reopen(t, dir, nil)
	for i := range 3 * looseBatch {
		if _, err := s.PutBlob(ctx, fmt.Append(nil, "blob ", i)); err != nil {
			t.Fatal(err)
		}
	}
	clear(s.blobs.held)
	if err := s.collect(ctx, looseBatch+1); err != nil {
		t.Fatal(err)
	}
	if want := 2*looseBatch - 1; left(t, s) != want {
		t.Fatalf("%d files, want %d", left(t, s), want)
	}
	if err := s.survey(ctx); err != nil || len(s.Notes()) > 0 {
		t.Fatalf("notes %q, %v", s.Notes(), err)
	}
}

// TestForgetWaits prints how long a large fleet takes to forget, and how long others wait for it meanwhile. The fleet is made of as
// many devices as UNBRICK_TEST_FORGET says.
func TestForgetWaits(t *testing.T) {
	devices, events := 3000, 20
	if n, err := fmt.Sscan(os.Getenv("UNBRICK_TEST_FORGET"), &devices); n == 0 && err == nil {
		t.Fatal("UNBRICK_TEST_FORGET is a number of devices")
	}
	ctx := context.Background()
	s := reopen(t, t.TempDir(), nil)
	for _, id := range []string{"0001", "0002"} {
		if err := s.PutModel(ctx, storage.Model{ID: id, Record: []byte("record")}); err != nil {
			t.Fatal(err)
		}
	}
	populate(t, s, devices, events)
	stop, waits := make(chan struct{}), make(chan time.Duration)
	go func() {
		d, longest := storagetest.NewDevice("0002", "other"), time.Duration(0)
		for {
			select {
			case <-stop:
				waits <- longest
				return
			default:
			}
			began := time.Now()
			if err := s.SaveDevice(ctx, &d, storage.Event{At: began, Kind: storage.Offer, Source: storage.ByServer}); err != nil {
				t.Error(err)
			}
			longest = max(longest, time.Since(began))
		}
	}()
	began, calls, longest := time.Now(), 0, time.Duration(0)
	for left := (storage.Forgotten{Devices: 1}); left != (storage.Forgotten{}); calls++ {
		call := time.Now()
		var err error
		if left, err = s.ForgetDevices(ctx, "0001", func(storage.Forgotten) {}); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, time.Since(call))
	}
	took := time.Since(began)
	close(stop)
	t.Logf("%d devices with %d events and a key each: %.1f s in %d calls, the longest %v; another device's save waited %v at most", devices, events,
		took.Seconds(), calls, longest.Round(time.Millisecond), (<-waits).Round(time.Millisecond))
	if n, err := s.CountDevices(ctx); err != nil || n != 1 || calls < devices/storage.MaxForgotten {
		t.Fatalf("%d devices left by %d calls, %v", n, calls, err)
	}
}

// populate makes devices of model 0001 with history and keys, by the store's own tables.
func populate(t *testing.T, s *Store, devices, events int) {
	t.Helper()
	for _, statement := range []string{
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) INSERT INTO devices (model, serial, revision, demo, first_seen,
			last_seen, sessions, version, "order", image, confirmed, state, rest)
			SELECT '0001', format('SN-%08d', i), 1, 0, 1, i * 1000, 1, '1', 1, zeroblob(32), 1, 1, '{}' FROM n`,
		`INSERT INTO identities SELECT model, serial, randomblob(32), 1, 1 FROM devices WHERE model = '0001' AND id <= ?1`,
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2) INSERT INTO history (device, at, kind, source, "from", "to", file,
			bytes, detail, word) SELECT d.id, i, 'offer', 1, '1', '2', randomblob(32), 1000, '{"kind":"delta","size":1000}', 'r' || i FROM n, devices d WHERE d.id <= ?1`,
	} {
		if _, err := s.write.Exec(statement, devices, events); err != nil {
			t.Fatal(err)
		}
	}
}
