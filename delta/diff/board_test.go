package diff_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/limits"
	"unbrick/release"
)

// board is a flash that is really rewritten: reads of bad sectors fail, and so does any write
// while it is sealed.
type board struct {
	area   flash.Geometry
	bytes  []byte
	bad    []bool
	gone   []bool // must not be read any more
	sealed bool
}

func (b *board) Read(addr uint32, p []byte) error {
	if uint64(addr)+uint64(len(p)) > uint64(len(b.bytes)) {
		return flash.ErrBounds
	}
	for at := addr; at < addr+uint32(len(p)); {
		s := b.area.SectorAt(at)
		if b.bad[s] || b.gone[s] {
			return flash.ErrUnreadable
		}
		start, size := b.area.Sector(s)
		at = start + size
	}
	copy(p, b.bytes[addr:])
	return nil
}

func (b *board) put(sector int, data []byte) error {
	if b.sealed {
		return errors.New("written while sealed")
	}
	addr, size := b.area.Sector(sector)
	if int(size) != len(data) {
		return fmt.Errorf("sector %d of %d bytes got %d", sector, size, len(data))
	}
	copy(b.bytes[addr:], data)
	b.bad[sector] = false
	return nil
}

// scenario is one thing to make and apply.
type scenario struct {
	area     flash.Geometry
	old, new []byte
	doubtful []bool
	only     []bool
	full     bool
	options  diff.Options
}

// makeFile makes the file of a scenario, twice, and requires equal bytes.
func (sc *scenario) makeFile(t *testing.T) ([]byte, error) {
	t.Helper()
	o := sc.options
	o.Geometry, o.Doubtful, o.Only = &sc.area, sc.doubtful, sc.only
	create := func() ([]byte, error) {
		if sc.full {
			return diff.Full(context.Background(), sc.new, &o)
		}
		return diff.Create(context.Background(), sc.old, sc.new, &o)
	}
	file, err := create()
	if err != nil {
		return nil, err
	}
	again, err := create()
	if err != nil || !bytes.Equal(file, again) {
		t.Fatalf("made twice: %v, equal %v", err, bytes.Equal(file, again))
	}
	return file, nil
}

// flash returns a board that holds the old bytes, erased bytes to the end of their sector, and noise
// in the sectors behind and in doubtful ones.
func (sc *scenario) flash(r *rand.Rand) *board {
	b := &board{area: sc.area, bytes: make([]byte, sc.area.Size()), bad: make([]bool, sc.area.Sectors()), gone: make([]bool, sc.area.Sectors())}
	for i := range b.bytes {
		b.bytes[i] = byte(r.Uint32())
	}
	n := copy(b.bytes, sc.old)
	if n > 0 {
		start, size := sc.area.Sector(sc.area.SectorAt(uint32(n - 1)))
		for ; n < int(start+size); n++ {
			b.bytes[n] = sc.area.Erased
		}
	}
	copy(b.bad, sc.doubtful)
	return b
}

// check makes a file, proves it against a sealed board with exactly the announced memory, rewrites the
// board with it, and requires of every step what the architecture promises.
func (sc *scenario) check(t *testing.T, r *rand.Rand) []byte {
	t.Helper()
	file, err := sc.makeFile(t)
	if err != nil {
		t.Fatal(err)
	}
	h, err := delta.ParseHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := release.Describe("0001", "1", 1, 1, sc.new, &sc.area)
	if err != nil {
		t.Fatal(err)
	}
	b := sc.flash(r)
	b.sealed = true
	const fence = 64
	mem := bytes.Repeat([]byte{0xA5}, int(h.Memory())+fence)
	var d delta.Decoder
	if err := d.Open(file, &sc.area, b, mem[:h.Memory()]); err != nil {
		t.Fatal(err)
	}
	leaves := release.MakeLeaves(m.Leaves())
	if sc.only != nil {
		leaves = release.AppendLeaves(leaves[:0], sc.new, m.LeafSize)
	}
	planned := make([]byte, (sc.area.Sectors()+7)/8)
	before := bytes.Clone(b.bytes)
	if err := delta.Prove(&d, &m, b, leaves, nil, sc.only != nil, planned); err != nil {
		t.Fatalf("prove: %v", err)
	}
	if !bytes.Equal(before, b.bytes) {
		t.Fatal("the proof has written")
	}
	proof := map[int][]byte{}
	if err := d.Rewind(); err != nil {
		t.Fatal(err)
	}
	for {
		s, data, err := d.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		proof[s] = bytes.Clone(data)
	}
	sc.checkWork(t, &d, &h)
	b.sealed = false
	written := 0
	if err := delta.Rewrite(&d, &m, leaves, delta.PutFunc(func(s int, data []byte) error {
		if !bytes.Equal(proof[s], data) {
			t.Fatalf("sector %d differs from its proof", s)
		}
		if planned[s>>3]>>(s&7)&1 == 0 {
			t.Fatalf("sector %d is not planned", s)
		}
		written++
		return b.put(s, data)
	})); err != nil {
		t.Fatalf("rewrite: %v", err)
	}
	if written != len(proof) || uint32(written) != h.Changed {
		t.Fatalf("rewrote %d sectors, proved %d, announced %d", written, len(proof), h.Changed)
	}
	if !bytes.Equal(mem[h.Memory():], bytes.Repeat([]byte{0xA5}, fence)) {
		t.Fatal("memory behind the announced size was touched")
	}
	sc.compare(t, before, b, planned)
	if h.Batches > 0 {
		sc.checkBatches(t, file, r)
	}
	return file
}

// checkWork requires that a file announces no more work than it takes, and stays well below what a hostile one may.
func (sc *scenario) checkWork(t *testing.T, d *delta.Decoder, h *delta.Header) {
	t.Helper()
	work, built := d.Work(), uint64(d.Built())
	if work.Steps > (limits.WorkFile+limits.Work*built)/2 || work.Reads > (limits.WorkFile+limits.Reads*built)/2 {
		t.Errorf("%d steps and %d old bytes for %d built: an honest file takes at most half of the limit", work.Steps, work.Reads, built)
	}
	least := *h
	if !least.Announce(work, d.Built()) || least.Steps != h.Steps || least.Reads != h.Reads {
		t.Errorf("announces %d and %d for %d built, takes %d and %d", h.Steps, h.Reads, built, work.Steps, work.Reads)
	}
}

// compare looks at every sector after the rewrite.
func (sc *scenario) compare(t *testing.T, before []byte, b *board, planned []byte) {
	t.Helper()
	for s := range sc.area.Sectors() {
		addr, size := sc.area.Sector(s)
		want := bytes.Repeat([]byte{sc.area.Erased}, int(size))
		if int(addr) < len(sc.new) {
			copy(want, sc.new[addr:])
		}
		got, was := b.bytes[addr:addr+size], before[addr:addr+size]
		isPlanned := planned[s>>3]>>(s&7)&1 != 0
		wanted := int(addr) < len(sc.new) && (sc.only == nil || sc.only[s])
		bad := sc.doubtful != nil && sc.doubtful[s]
		switch {
		case !wanted && isPlanned:
			t.Fatalf("sector %d is planned but not wanted", s)
		case !isPlanned && !bytes.Equal(got, was):
			t.Fatalf("sector %d changed without a plan", s)
		case wanted && bad && !isPlanned:
			t.Fatalf("doubtful sector %d is not planned", s)
		case wanted && !bytes.Equal(got, want):
			t.Fatalf("sector %d is not as wanted", s)
		case isPlanned && !sc.full && !bad && bytes.Equal(was, want):
			t.Fatalf("sector %d is planned but was right", s)
		}
	}
}
