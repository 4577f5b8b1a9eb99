package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unbrick/internal/vectors"
	"unbrick/protocol"
	"unbrick/release"
)

// TestSecondReader: a reader that knows only docs/record.md, testdata/read.py, finds in every vector what is written there, and what a Store
// finds in sectors of chance.
func TestSecondReader(t *testing.T) {
	if said := vectors.Second(t, "testdata/read.py", vectors.List(t, "testdata/*.vec")...); said != "" {
		t.Errorf("by the document:\n%s", said)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir, more, found := t.TempDir(), []string(nil), map[string]int{}
	for i := range 600 {
		v := chanceSectors(t, r)
		if i%3 == 0 {
			v = chanceBody(r)
		}
		for _, h := range v.Header {
			if h[0] == "verdict" || h[0] == "ended" {
				found[h[0]+" "+h[1]]++
			}
		}
		path := filepath.Join(dir, fmt.Sprintf("%d.vec", i))
		if err := os.WriteFile(path, v.Text(), 0o666); err != nil {
			t.Fatal(err)
		}
		more = append(more, path)
	}
	if said := vectors.Second(t, "testdata/read.py", more...); said != "" {
		t.Errorf("by the document:\n%s", said)
	}
	for _, all := range []string{"verdict accepted", "verdict refused", "ended true", "ended false"} {
		if found[all] == 0 {
			t.Errorf("chance never made %q", all)
		}
	}
}

// chanceBody is a body with some of its bytes changed, mostly with a CRC that is right.
func chanceBody(r *rand.Rand) vector {
	var mem [MaxSize]byte
	rec := []*Record{full(), staged(), {Sequence: 1, State: Installed, To: []byte{1}}}[r.IntN(3)]
	b := bytes.Clone(rec.encode(mem[:]))
	for range r.IntN(3) {
		b[r.IntN(head)] = byte(r.IntN(4))
	}
	if r.IntN(8) > 0 {
		binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.ChecksumIEEE(b[:len(b)-4]))
	}
	v := vector{Payload: []byte(vectors.Wrap(b))}
	v.Add("kind", "body")
	var got Record
	if !got.decode(b) {
		v.Add("verdict", "refused")
		return v
	}
	v.Add("verdict", "accepted")
	describe(&v, &got)
	return v
}

// chanceSectors is a pair of record sectors that no device wrote so, with traces of every kind.
func chanceSectors(t *testing.T, r *rand.Rand) vector {
	u := units[r.IntN(len(units))]
	b := newBench(t, u.unit, u.erased, 12)
	for i := range b.addr {
		rec := b.Draft(release.Floor{})
		rec.Sequence, rec.State, rec.DoubtAll = uint32(1+r.IntN(2)), State(1+r.IntN(2)), r.IntN(4) == 0
		for range r.IntN(3) {
			rec.doubt = append(rec.doubt, byte(r.IntN(14)), 0)
		}
		if rec.State == Rewriting {
			rec.Staged = Staged{Phase: Copying, Kind: protocol.KindFull, Size: 1}
		}
		sector := b.encoded(&rec)
		commit := b.align(uint32(rec.size()))
		for k := range uint32(r.IntN(6)) {
			at := commit + (2+k)*b.slot
			e := entry([]uint32{tagMark, tagMark, tagCopied, tagSeal}[r.IntN(4)]|uint32(r.IntN(14)), crcOf(sector[:rec.size()]))
			copy(sector[at:], e[:min(8, 1+r.IntN(20))])
			if u.unit >= 8 && r.IntN(4) == 0 {
				b.Array.Unreadable[b.addr[i]+at] = true
			}
		}
		if r.IntN(2) == 0 { // what was never programmed
			from := commit + []uint32{0, b.slot, b.slot, 2 * b.slot}[r.IntN(4)]
			for k := range sector[from:] {
				sector[from:][k] = u.erased
			}
		}
		if r.IntN(4) == 0 {
			sector[r.IntN(len(sector))] ^= 1
		}
		b.cells(i, sector)
	}
	if r.IntN(3) == 0 {
		b.cells(r.IntN(2), bytes.Repeat([]byte{u.erased}, 4096))
	}
	return b.vector("chance")
}

