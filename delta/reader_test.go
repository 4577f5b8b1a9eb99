package delta_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/delta/internal/coding"
	"unbrick/flash"
	"unbrick/internal/firmware"
	"unbrick/internal/vectors"
)

// The second reader of the format: testdata/decode.py, which was written from docs/delta.md alone.
var readerFiles = []string{"testdata/decode.py", "testdata/fields.py", "testdata/plan.py", "testdata/streams.py"}

// read runs a second reader that lies in dir over vectors and returns what it complains about.
func read(t *testing.T, dir string, files ...string) string {
	t.Helper()
	return vectors.Second(t, filepath.Join(dir, "decode.py"), files...)
}

// TestSecondReader: a reader that knows only the document reads all vectors, refuses what is refused, and counts the same work; and so it
// does with files that are made now, of real firmware and of random bytes.
func TestSecondReader(t *testing.T) {
	if said := read(t, "testdata", vectorNames(t)...); said != "" {
		t.Errorf("by the document:\n%s", said)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir, more := t.TempDir(), []string(nil)
	add := func(name string, v *vector) {
		v.settle(t, name)
		path := filepath.Join(dir, name+".vector")
		if err := os.WriteFile(path, v.marshal(), 0o666); err != nil {
			t.Fatal(err)
		}
		more = append(more, path)
	}
	for i := range coding.ISANames() {
		if i > 0 {
			p := randomSegments(r, coding.ISA(i)).fill(t, 4000, 11)
			add(fmt.Sprintf("segments-%d", i), p.vector(t, "random segments"))
			p.setup.Old, p.setup.New, p.setup.Base = coding.Segments{}, coding.Segments{}, uint32(i&1)<<12
			add(fmt.Sprintf("based-%d", i), p.vector(t, "random bytes"))
		}
	}
	real := map[string]func() (older, newer []byte){"cityhub": firmware.CityHub}
	if !testing.Short() {
		real["mithermo"] = firmware.Mithermo
	}
	for name, images := range real {
		old, new := images()
		for _, batch := range []uint32{0, 32 << 10} {
			madeVectors(t, name, old, new, "4KiB", &diff.Options{Effort: diff.EffortFast, StateMax: 16 << 10, Batch: batch}, add)
		}
	}
	for i := range 6 {
		old := randomBytes(r, 3000+r.IntN(3000))
		a, b := r.IntN(1500), 1500+r.IntN(1500)
		new := slices.Concat(old[:a], randomBytes(r, r.IntN(300)), old[b:], old[a:b], randomBytes(r, 30))
		for k := r.IntN(40); k < len(new); k += 1 + r.IntN(90) {
			new[k] += byte(r.IntN(4))
		}
		madeVectors(t, fmt.Sprintf("random-%d", i), old, new, "256", &diff.Options{Batch: 256 * uint32(r.IntN(6)), StashMax: []uint32{0, 400, diff.NoStash}[i%3]}, add)
	}
	if said := read(t, "testdata", more...); said != "" {
		t.Errorf("by the document:\n%s", said)
	}
}

// madeVectors makes a file between two images and gives it, and every checkpoint of it, as vectors.
func madeVectors(t *testing.T, name string, old, new []byte, sector string, o *diff.Options, add func(string, *vector)) {
	t.Helper()
	size, err := flash.ParseSize(sector)
	if err != nil {
		t.Fatal(err)
	}
	area, err := flash.ParseGeometry(fmt.Sprintf("%s*%d", sector, (uint32(max(len(old), len(new)))+size-1)/size), 0)
	if err != nil {
		t.Fatal(err)
	}
	o.Geometry = &area
	file, err := diff.Create(t.Context(), old, new, o)
	if err != nil {
		t.Fatal(err)
	}
	v := vector{comment: name, geometry: area.String(), erased: 0xff, expect: "ok", file: file, old: old, new: new}
	name = fmt.Sprintf("%s-%d", name, o.Batch)
	add(name, &v)
	h, err := delta.ParseHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	board := flash.Bytes(bytes.Repeat([]byte{0xff}, int(area.Size())))
	copy(board, old)
	var d delta.Decoder
	if err := d.Open(file, &area, board, make([]byte, h.Memory())); err != nil {
		t.Fatal(err)
	}
	for i := range h.Changed {
		s, data, err := d.Next()
		if err != nil {
			t.Fatal(err)
		}
		addr, _ := area.Sector(s)
		copy(board[addr:], data)
		if !d.AtBatch() {
			continue
		}
		room := make([]byte, h.Checkpoint())
		n, err := d.Checkpoint(room)
		if err != nil {
			t.Fatal(err)
		}
		from := v
		from.checkpoint, from.old = room[:n], bytes.Clone(board)
		add(fmt.Sprintf("%s-%d", name, i), &from)
	}
}

// readings are other ways to read the document, as edits of the second reader, and a vector that comes out otherwise then: so a reader
// that passes the vectors reads them the right way.
var readings = []struct {
	what   string
	vector string
	edits  []string // file, what stands there, what stands there then; and so on
}{
	{"a match's diagonal is relative to the one before its own operation's", "doubt-diagonal", []string{"plan.py", "p.diagonal, p.had_copy = new, True", "p.before, p.diagonal, p.had_copy = p.diagonal, new, True",
		"decode.py", "d.plan.diagonal + unfold(where)", "d.plan.before + unfold(where)"}},
	{"the first match has no bit", "match", []string{"decode.py", "if s.bit(context(20, 0)):", "if d.source and s.bit(context(20, 0)):"}},
	{"the first of a unit's old bytes, not the last", "doubt-address", []string{"decode.py", "context(25, old[-1]", "context(25, old[0]"}},
	{"a copy that goes on is no sector's first", "doubt-continued", []string{"plan.py", "        p.diagonal, p.had_copy = new, True", "        p.diagonal, p.had_copy = new, True\n        if p.fresh: p.first, p.fresh = new, False",
		"plan.py", "if p.fresh: p.first, p.fresh = p.diagonal, False", "pass"}},
	{"no zero behind 24 ones", "doubt-24", []string{"streams.py", "while s.bit(c, k):", "while k < 24 and s.bit(c, k):"}},
	{"differences are kept by new addresses", "doubt-address", []string{
		"decode.py", "context(18, d.c[at & 3])", "context(18, d.c[len(out) & 3])", "decode.py", "d.c[at & 3] =", "d.c[len(out) & 3] ="}},
	{"and their contexts", "doubt-address", []string{"decode.py", "old[i] << 1 | at & 1", "old[i] << 1 | len(out) & 1"}},
	{"a piece of two literals has no matches", "doubt-pieces", []string{"decode.py", "if p.long:", "if n >= 3:"}},
	{"edges are kept for longer", "edge-gone", []string{"decode.py", "h, d.edges = d.h, []", "h = d.h"}},
	{"the smaller half of a sector is an edge", "edge-odd", []string{"decode.py", "(end - addr + 1) // 2", "(end - addr) // 2"}},

	{"counters go on", "batches-state", []string{"streams.py", "s.words = [0x8000] * s.count", "s.words = getattr(s, 'words', [0x8000] * s.count)"}},
	{"weights go on", "batches-state", []string{"streams.py", "s.weights = [[26000] * 3 for _ in range(9)]", "s.weights = getattr(s, 'weights', [[26000] * 3 for _ in range(9)])"}},
	{"H goes on", "batches-state", []string{"decode.py", "d.H = 0", "d.H = getattr(d, 'H', 0)"}},
	{"r goes on", "batches-state", []string{"decode.py", "d.r = 0\n", "d.r = getattr(d, 'r', 0)\n"}},
	{"differences go on", "batches-state", []string{"decode.py", "d.c = [0] * 4", "d.c = getattr(d, 'c', [0] * 4)"}},
	{"match bits go on", "batches-state", []string{"decode.py", "d.m = 0", "d.m = getattr(d, 'm', 0)"}},
	{"the last source goes on", "batches-repeat", []string{"decode.py", "d.source = None", "d.source = getattr(d, 'source', None)"}},
	{"notes go on", "batches-state", []string{"decode.py", "d.notes, d.place = [], 0", "d.notes, d.place = getattr(d, 'notes', []), getattr(d, 'place', 0)"}},
	{"instructions go on", "batches-state", []string{"decode.py", "d.end, d.next = None, 0", "d.end, d.next = getattr(d, 'end', None), getattr(d, 'next', 0)"}},
	{"the history goes on", "batches-recall", []string{"decode.py", "d.history = bytearray()\n", "d.history = getattr(d, 'history', bytearray())\n"}},
	{"the stash ends", "batches", []string{"decode.py", "        d.data.renew()\n", "        d.data.renew()\n        d.stash = []\n"}},
	{"edges end", "batches", []string{"decode.py", "        d.data.renew()\n", "        d.data.renew()\n        d.edges = []\n"}},
	{"a bit for the first batch", "batches", []string{"plan.py", "n = jump(0) if p.last is None else p.ahead", "n = jump(0) if p.last is None else p.ahead\n        if p.last is None and p.h.batches: p.s.bit(context(12, 0))"}},
	{"the largest batch without what lies behind the image", "batches-one", []string{"decode.py", "batch += size", "batch += image"}},

	{"segments: alignment by offset", "segments", []string{"decode.py", "find(h.isa, c[:8], A) if begins", "find(h.isa, c[:8], A) if a % ALIGN[h.isa] == 0 and begins"}},
	{"segments: loads that move by offset", "segments", []string{"decode.py", "(A ^ B) & 3", "(a ^ b) & 3"}},
	{"segments: pointers are aligned where they run", "segments", []string{"decode.py", "h.isa != 8 and a & 3:", "h.isa != 8 and (A if A is not None else a) & 3:"}},
	{"segments: a field aimed from its offset", "segments", []string{"decode.py", "aim(h.isa, c[:f[0]], f[1], B, target)", "aim(h.isa, c[:f[0]], f[1], b, target)"}},
	{"segments: new addresses by the old table", "segments", []string{"decode.py", "d.h.new.run(d.map.move(x))", "d.h.old.run(d.map.move(x))"}},
	{"segments: targets beyond a segment's end", "segments", []string{"plan.py", "if a <= address < a + n), None)", "if a <= address <= a + n), None)"}},

	{"work: old bytes of stash and edges are reads", "edged", []string{"decode.py", "d.steps += 8 + len(part)", "d.reads += 8 + len(part)"}},
	{"work: the plan is read once", "hand", []string{"decode.py", "d.scanned = d.counted()[0]", "d.scanned = 0"}},
	{"work: a look-up costs what it looks at", "moved", []string{"decode.py", "d.steps += 2 * len(d.stash).bit_length()\n                    part", "d.steps += len(d.stash).bit_length()\n                    part"}},
	{"work: notes are all compared", "segments", []string{"decode.py", "            if was == w: break\n", ""}},
	{"work: what moves in the map is free", "segments-moved", []string{"fields.py", "m.steps += 2 * behind", "m.steps += 0"}},
	{"work: what is freed is free", "moved", []string{"decode.py", "d.steps += 3 * len(d.stash) +", "d.steps += 0 *"}},
	{"work: the fixed allowance is for steps only", "moved", []string{"decode.py", "reads <= 65536 + d.h.reads * d.built", "reads <= d.h.reads * d.built"}},
	{"work: bytes of the image, not those built", "doubt-continued", []string{"decode.py", "d.built + image\n", "h.tosize\n"}},
}

// TestOtherReadings: no other reading passes.
func TestOtherReadings(t *testing.T) {
	if testing.Short() {
		t.Skip("runs another reader for each reading")
	}
	for _, o := range readings {
		t.Run(o.what, func(t *testing.T) {
			var edits []vectors.Edit
			for e := o.edits; len(e) > 0; e = e[3:] {
				edits = append(edits, vectors.Edit{File: e[0], Is: e[1], Then: e[2]})
			}
			dir := vectors.Misread(t, readerFiles, edits...)
			if said := read(t, dir, filepath.Join("testdata", o.vector+".vector")); !strings.Contains(said, ".vector: ") {
				t.Errorf("%s: the vector %s does not tell it apart: %s", o.what, o.vector, said)
			}
		})
	}
}
