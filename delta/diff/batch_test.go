package diff_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"testing"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/internal/firmware"
)

// batch is what a terminal has of one before its sectors go to their places.
type batch struct {
	sectors    []int
	data       [][]byte
	checkpoint []byte // what decoding goes on from behind it; nil if it is the last
	work       delta.Work
}

// nextBatch decodes to the beginning of the next batch, or to the end.
func nextBatch(t *testing.T, d *delta.Decoder, h *delta.Header) (b batch, last bool) {
	t.Helper()
	for {
		s, data, err := d.Next()
		if err == io.EOF {
			b.work = d.Work()
			return b, true
		}
		if err != nil {
			t.Fatal(err)
		}
		b.sectors, b.data = append(b.sectors, s), append(b.data, bytes.Clone(data))
		if d.AtBatch() {
			room := make([]byte, h.Checkpoint())
			n, err := d.Checkpoint(room)
			if err != nil {
				t.Fatal(err)
			}
			b.checkpoint, b.work = room[:n], d.Work()
			return b, false
		}
	}
}

// opened opens the file anew, in memory that holds noise.
func (sc *scenario) opened(t *testing.T, file []byte, h *delta.Header, b *board) *delta.Decoder {
	t.Helper()
	d := new(delta.Decoder)
	if err := d.Open(file, &sc.area, b, bytes.Repeat([]byte{0x5A}, int(h.Memory()))); err != nil {
		t.Fatal(err)
	}
	return d
}

// checkBatches rewrites a board batch by batch and has power fail behind each: a fresh decoder goes on from checkpoint, file and
// flash as it is then. It must do as one does that nothing interrupts.
func (sc *scenario) checkBatches(t *testing.T, file []byte, r *rand.Rand) {
	t.Helper()
	h, err := delta.ParseHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	sealed, b := sc.flash(r), sc.flash(r)
	copy(b.bytes, sealed.bytes)
	before := bytes.Clone(b.bytes)
	whole, d := sc.opened(t, file, &h, sealed), sc.opened(t, file, &h, b)
	planned := make([]byte, (sc.area.Sectors()+7)/8)
	batches, most := uint32(0), 0
	for last := h.Changed == 0; !last; batches++ {
		var want, got batch
		want, _ = nextBatch(t, whole, &h)
		got, last = nextBatch(t, d, &h)
		if len(got.sectors) != len(want.sectors) || !bytes.Equal(got.checkpoint, want.checkpoint) || got.work != want.work {
			t.Fatalf("batch %d: %d sectors, work %v, checkpoint %x; undisturbed %d, %v, %x", batches, len(got.sectors), got.work, got.checkpoint, len(want.sectors), want.work, want.checkpoint)
		}
		size := 0
		for i, s := range got.sectors {
			if s != want.sectors[i] || !bytes.Equal(got.data[i], want.data[i]) {
				t.Fatalf("batch %d: sector %d differs from sector %d undisturbed", batches, s, want.sectors[i])
			}
			size += len(got.data[i])
			planned[s>>3] |= 1 << (s & 7)
			_ = b.put(s, got.data[i])
			b.gone[s] = true
		}
		if most = max(most, size); last {
			break
		}
		d = sc.opened(t, file, &h, b)
		if err := d.Resume(got.checkpoint); err != nil {
			t.Fatalf("behind batch %d: %v", batches, err)
		}
		again := make([]byte, h.Checkpoint())
		if n, err := d.Checkpoint(again); err != nil || !bytes.Equal(again[:n], got.checkpoint) {
			t.Fatalf("behind batch %d: the checkpoint comes back as %x, %v; was %x", batches, again[:n], err, got.checkpoint)
		}
	}
	if h.Changed > 0 && batches+1 != h.Batches || uint32(most) != h.Batch || uint32(most) > sc.options.Batch {
		t.Fatalf("%d batches of at most %d bytes, announced %d of %d, asked for %d", batches+1, most, h.Batches, h.Batch, sc.options.Batch)
	}
	sc.compare(t, before, b, planned)
}

// TestBatchesOfFirmware goes through real pairs, interrupted at every batch.
func TestBatchesOfFirmware(t *testing.T) {
	for _, p := range pairs {
		for _, w := range []uint32{1, 8, 16} {
			old, new := p.images()
			sc := &scenario{area: even(t, "4KiB", old, new), old: old, new: new}
			sc.options.Batch, sc.options.StateMax, sc.options.Effort = w*4096, 16<<10, diff.EffortFast
			file := sc.check(t, rand.New(rand.NewPCG(1, 1)))
			h, err := delta.ParseHeader(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s, W = %d: %d bytes, %d batches, checkpoints of at most %d bytes", p.name, w, len(file), h.Batches, h.Checkpoint())
			if h.Batches < h.Changed/w {
				t.Errorf("%s: %d batches for %d sectors", p.name, h.Batches, h.Changed)
			}
		}
	}
}

// TestBatchesCost measures what batches cost, for the table of docs/delta.md.
func TestBatchesCost(t *testing.T) {
	if testing.Short() {
		t.Skip("measures")
	}
	list := append(pairs[:len(pairs):len(pairs)], pairs[0])
	list[len(pairs)].name, list[len(pairs)].images = "cityhub", firmware.CityHub
	for _, p := range list {
		for _, state := range []uint32{64 << 10, 16 << 10} {
			old, new := p.images()
			area := even(t, "4KiB", old, new)
			size := func(batch uint32) int {
				file, err := diff.Create(context.Background(), old, new, &diff.Options{Geometry: &area, StateMax: state, Batch: batch, Effort: diff.EffortFast})
				if err != nil {
					t.Fatal(err)
				}
				return len(file)
			}
			plain := size(0)
			for _, w := range []uint32{8, 16, 32} {
				n := size(w * 4096)
				t.Logf("%s, state <= %d, W = %d: %d bytes, without batches %d (%+.2f %%)", p.name, state, w, n, plain, 100*float64(n-plain)/float64(plain))
				if n > plain+plain/4 {
					t.Errorf("%s, W = %d: batches cost a quarter and more", p.name, w)
				}
			}
		}
	}
}