// readings are other ways to read the document, as an edit of the second reader, and a vector that comes out otherwise then: so a reader
// that passes the vectors reads them the right way.
var readings = []struct{ what, vector, is, then string }{
	{"version is not looked at", "body-no-version-1", "need(version == 2, 'version')", "pass"},
	{"other flags are passed over", "body-no-unknown-flag", "need(flags & ~3 == 0, 'flags')", "pass"},
	{"numbers begin with 1", "body-number-0", "need(version == 2, 'version')", "need(b.sequence > 0, 'number')"},
	{"dead addresses behind the last", "body-no-dead-sector-behind-the-last", "need(not any(dead[deads:]), 'address behind the last')", "pass"},
	{"staged fields without a phase", "body-no-no-phase-but-a-file", "need(not (b.tries", "need(True or not (b.tries"},
	{"phases while installed", "body-no-staging-while-installed", "b.phase == 0 or b.state == REWRITING", "True"},
	{"a slot is 8 bytes", "sectors-last-slot-that-fits", "s.slot = max(8, unit)", "s.slot = 8"},
	{"a slot is a program unit", "sectors-commit-1-ff", "s.slot = max(8, unit)", "s.slot = unit"},
	{"the mark stands right behind the body", "sectors-factory-32-00", "-(-body.length // unit) * unit", "body.length"},
	{"erased is ones", "sectors-commit-8-00", "bytes([s.erased]) * n", "bytes([255]) * n"},
	{"an entry's CRC is of its tag", "sectors-mark-of-another", "zlib.crc32(p[:4] + body.crc)", "zlib.crc32(p[:4] + p[8:]) or tag >> 24 == 0x5A"},
	{"marks without CRC", "sectors-mark-torn", "if crc == zlib.crc32(p[:4] + body.crc)", "if crc == zlib.crc32(p[:4] + body.crc) or tag >> 24 == 0x5A"},
	{"the newer one counts", "sectors-commit-4-ff", "if both[newer].sealed() else 1 - newer", "if True else 0"},
	{"a seal has to be right", "sectors-seal-8-ff", "return not s.blank(s.seal, s.slot * (1 + s.count))", "return s.entry(s.seal, s.body) == SEAL"},
	{"only a seal is a trace", "sectors-last-slot", "s.slot * (1 + s.count)", "s.slot"},
	{"everything behind is a trace", "sectors-behind-the-last-slot", "s.blank(s.seal, s.slot * (1 + s.count))", "s.blank(s.seal, SECTOR - s.seal)"},
	{"what cannot be read is no trace", "sectors-unreadable", "return not s.blank(", "return not s.read(s.seal, 8) is None and not s.blank("},
	{"one alone has to be sealed", "sectors-alone", "if both[i].body]", "if both[i].body and both[i].sealed()]"},
	{"of equal ones the second is the newer", "sectors-equal", "both[1].body.sequence > both[0]", "both[1].body.sequence >= both[0]"},
	{"of equal ones the first, sealed or not", "sectors-equal-not-sealed", "newer if both[newer].sealed()", "newer if both[0].body.sequence == both[1].body.sequence or both[newer].sealed()"},
	{"marks end with a blank slot", "sectors-last-slot-that-fits", "if tag is None:", "if s.blank(s.first + k * s.slot, 8): break\n        if tag is None:"},
	{"a torn mark ends the doubt", "sectors-mark-torn", "elif tag >> 16 in (MARK, COPIED):", "elif not s.blank(s.first + k * s.slot, 8):"},
	{"a mark of none is none", "sectors-mark-of-none", "elif tag >> 16 in (MARK, COPIED):", "elif tag >> 16 in (MARK, COPIED) and tag & 0xFFFF < sectors:"},
	{"what cannot be read is passed over", "sectors-mark-unreadable", "doubt.add(last)\n            last = None", "pass"},
	{"a batch does not end the doubt", "sectors-copied", "if tag >> 16 == MARK else None", "if tag >> 16 == MARK else last"},
	{"a mark ends a batch", "sectors-mark-behind-copied", "if tag >> 16 == COPIED:", "copied = -1\n            if tag >> 16 == COPIED:"},
	{"the first batch", "sectors-mark-behind-copied", "if tag >> 16 == COPIED:", "if tag >> 16 == COPIED and copied < 0:"},
	{"the body's doubt stays", "sectors-vouched", "doubt.discard(last)", "last in b.doubtful or doubt.discard(last)"},
	{"doubt of all stays", "sectors-doubt-of-all-vouched", "doubt.discard(last)", "b.doubt_of_all or doubt.discard(last)"},
	{"doubt of all is of all", "sectors-doubt-of-none", "behind = image if b.doubtful", "behind = image if False"},
	{"doubt behind the image of a rewrite", "sectors-doubt-behind-rewriting", "b.doubtful and b.state == INSTALLED", "b.doubtful"},
	{"nothing is doubtful without a record", "sectors-nothing", "numbers(range(sectors))", "''"},
	{"ended at 1 beside anything", "sectors-other-not-blank", "b.sequence == 1 and other.blank(0, SECTOR)", "b.sequence == 1"},
	{"ended at 1 beside what cannot be read", "sectors-other-unreadable", "other.blank(0, SECTOR)", "(other.unreadable or other.blank(0, SECTOR))"},
	{"ended at any number beside blank", "sectors-alone", "ended = b.sequence == 1 and", "ended ="},
	{"ended beside any candidate", "sectors-commit-2-00", "other.body.sequence < b.sequence", "True"},
	{"a body is read whatever cannot be", "sectors-body-unreadable", "s.cells[:min(s.unreadable, default=SECTOR)]", "s.cells"},
}

// TestOtherReadings: no other reading passes.
func TestOtherReadings(t *testing.T) {
	if testing.Short() {
		t.Skip("runs another reader for each reading")
	}
	for _, o := range readings {
		t.Run(o.what, func(t *testing.T) {
			reader := filepath.Join(vectors.Misread(t, []string{"testdata/read.py"}, vectors.Edit{File: "read.py", Is: o.is, Then: o.then}), "read.py")
			if said := vectors.Second(t, reader, "testdata/"+o.vector+".vec"); !strings.Contains(said, ".vec: ") {
				t.Errorf("the vector %s does not tell it apart: %s", o.vector, said)
			}
		})
	}
}
