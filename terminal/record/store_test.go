package record

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"unbrick/flash"
	"unbrick/limits"
)

// TestTorn leaves every prefix of a record's bytes in the other sector: the old record counts until the seal shows a trace,
// and then the new one does.
func TestTorn(t *testing.T) {
	for _, u := range units {
		t.Run(fmt.Sprintf("unit %d erased %02x", u.unit, u.erased), func(t *testing.T) {
			b := newBench(t, u.unit, u.erased, 4)
			rec := b.Draft(b.rec.Floor)
			rec.Sequence, rec.State = 2, Rewriting
			whole := b.encoded(&rec)
			seal := int(b.align(uint32(rec.size())) + b.slot)
			end := seal + entrySize
			torn := func(n int) []byte {
				p := bytes.Repeat([]byte{u.erased}, 4096)
				copy(p, whole[:n])
				return p
			}
			for n := 0; n <= end; n++ {
				p := torn(n)
				b.cells(1, p)
				b.reset()
				want := uint32(1)
				if !flash.Erased(p[seal:], u.erased) {
					want = 2
				}
				if got := b.Newest(); got == nil || got.Sequence != want {
					t.Fatalf("after %d of %d bytes: %+v, want sequence %d", n, end, got, want)
				}
				if b.Ended() != (want == 2 || flash.Erased(p, u.erased)) {
					t.Errorf("after %d of %d bytes: ended %v", n, end, b.Ended())
				}
			}
			// Without the old one, the new one counts as soon as its commit mark is whole.
			b.cells(0, torn(0))
			mark := seal - int(b.slot)
			for _, n := range []int{end, seal, mark + entrySize, mark + entrySize - 1, mark, 100} {
				b.cells(1, torn(n))
				b.reset()
				complete := n >= mark+entrySize || bytes.Equal(torn(n)[:mark+entrySize], whole[:mark+entrySize])
				if got := b.Newest(); (got != nil) != complete {
					t.Errorf("alone, after %d of %d bytes: %+v", n, end, got)
				}
			}
		})
	}
}

// TestFlickering lets single bits of body, commit mark and seal read differently each time. Whatever counts, a record that
// is written then never erases the last good one first.
func TestFlickering(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	rec := b.Draft(b.rec.Floor)
	rec.Sequence, rec.State = 2, Rewriting
	sealed := b.encoded(&rec)
	n := b.align(uint32(rec.size()))
	open := bytes.Clone(sealed)
	copy(open[n+8:], bytes.Repeat([]byte{0xFF}, 8))
	for _, tt := range []struct {
		name   string
		at     uint32
		sector []byte
	}{{"body", 60, sealed}, {"commit mark", n + 2, open}, {"commit mark, sealed", n + 2, sealed}} {
		b.cells(1, tt.sector)
		clear(b.Flicker)
		b.Flicker[b.addr[1]+tt.at] = 0x01
		for range 64 {
			b.reset()
			got := b.Newest()
			if got == nil || bytes.Equal(tt.sector, open) && got.Sequence != 1 {
				t.Fatalf("%s: %+v", tt.name, got)
			}
		}
	}
	// A cut seal: one bit of it may show. Sixteen looks find it.
	clear(b.Flicker)
	b.cells(1, open)
	b.Flicker[b.addr[1]+n+8] = 0x01
	seen := 0
	for range 200 {
		if b.reset(); b.Newest().Sequence == 2 {
			seen++
		}
	}
	if seen < 199 {
		t.Errorf("the trace of a seal was seen %d times of 200", seen)
	}
}

// TestUnreadable makes any unit of the newest record unreadable.
func TestUnreadable(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	if err := b.write(nil); err != nil {
		t.Fatal(err)
	}
	n := b.align(uint32(b.rec.size()))
	for at := uint32(0); at < n+16; at += 8 {
		b.Array.Unreadable[b.addr[1]+at] = true
		b.reset()
		want := uint32(1)
		if at >= n+8 { // the seal: a trace
			want = 2
		}
		if got := b.Newest(); got == nil || got.Sequence != want {
			t.Errorf("unit at %d unreadable: %+v", at, got)
		}
		delete(b.Array.Unreadable, b.addr[1]+at)
	}
}

// TestWriteErasesTheOther writes many records; the newest sector is never the one erased, and something always counts.
func TestWriteErasesTheOther(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	for i := range 10 {
		newest := b.newest
		before := bytes.Clone(b.Cells[b.addr[newest]:][:4096])
		if err := b.write(nil); err != nil {
			t.Fatal(err)
		}
		// The first of these sectors was blank, and is erased all the same.
		if got := b.Erased; len(got) != i+1 || got[i] != b.addr[1-newest] {
			t.Fatalf("write %d erased %x", i, got)
		}
		if !bytes.Equal(before, b.Cells[b.addr[newest]:][:4096]) {
			t.Fatalf("write %d touched the newest record", i)
		}
		if !bytes.Equal(b.rec.To, b.signed) || !b.Fresh() {
			t.Fatalf("write %d: the record in memory is another", i)
		}
		b.reset()
		if got := b.Newest().Sequence; got != uint32(i+2) || b.Fresh() {
			t.Fatalf("write %d: sequence %d counts, fresh %v", i, got, b.Fresh())
		}
	}
}

