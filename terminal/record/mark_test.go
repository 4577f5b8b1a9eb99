package record

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"unbrick/limits"
)

// TestMarks fills the marks behind a record for every program unit. Only the last marked sector is doubtful, and when they
// run out the record is renewed.
func TestMarks(t *testing.T) {
	for _, u := range units {
		t.Run(fmt.Sprintf("unit %d erased %02x", u.unit, u.erased), func(t *testing.T) {
			b := newBench(t, u.unit, u.erased, 400)
			if err := b.write(func(r *Record) {
				r.State = Rewriting
				r.From = bytes.Repeat([]byte{1}, limits.Manifest)
				r.To = bytes.Repeat([]byte{2}, limits.Manifest)
			}); err != nil {
				t.Fatal(err)
			}
			capacity := b.capacity(b.newest)
			if capacity < 32 {
				t.Fatalf("%d marks in the smallest record sector", capacity)
			}
			order := rand.New(rand.NewPCG(uint64(u.unit), 3)).Perm(b.software.Sectors())
			for i, s := range order {
				if err := b.Mark(s); err != nil {
					t.Fatalf("mark %d: %v", i, err)
				}
				if i%37 == 0 || i == capacity-1 || i == capacity {
					was := b.Store
					b.reset()
					if got := b.doubtful(); !slices.Equal(got, []int{s}) {
						t.Fatalf("after mark %d of sector %d: %v", i, s, got)
					}
					b.Store = was
					b.rec.decode(b.body[b.newest][:length(b.body[b.newest][:])]) // its slices are of this store again
				}
				b.ClearDoubt(s) // written and read back
			}
			if renewed := int(b.Newest().Sequence) - 2; renewed != (len(order)-1)/capacity {
				t.Errorf("%d renewals for %d marks of %d", renewed, len(order), capacity)
			}
		})
	}
}

// TestMarksOfAnotherPowerUp never uses a unit of a record that was not written since power-up, and carries what was
// doubtful over.
func TestMarksOfAnotherPowerUp(t *testing.T) {
	b := newBench(t, 8, 0xFF, 20)
	if err := b.write(rewriting); err != nil {
		t.Fatal(err)
	}
	for _, s := range []int{3, 9} {
		if err := b.Mark(s); err != nil {
			t.Fatal(err)
		}
		b.ClearDoubt(s)
	}
	b.reset()
	sector := bytes.Clone(b.Cells[b.addr[b.newest]:][:4096])
	if err := b.Mark(15); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sector, b.Cells[b.addr[1-b.newest]:][:4096]) {
		t.Error("a mark was put behind a record of another power-up")
	}
	b.reset()
	if got := b.doubtful(); !slices.Equal(got, []int{9, 15}) {
		t.Errorf("doubtful %v, want 9 and 15", got)
	}
}

// TestDistrust: a sector that was not finished stays doubtful although others are marked after it.
func TestDistrust(t *testing.T) {
	b := newBench(t, 8, 0xFF, 20)
	if err := b.write(rewriting); err != nil {
		t.Fatal(err)
	}
	if err := b.Mark(3); err != nil {
		t.Fatal(err)
	}
	b.Distrust()
	if err := b.Mark(5); err != nil {
		t.Fatal(err)
	}
	b.reset()
	if got := b.doubtful(); !slices.Equal(got, []int{3, 5}) {
		t.Errorf("doubtful %v, want 3 and 5", got)
	}
}

// TestTornMark tears the program of a mark: the sector before stays doubtful or is known to be good, and nothing else
// becomes so.
func TestTornMark(t *testing.T) {
	for _, u := range units {
		b := newBench(t, u.unit, u.erased, 8)
		if err := b.write(rewriting); err != nil {
			t.Fatal(err)
		}
		for _, s := range []int{1, 2} {
			if err := b.Mark(s); err != nil {
				t.Fatal(err)
			}
		}
		addr := b.addr[b.newest] + b.entries[b.newest] + b.slot
		whole := bytes.Clone(b.Cells)
		for n := range entrySize {
			torn := bytes.Clone(whole)
			for k := n; k < entrySize; k++ {
				torn[addr+uint32(k)] = u.erased
			}
			b.Array.Load(torn)
			b.reset()
			if got := b.doubtful(); !bytes.Equal(torn, whole) && !slices.Equal(got, []int{1}) {
				t.Errorf("unit %d: %d bytes of mark 2: doubtful %v", u.unit, n, got)
			}
		}
		b.Array.Load(whole)
		b.Array.Unreadable[addr&^(u.unit-1)] = true
		b.reset()
		if got := b.doubtful(); !slices.Equal(got, []int{1}) {
			t.Errorf("unit %d: unreadable mark: doubtful %v", u.unit, got)
		}
	}
}

