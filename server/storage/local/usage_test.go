package local_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"unbrick/flash"
	"unbrick/release"
	"unbrick/server/storage"
	"unbrick/server/storage/local"
)

// open opens a store that knows a model, in a folder of its own, and returns what ends both.
func open() (*local.Store, func()) {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		panic(err)
	}
	s, err := local.Open(context.Background(), dir, nil)
	if err != nil {
		panic(err)
	}
	if err := s.PutModel(context.Background(), storage.Model{ID: "lamp", Record: []byte("the record of a model")}); err != nil {
		panic(err)
	}
	return s, func() { s.Close(); os.RemoveAll(dir) }
}

// signed is a release of the model with its image.
func signed() (storage.Release, []byte) {
	image := []byte("what runs on the device")
	area := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 8}}, ProgramUnit: 8, Page: 256, Erased: 0xff}
	m, err := release.Describe("lamp", "1.0", 1, 1, image, &area)
	if err != nil {
		panic(err)
	}
	signed, err := release.Sign(&m, ed25519.NewKeyFromSeed([]byte("a seed of thirty-two bytes, no 1")))
	if err != nil {
		panic(err)
	}
	return storage.Release{Manifest: m, Signed: signed, State: storage.Offered, Published: time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)}, image
}

// A release is kept with its image, and comes back as it was; the same one again changes nothing.
func ExampleStore_AddRelease() {
	s, end := open()
	defer end()
	ctx := context.Background()

	r, image := signed()
	m := r.Manifest
	fmt.Println(s.AddRelease(ctx, r, image), s.AddRelease(ctx, r, image))

	kept, err := s.Release(ctx, "lamp", m.Digest)
	fmt.Println(kept.Manifest.Version, kept.State, err)
	blob, err := s.OpenBlob(ctx, m.Digest)
	if err != nil {
		panic(err)
	}
	defer blob.Close()
	b, err := io.ReadAll(io.NewSectionReader(blob, 0, int64(m.Size)))
	fmt.Println(string(b), err)

	_, err = s.Release(ctx, "lamp", storage.Digest{1})
	fmt.Println(errors.Is(err, storage.ErrNotFound))
	// Output:
	// <nil> <nil>
	// 1.0 offered <nil>
	// what runs on the device <nil>
	// true
}

// A device is read, changed and saved with what happened. Who was slower than another reads it again.
func ExampleStore_SaveDevice() {
	s, end := open()
	defer end()
	ctx := context.Background()

	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	d := storage.Device{Model: "lamp", Serial: "A-1", FirstSeen: now, LastSeen: now, State: storage.Running}
	fmt.Println(s.SaveDevice(ctx, &d, storage.Event{At: now, Kind: storage.FirstSeen, Source: storage.ByServer}))

	mine, _ := s.Device(ctx, "lamp", "A-1")
	other, _ := s.Device(ctx, "lamp", "A-1")
	fmt.Println(s.SaveDevice(ctx, &other))
	fmt.Println(errors.Is(s.SaveDevice(ctx, &mine), storage.ErrStale))

	history, err := s.History(ctx, "lamp", "A-1", 0, 10)
	if err != nil {
		panic(err)
	}
	for _, e := range history {
		fmt.Println(e.Kind)
	}
	// Output:
	// <nil>
	// <nil>
	// true
	// first-seen
}

// An update file is wanted, claimed by whoever makes it, and finished by the holder of the lease alone.
func ExampleStore_ClaimFile() {
	s, end := open()
	defer end()
	ctx, now := context.Background(), time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	r, image := signed()
	if err := s.AddRelease(ctx, r, image); err != nil {
		panic(err)
	}
	wanted, err := s.WantFile(ctx, storage.FileKey{Model: "lamp", To: r.Manifest.Digest, Creator: "1"}, now)
	fmt.Println(wanted.State, err)
	f, err := s.ClaimFile(ctx, "worker 1", now, time.Minute)
	fmt.Println(f.ID == wanted.ID, f.State, err)
	_, err = s.ClaimFile(ctx, "worker 2", now, time.Minute)
	fmt.Println("nothing left:", errors.Is(err, storage.ErrNotFound))
	f.State, f.Error = storage.FileFailed, "no such sector"
	fmt.Println(errors.Is(s.FinishFile(ctx, "worker 2", f), storage.ErrStale), s.FinishFile(ctx, "worker 1", f))
	// Output:
	// wanted <nil>
	// true making <nil>
	// nothing left: true
	// true <nil>
}
