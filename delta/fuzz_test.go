package delta_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"path/filepath"
	"testing"

	"unbrick/delta"
	"unbrick/flash"
	"unbrick/limits"
)

// vectorFiles adds the files of all vectors that decode from their beginning to a fuzz test.
func vectorFiles(f *testing.F) {
	names, err := filepath.Glob("testdata/*.vector")
	if err != nil || len(names) == 0 {
		f.Fatal(err)
	}
	for _, name := range names {
		name = filepath.Base(name)
		if v := readVector(f, name[:len(name)-len(".vector")]); v.checkpoint == nil {
			f.Add(v.file)
		}
	}
}

// FuzzHeader gives the reader of headers anything. What it takes is within the limits, and is written the same again.
func FuzzHeader(f *testing.F) {
	vectorFiles(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		h, err := delta.ParseHeader(file)
		if err != nil {
			return
		}
		control, data := h.Streams(file)
		if again := h.Append(nil, control, data); !bytes.Equal(again, file) {
			t.Errorf("written again as % x", again)
		}
		if h.Steps > limits.Work || h.Reads > limits.Reads || h.History > limits.History || h.Setup.Old.Count > limits.Segments || h.Setup.New.Count > limits.Segments ||
			h.Batches > h.Changed || h.Changed > limits.Sectors || h.Stash > limits.Stash || h.ToSize > limits.Image || h.FromSize > limits.Image {
			t.Errorf("beyond the limits: %+v", h)
		}
		if sum := uint64(h.State) + uint64(h.Stash) + uint64(h.History) + uint64(h.Buffer); sum != uint64(h.Memory()) || h.Checkpoint() < 76 {
			t.Errorf("memory of %d bytes wraps to %d", sum, h.Memory())
		}
		area := h.Geometry()
		if err := area.Validate(); err != nil {
			t.Errorf("its geometry: %v", err)
		}
	})
}

// FuzzDecoder gives the decoder anything. It must end, within its memory and in as many steps as there are for the image (workOf
// fails otherwise), what it accepts must have a header that is written the same again, and decoding must go on from each checkpoint as it would have.
func FuzzDecoder(f *testing.F) {
	s := makeSample(f)
	f.Add(s.file)
	f.Add([]byte("UD\x02\x01"))
	vectorFiles(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		h, err := delta.ParseHeader(file)
		if err != nil || h.Memory() > 1<<22 {
			return
		}
		area := h.Geometry()
		old := make(flash.Bytes, min(area.Size(), 1<<20))
		copy(old, s.old)
		_, _ = workOf(t, file, old)
		built, err := decode(file, &area, old)
		goesOn(t, file, &h, &area, old)
		if err != nil {
			return
		}
		if uint32(len(built)) != h.Changed {
			t.Errorf("built %d sectors, announced %d", len(built), h.Changed)
		}
		control, data := h.Streams(file)
		if again := h.Append(nil, control, data); !bytes.Equal(again, file) {
			t.Errorf("written again as % x", again)
		}
	})
}

// goesOn decodes a file and, at each batch, has another decoder go on from a checkpoint: both must do the same to the end of that batch.
func goesOn(t *testing.T, file []byte, h *delta.Header, area *flash.Geometry, old flash.Bytes) {
	t.Helper()
	if h.Batches < 2 || h.Batches > 16 {
		return
	}
	var d, other delta.Decoder
	if d.Open(file, area, old, make([]byte, h.Memory())) != nil {
		return
	}
	var second *delta.Decoder
	for {
		s, data, err := d.Next()
		if second != nil {
			s2, data2, err2 := second.Next()
			if s != s2 || !bytes.Equal(data, data2) || (err == nil) != (err2 == nil) || errors.Is(err, io.EOF) != errors.Is(err2, io.EOF) || d.Work() != second.Work() {
				t.Fatalf("sector %d, %v, work %v; from a checkpoint %d, %v, %v", s, err, d.Work(), s2, err2, second.Work())
			}
		}
		if err != nil {
			return
		}
		if !d.AtBatch() {
			continue
		}
		room := make([]byte, h.Checkpoint())
		n, err := d.Checkpoint(room)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Open(file, area, old, make([]byte, h.Memory())); err != nil {
			t.Fatal(err)
		}
		if err := other.Resume(room[:n]); err != nil {
			t.Fatal(err)
		}
		second = &other
	}
}

