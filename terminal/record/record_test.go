package record

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"testing"

	"unbrick/limits"
	"unbrick/protocol"
	"unbrick/release"
)

// full is a record with everything in it.
func full() *Record {
	r := &Record{
		Sequence: 7, State: Rewriting, Confirmed: true, Floor: release.Floor{Era: 3, Counter: release.MaxNumber},
		From: bytes.Repeat([]byte{0xAB}, limits.Manifest), To: bytes.Repeat([]byte{0xCD}, 700), Statement: bytes.Repeat([]byte{0xEF}, limits.Statement),
		Report: Report{Verdict: 1, Fault: 2, Erases: 3, RecordErases: 4, Failed: 5, From: [32]byte{1}, To: [32]byte{2}, deads: 2},
		Staged: Staged{Phase: Copying, Tries: 8, Kind: protocol.KindDelta, Batch: 9, Size: 10, At: 11, Digest: [32]byte{12}},
		doubt:  []byte{1, 0, 0xF4, 1, 0xFF, 0xFF},
	}
	r.Report.dead[0], r.Report.dead[1] = 0x1000, 0x2000
	return r
}

func TestEncoding(t *testing.T) {
	var mem, again [MaxSize]byte
	b := full().encode(mem[:])
	var r Record
	if !r.decode(b) || !reflect.DeepEqual(&r, full()) {
		t.Fatalf("decodes to something else: %+v", r)
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

// TestLargest: everything at its most fits in the smallest record sector, with entries behind it, for every program unit.
func TestLargest(t *testing.T) {
	r := full()
	r.To, r.doubt = r.From, bytes.Repeat([]byte{1, 2}, maxDoubts)
	if r.size() != MaxSize {
		t.Errorf("%d bytes, want %d", r.size(), MaxSize)
	}
	for _, u := range units {
		slot := max(entrySize, u.unit)
		left := limits.RecordSector - (MaxSize+u.unit-1)/u.unit*u.unit - 2*slot
		if n := left / slot; n < 28 {
			t.Errorf("unit %d: %d entries behind the largest record", u.unit, n)
		}
	}
}

// refusals are changes of one field each, of a body that is full.
var refusals = []struct {
	name, reason string
	change       func(b []byte)
}{
	{"version-1", "version 1", func(b []byte) { b[atVersion] = 1 }},
	{"version-3", "version 3", func(b []byte) { b[atVersion] = 3 }},
	{"state-0", "state 0", func(b []byte) { b[atState] = 0 }},
	{"state-3", "state 3", func(b []byte) { b[atState] = 3 }},
	{"unknown-flag", "unknown flag", func(b []byte) { b[atFlags] |= 4 }},
	{"zero-that-is-none", "zero that is none", func(b []byte) { b[atZero] = 1 }},
	{"floor-above-the-numbers", "floor above the numbers", func(b []byte) { binary.LittleEndian.PutUint64(b[atCounter:], release.MaxNumber+1) }},
	{"length-of-from", "length of From", func(b []byte) { b[atFrom]++ }},
	{"nine-dead-sectors", "nine dead sectors", func(b []byte) { b[atDeads] = 9 }},
	{"dead-sector-behind-the-last", "dead sector behind the last", func(b []byte) { b[atDead+31] = 1 }},
	{"phase-3", "phase 3", func(b []byte) { b[atPhase] = 3 }},
	{"no-phase-but-a-file", "no phase, but a file", func(b []byte) { b[atPhase] = 0 }},
	{"staging-while-installed", "staging while installed", func(b []byte) { b[atState] = byte(Installed) }},
	{"staged-classic-patch", "staged classic patch", func(b []byte) { b[atKind] = byte(protocol.KindBsdiff) }},
	{"staged-file-of-nothing", "staged file of nothing", func(b []byte) { binary.LittleEndian.PutUint32(b[atStagedSize:], 0) }},
	{"staged-file-too-long", "staged file too long", func(b []byte) { binary.LittleEndian.PutUint32(b[atStagedSize:], limits.File+1) }},
	{"batch-4096", "batch 4096", func(b []byte) { binary.LittleEndian.PutUint32(b[atBatch:], limits.Sectors) }},
}

// TestRefused changes one field at a time, with a CRC that is right.
func TestRefused(t *testing.T) {
	for _, tt := range refusals {
		var mem [MaxSize]byte
		b := full().encode(mem[:])
		tt.change(b)
		binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.ChecksumIEEE(b[:len(b)-4]))
		var r Record
		if r.decode(b) {
			t.Errorf("%s: decodes", tt.reason)
		}
	}
	empty := full()
	empty.To = nil
	var mem [MaxSize]byte
	var r Record
	if r.decode(empty.encode(mem[:])) {
		t.Error("a record of no release decodes")
	}
}

func FuzzRecord(f *testing.F) {
	var mem [MaxSize]byte
	f.Add(bytes.Clone(full().encode(mem[:])))
	f.Add(bytes.Clone((&Record{Sequence: 1, State: Installed, To: []byte{1}}).encode(mem[:])))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Record
		var again [MaxSize]byte
		if len(b) > 4 && len(b) <= MaxSize { // so that the fuzzer gets past the CRC
			b = bytes.Clone(b)
			binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.ChecksumIEEE(b[:len(b)-4]))
		}
		if r.decode(b) && !bytes.Equal(r.encode(again[:]), b) {
			t.Error("accepted and encoded differently")
		}
	})
}

// FuzzSectors reads two record sectors of anything, with program units of 8 bytes: never a panic, and what counts is one of
// the records that are there.
func FuzzSectors(f *testing.F) {
	b := newBench(f, 8, 0xFF, 9)
	one := b.encoded(&Record{Sequence: 4, State: Installed, To: b.signed})
	two := b.encoded(&Record{Sequence: 5, State: Rewriting, From: b.signed, To: b.signed, doubt: []byte{3, 0}})
	f.Add(one, two, uint16(0), byte(0))
	f.Add(one, one, uint16(300), byte(7))
	f.Fuzz(func(t *testing.T, first, second []byte, at uint16, flip byte) {
		for i, p := range [][]byte{first, second} {
			sector := bytes.Repeat([]byte{0xFF}, 4096)
			copy(sector, p)
			sector[at%4096] ^= flip
			b.cells(i, sector)
		}
		b.reset()
		rec := b.Newest()
		if rec == nil {
			if n := len(b.doubtful()); n != 9 {
				t.Errorf("nothing counts, and %d sectors are doubtful", n)
			}
			return
		}
		var mem [MaxSize]byte
		body := rec.encode(mem[:])
		if !bytes.HasPrefix(b.Cells[b.addr[b.newest]:], body) {
			t.Error("what counts is not what is there")
		}
	})
}
