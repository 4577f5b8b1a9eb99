package terminal

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"unbrick/flash"
	"unbrick/release"
)

// full is a record with everything in it.
func full() *record {
	r := &record{sequence: 7, state: Rewriting, confirmed: true, retired: 5, floor: 1 << 40, doubts: 3}
	r.setFrom(bytes.Repeat([]byte{0xAB}, release.MaxManifest))
	r.setTo(bytes.Repeat([]byte{0xCD}, 700))
	r.doubt[0], r.doubt[1], r.doubt[2] = 1, 500, 65535
	r.report = report{verdict: 1, fault: 2, erases: 3, recordErases: 4, failed: 5, deads: 2, from: [32]byte{1}, to: [32]byte{2}}
	r.report.dead[0], r.report.dead[1] = 0x1000, 0x2000
	return r
}

func TestRecordEncoding(t *testing.T) {
	var mem, again [maxRecord]byte
	b := full().encode(mem[:])
	var r record
	if !r.decode(b) || r != *full() {
		t.Fatal("decodes to something else")
	}
	if !bytes.Equal(r.encode(again[:]), b) {
		t.Fatal("encodes differently")
	}
	for n := range b {
		if r.decode(b[:n]) {
			t.Errorf("a prefix of %d bytes decodes", n)
		}
		broken := bytes.Clone(b)
		broken[n] ^= 0x20
		if r.decode(broken) {
			t.Errorf("decodes with byte %d changed", n)
		}
	}
}

func FuzzRecord(f *testing.F) {
	var mem [maxRecord]byte
	f.Add(full().encode(mem[:]))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r record
		var again [maxRecord]byte
		if len(b) > 4 && len(b) <= maxRecord { // so that the fuzzer gets past the CRC
			b = bytes.Clone(b)
			crc := crcFor(b)
			copy(b[len(b)-4:], crc[:])
		}
		if r.decode(b) && !bytes.Equal(r.encode(again[:]), b) {
			t.Error("accepted and encoded differently")
		}
	})
}

