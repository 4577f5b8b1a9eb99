package terminal_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/dsnet/compress/bzip2"

	"unbrick/delta/bsdiff"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/terminal"
)

// classicKinds are small parts beside a RAM that takes classic patches.
func classicKinds() []kind {
	list := append([]kind(nil), kinds[0], kinds[1], kinds[4])
	for i := range list {
		list[i].ram = 1 << 20
	}
	return list
}

// classicFixture is a fixture whose update file is a classic patch.
func classicFixture(t testing.TB, k kind) *fixture {
	f := fixtureOf(t, k)
	f.delta = makeClassic(t, f.a.image, f.b.image)
	return f
}

// makeClassic returns a patch in three pieces: what evolve puts in front, the old image with what differs, and the rest.
// It is no small one.
func makeClassic(t testing.TB, old, image []byte) []byte {
	t.Helper()
	head := min(40, len(image))
	n := min(len(old), len(image)-head)
	sum := make([]byte, n)
	for i := range sum {
		sum[i] = image[head+i] - old[i]
	}
	var b []byte
	for _, p := range []struct{ sum, fresh []byte }{{nil, image[:head]}, {sum, image[head+n:]}} {
		b = binary.LittleEndian.AppendUint64(b, uint64(len(p.sum)))
		b = binary.LittleEndian.AppendUint64(b, uint64(len(p.fresh)))
		b = binary.LittleEndian.AppendUint64(b, 0)
		b = append(append(b, p.sum...), p.fresh...)
	}
	return classicOf(t, len(image), b)
}

// classicOf is a patch with this stream.
func classicOf(t testing.TB, size int, stream []byte) []byte {
	t.Helper()
	out := bytes.NewBufferString("ENDSLEY/BSDIFF43")
	out.Write(binary.BigEndian.AppendUint64(nil, uint64(size)))
	w, err := bzip2.NewWriter(out, &bzip2.WriterConfig{Level: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(stream); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestClassicUpdate applies a patch in RAM and erases exactly the sectors that change.
func TestClassicUpdate(t *testing.T) {
	for _, k := range classicKinds() {
		t.Run(k.name, func(t *testing.T) {
			f := fixtureOf(t, k)
			image := bytes.Clone(f.a.image)
			changed := 0
			for s := 0; s < f.software.Sectors(); s += 2 { // every other sector
				if addr, _ := f.software.Sector(s); int(addr)+9 < len(image) {
					image[addr+9] ^= 0x55
					changed++
				}
			}
			b := f.goods(t, "2", 2, 2, image)
			r := f.device(t, f.a)
			s := f.serverFor(t, makeClassic(t, f.a.image, image), b)
			out, _ := r.update(s)
			l := r.last.Last()
			if out != terminal.Rewritten || l.Kind != protocol.KindBsdiff || !s.hello.Kinds.Has(protocol.KindBsdiff) {
				t.Fatalf("%v %+v, kinds %b", out, l, s.hello.Kinds)
			}
			if !r.holds(b) {
				t.Error("flash does not hold the new image")
			}
			if n := l.Erases - l.RecordErases; int(n) != changed {
				t.Errorf("%d sectors erased, %d changed", n, changed)
			}
			if mode := r.boot(); mode != terminal.Running {
				t.Errorf("boots to %v", mode)
			}
		})
	}
}

// TestCutsOfClassic cuts an update by a classic patch inside every flash operation, with every tear.
func TestCutsOfClassic(t *testing.T) {
	for _, k := range classicKinds() {
		t.Run(k.name, func(t *testing.T) { cutsOfUpdate(t, classicFixture(t, k)) })
	}
}

// TestClassicProofBeforeErase offers patches that arrive whole and do not lead to the signed image.
func TestClassicProofBeforeErase(t *testing.T) {
	f := classicFixture(t, classicKinds()[0])
	wrong := bytes.Clone(f.a.image)
	wrong[5000] ^= 1
	hostile := bytes.Clone(f.delta)
	hostile[len(hostile)/2] ^= 0x10
	other := bytes.Clone(f.b.image)
	other[1] ^= 1
	level9 := bytes.Clone(f.delta)
	level9[24+3] = '9'
	failProof(t, f, 700<<10, map[string][]byte{
		"wrong base":          makeClassic(t, wrong, f.b.image),
		"other end":           makeClassic(t, f.a.image, other),
		"other size":          makeClassic(t, f.a.image, f.b.image[:len(f.b.image)-1]),
		"hostile":             hostile,
		"cut short":           f.delta[:len(f.delta)-30],
		"bomb":                classicOf(t, len(f.b.image), make([]byte, 30_000_000)),
		"a delta":             f.makeDelta(t, f.a.image, f.b.image, nil),
		"more than announced": level9, // its tables do not fit into the workspace
	})
}

// TestClassicSignedOtherwise offers a patch that builds what it should, with a manifest that says of it another digest, or other
// leaves.
func TestClassicSignedOtherwise(t *testing.T) {
	for name, change := range map[string]func(*release.Manifest){
		"digest": func(m *release.Manifest) { m.Digest[31] ^= 1 },
		"root":   func(m *release.Manifest) { m.Root[31] ^= 1 },
	} {
		f := classicFixture(t, classicKinds()[0])
		f.b.signed = f.signedBy(t, f.b, f.key, change)
		failProof(t, f, 700<<10, map[string][]byte{name: f.delta})
	}
}

// TestClassicNotTaken offers a patch to devices without the RAM for it.
func TestClassicNotTaken(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ram   uint32
		takes bool
		fault protocol.Fault
	}{
		{"no room for the tables", 192 << 10, false, protocol.FaultUnexpected},
		// Tables and the image that runs have room; the new image is larger.
		{"no room for the image", bsdiff.LeastMemory + 44<<10, true, protocol.FaultWorkspace},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := small
			k.ram = tt.ram
			f := classicFixture(t, k)
			f.delta = f.delta[:9000] // what it says does not matter any more
			f.delta[27] = '1'
			r := f.device(t, f.a)
			s := f.serverFor(t, f.delta, f.b)
			s.info.Workspace = 100 // a server that does not know better
			r.run(func(term *terminal.Terminal) {
				if out, _ := term.Session(s.conn()); out != terminal.Refused || term.Last().Fault != tt.fault {
					t.Errorf("%v %v, want %v", out, term.Last().Fault, tt.fault)
				}
				r.applications()
			})
			if s.hello.Kinds.Has(protocol.KindBsdiff) != tt.takes {
				t.Errorf("kinds %b", s.hello.Kinds)
			}
			if r.board.Operations() != 0 || len(r.events(terminal.EventStopped)) != 0 {
				t.Error("something was stopped or written")
			}
		})
	}
}

// TestClassicAllocatesNothing counts allocations from the proof to the `installed` record.
func TestClassicAllocatesNothing(t *testing.T) {
	f := classicFixture(t, classicKinds()[0])
	for _, got := range f.device(t, f.a).allocations(f.serverFor(t, f.delta, f.b)) {
		t.Errorf("allocates, %s", got)
	}
}
