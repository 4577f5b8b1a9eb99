//go:build cgo

package bsdiff

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/icedream/go-bsdiff/diff"

	"unbrick/flash"
	"unbrick/internal/firmware"
	"unbrick/limits"
)

// TestGoBsdiff applies what go-bsdiff makes: of real firmware, and of edits at random.
func TestGoBsdiff(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	check := func(name string, old, image []byte) {
		t.Helper()
		var patch bytes.Buffer
		if err := diff.Diff(bytes.NewReader(old), bytes.NewReader(image), &patch); err != nil {
			t.Fatal(err)
		}
		got, err := apply(patch.Bytes(), old)
		if err != nil || !bytes.Equal(got, image) {
			t.Errorf("%s: %v", name, err)
		}
		h, err := ParseHeader(patch.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var p Patch
		if err := p.Apply(patch.Bytes(), flash.Bytes(old), uint32(len(old)), make([]byte, h.Size), make([]byte, h.Memory())); err != nil {
			t.Fatal(err)
		}
		if most := (limits.PatchFile + limits.Patch*uint64(h.Size)) / 2; p.Work() > most {
			t.Errorf("%s: %d steps for %d bytes, an honest patch takes at most %d", name, p.Work(), h.Size, most)
		}
	}
	a, b := firmware.OpenSBI()
	check("opensbi", a, b)
	c, d := firmware.Mithermo()
	check("mithermo", c, d)
	check("foreign", a, d)
	check("the same", c, c)
	for range 60 {
		old := sample(r, 1+r.IntN(9000))
		image := bytes.Clone(old)
		for range r.IntN(6) {
			at, end := r.IntN(len(image)+1), r.IntN(len(image)+1)
			switch {
			case at < end && r.IntN(2) == 0:
				image = append(image[:at:at], image[end:]...)
			case at < end:
				image = append(image, image[at:end]...)
			default:
				image = append(append(image[:end:end], sample(r, r.IntN(400))...), image[end:]...)
			}
		}
		if len(image) > 0 {
			check("random", old, image)
		}
	}
}