// TestNoIdentity makes no device, and starts none, under a name that nobody can address.
func TestNoIdentity(t *testing.T) {
	sound, err := AppendIdentity(nil, &Identity{Model: "MODEL", Serial: "SERIAL", Keys: make([][32]byte, 1), Threshold: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", ".", "..", "A1 ", " A1", "a/b", "A\n1", "\u00e4", "-1", strings.Repeat("a", 33)} {
		for _, id := range []Identity{{Model: bad, Serial: "S", Keys: make([][32]byte, 1), Threshold: 1}, {Model: "0001", Serial: bad, Keys: make([][32]byte, 1), Threshold: 1}} {
			if _, err := AppendIdentity(nil, &id); !errors.Is(err, release.ErrID) {
				t.Errorf("model %q, serial %q: got %v", id.Model, id.Serial, err)
			}
		}
		if len(bad) > 6 {
			continue
		}
		b := bytes.Clone(sound) // as a factory of another make would write it
		field := b[identitySerial : identitySerial+7]
		clear(field)
		field[0] = byte(copy(field[1:], bad))
		crc := crcFor(b)
		copy(b[len(b)-4:], crc[:])
		if _, err := ParseIdentity(b); !errors.Is(err, ErrIdentity) {
			t.Errorf("serial %q in the boot area: got %v", bad, err)
		}
	}
}

// TestTornRecord leaves every prefix of a record's bytes in the other sector: the old record counts until
// the seal shows a trace, and then the new one does.
func TestTornRecord(t *testing.T) {
	for _, u := range units {
		t.Run(fmt.Sprintf("unit %d erased %02x", u.unit, u.erased), func(t *testing.T) {
			b := newBench(t, u.unit, u.erased, 4)
			whole := bytes.Repeat([]byte{u.erased}, 4096)
			rec := *b.records.current()
			rec.sequence, rec.state = 2, Rewriting
			putRecord(whole, &rec, u.unit)
			addr := b.records.addr[1]
			seal := int(b.align(uint32(recordLength(whole[:16]))) + b.records.slot)
			end := seal + entrySize
			for n := 0; n <= end; n++ {
				blank := bytes.Repeat([]byte{u.erased}, 4096)
				copy(blank, whole[:n])
				copy(b.part.b[addr:], blank)
				b.reset(t)
				want := uint32(1)
				if !all(blank[seal:], u.erased) {
					want = 2
				}
				if got := b.records.current(); got == nil || got.sequence != want {
					t.Fatalf("after %d of %d bytes: %+v, want sequence %d", n, end, got, want)
				}
			}
			// Without the old one, the new one counts as soon as its commit mark is whole.
			for i := range uint32(4096) {
				b.part.b[b.records.addr[0]+i] = u.erased
			}
			for _, n := range []int{end, seal, seal - int(b.records.slot) + entrySize, seal - int(b.records.slot) + entrySize - 1, seal - int(b.records.slot), 100} {
				blank := bytes.Repeat([]byte{u.erased}, 4096)
				copy(blank, whole[:n])
				copy(b.part.b[addr:], blank)
				b.reset(t)
				got := b.records.current() != nil
				if want := bytes.Equal(blank[:seal], whole[:seal]); got != want {
					t.Errorf("alone, after %d bytes: counts %v, want %v", n, got, want)
				}
			}
		})
	}
}

// TestFlickeringRecord lets single bits of body, commit mark and seal read differently each time. Whatever
// counts, a record that is written then never erases the last good one first.
func TestFlickeringRecord(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	rec := *b.records.current()
	rec.sequence, rec.state = 2, Rewriting
	putRecord(b.part.b[b.records.addr[1]:], &rec, 8)
	n := b.align(uint32(recordLength(b.part.b[b.records.addr[1]:][:16])))
	for _, tt := range []struct {
		name string
		at   uint32
		seal bool
	}{{"body", 60, true}, {"commit mark", n + 2, false}, {"commit mark, sealed", n + 2, true}} {
		t.Run(tt.name, func(t *testing.T) {
			saved := bytes.Clone(b.part.b)
			defer func() { b.part.b = saved; clear(b.part.flicker) }()
			if !tt.seal {
				for i := range uint32(8) {
					b.part.b[b.records.addr[1]+n+8+i] = 0xFF
				}
			}
			b.part.flicker[b.records.addr[1]+tt.at] = 0x01
			for range 64 {
				b.reset(t)
				got := b.records.current()
				if got == nil || !tt.seal && got.sequence != 1 {
					t.Fatalf("%+v", got)
				}
			}
		})
	}
	// A cut seal: one bit of it may show. Sixteen looks find it.
	clear(b.part.flicker)
	for i := range uint32(8) {
		b.part.b[b.records.addr[1]+n+8+i] = 0xFF
	}
	b.part.flicker[b.records.addr[1]+n+8] = 0x01
	seen := 0
	for range 200 {
		if b.reset(t); b.records.current().sequence == 2 {
			seen++
		}
	}
	if seen < 199 {
		t.Errorf("the trace of a seal was seen %d times of 200", seen)
	}
}

// TestUnreadableRecord makes any unit of the newest record unreadable.
func TestUnreadableRecord(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	b.carry(b.draft(), 0)
	if err := b.write(); err != nil {
		t.Fatal(err)
	}
	n := b.align(uint32(recordLength(b.part.b[b.records.addr[1]:][:16])))
	for at := uint32(0); at < n+16; at += 8 {
		b.part.unreadable[b.records.addr[1]+at] = true
		b.reset(t)
		want := uint32(1)
		if at >= n+8 { // the seal: a trace
			want = 2
		}
		if got := b.records.current(); got == nil || got.sequence != want {
			t.Errorf("unit at %d unreadable: %+v", at, got)
		}
		delete(b.part.unreadable, b.records.addr[1]+at)
	}
}

// TestWriteErasesTheOther writes many records; the newest sector is never the one erased, and something
// always counts.
func TestWriteErasesTheOther(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	for i := range 10 {
		newest := b.records.newest
		before := bytes.Clone(b.part.b[b.records.addr[newest]:][:4096])
		b.carry(b.draft(), 0)
		if err := b.write(); err != nil {
			t.Fatal(err)
		}
		// The first of these sectors was blank, and is erased all the same.
		if got := b.part.erased; len(got) != i+1 || got[i] != b.records.addr[1-newest] {
			t.Fatalf("write %d erased %x", i, got)
		}
		if !bytes.Equal(before, b.part.b[b.records.addr[newest]:][:4096]) {
			t.Fatalf("write %d touched the newest record", i)
		}
		b.reset(t)
		if got := b.records.current().sequence; got != uint32(i+2) {
			t.Fatalf("write %d: sequence %d counts", i, got)
		}
	}
}

// TestNoCandidate erases both sectors when no record counts: one might come back.
func TestNoCandidate(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	rec := full()
	rec.sequence = 900
	putRecord(b.part.b[b.records.addr[1]:], rec, 8)
	for _, addr := range b.records.addr {
		b.part.unreadable[addr] = true
	}
	b.reset(t)
	if b.records.current() != nil {
		t.Fatal("something counts")
	}
	if n := len(b.doubtfulOnes()); n != b.software.Sectors() {
		t.Errorf("%d doubtful sectors", n)
	}
	d := b.draft()
	d.state = Rewriting
	d.setTo(b.signed)
	b.carry(d, 0)
	if err := b.write(); err != nil {
		t.Fatal(err)
	}
	clear(b.part.unreadable)
	b.reset(t)
	if got := b.records.current(); got == nil || got.sequence != 1 || len(b.doubtfulOnes()) != b.software.Sectors() {
		t.Errorf("%+v", got)
	}
}

// TestMarks fills the marks behind a record for every program unit. Only the last marked sector is
// doubtful, and when they run out the record is renewed.
func TestMarks(t *testing.T) {
	for _, u := range units {
		t.Run(fmt.Sprintf("unit %d erased %02x", u.unit, u.erased), func(t *testing.T) {
			b := newBench(t, u.unit, u.erased, 400)
			d := b.draft()
			d.state = Rewriting
			d.setFrom(bytes.Repeat([]byte{1}, release.MaxManifest))
			d.setTo(append(bytes.Repeat([]byte{2}, release.MaxManifest-1), 3))
			b.carry(d, 0)
			if err := b.write(); err != nil {
				t.Fatal(err)
			}
			capacity := b.records.capacity(b.records.newest)
			if capacity < 32 {
				t.Fatalf("%d marks in the smallest record sector", capacity)
			}
			order := rand.New(rand.NewPCG(uint64(u.unit), 3)).Perm(b.software.Sectors())
			for i, s := range order {
				if err := b.mark(s); err != nil {
					t.Fatalf("mark %d: %v", i, err)
				}
				if i%37 == 0 || i == capacity-1 || i == capacity {
					was := b.Terminal
					b.reset(t)
					if got := b.doubtfulOnes(); !slices.Equal(got, []int{s}) {
						t.Fatalf("after mark %d of sector %d: %v", i, s, got)
					}
					b.Terminal = was
				}
				b.clearDoubt(s) // written and read back
			}
			if renewed := int(b.records.current().sequence) - 2; renewed != (len(order)-1)/capacity {
				t.Errorf("%d renewals for %d marks of %d", renewed, len(order), capacity)
			}
		})
	}
}

// TestMarksOfAnotherPowerUp never uses a unit of a record that was not written since power-up, and carries
// what was doubtful over.
func TestMarksOfAnotherPowerUp(t *testing.T) {
	b := newBench(t, 8, 0xFF, 20)
	d := b.draft()
	d.state = Rewriting
	if err := b.write(); err != nil {
		t.Fatal(err)
	}
	for _, s := range []int{3, 9} {
		if err := b.mark(s); err != nil {
			t.Fatal(err)
		}
		b.clearDoubt(s)
	}
	b.reset(t)
	sector := bytes.Clone(b.part.b[b.records.addr[b.records.newest]:][:4096])
	if err := b.mark(15); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sector, b.part.b[b.records.addr[1-b.records.newest]:][:4096]) {
		t.Error("a mark was put behind a record of another power-up")
	}
	b.reset(t)
	if got := b.doubtfulOnes(); !slices.Equal(got, []int{9, 15}) {
		t.Errorf("doubtful %v, want 9 and 15", got)
	}
}

