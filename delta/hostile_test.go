package delta_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/release"
)

// sample is a small pair with a moved block, which needs the stash, and the file between.
type sample struct {
	area     flash.Geometry
	old, new []byte
	file     []byte
}

func makeSample(t testing.TB) *sample {
	t.Helper()
	area, err := flash.ParseGeometry("1KiB*8,4KiB*2", 0)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	old := make([]byte, 11000)
	for i := range old {
		old[i] = byte(r.Uint32())
	}
	new := append(bytes.Clone(old[3000:8000]), old[:3000]...)
	new = append(new, old[8500:]...)
	for i := 100; i < len(new); i += 700 {
		new[i]++
	}
	fresh := make([]byte, 300) // twice, sectors apart: the second comes from the history
	for i := range fresh {
		fresh[i] = byte(r.Uint32())
	}
	copy(new[2000:], fresh)
	new = append(new, fresh...)
	file, err := diff.Create(context.Background(), old, new, &diff.Options{Geometry: &area})
	if err != nil {
		t.Fatal(err)
	}
	return &sample{area, old, new, file}
}

func (s *sample) flash() flash.Bytes {
	m := bytes.Repeat([]byte{s.area.Erased}, int(s.area.Size()))
	copy(m, s.old)
	return m
}

// decode runs a file to its end and returns the built sectors.
func decode(file []byte, area *flash.Geometry, old flash.Reader) (map[int][]byte, error) {
	h, err := delta.ParseHeader(file)
	if err != nil {
		return nil, err
	}
	var d delta.Decoder
	if err := d.Open(file, area, old, make([]byte, h.Memory())); err != nil {
		return nil, err
	}
	built := map[int][]byte{}
	for {
		s, data, err := d.Next()
		if err == io.EOF {
			return built, nil
		}
		if err != nil {
			return nil, err
		}
		if _, again := built[s]; again {
			return nil, errors.New("sector built twice")
		}
		built[s] = bytes.Clone(data)
	}
}

func TestSampleNeedsEverything(t *testing.T) {
	s := makeSample(t)
	h, err := delta.ParseHeader(s.file)
	if err != nil {
		t.Fatal(err)
	}
	if h.Keeps == 0 || h.History == 0 || h.Changed < 8 {
		t.Errorf("the sample does not use the stash (%d entries), history (%d) or order: tests lose their point", h.Keeps, h.History)
	}
	if _, err := decode(s.file, &s.area, s.flash()); err != nil {
		t.Error(err)
	}
}

