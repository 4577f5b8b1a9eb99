package engine_test

import (
	"crypto/ed25519"
	"testing"

	"unbrick/release"
	"unbrick/webui/state"
)

// TestFileIsTheWish: a release file that the person gives is planned as the release that it is, although the server has the same image
// under a higher order; the list still names the image once.
func TestFileIsTheWish(t *testing.T) {
	s := newStand(t)
	c, version := s.bricked(150)
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	planned := phase[state.RestoreFound](s).Plan.Release
	if planned.Version != version {
		t.Fatalf("release %q is planned, want %q", planned.Version, version)
	}
	seed, err := s.store.Setting(t.Context(), "demo-key")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.maker().Releases {
		m, _, err := release.Parse(r.Signed)
		if err != nil {
			t.Fatal(err)
		}
		if m.Digest != planned.Digest {
			continue
		}
		m.Version, m.Order = "the-file", m.Order-1
		signed, err := release.Sign(&m, ed25519.NewKeyFromSeed(seed))
		if err != nil {
			t.Fatal(err)
		}
		s.engine.Do(state.AddFile{Name: "a.release", Data: release.AppendFile(nil, &release.File{Signed: signed, Image: r.Image})})
	}
	s.until("the file's release to be planned", func(st *state.State) bool {
		return is[state.RestoreFound](st) && shows[state.RestoreFound](st).Plan.Release.Version == "the-file"
	})
	s.engine.Do(state.Choose{Digest: planned.Digest})
	st := s.until("the newest of the image to be planned", func(st *state.State) bool {
		return is[state.RestoreFound](st) && shows[state.RestoreFound](st).Plan.Release.Version == version
	})
	n := 0
	for _, x := range shows[state.RestoreFound](st).Choice {
		if x.Digest == planned.Digest {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the image is named %d times: %+v", n, shows[state.RestoreFound](st).Choice)
	}
}