// TestTornMark tears the program of a mark: the sector before stays doubtful or is known to be good, and
// nothing else becomes so.
func TestTornMark(t *testing.T) {
	for _, u := range units {
		b := newBench(t, u.unit, u.erased, 8)
		d := b.draft()
		d.state = Rewriting
		if err := b.write(); err != nil {
			t.Fatal(err)
		}
		for _, s := range []int{1, 2} {
			if err := b.mark(s); err != nil {
				t.Fatal(err)
			}
		}
		addr := b.records.addr[b.records.newest] + b.records.marks[b.records.newest] + b.records.slot
		for n := range entrySize {
			saved := bytes.Clone(b.part.b)
			for k := n; k < entrySize; k++ {
				b.part.b[addr+uint32(k)] = u.erased
			}
			whole := bytes.Equal(saved, b.part.b)
			b.reset(t)
			if got := b.doubtfulOnes(); !whole && !slices.Equal(got, []int{1}) {
				t.Errorf("unit %d: %d bytes of mark 2: doubtful %v", u.unit, n, got)
			}
			b.part.b = saved
		}
		b.part.unreadable[addr&^(u.unit-1)] = true
		b.reset(t)
		if got := b.doubtfulOnes(); !slices.Equal(got, []int{1}) {
			t.Errorf("unit %d: unreadable mark: doubtful %v", u.unit, got)
		}
	}
}

