package flashtest

import (
	"bytes"
	"errors"
	"math/rand/v2"

	"unbrick/flash"
)

// rig is a device under test with helpers that fail the test.
type rig struct {
	TB
	d flash.Device
	g *flash.Geometry
}

func newRig(t TB, d flash.Device) *rig {
	t.Helper()
	g := d.Geometry()
	if g == nil {
		t.Fatalf("Geometry() is nil")
	}
	if err := g.Validate(); err != nil {
		t.Fatalf("Geometry() is not valid: %v", err)
	}
	return &rig{t, d, g}
}

// candidates returns the first and last two sectors of every run.
func (r *rig) candidates() []int {
	var list []int
	first := 0
	add := func(i int) {
		if len(list) == 0 || list[len(list)-1] < i {
			list = append(list, i)
		}
	}
	for _, run := range r.g.Runs {
		n := int(run.Count)
		for _, i := range []int{0, 1, n - 2, n - 1} {
			if i >= 0 && i < n {
				add(first + i)
			}
		}
		first += n
	}
	return list
}

// open erases and returns the candidates that are not protected.
func (r *rig) open() []int {
	r.Helper()
	var list []int
	for _, i := range r.candidates() {
		addr, n := r.g.Sector(i)
		err := r.d.Erase(addr, n)
		if errors.Is(err, flash.ErrProtected) {
			continue
		}
		if err != nil {
			r.Fatalf("erase sector %d: %v", i, err)
		}
		r.wait("erase sector %d", i)
		list = append(list, i)
	}
	if len(list) == 0 {
		r.Fatalf("no sector can be erased")
	}
	return list
}

func (r *rig) erase(i int) {
	r.Helper()
	addr, n := r.g.Sector(i)
	if err := r.d.Erase(addr, n); err != nil {
		r.Fatalf("erase sector %d: %v", i, err)
	}
	r.wait("erase sector %d", i)
}

func (r *rig) program(addr uint32, p []byte) {
	r.Helper()
	if err := r.d.Program(addr, p); err != nil {
		r.Fatalf("program %d bytes at 0x%x: %v", len(p), addr, err)
	}
	r.wait("program %d bytes at 0x%x", len(p), addr)
}

// fill programs all of p from addr on, page by page.
func (r *rig) fill(addr uint32, p []byte) {
	r.Helper()
	for len(p) > 0 {
		n := min(uint32(len(p)), r.g.Page-addr%r.g.Page)
		r.program(addr, p[:n])
		addr += n
		p = p[n:]
	}
}

func (r *rig) wait(format string, args ...any) {
	r.Helper()
	if err := r.d.Wait(); err != nil {
		r.Fatalf("wait after "+format+": %v", append(args, err)...)
	}
}

func (r *rig) read(addr uint32, n int) []byte {
	r.Helper()
	p := make([]byte, n)
	// What a read leaves unset must not look right by chance.
	for i := range p {
		p[i] = byte(i*31 + 7)
	}
	if err := r.d.Read(addr, p); err != nil {
		r.Fatalf("read %d bytes at 0x%x: %v", n, addr, err)
	}
	return p
}

func (r *rig) want(addr uint32, want []byte, after string) {
	r.Helper()
	got := r.read(addr, len(want))
	if bytes.Equal(got, want) {
		return
	}
	for i := range got {
		if got[i] != want[i] {
			r.Fatalf("after %s: byte at 0x%x is 0x%02x, want 0x%02x", after, addr+uint32(i), got[i], want[i])
		}
	}
}

func (r *rig) blank(n uint32) []byte { return bytes.Repeat([]byte{r.g.Erased}, int(n)) }

// refused checks that a call failed as it must, and left the part idle.
func (r *rig) refused(err, want error, what string) {
	r.Helper()
	if !errors.Is(err, want) {
		r.Errorf("%s: got %v, want %v", what, err, want)
		if err == nil {
			r.wait("%s", what)
		}
		return
	}
	if want != flash.ErrBusy {
		if err := r.d.Read(0, make([]byte, 1)); errors.Is(err, flash.ErrBusy) {
			r.Fatalf("%s: was refused, but the part is busy", what)
		}
	}
}

// data returns n bytes that differ from erased ones in every byte.
func (r *rig) data(n uint32, seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 1))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rnd.Uint32())
		if p[i] == r.g.Erased {
			p[i] ^= 0x5A
		}
	}
	return p
}