// TestRefusedStaysRefused: Rewind does not open what Open has refused.
func TestRefusedStaysRefused(t *testing.T) {
	s := makeSample(t)
	h, err := delta.ParseHeader(s.file)
	if err != nil {
		t.Fatal(err)
	}
	_, data := h.Streams(s.file)
	refused := 0
	for i := range len(s.file) - len(data) {
		file := bytes.Clone(s.file)
		file[i] ^= 0x10
		var d delta.Decoder
		if err := d.Open(file, &s.area, s.flash(), make([]byte, 1<<20)); err == nil {
			continue
		}
		refused++
		if d.Rewind() == nil {
			t.Errorf("byte %d: rewound", i)
		}
		if _, _, err := d.Next(); err == nil || err == io.EOF {
			t.Errorf("byte %d: Next: %v", i, err)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
}

// TestEveryByteCounts: no truncated or lengthened file is accepted, no changed bit of the header (but for
// what names the base), and no changed bit at all leads a proof astray.
func TestEveryByteCounts(t *testing.T) {
	s := makeSample(t)
	m, err := release.Describe("0001", "1", 1, 1, s.new, &s.area)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(s.file) {
		if _, err := decode(s.file[:n], &s.area, s.flash()); err == nil {
			t.Errorf("accepted with %d bytes of %d", n, len(s.file))
		}
	}
	for _, tail := range [][]byte{{0}, {1}, {0, 0, 0, 0, 0}} {
		if _, err := decode(append(bytes.Clone(s.file), tail...), &s.area, s.flash()); err == nil {
			t.Errorf("accepted with % x behind the end", tail)
		}
	}
	head, err := delta.ParseHeader(s.file)
	if err != nil {
		t.Fatal(err)
	}
	control, data := head.Streams(s.file)
	body := len(s.file) - len(control) - len(data)
	for i := range 8 * len(s.file) {
		file := bytes.Clone(s.file)
		file[i/8] ^= 1 << (i % 8)
		h, err := delta.ParseHeader(file)
		if err != nil {
			continue
		}
		var d delta.Decoder
		if err := d.Open(file, &s.area, s.flash(), make([]byte, h.Memory())); err != nil {
			continue
		}
		if delta.Prove(&d, &m, s.flash(), release.MakeLeaves(m.Leaves()), nil, false, make([]byte, 2)) != nil {
			continue
		}
		// The base is named for people, more or fewer counters may by chance code alike, and a budget may be larger than it must.
		if i/8 < body && h.From == head.From && h.FromSize == head.FromSize && h.Units == head.Units && h.Steps <= head.Steps && h.Reads <= head.Reads {
			t.Errorf("proven with bit %d of byte %d of the header changed", i%8, i/8)
		}
		board := s.flash()
		built, err := decode(file, &s.area, s.flash())
		if err != nil {
			t.Errorf("proven with bit %d of byte %d changed, then: %v", i%8, i/8, err)
		}
		for n, b := range built {
			addr, _ := s.area.Sector(n)
			copy(board[addr:], b)
		}
		if !bytes.Equal(board[:len(s.new)], s.new) {
			t.Errorf("proven with bit %d of byte %d changed, but leads elsewhere", i%8, i/8)
		}
	}
}

func TestRefusals(t *testing.T) {
	s := makeSample(t)
	h, err := delta.ParseHeader(s.file)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := flash.ParseGeometry("1KiB*16", 0)
	zero := s.area
	zero.Erased = 0
	shorter := s.area
	shorter.Runs = append([]flash.Run(nil), s.area.Runs...)
	shorter.Runs[len(shorter.Runs)-1].Count--
	var d delta.Decoder
	for name, area := range map[string]*flash.Geometry{"other sectors": &other, "other erased byte": &zero, "one sector less": &shorter} {
		if err := d.Open(s.file, area, s.flash(), make([]byte, h.Memory())); !errors.Is(err, delta.ErrGeometry) {
			t.Errorf("%s: %v", name, err)
		}
	}
	split := s.area
	split.Runs = []flash.Run{{Size: 1024, Count: 3}, {Size: 1024, Count: 5}, {Size: 4096, Count: 2}}
	if err := d.Open(s.file, &split, s.flash(), make([]byte, h.Memory())); err != nil {
		t.Errorf("equal geometry in other words: %v", err)
	}
	if err := d.Open(s.file, &s.area, s.flash(), make([]byte, h.Memory()-1)); !errors.Is(err, delta.ErrMemory) {
		t.Errorf("one byte of memory less: %v", err)
	}
	if _, _, err := d.Next(); !errors.Is(err, delta.ErrMemory) {
		t.Errorf("next after a refused open: %v", err)
	}
	if err := d.Rewind(); err == nil {
		t.Error("rewind after a refused open succeeds")
	}
	version := bytes.Clone(s.file)
	version[2]++
	if _, err := delta.ParseHeader(version); !errors.Is(err, delta.ErrVersion) {
		t.Errorf("another version: %v", err)
	}
	m, _ := release.Describe("0001", "1", 1, 1, s.old, &s.area)
	if err := d.Open(s.file, &s.area, s.flash(), make([]byte, h.Memory())); err != nil {
		t.Fatal(err)
	}
	if err := delta.Prove(&d, &m, s.flash(), release.MakeLeaves(m.Leaves()), nil, false, make([]byte, 2)); !errors.Is(err, delta.ErrMismatch) {
		t.Errorf("another release: %v", err)
	}
	m, _ = release.Describe("0001", "1", 1, 1, s.new, &s.area)
	wrong := s.flash()
	wrong[500] ^= 1
	if err := d.Open(s.file, &s.area, wrong, make([]byte, h.Memory())); err != nil {
		t.Fatal(err)
	}
	// Contexts look at old bytes, so with wrong ones the stream soon makes no sense either.
	err = delta.Prove(&d, &m, wrong, release.MakeLeaves(m.Leaves()), nil, false, make([]byte, 2))
	if !errors.Is(err, delta.ErrMismatch) && !errors.Is(err, delta.ErrFormat) {
		t.Errorf("another base: %v", err)
	}
}

// TestRewriteComparesAgain: what differs from the proof is never put.
func TestRewriteComparesAgain(t *testing.T) {
	s := makeSample(t)
	m, _ := release.Describe("0001", "1", 1, 1, s.new, &s.area)
	h, _ := delta.ParseHeader(s.file)
	board := s.flash()
	var d delta.Decoder
	if err := d.Open(s.file, &s.area, board, make([]byte, h.Memory())); err != nil {
		t.Fatal(err)
	}
	leaves := release.MakeLeaves(m.Leaves())
	if err := delta.Prove(&d, &m, board, leaves, nil, false, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	board[4000] ^= 0x10 // the flash changes between proof and rewrite
	err := delta.Rewrite(&d, &m, leaves, delta.PutFunc(func(sector int, data []byte) error {
		addr, _ := s.area.Sector(sector)
		if want := s.new[addr:min(len(s.new), int(addr)+len(data))]; !bytes.Equal(data[:len(want)], want) {
			t.Errorf("wrong sector %d was put", sector)
		}
		return nil
	}))
	if !errors.Is(err, delta.ErrMismatch) {
		t.Errorf("rewrite over another flash: %v", err)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for _, name := range []string{"moved", "thumb", "full", "segments", "batches"} {
		v := readVector(t, name)
		area, err := flash.ParseGeometry(v.geometry, 0)
		if err != nil {
			t.Fatal(err)
		}
		m, err := release.Describe("0001", "1", 1, 1, v.new, &area)
		if err != nil {
			t.Fatal(err)
		}
		h, err := delta.ParseHeader(v.file)
		if err != nil {
			t.Fatal(err)
		}
		board := flash.Bytes(bytes.Repeat([]byte{0xff}, int(area.Size())))
		copy(board, v.old)
		mem := make([]byte, h.Memory())
		leaves := release.MakeLeaves(m.Leaves())
		planned := make([]byte, (area.Sectors()+7)/8)
		var d delta.Decoder
		var old flash.Reader = board
		put := func(int, []byte) error { return nil }
		if n := testing.AllocsPerRun(20, func() {
			if err := d.Open(v.file, &area, old, mem); err != nil {
				t.Fatal(err)
			}
			if err := delta.Prove(&d, &m, old, leaves, nil, false, planned); err != nil {
				t.Fatal(err)
			}
			if err := delta.Rewrite(&d, &m, leaves, delta.PutFunc(put)); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: open, proof and rewrite allocate %v times", name, n)
		}
	}
}

func TestWorkspaceSumsAndSaturates(t *testing.T) {
	n := delta.Needs{File: 1, State: 2, Buffer: 4, Stash: 8, History: 16, Leaves: 32, Resident: 64}
	if got, want := n.Workspace(), uint32(1+2+4+8+16+32*32+64+4096); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	n.File, n.Leaves = 1<<32-1, 1<<32-1
	if got := n.Workspace(); got != 1<<32-1 {
		t.Errorf("sum beyond 32 bits: %d", got)
	}
}
