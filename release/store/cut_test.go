package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"unbrick/release"
	"unbrick/release/store"
)

// ledger is what a caller may rely on: for each thing, the contents that may be found.
type ledger map[string][]string

// story puts and deletes releases until the power goes. It keeps the ledger: before a step both
// outcomes are possible, after an acknowledgement only one.
func story(t *testing.T, d *disk) ledger {
	l := ledger{}
	s, err := store.Open(d)
	if err != nil {
		return l
	}
	const absent = ""
	act := func(n int, remove bool) {
		f := file(t, "a", n)
		parts, _ := release.SplitFile(f)
		m, _, _ := release.Parse(parts.Signed)
		key, want := m.Version, string(release.AppendFile(nil, &parts))
		if l[key] == nil {
			l[key] = []string{absent}
		}
		var err error
		if remove {
			want = absent
			l[key] = append(l[key], want)
			err = s.Delete(m.Digest)
		} else {
			l[key] = append(l[key], want)
			_, err = s.Put(f)
		}
		if err == nil {
			l[key] = []string{want}
		}
	}
	act(1, false)
	act(2, false)
	act(1, true)
	act(3, false)
	act(1, false)
	act(2, false)
	act(2, true)
	return l
}

// check opens the store after a restart and holds it against the ledger.
func check(t *testing.T, d *disk, l ledger, id string) {
	t.Helper()
	s, err := store.Open(d)
	if err != nil {
		t.Errorf("%s: %v", id, err)
		return
	}
	found := map[string]string{}
	for _, e := range s.List() {
		signed, image, err := s.Read(e)
		if err != nil {
			t.Errorf("%s: listed but not whole: %v", id, err)
		}
		found[e.Manifest.Version] = string(release.AppendFile(nil, &release.File{Signed: signed, Image: image}))
	}
	for key, may := range l {
		if !slices.Contains(may, found[key]) {
			t.Errorf("%s: release %s has %d bytes, none of the %d contents it may have", id, key, len(found[key]), len(may))
		}
	}
	for _, p := range s.Problems() {
		t.Errorf("%s: left %q: %v", id, p.Name, p.Err)
	}
	for name := range d.files {
		if bytes.HasSuffix([]byte(name), []byte(".part")) {
			t.Errorf("%s: left %q", id, name)
		}
	}
}

// TestPowerFailsAtEveryOperation cuts the power inside each operation in turn, and once more while the
// store recovers from the first.
func TestPowerFailsAtEveryOperation(t *testing.T) {
	whole := newDisk()
	story(t, whole)
	if whole.operations < 25 {
		t.Fatalf("only %d operations", whole.operations)
	}
	for cut := 1; cut <= whole.operations; cut++ {
		for _, loss := range losses() {
			d := newDisk()
			d.cut = cut
			l := story(t, d)
			if !d.off {
				t.Fatalf("operation %d was never reached", cut)
			}
			id := fmt.Sprintf("cut at %d, %s", cut, loss.name)
			check(t, d.restart(loss), l, id)
			for again := 1; ; again++ {
				d2 := d.restart(loss)
				d2.cut = again
				if _, err := store.Open(d2); err == nil {
					break
				}
				for _, loss2 := range losses() {
					check(t, d2.restart(loss2), l, fmt.Sprintf("%s, then at %d, %s", id, again, loss2.name))
				}
			}
		}
	}
}

// TestEveryOperationFails: an error at each operation in turn leaves the store usable, and what it
// acknowledges afterwards is durable.
func TestEveryOperationFails(t *testing.T) {
	whole := newDisk()
	story(t, whole)
	for fail := 1; fail <= whole.operations; fail++ {
		d := newDisk()
		d.fail = fail
		l := story(t, d)
		for _, loss := range losses() {
			check(t, d.restart(loss), l, fmt.Sprintf("failed at %d, %s", fail, loss.name))
		}
		d.fail = 0
		s := open(t, d)
		e := put(t, s, file(t, "a", 9))
		after := open(t, d.restart(losses()[0]))
		same(t, after, e, file(t, "a", 9))
	}
}

func TestDiskFull(t *testing.T) {
	f := file(t, "a", 1)
	for free := range len(f) {
		if free > 10 && free < len(f)-10 {
			continue
		}
		d := newDisk()
		s := open(t, d)
		d.free = free
		if _, err := s.Put(f); !errors.Is(err, errFull) {
			t.Fatalf("with %d bytes free: %v", free, err)
		}
		if len(d.files) != 0 || len(s.List()) != 0 {
			t.Errorf("with %d bytes free: left %v", free, slices.Collect(maps.Keys(d.files)))
		}
		d.free = -1
		same(t, s, put(t, s, f), f)
	}
}

// TestBlobsAtEveryOperation does the same to blobs, which are overwritten.
func TestBlobsAtEveryOperation(t *testing.T) {
	story := func(d *disk) ledger {
		l := ledger{"x": {""}, "y": {""}}
		b, err := store.OpenBlobs(d, "lab/flash")
		if err != nil {
			return l
		}
		for i, step := range []struct{ name, data string }{{"x", "one"}, {"y", "two"}, {"x", "three, longer"}, {"y", ""}, {"x", "4"}} {
			l[step.name] = append(l[step.name], step.data)
			if step.data == "" {
				err = b.Delete(step.name)
			} else {
				err = b.Put(step.name, []byte(step.data))
			}
			if err == nil {
				l[step.name] = []string{step.data}
			} else if d.cut == 0 {
				t.Errorf("step %d: %v", i, err)
			}
		}
		return l
	}
	whole := newDisk()
	story(whole)
	for cut := 1; cut <= whole.operations; cut++ {
		for _, loss := range losses() {
			d := newDisk()
			d.cut = cut
			l := story(d)
			b, err := store.OpenBlobs(d.restart(loss), "lab/flash")
			if err != nil {
				t.Fatal(err)
			}
			for name, may := range l {
				got, err := b.Get(name)
				if err != nil && !errors.Is(err, store.ErrNotFound) || !slices.Contains(may, string(got)) {
					t.Errorf("cut at %d, %s: %s is %q, %v, may be %q", cut, loss.name, name, got, err, may)
				}
			}
		}
	}
}
