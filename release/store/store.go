// Package store keeps releases (element 212 of the server and 312 of the restoring host) in a
// hackpadfs file system: on disk with "os", in the browser with "indexeddb", in tests with "mem".
//
// A release lies in one release file, named by the digest of its image and of its manifest, so that a
// file either is what its name says or is refused. What Put has acknowledged survives a power failure
// where the file system can sync, and a page that goes away where it cannot; an interrupted Put leaves
// nothing. The content is verified again at every read, and a file that does not match is deleted.
//
// The store knows no keys: it checks shape and digests, and whoever takes a release out verifies its
// signature.
//
// A Store, and a Blobs, may be used concurrently. Only one of each may be open on a folder: two
// processes, or two pages, must agree by other means.
package store

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hack-pad/hackpadfs"

	"unbrick/release"
)

// Folder is the folder in the file system that holds the releases.
const Folder = "releases"

// fileSuffix ends the name of every release file: image digest, "-", manifest digest, suffix.
const fileSuffix = ".unbrick"

var (
	// ErrNotFound tells that there is no such release or blob.
	ErrNotFound = errors.New("not in the store")
	// ErrCorrupt tells that what was stored was not what came back. It has been deleted.
	ErrCorrupt = errors.New("stored file is damaged")
)

// Entry is one release in the store.
type Entry struct {
	Manifest release.Manifest
	Signers  release.Signers // the keys that claim to have signed
	ID       release.Digest  // SHA-256 of the signed manifest: the same image can be released twice
	FileSize int64           // bytes of the release file
}

func (e *Entry) fileName() string {
	return release.Hex(e.Manifest.Digest) + "-" + release.Hex(e.ID) + fileSuffix
}

// Problem is a file in the folder that is no release: foreign, or damaged. It is left alone.
type Problem struct {
	Name string
	Err  error
}

// Store is the releases in one folder.
type Store struct {
	files    sync.RWMutex // held while files are read and written, before mu
	folder   folder
	problems []Problem

	mu      sync.RWMutex // never held for long: List does not wait for a slow file system
	entries []Entry      // in the order of List
}

// Open returns the store in folder Folder of fs, which it makes if need be. Files that are no releases
// are skipped; Problems names them.
func Open(fs hackpadfs.FS) (*Store, error) {
	f, names, err := openFolder(fs, Folder)
	if err != nil {
		return nil, fmt.Errorf("open release store: %w", err)
	}
	s := &Store{folder: f}
	for _, name := range names {
		e, err := s.inspect(name)
		if err != nil {
			s.problems = append(s.problems, Problem{Name: name, Err: err})
			continue
		}
		s.add(e)
	}
	return s, nil
}

// Put stores a release file and returns its entry; one that is there already is left as it is. It
// fails with release.ErrFile or release.ErrImage if the file is not sound. Nothing of file is kept.
func (s *Store) Put(file []byte) (Entry, error) {
	e, _, _, err := examine(file)
	if err != nil {
		return Entry{}, err
	}
	s.files.Lock()
	defer s.files.Unlock()
	if _, _, err := s.load(&e); err == nil {
		// It may be there because an earlier Put could not sync the folder.
		if err := syncFolder(s.folder.fs, s.folder.dir); err != nil {
			return Entry{}, err
		}
		s.add(e)
		return e, nil
	}
	if err := s.folder.replace(e.fileName(), file); err != nil {
		return Entry{}, fmt.Errorf("store release %q of model %q: %w", e.Manifest.Version, e.Manifest.Model, err)
	}
	s.add(e)
	return e, nil
}

// List returns all releases, by model, then order, then version.
func (s *Store) List() []Entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.entries)
}

// Problems returns the files that Open skipped.
func (s *Store) Problems() []Problem {
	return slices.Clone(s.problems)
}

// Find returns the releases of one image, in the order of List; there is more than one only if the
// same image was released for several models or under several versions.
func (s *Store) Find(image release.Digest) []Entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []Entry
	for _, e := range s.entries {
		if e.Manifest.Digest == image {
			found = append(found, e)
		}
	}
	return found
}

// Get returns signed manifest and image of a model's release with this image digest; of several, the one of
// the highest order. The caller owns both. It fails with ErrNotFound, or ErrCorrupt (then the file is
// gone), or with what reading said.
func (s *Store) Get(model string, image release.Digest) (signed, img []byte, err error) {
	found := slices.DeleteFunc(s.Find(image), func(e Entry) bool { return e.Manifest.Model != model })
	if len(found) == 0 {
		return nil, nil, fmt.Errorf("release %s of model %q: %w", release.ShortHex(image), model, ErrNotFound)
	}
	best := slices.MaxFunc(found, func(a, b Entry) int { return a.Manifest.Rank().Compare(b.Manifest.Rank()) })
	return s.Read(best)
}

