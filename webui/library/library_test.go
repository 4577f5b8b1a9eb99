package library

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"net/url"
	"testing"

	"unbrick/flash"
	"unbrick/internal/cbor"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/restore"

	"github.com/hack-pad/hackpadfs/mem"
)

// shelf is a server that has release files and nothing else.
type shelf struct {
	files [][]byte
	away  bool
}

func (s *shelf) Dial(context.Context) (protocol.Conn, error) { return nil, errors.New("no link") }

func (s *shelf) Fetch(_ context.Context, method, path string, _ []byte) (int, []byte, error) {
	u, err := url.Parse(path)
	if err != nil || s.away {
		return 0, nil, errors.New("away")
	}
	c := cbor.Appending(nil)
	switch u.Path {
	case "/api/models":
		c.Array(0)
	case "/api/releases":
		c.Array(len(s.files))
		for _, f := range s.files {
			parts, err := release.SplitFile(f)
			if err != nil {
				return 0, nil, err
			}
			c.Array(3)
			c.Text("offered")
			c.Uint(1)
			c.Bytes(parts.Signed)
		}
	default:
		for _, f := range s.files {
			parts, _ := release.SplitFile(f)
			m, _, err := release.Parse(parts.Signed)
			if err == nil && u.Path == "/api/releases/"+release.Hex(m.Digest)+"/file" && u.Query().Get("model") == m.Model {
				return 200, f, nil
			}
		}
		return 404, nil, nil
	}
	b, err := c.Result()
	return 200, b, err
}

// TestOneImageForTwoModels: each model's release of one image is listed, fetched, kept and chosen as its own.
func TestOneImageForTwoModels(t *testing.T) {
	image := bytes.Repeat([]byte("one image"), 1000)
	area := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 16}}, ProgramUnit: 8, Page: 256, Erased: 0xff}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	file := func(model string, order uint64) []byte {
		t.Helper()
		m, err := release.Describe(model, "1", order, 0, image, &area)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := release.Sign(&m, key)
		if err != nil {
			t.Fatal(err)
		}
		return release.AppendFile(nil, &release.File{Signed: signed, Image: image})
	}
	ctx := context.Background()
	models := []string{"0001", "0002.x_y", "0003"}
	check := func(what string, l *Library) {
		t.Helper()
		all := l.All()
		if len(all) != len(models) {
			t.Fatalf("%s: %d releases of %d", what, len(all), len(models))
		}
		for i, id := range models {
			if r := all[i]; r.Model != id || r.Order != uint64(i+1) {
				t.Errorf("%s: release %d is model %q order %d", what, i, r.Model, r.Order)
			}
			list, err := l.List(ctx, id)
			if err != nil || len(list) != 1 {
				t.Fatalf("%s: %d releases of model %s, %v", what, len(list), id, err)
			}
			signed, got, err := l.Get(ctx, &list[0])
			if err != nil || !bytes.Equal(got, image) {
				t.Fatalf("%s, model %s: %v", what, id, err)
			}
			if m, _, err := release.Parse(signed); err != nil || m.Model != id {
				t.Errorf("%s: model %s got the manifest of model %s, %v", what, id, m.Model, err)
			}
		}
		if _, _, err := l.Get(ctx, &restore.Listing{Manifest: release.Manifest{Model: "0009", Digest: all[0].Digest}}); err == nil {
			t.Errorf("%s: got the release of a model that has none", what)
		}
	}

	server := &shelf{files: [][]byte{file(models[0], 1), file(models[1], 2)}}
	l := New(server)
	fs, err := mem.NewFS()
	if err != nil {
		t.Fatal(err)
	}
	l.Open(fs)
	if _, err := l.Add(file(models[2], 3)); err != nil {
		t.Fatal(err)
	}
	if err := l.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	check("with the server", l)
	server.away = true
	check("without it", l)
	again := New(server)
	again.Open(fs)
	check("reopened", again)

	// Files in memory, as the command has them.
	var files restore.Files
	for i, id := range models {
		if _, err := files.Add(file(id, uint64(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	listed, err := files.List(ctx, models[1])
	if err != nil {
		t.Fatal(err)
	}
	for i := range listed {
		signed, _, err := files.Get(ctx, &listed[i])
		if m, _, parsing := release.Parse(signed); err != nil || parsing != nil || m != listed[i].Manifest {
			t.Errorf("files gave the release of model %q: %v", m.Model, err)
		}
	}
}

// TestImageAgain: an image that was released again is listed once, as the newest, and its manifest is the one that is taken,
// although a file of the older release is at hand; without the server that one does.
func TestImageAgain(t *testing.T) {
	image := bytes.Repeat([]byte("known good"), 1000)
	area := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 16}}, ProgramUnit: 8, Page: 256, Erased: 0xff}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	file := func(version string, order uint64) []byte {
		t.Helper()
		m, err := release.Describe("0001", version, order, order, image, &area)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := release.Sign(&m, key)
		if err != nil {
			t.Fatal(err)
		}
		return release.AppendFile(nil, &release.File{Signed: signed, Image: image})
	}
	one, three := file("1.0", 1), file("3.0", 3)
	for _, kept := range []bool{false, true} {
		server := &shelf{files: [][]byte{three}}
		l := New(server)
		if kept {
			fs, err := mem.NewFS()
			if err != nil {
				t.Fatal(err)
			}
			l.Open(fs)
		}
		m, err := l.Add(one)
		if err != nil {
			t.Fatal(err)
		}
		fetch := func(want string) {
			t.Helper()
			f, err := l.Fetch(context.Background(), "0001", m.Digest)
			if err != nil || f.Manifest.Version != want {
				t.Fatalf("kept %v: %q, %v; want %q", kept, f.Manifest.Version, err, want)
			}
		}
		fetch("1.0")
		if err := l.Refresh(context.Background()); err != nil {
			t.Fatal(err)
		}
		if all := l.All(); len(all) != 1 || all[0].Version != "3.0" {
			t.Fatalf("kept %v: %+v, want 3.0 alone", kept, all)
		}
		server.away = true
		fetch("1.0")
		server.away = false
		fetch("3.0")
		server.away = true
		if kept {
			fetch("3.0")
		}
		if _, err := l.Add(one); err != nil {
			t.Fatal(err)
		}
		if kept {
			fetch("3.0")
		}
		// Each of them is itself to who wants it, and the newest to who wants its bytes.
		for _, want := range l.Listings("0001") {
			signed, got, err := l.Get(context.Background(), &want)
			if got, _, parsing := release.Parse(signed); err != nil || parsing != nil || got != want.Manifest {
				t.Errorf("kept %v: got %q, %v; want %q", kept, got.Version, err, want.Manifest.Version)
			}
			if !bytes.Equal(got, image) {
				t.Errorf("kept %v: another image with %q", kept, want.Manifest.Version)
			}
		}
		if n, c := len(l.Listings("0001")), l.Wish("0001", m.Digest); n != 2 || c.Release.Version != "3.0" {
			t.Errorf("kept %v: %d releases, %+v", kept, n, c.Release)
		}
		if _, _, err := l.Get(context.Background(), &restore.Listing{Manifest: m}); err == nil {
			t.Errorf("kept %v: got a release that nobody signed", kept)
		}
	}
}
