package library

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"unbrick/flash"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/webui/state"

	"github.com/hack-pad/hackpadfs/mem"
)

// counter is Backend of a library that borrows of by.
type counter struct{ by *Library }

func (c counter) Dial(context.Context) (protocol.Conn, error) { return nil, ErrNoServer }

func (c counter) Fetch(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	return c.by.Lend(ctx, method, path, body)
}

// TestLend: a library that borrows has what the other one keeps, chose and was told, without a server; it may keep things of its own
// under names of its own, and no other.
func TestLend(t *testing.T) {
	image := bytes.Repeat([]byte("an image"), 1000)
	area := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 16}}, ProgramUnit: 8, Page: 256, Erased: 0xff}
	file := func(version string, order uint64) []byte {
		t.Helper()
		m, err := release.Describe("0001", version, order, 0, append(image, version...), &area)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := release.Sign(&m, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
		if err != nil {
			t.Fatal(err)
		}
		return release.AppendFile(nil, &release.File{Signed: signed, Image: append(image, version...)})
	}
	server := &shelf{files: [][]byte{file("1", 1)}}
	fs, err := mem.NewFS()
	if err != nil {
		t.Fatal(err)
	}
	lends := New(server)
	ctx := t.Context()
	late, end := context.WithTimeout(ctx, time.Millisecond)
	defer end()
	if _, _, err := lends.Lend(late, "GET", "/api/models", nil); err == nil {
		t.Error("what is kept was lent before it was known")
	}
	lends.Open(fs)
	if err := lends.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	lends.Ahead(ctx)
	server.away = true
	if _, err := lends.Add(file("2", 2)); err != nil {
		t.Fatal(err)
	}
	borrows := New(counter{lends})
	borrows.Borrow(ctx)
	if err := borrows.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	all := borrows.All()
	if len(all) != 2 || all[0].Version != "2" || all[1].Version != "1" || all[0].Origin != state.OriginStore || all[1].Origin != state.OriginStore {
		t.Fatalf("borrowed %+v", all)
	}
	for _, r := range all {
		if f, err := borrows.Fetch(ctx, r.Model, r.Digest); err != nil || f.Manifest.Version != r.Version {
			t.Errorf("release %s: %v", r.Version, err)
		}
	}
	if _, err := borrows.Fetch(ctx, "0001", release.Digest{1}); err == nil {
		t.Error("a release that nobody has was lent")
	}
	if !borrows.Keep("lab-x", []byte("flash")) {
		t.Error("nothing is kept for who borrows")
	}
	if b, ok := lends.Kept("lab-x"); !ok || string(b) != "flash" {
		t.Errorf("kept %q", b)
	}
	if b, ok := borrows.Kept("lab-x"); !ok || string(b) != "flash" {
		t.Errorf("lent %q", b)
	}
	if !lends.Keep("jobs", []byte("a job")) {
		t.Fatal("nothing is kept")
	}
	if _, ok := borrows.Kept("jobs"); ok || borrows.Keep("jobs", nil) {
		t.Error("a job was lent")
	}
	borrows.Drop("jobs")
	if names := borrows.Names("lab-"); len(names) != 1 || names[0] != "lab-x" {
		t.Errorf("names %q", names)
	}
	borrows.Drop("lab-x")
	if _, ok := lends.Kept("lab-x"); ok {
		t.Error("what was dropped is kept")
	}
	if _, ok := lends.Kept("jobs"); !ok {
		t.Error("a job was dropped by who borrows")
	}
}

// TestModelsBeforeTheStore: what the server tells before the store is open is kept all the same.
func TestModelsBeforeTheStore(t *testing.T) {
	fs, err := mem.NewFS()
	if err != nil {
		t.Fatal(err)
	}
	l := New(&shelf{})
	if err := l.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Open(fs)
	l.Ahead(t.Context())
	if _, ok := l.Kept(modelsBlob); !ok {
		t.Error("the models are not kept")
	}
}