// TestUnreadableMark: a mark that cannot be read any more may have named the sector before once more. So nobody believes that one for
// the sake of what stands behind.
func TestUnreadableMark(t *testing.T) {
	for _, u := range units {
		b := newBench(t, u.unit, u.erased, 8)
		if err := b.write(rewriting); err != nil {
			t.Fatal(err)
		}
		for _, s := range []int{1, 1, 3} {
			if err := b.Mark(s); err != nil {
				t.Fatal(err)
			}
		}
		b.Array.Unreadable[b.addr[b.newest]+b.entries[b.newest]+b.slot] = true
		b.reset()
		if got := b.doubtful(); !slices.Equal(got, []int{1, 3}) {
			t.Errorf("unit %d: doubtful %v, want 1 and 3", u.unit, got)
		}
	}
}

// TestMarkThatFails tries the next unit, and gives up after many.
func TestMarkThatFails(t *testing.T) {
	b := newBench(t, 8, 0xFF, 8)
	if err := b.write(rewriting); err != nil {
		t.Fatal(err)
	}
	first := b.addr[b.newest] + b.entries[b.newest]
	b.Broken[first] = true
	if err := b.Mark(3); err != nil {
		t.Fatal(err)
	}
	b.reset()
	if got := b.doubtful(); !slices.Equal(got, []int{3}) {
		t.Errorf("doubtful %v", got)
	}
	for _, addr := range b.addr {
		for at := b.entries[b.newest]; at < 4096; at++ {
			b.Broken[addr+at] = true // body, commit mark and seal can be written
		}
	}
	if err := b.Mark(5); err == nil {
		t.Error("marked where nothing can be programmed")
	}
	if len(b.Dead()) != 1 {
		t.Errorf("dead %x", b.Dead())
	}
}

// TestCopied reads an entry that says that a batch is in its places: it ends the doubt of the last marked sector and names
// none itself.
func TestCopied(t *testing.T) {
	b := newBench(t, 8, 0xFF, 20)
	if err := b.write(rewriting); err != nil {
		t.Fatal(err)
	}
	if err := b.Mark(3); err != nil {
		t.Fatal(err)
	}
	b.append(tagCopied | 7)
	b.reset()
	if got := b.doubtful(); len(got) != 0 || b.Copied() != 7 {
		t.Errorf("doubtful %v, copied %d", got, b.Copied())
	}
	if err := b.Mark(4); err != nil {
		t.Fatal(err)
	}
	if b.reset(); b.Copied() != -1 || !slices.Equal(b.doubtful(), []int{4}) {
		t.Errorf("behind a new record: copied %d, doubtful %v", b.Copied(), b.doubtful())
	}
}

// TestVouch takes back what a record says of doubt that is gone.
func TestVouch(t *testing.T) {
	b := newBench(t, 8, 0xFF, 20)
	b.SetDoubt(2)
	b.SetDoubt(6)
	if err := b.write(rewriting); err != nil {
		t.Fatal(err)
	}
	b.ClearDoubt(2)
	b.Vouch()
	b.reset()
	if got := b.doubtful(); !slices.Equal(got, []int{6}) {
		t.Errorf("doubtful %v, want 6", got)
	}
	b.ClearDoubt(6)
	b.Vouch() // not behind a record of another power-up
	b.reset()
	if got := b.doubtful(); !slices.Equal(got, []int{6}) {
		t.Errorf("doubtful %v, want 6 still", got)
	}
}

// TestManyDoubts carries more doubtful sectors than a record names one by one: all are.
func TestManyDoubts(t *testing.T) {
	b := newBench(t, 8, 0xFF, 300)
	for s := range maxDoubts + 1 {
		b.SetDoubt(s)
	}
	if err := b.write(rewriting); err != nil {
		t.Fatal(err)
	}
	b.reset()
	if n := len(b.doubtful()); n != 300 {
		t.Errorf("%d doubtful", n)
	}
}

// TestManyDoubtsBehindTheImage: however many sectors behind an installed image are doubtful, its own are so only by name.
func TestManyDoubtsBehindTheImage(t *testing.T) {
	for _, own := range []bool{false, true} {
		b := newBench(t, 8, 0xFF, 300) // the image lies in sector 0
		for s := range 200 {
			b.SetDoubt(1 + s)
		}
		if own {
			b.SetDoubt(0)
		}
		for range 3 { // each record carries what the one before said
			if err := b.write(nil); err != nil {
				t.Fatal(err)
			}
			b.reset()
			if n := len(b.doubtful()); b.Doubtful(0) != own || n < 299 {
				t.Errorf("image doubtful %v, want %v; %d in all", b.Doubtful(0), own, n)
			}
		}
	}
}

// TestManyDoubtsInTheImage: if the sectors of an installed image that are doubtful cannot all be named, none is believed.
func TestManyDoubtsInTheImage(t *testing.T) {
	b := newBench(t, 8, 0xFF, 300)
	for s := range maxDoubts + 1 {
		b.SetDoubt(s)
	}
	if err := b.write(func(r *Record) { r.To = signedManifest(t, 200*4096, &b.software) }); err != nil {
		t.Fatal(err)
	}
	b.reset()
	if n := len(b.doubtful()); n != 300 {
		t.Errorf("%d doubtful", n)
	}
}
