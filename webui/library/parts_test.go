package library

import (
	"context"
	"crypto/ed25519"
	"testing"

	"unbrick/flash"
	"unbrick/release"
)

// TestPartsAreForNoTerminal: a release of parts is known as any other, and is not the newest one that a terminal is offered.
func TestPartsAreForNoTerminal(t *testing.T) {
	layout := &flash.Layout{Boot: 4096, Geometry: flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 16}}, ProgramUnit: 8, Page: 256, Erased: 0xff}}
	area := layout.Software()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	file := func(m release.Manifest, image []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		signed, err := release.Sign(&m, key)
		if err != nil {
			t.Fatal(err)
		}
		return release.AppendFile(nil, &release.File{Signed: signed, Image: image})
	}
	image := []byte("an image for a terminal")
	one, err := release.Describe("0001", "1", 1, 0, image, &area)
	plain := file(one, image, err)
	parts := file(release.DescribeParts("0001", "2", 2, 0, "esp", "esp32", []release.Part{{Name: "app", Offset: 0, Data: []byte("app")}}, layout))
	l := New(&shelf{files: [][]byte{plain, parts}})
	if err := l.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	if all := l.All(); len(all) != 2 || all[0].Version != "2" {
		t.Errorf("known: %+v", all)
	}
	if r, ok := l.Newest("0001"); !ok || r.Version != "1" {
		t.Errorf("a terminal is offered %q", r.Version)
	}
	l = New(&shelf{files: [][]byte{parts}})
	if err := l.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
	if r, ok := l.Newest("0001"); ok {
		t.Errorf("a terminal is offered %q", r.Version)
	}
}
