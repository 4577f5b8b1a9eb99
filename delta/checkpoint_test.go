package delta_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
)

// batchSample is a pair whose file has batches that end with something of everything, and the checkpoints before them.
type batchSample struct {
	*sample
	head        delta.Header
	checkpoints [][]byte
	boards      []flash.Bytes // the flash as it is then: the sectors of the batches before are rewritten
}

func makeBatches(t testing.TB, batch uint32) *batchSample {
	t.Helper()
	area, err := flash.ParseGeometry("256*48", 0)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 7))
	old, fresh := randomBytes(r, 11000), randomBytes(r, 300)
	// Something new twice, a block that moves down, and what neighbours need of each other.
	s := &batchSample{sample: &sample{area: area, old: old, new: slices.Concat(old[8:1000], old[3000:3016], old[1000:3000], fresh, old[6000:7500], fresh, old[3200:6000], old[7500:])}}
	if s.file, err = diff.Create(context.Background(), s.old, s.new, &diff.Options{Geometry: &s.area, Batch: batch}); err != nil {
		t.Fatal(err)
	}
	if s.head, err = delta.ParseHeader(s.file); err != nil {
		t.Fatal(err)
	}
	d, board := s.open(t, s.flash()), s.flash()
	for {
		n, data, err := d.Next()
		if err == io.EOF {
			return s
		}
		if err != nil {
			t.Fatal(err)
		}
		addr, _ := s.area.Sector(n)
		copy(board[addr:], data)
		if d.AtBatch() {
			s.checkpoints = append(s.checkpoints, s.checkpoint(t, d))
			s.boards = append(s.boards, bytes.Clone(board))
		}
	}
}

func (s *batchSample) open(t testing.TB, board flash.Bytes) *delta.Decoder {
	t.Helper()
	d := new(delta.Decoder)
	if err := d.Open(s.file, &s.area, board, make([]byte, s.head.Memory())); err != nil {
		t.Fatal(err)
	}
	return d
}

func (s *batchSample) checkpoint(t testing.TB, d *delta.Decoder) []byte {
	t.Helper()
	room := bytes.Repeat([]byte{0xA5}, int(s.head.Checkpoint())+1)
	n, err := d.Checkpoint(room[:s.head.Checkpoint()])
	if err != nil || room[s.head.Checkpoint()] != 0xA5 {
		t.Fatalf("checkpoint of %d bytes in %d: %v", n, s.head.Checkpoint(), err)
	}
	return room[:n]
}

// finish builds the rest on a board and reports whether the new image is there then.
func (s *batchSample) finish(d *delta.Decoder, board flash.Bytes) (bool, error) {
	for {
		n, data, err := d.Next()
		if err == io.EOF {
			return bytes.Equal(board[:len(s.new)], s.new), nil
		}
		if err != nil {
			return false, err
		}
		addr, _ := s.area.Sector(n)
		copy(board[addr:], data)
	}
}

// sealed returns a checkpoint with a right check sum.
func sealed(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(bytes.Clone(b[:len(b)-4]), crc32.ChecksumIEEE(b[:len(b)-4]))
}

// TestCheckpoints: a fresh decoder goes on from every one, and there is something of everything in them.
func TestCheckpoints(t *testing.T) {
	s := makeBatches(t, 2048)
	edges, stash, reach, edgeReach := false, false, false, false
	for i, c := range s.checkpoints {
		board := flash.Bytes(bytes.Clone(s.boards[i]))
		d := s.open(t, board)
		if err := d.Resume(c); err != nil {
			t.Fatal(err)
		}
		if done, err := s.finish(d, board); !done || err != nil {
			t.Errorf("from checkpoint %d: %v, %v", i, done, err)
		}
		word := func(at int) bool { return binary.LittleEndian.Uint32(c[at:]) != 0 }
		reach, edgeReach, edges, stash = reach || word(56), edgeReach || word(60), edges || word(64), stash || word(68)
	}
	if !edges || !stash || !reach || !edgeReach {
		t.Errorf("edges %v, stash %v, history %v, reach of edges %v: the sample has not all of them", edges, stash, reach, edgeReach)
	}
}

// TestCheckpointRefusals: no flipped bit, no other length, no other file and no other step is taken.
func TestCheckpointRefusals(t *testing.T) {
	s := makeBatches(t, 2048)
	board := s.flash()
	d := s.open(t, board)
	refused := func(what string, c []byte) {
		t.Helper()
		if err := d.Resume(c); !errors.Is(err, delta.ErrCheckpoint) {
			t.Errorf("%s: %v", what, err)
		}
	}
	c := s.checkpoints[1]
	for i := range 8 * len(c) {
		flipped := bytes.Clone(c)
		flipped[i/8] ^= 1 << (i % 8)
		refused("a flipped bit", flipped)
		if i < 64 || i >= 8*8 && i < 24*8 {
			refused("a flipped bit under a right check sum", sealed(flipped))
		}
	}
	for n := range c {
		refused("a short one", c[:n])
	}
	refused("a long one", append(bytes.Clone(c), 0))
	refused("a long one under a right check sum", sealed(append(bytes.Clone(c), 0)))
	refused("another file's", makeBatches(t, 4096).checkpoints[0])
	for _, w := range []struct {
		what   string
		at     int
		values []uint32
	}{
		{"no step, or one where no batch begins", 24, []uint32{0, 1, s.head.Changed, 1<<32 - 1}},
		{"no place in the stream", 28, []uint32{0, 3, uint32(len(s.file)), 1<<32 - 1}},
		{"a span too small", 32, []uint32{0, 1<<24 - 1}},
		{"a code outside of the span", 36, []uint32{1<<32 - 1}},
		{"no work", 40, []uint32{0}},
		{"work above the budget", 44, []uint32{1}},
		{"reads above the budget", 52, []uint32{1}},
		{"a longer history", 56, []uint32{s.head.History + 1}},
		{"longer edges", 60, []uint32{s.head.Edge + 1}},
		{"other edges", 64, []uint32{binary.LittleEndian.Uint32(c[64:]) + 1, 1 << 31}},
		{"another stash", 68, []uint32{binary.LittleEndian.Uint32(c[68:]) + 2, 1<<32 - 1}},
	} {
		for _, v := range w.values {
			other := bytes.Clone(c)
			binary.LittleEndian.PutUint32(other[w.at:], v)
			refused(w.what, sealed(other))
		}
	}
	if done, err := s.finish(d, board); !done || err != nil {
		t.Errorf("after refusals the decoder is not at its beginning: %v", err)
	}
}

