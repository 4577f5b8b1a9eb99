package bsdiff

import (
	"bytes"
	stdbzip2 "compress/bzip2"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dsnet/compress/bzip2"

	"unbrick/flash"
	"unbrick/limits"
)

// zip compresses b at a level.
func zip(t testing.TB, b []byte, level int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := bzip2.NewWriter(&out, &bzip2.WriterConfig{Level: level})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// part is one piece of a patch: how many old bytes, with what is added to them, new bytes, and the step.
type part struct {
	add, fresh []byte
	step       int64
}

func stream(parts ...part) []byte {
	var b []byte
	number := func(n int64) {
		v := uint64(n)
		if n < 0 {
			v = uint64(-n) | 1<<63
		}
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	for _, p := range parts {
		number(int64(len(p.add)))
		number(int64(len(p.fresh)))
		number(p.step)
		b = append(append(b, p.add...), p.fresh...)
	}
	return b
}

// patchOf is a patch that says it makes size bytes.
func patchOf(t testing.TB, size int, stream []byte) []byte {
	t.Helper()
	return append(binary.BigEndian.AppendUint64([]byte(magic), uint64(size)), zip(t, stream, 1)...)
}

func apply(patch, old []byte) ([]byte, error) {
	h, err := ParseHeader(patch)
	if err != nil {
		return nil, err
	}
	var p Patch
	image := make([]byte, h.Size)
	err = p.Apply(patch, flash.Bytes(old), uint32(len(old)), image, make([]byte, h.Memory()))
	return image, err
}

// sample is bytes with runs of all lengths, some of them incompressible.
func sample(r *rand.Rand, n int) []byte {
	b := make([]byte, 0, n+1000)
	for len(b) < n {
		switch r.IntN(3) {
		case 0:
			b = append(b, bytes.Repeat([]byte{byte(r.IntN(4))}, 1+r.IntN(700))...)
		case 1:
			for range r.IntN(300) {
				b = append(b, byte(r.Uint32()))
			}
		case 2:
			b = append(b, "the same words again and again, "[:r.IntN(32)]...)
		}
	}
	return b[:n]
}

func TestBunzip(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for level := 1; level <= 9; level++ {
		for _, n := range []int{1, 4, 5, 259, 260, 50_000, 99_999, 250_001} {
			want := sample(r, n)
			z := zip(t, want, level)
			if b, err := io.ReadAll(stdbzip2.NewReader(bytes.NewReader(z))); err != nil || !bytes.Equal(b, want) {
				t.Fatalf("level %d, %d bytes: the oracle does not read it: %v", level, n, err)
			}
			mem := make([]byte, memoryOf(uint32(level)))
			for i := range mem { // of an earlier use
				mem[i] = byte(i * 7)
			}
			u := bunzip{budget: 1 << 62}
			u.open(z[4:], uint32(level), mem)
			got := make([]byte, n)
			for at := 0; at < n; {
				m := min(n-at, 1+r.IntN(7000))
				if err := u.read(got[at:][:m]); err != nil {
					t.Fatalf("level %d, %d bytes, at %d: %v", level, n, at, err)
				}
				at += m
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("level %d, %d bytes: other bytes", level, n)
			}
			if !u.end() {
				t.Errorf("level %d, %d bytes: no end", level, n)
			}
			u.open(z[4:len(z)-1], uint32(level), mem)
			if err := u.read(got); err == nil && u.end() {
				t.Errorf("level %d, %d bytes: the last byte is missing, and all is well", level, n)
			}
			u.open(append(z, 0)[4:], uint32(level), mem)
			if err := u.read(got); err != nil || u.end() {
				t.Errorf("level %d, %d bytes: one byte more is an end (%v)", level, n, err)
			}
		}
	}
}

func TestApply(t *testing.T) {
	old := []byte("the old image, of which parts come back")
	parts := []part{
		{step: 4}, // nothing, only a place
		{add: []byte{0, 0, 1}, fresh: []byte("new"), step: -7},
		{add: bytes.Repeat([]byte{255}, 9), step: int64(len(old)) - 9},
		{fresh: []byte{1, 2}},
	}
	image, err := apply(patchOf(t, 17, stream(parts...)), old)
	want := append([]byte("ole"+"new"), "sgd\x1fnkc\x1fh"...)
	want = append(want, 1, 2)
	if err != nil || !bytes.Equal(image, want) {
		t.Fatalf("%q %v, want %q", image, err, want)
	}
}

func TestHostilePatches(t *testing.T) {
	old := make([]byte, 1000)
	good := stream(part{add: make([]byte, 500), fresh: make([]byte, 100)})
	raw := func(numbers ...uint64) (b []byte) {
		for _, n := range numbers {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		return b
	}
	for name, patch := range map[string][]byte{
		"empty":                 nil,
		"no magic":              bytes.Repeat([]byte{7}, 100),
		"no bytes":              patchOf(t, 0, nil),
		"image beyond all":      patchOf(t, 1<<24, good),
		"size of 64 bits":       append([]byte(magic), bytes.Repeat([]byte{255}, 40)...),
		"no stream":             append([]byte(magic), 0, 0, 0, 0, 0, 0, 2, 0x58, 'B', 'Z', 'h', '9'),
		"level 0":               bytes.Replace(patchOf(t, 600, good), []byte("BZh1"), []byte("BZh0"), 1),
		"stream ends early":     patchOf(t, 601, good),
		"more than the image":   patchOf(t, 600, append(bytes.Clone(good), 1)),
		"bytes after the end":   append(patchOf(t, 600, good), 0),
		"longer than the image": patchOf(t, 599, good),
		"longer than old":       patchOf(t, 1001, stream(part{add: make([]byte, 1001)})),
		"behind old":            patchOf(t, 600, stream(part{step: 1001}, part{fresh: make([]byte, 600)})),
		"before old":            patchOf(t, 600, stream(part{step: -1}, part{fresh: make([]byte, 600)})),
		"negative length":       patchOf(t, 600, raw(1<<63|5, 605, 0)),
		"negative new bytes":    patchOf(t, 600, raw(605, 1<<63|5, 0)),
		"lengths that wrap":     patchOf(t, 600, raw(1<<63-1, 1<<63-1, 0)),
		"step that wraps":       patchOf(t, 600, append(raw(600, 0, 1<<63-1), make([]byte, 600)...)),
	} {
		image, err := apply(patch, old)
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, %d bytes", name, err, len(image))
		}
	}
	if image, err := apply(patchOf(t, 600, good), old); err != nil || !bytes.Equal(image, make([]byte, 600)) {
		t.Fatalf("the good one: %v", err)
	}
	var p Patch
	h, _ := ParseHeader(patchOf(t, 600, good))
	for _, short := range [][2]uint32{{599, h.Memory()}, {601, h.Memory()}, {600, h.Memory() - 1}} {
		if err := p.Apply(patchOf(t, 600, good), flash.Bytes(old), 1000, make([]byte, short[0]), make([]byte, short[1])); !errors.Is(err, ErrMemory) {
			t.Errorf("%d bytes of image, %d of memory: %v", short[0], short[1], err)
		}
	}
}

// TestBombs: however short a patch is and however much it would give, it makes no more work than its image is worth. What is
// over is refused before it is done, but for one symbol.
func TestBombs(t *testing.T) {
	old := make([]byte, 1000)
	for name, stream := range map[string][]byte{
		"nothing for ever":                       make([]byte, 20_000_000),
		"pieces of nothing":                      bytes.Repeat(stream(part{}), 100_000),
		"places back and forth, and no bytes":    bytes.Repeat(stream(part{step: 1000}, part{step: -1000}), 50_000),
		"pieces of one byte, back and forth":     bytes.Repeat(stream(part{add: []byte{1}, step: 900}, part{fresh: []byte{1}, step: -901}), 50_000),
		"a block far longer than the image":      bytes.Repeat([]byte("ab"), 49_000),
		"a long block behind what it would need": append(stream(part{fresh: make([]byte, 1000)}), bytes.Repeat([]byte("ab"), 49_000)...),
	} {
		patch := patchOf(t, 1000, stream)
		var p Patch
		h, err := ParseHeader(patch)
		if err != nil {
			t.Fatal(err)
		}
		err = p.Apply(patch, flash.Bytes(old), uint32(len(old)), make([]byte, h.Size), make([]byte, h.Memory()))
		if !errors.Is(err, ErrWork) {
			t.Errorf("%s, %d bytes: %v after %d steps", name, len(patch), err, p.Work())
		}
	}
}

// TestLengthsThatGoBackAndForth: the lengths of a code are told as steps up and down, of which there may be any number: they are
// work like all else.
func TestLengthsThatGoBackAndForth(t *testing.T) {
	var w bitWriter
	w.put(blockMagic>>24, 24)
	w.put(blockMagic&0xffffff, 24)
	w.put(0, 32+1+24) // check sum, not randomised, origin
	w.put(1<<15, 16)  // one byte occurs, 0
	w.put(1<<15, 16)
	w.put(2, 3)  // codes
	w.put(1, 15) // selectors
	w.put(0, 1)  // the first
	w.put(1, 5)  // length
	for range 1 << 20 {
		w.put(0b1011, 4) // up, down
	}
	patch := append(patchOf(t, 1000, nil)[:headerSize+streamHead], w.b...)
	var p Patch
	h, err := ParseHeader(patch)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Apply(patch, flash.Bytes(nil), 0, make([]byte, h.Size), make([]byte, h.Memory())); !errors.Is(err, ErrWork) {
		t.Errorf("%v after %d steps", err, p.Work())
	}
}

// bitWriter writes bits as bzip2 has them, the highest first.
type bitWriter struct {
	b []byte
	n int
}

func (w *bitWriter) put(v uint64, n int) {
	for n--; n >= 0; n-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>n&1) << (7 - w.n%8)
		w.n++
	}
}

