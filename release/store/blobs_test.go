package store_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"unbrick/release/store"
)

func TestBlobs(t *testing.T) {
	for name, f := range systems(t) {
		t.Run(name, func(t *testing.T) {
			b, err := store.OpenBlobs(f, "jobs")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := b.Get("job"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("absent: %v", err)
			}
			for _, data := range []string{"first", "second, which is longer", "", "3"} {
				if err := b.Put("job", []byte(data)); err != nil {
					t.Fatal(err)
				}
				if got, err := b.Get("job"); err != nil || string(got) != data {
					t.Errorf("got %q, %v, want %q", got, err, data)
				}
			}
			if err := b.Put("sector-0.x_Y", bytes.Repeat([]byte{0xff}, 4096)); err != nil {
				t.Fatal(err)
			}
			b, err = store.OpenBlobs(f, "jobs")
			if err != nil {
				t.Fatal(err)
			}
			if names, err := b.Names(); err != nil || !slices.Equal(names, []string{"job", "sector-0.x_Y"}) {
				t.Errorf("names %q, %v", names, err)
			}
			for range 2 {
				if err := b.Delete("job"); err != nil {
					t.Error(err)
				}
			}
			if got, err := b.Get("job"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("deleted: %q, %v", got, err)
			}
		})
	}
}

func TestBlobsRefuse(t *testing.T) {
	d := newDisk()
	b, err := store.OpenBlobs(d, "jobs")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".x", "..", "a/b", "a\\b", "a b", "\u00e4", strings.Repeat("a", 65)} {
		if err := b.Put(name, nil); !errors.Is(err, store.ErrBlob) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := b.Get(name); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("get %q: %v", name, err)
		}
	}
	if len(d.files) != 0 {
		t.Errorf("left %v", d.files)
	}
	for _, dir := range []string{".", "", "/x", "../x", "a//b"} {
		if _, err := store.OpenBlobs(d, dir); err == nil {
			t.Errorf("folder %q taken", dir)
		}
	}
}

func TestDamagedBlobIsGone(t *testing.T) {
	for name, damage := range map[string]func(n *node){
		"a bit":   func(n *node) { n.data[0] ^= 1 },
		"shorter": func(n *node) { n.data = n.data[:len(n.data)-1] },
		"empty":   func(n *node) { n.data = nil },
	} {
		d := newDisk()
		b, err := store.OpenBlobs(d, "jobs")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Put("x", []byte("sound")); err != nil {
			t.Fatal(err)
		}
		for _, n := range d.files {
			n.data = bytes.Clone(n.data)
			damage(n)
		}
		if got, err := b.Get("x"); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if _, err := b.Get("x"); !errors.Is(err, store.ErrNotFound) || len(d.files) != 0 {
			t.Errorf("%s: still there, %v", name, err)
		}
	}
}