// TestNoCandidate erases both sectors when no record counts: one might come back.
func TestNoCandidate(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	rec := full()
	rec.Sequence = 900
	b.put(1, rec)
	for _, addr := range b.addr {
		b.Array.Unreadable[addr] = true
	}
	b.reset()
	if b.Newest() != nil {
		t.Fatal("something counts")
	}
	if n := len(b.doubtful()); n != b.software.Sectors() {
		t.Errorf("%d doubtful sectors", n)
	}
	if err := b.write(func(r *Record) { r.State, r.To = Rewriting, b.signed }); err != nil {
		t.Fatal(err)
	}
	clear(b.Array.Unreadable)
	b.reset()
	if got := b.Newest(); got == nil || got.Sequence != 1 || len(b.doubtful()) != b.software.Sectors() {
		t.Errorf("%+v", got)
	}
}

// TestEndedAtTheFirst: before record 1 there is none, so its neighbour must be blank.
func TestEndedAtTheFirst(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	if !b.Ended() {
		t.Error("a device from the factory has a write that did not end")
	}
	torn := bytes.Repeat([]byte{0xFF}, 4096)
	torn[2000] = 0xFE
	b.cells(1, torn)
	b.reset()
	if b.Ended() {
		t.Error("a write that was begun counts as ended")
	}
}

// TestDeadRecordSector fails to write and leaves the old record counting.
func TestDeadRecordSector(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	b.Broken[b.addr[1]+16] = true
	if err := b.write(nil); err == nil {
		t.Fatal("written")
	}
	if b.Newest().Sequence != 1 || !slices.Equal(b.Dead(), []uint32{b.addr[1]}) || b.Failed() != b.addr[1] {
		t.Errorf("sequence %d, dead %x, failed %x", b.Newest().Sequence, b.Dead(), b.Failed())
	}
	if addr, dead := b.DeadRecord(); !dead || addr != b.addr[1] {
		t.Errorf("the next record would go to 0x%x, dead %v", addr, dead)
	}
	if want := []What{Retried, Retried, Died}; !slices.Equal(b.told, want) {
		t.Errorf("told %v, want %v", b.told, want)
	}
	b.reset()
	if b.Newest().Sequence != 1 {
		t.Error("another record counts")
	}
}

// TestNoFirstRecord: whoever cannot write the first record can still say where.
func TestNoFirstRecord(t *testing.T) {
	for i := range 2 {
		b := newBench(t, 8, 0xFF, 4)
		for k := range 2 {
			b.cells(k, bytes.Repeat([]byte{0x55}, 4096))
		}
		b.reset()
		if i == 0 {
			b.Broken[b.addr[0]+16] = true
		} else {
			b.Worn[b.addr[1]+4095] = 0x10
		}
		if err := b.write(func(r *Record) { r.State, r.To = Rewriting, b.signed }); err == nil {
			t.Error("written")
		}
		if got := b.Failed(); got != b.addr[i] {
			t.Errorf("record sector %d: names 0x%x, want 0x%x", i, got, b.addr[i])
		}
	}
}

// TestReportsDead: each record names the dead sectors, but not the one that it lies in.
func TestReportsDead(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	b.AddDead(0x5000)
	b.AddDead(0x5000)
	b.AddDead(b.addr[1])
	if err := b.write(nil); err != nil {
		t.Fatal(err)
	}
	b.reset()
	if got := b.Newest().Report.Dead(); !slices.Equal(got, []uint32{0x5000}) {
		t.Errorf("the record names %x", got)
	}
	if got := b.Dead(); !slices.Equal(got, []uint32{0x5000}) {
		t.Errorf("known after a reset: %x", got)
	}
	b.Revive(0x5000)
	for i := range uint32(limits.RecordDead + 3) {
		b.AddDead(0x10000 + i)
	}
	if len(b.Dead()) != limits.RecordDead {
		t.Errorf("%d dead sectors", len(b.Dead()))
	}
}

// TestAllocatesNothing counts what reading and writing records takes from the heap.
func TestAllocatesNothing(t *testing.T) {
	b := newBench(t, 8, 0xFF, 300)
	b.told = make([]What, 0, 1<<16)
	b.Array.Erased = make([]uint32, 0, 1<<16)
	rec := b.Draft(b.rec.Floor)
	r := rand.New(rand.NewPCG(1, 1))
	if n := testing.AllocsPerRun(20, func() {
		b.Open(b, &b.layout, &b.software)
		b.Scan()
		rec = b.Draft(rec.Floor)
		rec.State = Rewriting
		if err := b.Write(&rec); err != nil {
			t.Fatal(err)
		}
		for range 9 {
			k := r.IntN(300)
			if err := b.Mark(k); err != nil {
				t.Fatal(err)
			}
			b.ClearDoubt(k)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