// TestMarkThatFails tries the next unit, and a sector that was not finished stays doubtful although others
// are marked after it.
func TestMarkThatFails(t *testing.T) {
	b := newBench(t, 8, 0xFF, 8)
	d := b.draft()
	d.state = Rewriting
	if err := b.write(); err != nil {
		t.Fatal(err)
	}
	first := b.records.addr[b.records.newest] + b.records.marks[b.records.newest]
	b.part.broken[first] = true
	if err := b.mark(3); err != nil {
		t.Fatal(err)
	}
	addr, _ := b.layout.Geometry.Sector(b.first + 3)
	b.part.broken[addr] = true
	b.clearDoubt(3)
	data := bytes.Repeat([]byte{0x11}, 4096)
	if err := b.touch(3, data); err == nil {
		t.Fatal("a sector that fails was written")
	}
	if err := b.touch(5, data); err != nil {
		t.Fatal(err)
	}
	b.reset(t)
	if got := b.doubtfulOnes(); !slices.Equal(got, []int{3, 5}) {
		t.Errorf("doubtful %v, want 3 and 5", got)
	}
}

// TestManyDoubts carries more doubtful sectors than a record names one by one: all are.
func TestManyDoubts(t *testing.T) {
	b := newBench(t, 8, 0xFF, 300)
	for s := range maxDoubt + 1 {
		b.setDoubt(s)
	}
	b.carry(b.draft(), 0)
	if err := b.write(); err != nil {
		t.Fatal(err)
	}
	b.reset(t)
	if n := len(b.doubtfulOnes()); n != 300 {
		t.Errorf("%d doubtful", n)
	}
}

// TestManyDoubtsBehindTheImage: however many sectors behind an installed image are doubtful, its own are so only by name.
func TestManyDoubtsBehindTheImage(t *testing.T) {
	for _, own := range []bool{false, true} {
		b := newBench(t, 8, 0xFF, 300) // the image lies in sector 0
		for s := range 200 {
			b.setDoubt(1 + s)
		}
		if own {
			b.setDoubt(0)
		}
		for range 3 { // each record carries what the one before said
			b.carry(b.draft(), 0)
			if err := b.write(); err != nil {
				t.Fatal(err)
			}
			b.reset(t)
			if n := len(b.doubtfulOnes()); b.doubtful(0) != own || n < 299 {
				t.Errorf("image doubtful %v, want %v; %d in all", b.doubtful(0), own, n)
			}
		}
	}
}