// TestCheckpointOnlyAtBatches: there is none anywhere else, and none in too little memory.
func TestCheckpointOnlyAtBatches(t *testing.T) {
	s := makeBatches(t, 2048)
	d := s.open(t, s.flash())
	room := make([]byte, s.head.Checkpoint())
	at := 0
	for {
		n, err := d.Checkpoint(room)
		if (err == nil) != d.AtBatch() || err != nil && !errors.Is(err, delta.ErrCheckpoint) {
			t.Errorf("at a batch %v: %v", d.AtBatch(), err)
		}
		if err == nil {
			at++
			if _, err := d.Checkpoint(room[:n-1]); !errors.Is(err, delta.ErrMemory) {
				t.Errorf("a byte too few: %v", err)
			}
			if allocs := testing.AllocsPerRun(5, func() {
				if _, err := d.Checkpoint(room); err != nil {
					t.Fatal(err)
				}
				other := &delta.Decoder{}
				*other = *d
				if err := other.Resume(room[:n]); err != nil {
					t.Fatal(err)
				}
			}); allocs > 1 { // the other decoder
				t.Errorf("%v allocations", allocs)
			}
			if err := d.Resume(room[:n]); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err = d.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if at+1 != int(s.head.Batches) {
		t.Errorf("%d checkpoints for %d batches", at, s.head.Batches)
	}
	plain := makeSample(t)
	h, err := delta.ParseHeader(plain.file)
	if err != nil {
		t.Fatal(err)
	}
	var p delta.Decoder
	if err := p.Open(plain.file, &plain.area, plain.flash(), make([]byte, h.Memory())); err != nil {
		t.Fatal(err)
	}
	if err := p.Resume(s.checkpoints[0]); !errors.Is(err, delta.ErrCheckpoint) || p.AtBatch() {
		t.Errorf("a file without batches: %v", err)
	}
	var none delta.Decoder
	if err := none.Resume(room); err == nil || none.AtBatch() {
		t.Error("a decoder that was never opened goes on")
	}
}

// FuzzCheckpoint gives a decoder any checkpoint under a right check sum and file digest: what it takes it writes again alike, and
// decoding ends within memory and budget.
func FuzzCheckpoint(f *testing.F) {
	s := makeBatches(f, 2048)
	for _, c := range s.checkpoints {
		f.Add(c)
	}
	r := rand.New(rand.NewPCG(1, 1))
	f.Add(randomBytes(r, 100))
	f.Fuzz(func(t *testing.T, c []byte) {
		if len(c) >= 28 {
			c = bytes.Clone(c)
			copy(c, "UDCP\x01\x00\x00\x00")
			copy(c[8:24], s.checkpoints[0][8:24])
			c = sealed(c)
		}
		board := s.flash()
		d := s.open(t, board)
		if err := d.Resume(c); err != nil {
			return
		}
		room := make([]byte, s.head.Checkpoint())
		if n, err := d.Checkpoint(room); err != nil || !bytes.Equal(room[:n], c) {
			t.Fatalf("written again as % x: %v", room[:n], err)
		}
		_, err := s.finish(d, board)
		most, slack := s.head.Budget(d.Built()), workSlack(&s.head)
		if work := d.Work(); work.Steps > most.Steps+slack || work.Reads > most.Reads+slack {
			t.Errorf("%v of %v: %v", work, most, err)
		}
	})
}

// TestDocumentShowsACheckpoint: the checkpoint in docs/delta.md is that of its vector.
func TestDocumentShowsACheckpoint(t *testing.T) {
	page, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "<!-- checkpoint -->\n")
	example, _, _ := strings.Cut(after, "<!-- end of the checkpoint -->")
	var shown []byte
	for line := range strings.Lines(example) {
		var at int
		if _, err := fmt.Sscan(line, &at); err != nil || at != len(shown) {
			t.Errorf("%q: behind %d bytes, %v", line, len(shown), err)
		}
		for _, word := range strings.Fields(line)[1:] {
			b, err := hex.DecodeString(word)
			if err != nil || len(b) < 4 {
				break // the rest of the line is words
			}
			shown = append(shown, b...)
		}
	}
	if want := readVector(t, "checkpoint-first").checkpoint; !bytes.Equal(shown, want) {
		t.Errorf("the document shows\n%x, want\n%x", shown, want)
	}
}
