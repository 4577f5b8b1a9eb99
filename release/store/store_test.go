package store_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/hack-pad/hackpadfs"
	"github.com/hack-pad/hackpadfs/mem"
	osfs "github.com/hack-pad/hackpadfs/os"

	"unbrick/flash"
	"unbrick/release"
	"unbrick/release/store"
)

func area() *flash.Geometry {
	return &flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 4}}}
}

// file makes release number n of a model; the image depends on both.
func file(t testing.TB, model string, n int) []byte {
	t.Helper()
	image := bytes.Repeat(fmt.Appendf(nil, "%s release %d ", model, n), 50)
	return fileOf(t, model, fmt.Sprint(n), uint64(n), image)
}

func fileOf(t testing.TB, model, version string, order uint64, image []byte) []byte {
	t.Helper()
	m, err := release.Describe(model, version, order, 0, image, area())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := release.Sign(&m, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return release.AppendFile(nil, &release.File{Signed: signed, Image: image})
}

func open(t testing.TB, f hackpadfs.FS) *store.Store {
	t.Helper()
	s, err := store.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, s *store.Store, f []byte) store.Entry {
	t.Helper()
	e, err := s.Put(f)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// same checks that the store gives file back as it was.
func same(t testing.TB, s *store.Store, e store.Entry, file []byte) {
	t.Helper()
	signed, image, err := s.Read(e)
	if err != nil {
		t.Error(err)
		return
	}
	if got := release.AppendFile(nil, &release.File{Signed: signed, Image: image}); !bytes.Equal(got, file) {
		t.Errorf("release %q came back changed", e.Manifest.Version)
	}
}

// systems are the file systems a store runs on natively.
func systems(t *testing.T) map[string]hackpadfs.FS {
	t.Helper()
	memory, err := mem.NewFS()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]hackpadfs.FS{"mem": memory, "os": onDisk(t, t.TempDir()), "disk": newDisk()}
}

func onDisk(t testing.TB, dir string) hackpadfs.FS {
	t.Helper()
	root := osfs.NewFS()
	name, err := root.FromOSPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := root.Sub(name)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func TestStore(t *testing.T) {
	for name, f := range systems(t) {
		t.Run(name, func(t *testing.T) {
			s := open(t, f)
			if got := s.List(); len(got) != 0 {
				t.Fatalf("new store has %d releases", len(got))
			}
			files := [][]byte{file(t, "b", 1), file(t, "a", 2), file(t, "a", 1)}
			var entries []store.Entry
			for _, file := range files {
				entries = append(entries, put(t, s, file))
			}
			if again := put(t, s, files[0]); again != entries[0] {
				t.Errorf("putting it again gave %+v", again)
			}
			for round := range 2 {
				var order []string
				for _, e := range s.List() {
					order = append(order, e.Manifest.Model+e.Manifest.Version)
				}
				if got := strings.Join(order, " "); got != "a1 a2 b1" {
					t.Errorf("round %d: listed %s", round, got)
				}
				for i, e := range entries {
					same(t, s, e, files[i])
					if e.FileSize != int64(len(files[i])) {
						t.Errorf("size %d", e.FileSize)
					}
					if signed, _, err := s.Get(e.Manifest.Model, e.Manifest.Digest); err != nil || !bytes.Contains(files[i], signed) {
						t.Errorf("get: %v", err)
					}
				}
				s = open(t, f)
			}
			if err := s.Delete(entries[1].Manifest.Digest); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, _, err := s.Get(entries[1].Manifest.Model, entries[1].Manifest.Digest); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("deleted: %v", err)
				}
				if err := s.Delete(entries[1].Manifest.Digest); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("deleted twice: %v", err)
				}
				if n := len(s.List()); n != 2 || len(s.Problems()) != 0 {
					t.Errorf("%d releases, problems %v", n, s.Problems())
				}
				s = open(t, f)
			}
		})
	}
}

func TestOneImageReleasedTwice(t *testing.T) {
	image := []byte("the same bytes")
	older, newer, foreign := fileOf(t, "a", "1", 1, image), fileOf(t, "a", "3", 3, image), fileOf(t, "b", "1", 1, image)
	s := open(t, newDisk())
	put(t, s, newer)
	put(t, s, older)
	e := put(t, s, foreign)
	if found := s.Find(e.Manifest.Digest); len(found) != 3 || found[0].Manifest.Order != 1 || found[2].Manifest.Model != "b" {
		t.Errorf("found %+v", found)
	}
	same(t, s, e, foreign)
	for model, want := range map[string][]byte{"a": newer, "b": foreign} { // of the model, the highest order
		if signed, _, err := s.Get(model, e.Manifest.Digest); err != nil || !bytes.Contains(want, signed) {
			t.Errorf("model %s got another release: %v", model, err)
		}
	}
	if _, _, err := s.Get("c", e.Manifest.Digest); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a model without this release: %v", err)
	}
	if err := s.Delete(e.Manifest.Digest); err != nil || len(s.List()) != 0 {
		t.Errorf("after deleting the image: %v, %d releases", err, len(s.List()))
	}
}