// TestAffordable: a device refuses what announces more than it can afford, and takes what announces as much.
func TestAffordable(t *testing.T) {
	v := readVector(t, "work")
	area, err := flash.ParseGeometry(v.geometry, 0)
	if err != nil {
		t.Fatal(err)
	}
	h, err := delta.ParseHeader(v.file)
	if err != nil {
		t.Fatal(err)
	}
	board, mem := make(flash.Bytes, area.Size()), make([]byte, h.Memory())
	copy(board, v.old)
	announced := h.Budget(v.built)
	for _, c := range []struct {
		afford delta.Work
		ok     bool
	}{
		{announced, true},
		{delta.Work{Steps: math.MaxUint64, Reads: math.MaxUint64}, true},
		{delta.Work{Steps: announced.Steps - 1, Reads: announced.Reads}, false},
		{delta.Work{Steps: announced.Steps, Reads: announced.Reads - 1}, false},
		{delta.Work{Steps: 1000, Reads: announced.Reads}, false}, // used up by the plan
		{delta.Work{}, false},
	} {
		var d delta.Decoder
		err := d.OpenWithin(v.file, &area, board, mem, c.afford)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, delta.ErrWork) {
			t.Errorf("%v for a file that announces %v: %v", c.afford, announced, err)
		}
		if work := d.Work(); !c.ok && work.Steps > c.afford.Steps+workSlack(&h) {
			t.Errorf("%d steps until it was refused for %d", work.Steps, c.afford.Steps)
		}
	}
}

// TestAnnounce: the budget is the smallest.
func TestAnnounce(t *testing.T) {
	for _, c := range []struct {
		work         delta.Work
		built        uint32
		ok           bool
		steps, reads uint8
	}{
		{delta.Work{}, 0, true, 0, 0},
		{delta.Work{Steps: limits.WorkFile, Reads: limits.WorkFile}, 0, true, 0, 0},
		{delta.Work{Steps: limits.WorkFile + 1}, 0, false, 0, 0},
		{delta.Work{Steps: limits.WorkFile + 1, Reads: limits.WorkFile + 1001}, 1000, true, 1, 2},
		{delta.Work{Steps: limits.WorkFile + 1000, Reads: limits.WorkFile + 2000}, 1000, true, 1, 2},
		{delta.Work{Steps: limits.WorkFile + limits.Work*1000}, 1000, true, limits.Work, 0},
		{delta.Work{Steps: limits.WorkFile + limits.Work*1000 + 1}, 1000, false, 0, 0},
		{delta.Work{Steps: limits.WorkFile + 256*1000 + 1}, 1000, false, 0, 0},
		{delta.Work{Reads: limits.WorkFile + limits.Reads*1000 + 1}, 1000, false, 0, 0},
		{delta.Work{Steps: math.MaxUint64, Reads: math.MaxUint64}, math.MaxUint32, false, 0, 0},
	} {
		var h delta.Header
		if ok := h.Announce(c.work, c.built); ok != c.ok || ok && (h.Steps != c.steps || h.Reads != c.reads) {
			t.Errorf("%v for %d bytes: %d and %d, %v", c.work, c.built, h.Steps, h.Reads, ok)
		}
	}
}

// TestLongHistoryFits: what a header asks for is what workspace and memory have, up to the longest history.
func TestLongHistoryFits(t *testing.T) {
	file := announce(readVector(t, "history-long").file, func(h *delta.Header) { h.History = limits.History })
	h, err := delta.ParseHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	least := delta.NeedsOf(&h, uint32(len(file)), 6, 0)
	if h.History != 1<<20 || h.Memory() < 1<<20 || least.Workspace() != uint32(len(file))+h.Memory()+6*32+4096 {
		t.Errorf("history of %d, memory of %d, workspace of %d", h.History, h.Memory(), least.Workspace())
	}
}
