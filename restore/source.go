package restore

import (
	"context"
	"errors"
	"fmt"

	"unbrick/release"
)

// Listing is one release that a Source has.
type Listing struct {
	Manifest release.Manifest
	Signers  release.Signers // that it says it is signed with
	Hold     Hold            // zero: it is offered
}

// Hold says that a release's maker has it and does not offer it. One that the caller wants is taken all the same.
type Hold uint8

const (
	Withheld  Hold = 1 + iota // for now: only a device that has it, or was being rewritten to it, is given it
	Withdrawn                 // for good: no device is given it
)

// Source is where releases are (312).
type Source interface {
	// List returns the releases for a model; of other models it need not.
	List(ctx context.Context, model string) ([]Listing, error)
	// Get returns the signed manifest and the image of a release that List returned, with these signatures, and of no other that has
	// the same image: one image may be released for several models, and again. Neither is changed by the caller.
	Get(ctx context.Context, want *Listing) (signed, image []byte, err error)
}

// ErrNotThere says that a Source does not have a release.
var ErrNotThere = errors.New("release is not there")

// Files is a Source of release files in memory. The zero value has none.
type Files struct{ files []releaseFile }

type releaseFile struct {
	Listing
	signed, image []byte
}

// Add takes a release file; its bytes must not change afterwards. Form and digest are checked here, the
// signature when it is known which keys count.
func (s *Files) Add(file []byte) (release.Manifest, error) {
	f, err := release.SplitFile(file)
	if err != nil {
		return release.Manifest{}, &Error{Code: CodeBadFile, Err: err}
	}
	m, signers, err := release.Parse(f.Signed)
	if err != nil {
		return release.Manifest{}, &Error{Code: CodeBadFile, Err: err}
	}
	if err := m.CheckImage(f.Image); err != nil {
		return release.Manifest{}, &Error{Code: CodeBadRelease, Version: m.Version, Err: err}
	}
	s.files = append(s.files, releaseFile{Listing{Manifest: m, Signers: signers}, f.Signed, f.Image})
	return m, nil
}

// List implements Source. It returns all of them, so that a foreign model is told as such.
func (s *Files) List(context.Context, string) ([]Listing, error) {
	var l []Listing
	for i := range s.files {
		l = append(l, s.files[i].Listing)
	}
	return l, nil
}

// Get implements Source.
func (s *Files) Get(_ context.Context, want *Listing) (signed, image []byte, err error) {
	for i := range s.files {
		if v := &s.files[i]; v.Manifest == want.Manifest && v.Signers == want.Signers {
			return v.signed, v.image, nil
		}
	}
	return nil, nil, fmt.Errorf("release %q, image %s: %w", want.Manifest.Version, release.ShortHex(want.Manifest.Digest), ErrNotThere)
}

// Image returns an image that came with any release file, nil if it did with none. The caller must not change it.
func (s *Files) Image(d release.Digest) []byte {
	for i := range s.files {
		if s.files[i].Manifest.Digest == d {
			return s.files[i].image
		}
	}
	return nil
}