// Signed returns the signed manifest of an entry from List or Find, without its image.
func (s *Store) Signed(e *Entry) ([]byte, error) {
	s.files.RLock()
	defer s.files.RUnlock()
	head, size, err := s.folder.read(e.fileName(), int64(release.MaxHead), false)
	if err != nil {
		return nil, err
	}
	f, err := release.SplitHead(head, size)
	if err == nil && sha256.Sum256(f.Signed) != e.ID {
		err = ErrCorrupt
	}
	return f.Signed, err
}

// Read returns signed manifest and image of an entry from List or Find, as Get does.
func (s *Store) Read(e Entry) (signed, image []byte, err error) {
	s.files.RLock()
	signed, image, err = s.load(&e)
	s.files.RUnlock()
	if err == nil {
		return signed, image, nil
	}
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrNotFound) {
		s.files.Lock()
		defer s.files.Unlock()
		// A Put may have mended it between the two locks.
		if signed, image, again := s.load(&e); again == nil {
			return signed, image, nil
		}
		s.drop(e.ID)
		if errors.Is(err, ErrCorrupt) {
			err = errors.Join(err, s.folder.remove(e.fileName()))
		}
	}
	return nil, nil, fmt.Errorf("release %q of model %q: %w", e.Manifest.Version, e.Manifest.Model, err)
}

// Delete removes every release of an image. It fails with ErrNotFound if there is none.
func (s *Store) Delete(image release.Digest) error {
	found := s.Find(image)
	if len(found) == 0 {
		return fmt.Errorf("release %s: %w", release.ShortHex(image), ErrNotFound)
	}
	s.files.Lock()
	defer s.files.Unlock()
	for _, e := range found {
		if err := s.folder.remove(e.fileName()); err != nil {
			return fmt.Errorf("delete release %s: %w", release.ShortHex(image), err)
		}
		s.drop(e.ID)
	}
	return nil
}

// inspect reads as much of a file as tells what it is. The image is verified when it is read.
func (s *Store) inspect(name string) (Entry, error) {
	if !strings.HasSuffix(name, fileSuffix) {
		return Entry{}, errors.New("not a release file's name")
	}
	head, size, err := s.folder.read(name, int64(release.MaxHead), false)
	if err != nil {
		return Entry{}, err
	}
	f, err := release.SplitHead(head, size)
	if err != nil {
		return Entry{}, err
	}
	e, err := entryOf(f.Signed, size)
	if err != nil {
		return Entry{}, err
	}
	if name != e.fileName() {
		return Entry{}, fmt.Errorf("%w: name does not fit the content", release.ErrFile)
	}
	return e, nil
}

// load reads the file of e and verifies it. ErrCorrupt and ErrNotFound are final, other errors are
// about reading.
func (s *Store) load(e *Entry) (signed, image []byte, err error) {
	file, _, err := s.folder.read(e.fileName(), release.MaxFile, true)
	switch {
	case errors.Is(err, hackpadfs.ErrNotExist):
		return nil, nil, ErrNotFound
	case errors.Is(err, errTooLarge), errors.Is(err, errHalf):
		return nil, nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	case err != nil:
		return nil, nil, err
	}
	got, signed, image, err := examine(file)
	if err == nil && got != *e {
		err = errors.New("another release")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return signed, image, nil
}

// examine checks a release file whole, but for the signature.
func examine(file []byte) (e Entry, signed, image []byte, err error) {
	f, err := release.SplitFile(file)
	if err != nil {
		return Entry{}, nil, nil, err
	}
	if e, err = entryOf(f.Signed, int64(len(file))); err != nil {
		return Entry{}, nil, nil, err
	}
	if err := e.Manifest.CheckImage(f.Image); err != nil {
		return Entry{}, nil, nil, err
	}
	return e, f.Signed, f.Image, nil
}

func entryOf(signed []byte, size int64) (Entry, error) {
	m, signers, err := release.Parse(signed)
	if err != nil {
		return Entry{}, err
	}
	return Entry{Manifest: m, Signers: signers, ID: sha256.Sum256(signed), FileSize: size}, nil
}

func (s *Store) add(e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(e.ID)
	at, _ := slices.BinarySearchFunc(s.entries, e, compare)
	s.entries = slices.Insert(s.entries, at, e)
}

func (s *Store) drop(id release.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(id)
}

// remove takes an entry out. With mu held.
func (s *Store) remove(id release.Digest) {
	s.entries = slices.DeleteFunc(s.entries, func(e Entry) bool { return e.ID == id })
}

func compare(a, b Entry) int {
	return cmp.Or(
		strings.Compare(a.Manifest.Model, b.Manifest.Model),
		a.Manifest.Rank().Compare(b.Manifest.Rank()),
		strings.Compare(a.Manifest.Version, b.Manifest.Version),
		strings.Compare(string(a.ID[:]), string(b.ID[:])),
	)
}