func TestPutRefuses(t *testing.T) {
	d := newDisk()
	s := open(t, d)
	sound := file(t, "a", 1)
	wrong := bytes.Clone(sound)
	wrong[len(wrong)-1]++
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"nothing": {nil, release.ErrFile}, "short": {sound[:len(sound)-1], release.ErrFile},
		"long": {append(bytes.Clone(sound), 0), release.ErrFile}, "wrong image": {wrong, release.ErrImage},
	} {
		if _, err := s.Put(c.file); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(d.files) != 0 || len(s.List()) != 0 {
		t.Errorf("a refused file left %v", d.files)
	}
}

func TestDamagedFileIsDeletedAndCanReturn(t *testing.T) {
	for name, damage := range map[string]func(n *node){
		"one bit of the image": func(n *node) { n.data[len(n.data)-1] ^= 1 },
		"one bit of a text":    func(n *node) { n.data[bytes.Index(n.data, []byte("aa"))] ^= 1 },
		"another release":      func(n *node) { n.data = file(t, "aa", 2) },
		"one byte more":        func(n *node) { n.data = append(n.data, 0) },
		"empty":                func(n *node) { n.data = nil },
	} {
		d := newDisk()
		s := open(t, d)
		sound := file(t, "aa", 1)
		e := put(t, s, sound)
		for _, n := range d.files {
			n.data = bytes.Clone(n.data)
			damage(n)
		}
		if _, _, err := s.Get(e.Manifest.Model, e.Manifest.Digest); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := s.Get(e.Manifest.Model, e.Manifest.Digest); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s, again: %v", name, err)
		}
		if len(d.files) != 0 || len(s.List()) != 0 {
			t.Errorf("%s: still there", name)
		}
		same(t, s, put(t, s, sound), sound)
	}
}

func TestPutMendsADamagedFile(t *testing.T) {
	d := newDisk()
	s := open(t, d)
	sound := file(t, "a", 1)
	e := put(t, s, sound)
	for _, n := range d.files {
		n.data = []byte("no release")
	}
	put(t, s, sound)
	same(t, s, e, sound)
}

func TestForeignFilesAreNamedAndLeftAlone(t *testing.T) {
	d := newDisk()
	sound := file(t, "a", 1)
	put(t, open(t, d), sound)
	var name string
	for name = range d.files {
	}
	foreign := map[string][]byte{
		"notes.txt":                 []byte("mine"),
		"x.unbrick":                 sound,
		"empty.unbrick":             nil,
		"00" + path.Base(name)[2:]:  sound[:40],
		"part.unbrick.part.unbrick": []byte("UNBRICK2"),
	}
	for name, data := range foreign {
		d.files[path.Join(store.Folder, name)] = &node{data, data}
	}
	d.files[path.Join(store.Folder, "half.unbrick.part")] = &node{sound[:9], nil}
	d.folders[path.Join(store.Folder, "folder")] = true
	s := open(t, d)
	if n := len(s.List()); n != 1 {
		t.Errorf("%d releases", n)
	}
	for _, p := range s.Problems() {
		if _, ok := foreign[p.Name]; !ok || p.Err == nil {
			t.Errorf("problem %q: %v", p.Name, p.Err)
		}
	}
	if n := len(s.Problems()); n != len(foreign) || len(d.files) != 1+len(foreign) {
		t.Errorf("%d problems, %d files", n, len(d.files))
	}
}

func TestReadErrorIsNotDamage(t *testing.T) {
	d := newDisk()
	s := open(t, d)
	e := put(t, s, file(t, "a", 1))
	d.off = true
	if _, _, err := s.Read(e); !errors.Is(err, errPower) || errors.Is(err, store.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
	d.off = false
	same(t, s, e, file(t, "a", 1))
}

func TestOpenOnNoFileSystem(t *testing.T) {
	if _, err := store.Open(readOnly{}); err == nil {
		t.Error("opened on a file system that cannot make folders")
	}
}

type readOnly struct{}

func (readOnly) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