// TestWorstHonestPatch: noise, which is all new bytes, takes a quarter of what there is for its size or more.
func TestWorstHonestPatch(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		fresh := make([]byte, n)
		for i := range fresh {
			fresh[i] = byte(r.Uint32())
		}
		patch := patchOf(t, n, stream(part{fresh: fresh}))
		h, err := ParseHeader(patch)
		if err != nil {
			t.Fatal(err)
		}
		var p Patch
		if err := p.Apply(patch, flash.Bytes(nil), 0, make([]byte, n), make([]byte, h.Memory())); err != nil {
			t.Fatal(err)
		}
		if most := limits.PatchFile + limits.Patch*uint64(n); 4*p.Work() < most && n >= 100_000 {
			t.Errorf("%d bytes: the worst honest patch takes %d steps, a hostile one may take %d", n, p.Work(), most)
		}
	}
}

func TestAllocatesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	old, fresh := sample(r, 30_000), sample(r, 20_000)
	patch := patchOf(t, 45_000, stream(part{add: sample(r, 25_000), fresh: fresh}))
	h, err := ParseHeader(patch)
	if err != nil {
		t.Fatal(err)
	}
	p, image, mem := new(Patch), make([]byte, h.Size), make([]byte, h.Memory())
	var reader flash.Reader = flash.Bytes(old)
	if n := testing.AllocsPerRun(5, func() {
		if err := p.Apply(patch, reader, uint32(len(old)), image, mem); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// classic applies a patch as the original does, with the standard library's bzip2, within limits.
func classic(patch, old []byte) ([]byte, bool) {
	h, err := ParseHeader(patch)
	if err != nil {
		return nil, false
	}
	z := stdbzip2.NewReader(bytes.NewReader(patch[headerSize:]))
	image := make([]byte, 0, h.Size)
	from := int64(0)
	for pieces := h.Size + 1; len(image) < int(h.Size) && pieces > 0; pieces-- {
		var raw [piece]byte
		if _, err := io.ReadFull(z, raw[:]); err != nil {
			return nil, false
		}
		take, fresh, step := number(raw[0:]), number(raw[8:]), number(raw[16:])
		left := int64(h.Size) - int64(len(image))
		if take < 0 || fresh < 0 || take > left || fresh > left-take {
			return nil, false
		}
		p := make([]byte, take+fresh)
		if _, err := io.ReadFull(z, p); err != nil {
			return nil, false
		}
		for i := range p[:take] {
			if at := from + int64(i); at >= 0 && at < int64(len(old)) {
				p[i] += old[at]
			}
		}
		image = append(image, p...)
		from += take + step
	}
	return image, len(image) == int(h.Size)
}

// FuzzApply: never a panic, nothing outside the memory that is given, and what is accepted is what the classic
// reader makes of it, unless that one refuses it for a check sum.
func FuzzApply(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	old := sample(r, 3000)
	f.Add(patchOf(f, 600, stream(part{add: make([]byte, 500), fresh: make([]byte, 100)})))
	f.Add(patchOf(f, 2000, stream(part{add: sample(r, 500), fresh: sample(r, 500), step: 1000}, part{add: sample(r, 1000)})))
	f.Add(patchOf(f, 1000, make([]byte, 100_000)))
	f.Fuzz(func(t *testing.T, patch []byte) {
		h, err := ParseHeader(patch)
		if err != nil || h.Size > 1<<20 {
			return
		}
		const guard = 64
		image := bytes.Repeat([]byte{0xA5}, int(h.Size)+guard)
		mem := bytes.Repeat([]byte{0xA5}, int(h.Memory())+guard)
		var p Patch
		err = p.Apply(patch, flash.Bytes(old), uint32(len(old)), image[:h.Size:h.Size], mem[:h.Memory():h.Memory()])
		if tail := bytes.Repeat([]byte{0xA5}, guard); !bytes.Equal(image[h.Size:], tail) || !bytes.Equal(mem[h.Memory():], tail) {
			t.Fatal("wrote outside its memory")
		}
		// What is counted and then not done is at most a block's entries and the tables of its codes.
		if most := limits.PatchFile + limits.Patch*uint64(h.Size) + 4*blockUnit*uint64(h.Level) + 1<<17; p.Work() > most {
			t.Fatalf("%d steps, at most %d: %v", p.Work(), most, err)
		}
		if err != nil {
			return
		}
		if want, ok := classic(patch, old); ok && !bytes.Equal(image[:h.Size], want) {
			t.Fatal("made other bytes than the classic reader")
		}
	})
}