// TestManyDoubtsInTheImage: if the sectors of an installed image that are doubtful cannot all be named, none is believed.
func TestManyDoubtsInTheImage(t *testing.T) {
	b := newBench(t, 8, 0xFF, 300)
	m, err := release.Describe("0001", "2", 2, 1, make([]byte, 200*4096), &b.software)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := release.Sign(&m, ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	rec := b.draft()
	rec.setTo(signed)
	for s := range maxDoubt + 1 {
		b.setDoubt(s)
	}
	b.carry(rec, 0)
	if err := b.write(); err != nil {
		t.Fatal(err)
	}
	b.reset(t)
	if n := len(b.doubtfulOnes()); n != 300 {
		t.Errorf("%d doubtful", n)
	}
}

// TestDeadRecordSector fails to write and leaves the old record counting.
func TestDeadRecordSector(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	b.part.broken[b.records.addr[1]+16] = true
	b.carry(b.draft(), 0)
	if err := b.write(); err == nil {
		t.Fatal("written")
	}
	if b.records.current().sequence != 1 || b.deads != 1 || b.deadAddrs[0] != b.records.addr[1] {
		t.Errorf("sequence %d, dead %x", b.records.current().sequence, b.deadAddrs[:b.deads])
	}
	b.reset(t)
	if b.records.current().sequence != 1 {
		t.Error("another record counts")
	}
}

// TestRefreshedAndNotRecorded: an installed record names a sector of its image. The boot refreshes it and cannot say so any more: this
// boot and the next run what is right.
func TestRefreshedAndNotRecorded(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	b.setDoubt(0)
	b.carry(b.draft(), 0)
	if err := b.write(); err != nil {
		t.Fatal(err)
	}
	b.part.broken[b.records.addr[1]+16] = true // it holds the record, and takes no other
	for n := range 3 {
		b.reset(t)
		if mode := b.Boot(); mode != Running || !slices.Equal(b.part.b[b.base:][:len(b.image)], b.image) {
			t.Errorf("boot %d: %v, %v", n+1, mode, b.Why())
		}
	}
}

// TestDeadRecordSectorWithoutRecord: whoever cannot write the first record can still say where.
func TestDeadRecordSectorWithoutRecord(t *testing.T) {
	for i := range 2 {
		b := newBench(t, 8, 0xFF, 4)
		for k := range b.part.b[b.records.addr[0]:][:4096] {
			b.part.b[b.records.addr[0]+uint32(k)] = 0x55
		}
		b.reset(t)
		addr := b.records.addr[i]
		b.part.broken[addr+16] = true
		if b.records.current() != nil {
			t.Fatal("there is a record")
		}
		b.carry(b.draft(), 0)
		if i == 0 {
			if err := b.write(); err == nil {
				t.Error("written")
			}
		} else {
			b.dead(b.records.sector[1]) // as blankOther does
		}
		if got := b.failedRecord(); got != addr {
			t.Errorf("record sector %d: names 0x%x, want 0x%x", i, got, addr)
		}
	}
}

// TestSource refuses to read what must not be believed.
func TestSource(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	b.setDoubt(1)
	p := make([]byte, 100)
	for _, tt := range []struct {
		addr uint32
		ok   bool
	}{{0, true}, {3996, true}, {3997, false}, {5000, false}, {8191, false}, {8192, true}, {16384 - 100, true}, {16384 - 99, false}} {
		if err := b.rewrite.source.Read(tt.addr, p); (err == nil) != tt.ok {
			t.Errorf("at %d: %v", tt.addr, err)
		}
	}
}

var _ flash.Device = (*array)(nil)
