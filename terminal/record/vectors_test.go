package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"unbrick/flash/flashtest"
	"unbrick/internal/vectors"
	"unbrick/limits"
	"unbrick/protocol"
	"unbrick/release"
)

// A vector has bytes in hexadecimal behind its header: a body, or the two record sectors as spans "sector offset hexadecimal" of what
// is not erased.
type vector = vectors.File

func list[T any](all []T) string { return strings.Trim(fmt.Sprint(all), "[]") }

// describe puts what a record says into a vector.
func describe(v *vector, r *Record) {
	var doubt []int
	for i := range r.Doubts() {
		doubt = append(doubt, r.Doubt(i))
	}
	v.Add("sequence", r.Sequence)
	v.Add("state", r.State)
	v.Add("confirmed", r.Confirmed)
	v.Add("doubt of all", r.DoubtAll)
	v.Add("floor", fmt.Sprint(r.Floor.Era, " ", r.Floor.Counter))
	v.Add("lengths", list([]int{len(r.From), len(r.To), len(r.Statement)}))
	v.Add("doubtful", list(doubt))
	v.Add("dead", list(r.Report.Dead()))
	v.Add("report", list([]uint32{uint32(r.Report.Verdict), uint32(r.Report.Fault), r.Report.Erases, r.Report.RecordErases, r.Report.Failed}))
	v.Add("staging", list([]uint32{uint32(r.Staged.Phase), uint32(r.Staged.Tries), uint32(r.Staged.Kind), r.Staged.Batch, r.Staged.Size, r.Staged.At}))
}

// staged is the record of the document's example.
func staged() *Record {
	return &Record{
		Sequence: 9, State: Rewriting, Confirmed: true, Floor: release.Floor{Era: 1, Counter: 3}, From: []byte("From"), To: []byte("To"), Statement: []byte("Trust"),
		Report: Report{Erases: 5}, doubt: []byte{2, 0, 7, 1},
		Staged: Staged{Phase: Copying, Tries: 2, Kind: protocol.KindDelta, Batch: 4, Size: 5000, At: 4096, Digest: [32]byte{0xD1, 31: 0xD2}},
	}
}

// bodies are the vectors of bodies: what is one, and what is none, with the reason.
func bodies() map[string]vector {
	all := map[string]vector{}
	encoded := func(r *Record) []byte { var mem [MaxSize]byte; return bytes.Clone(r.encode(mem[:])) }
	sound := func(name, about string, r *Record) {
		v := vector{Payload: []byte(vectors.Wrap(encoded(r)))}
		v.Add("kind", "body")
		v.Add("about", about)
		v.Add("verdict", "accepted")
		describe(&v, r)
		all["body-"+name] = v
	}
	most := full()
	most.To, most.doubt = most.From, bytes.Repeat([]byte{1, 2}, maxDoubts)
	for i := range most.Report.dead {
		most.Report.dead[i] = uint32(i+1) << 12
	}
	most.Report.deads = len(most.Report.dead)
	sound("least", "as little as can be in it", &Record{Sequence: 1, State: Installed, To: []byte{1}})
	sound("staged", "a rewrite through a staging area", staged())
	sound("most", "everything at its most", most)
	sound("number-0", "a number that no device writes is read like any other", &Record{State: Installed, To: []byte{1}})
	sound("doubt-of-all", "more doubtful sectors than can be named", &Record{Sequence: 3, State: Rewriting, To: []byte{1}, DoubtAll: true})
	refused := func(name, reason string, change func(b []byte) []byte) {
		b := change(encoded(full()))
		v := vector{Payload: []byte(vectors.Wrap(b))}
		v.Add("kind", "body")
		v.Add("verdict", "refused")
		v.Add("reason", reason)
		all["body-no-"+name] = v
	}
	for _, tt := range refusals {
		refused(tt.name, tt.reason, func(b []byte) []byte {
			tt.change(b)
			binary.LittleEndian.PutUint32(b[len(b)-4:], crc32.ChecksumIEEE(b[:len(b)-4]))
			return b
		})
	}
	refused("crc", "one bit is another", func(b []byte) []byte { b[20] ^= 1; return b })
	refused("end", "cut short by a byte", func(b []byte) []byte { return b[:len(b)-1] })
	return all
}

// sectors are the vectors of record sectors: what counts, and what is doubtful.
func sectors(t testing.TB) map[string]vector {
	all := map[string]vector{}
	add := func(name, about string, unit uint32, erased byte, change func(b *bench)) {
		b := newBench(t, unit, erased, 12)
		change(b)
		all["sectors-"+name] = b.vector(about)
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	torn := func(b *bench, keep func(body, slot uint32) uint32) { // of the second record, a part
		rec := b.Draft(release.Floor{})
		rec.Sequence, rec.State = 2, Rewriting
		sector := b.encoded(&rec)
		n := keep(b.align(uint32(rec.size())), b.slot)
		b.cells(1, append(sector[:n:n], bytes.Repeat([]byte{b.layout.Geometry.Erased}, 4096-int(n))...))
	}
	for _, u := range units {
		name := func(s string) string { return fmt.Sprintf("%s-%d-%02x", s, u.unit, u.erased) }
		add(name("factory"), "as the factory made it", u.unit, u.erased, func(*bench) {})
		add(name("marks"), "three sectors marked, the last one is doubtful", u.unit, u.erased, func(b *bench) {
			must(b.write(rewriting))
			for _, k := range []int{4, 0, 11} {
				must(b.Mark(k))
			}
		})
		add(name("commit"), "power failed behind the commit mark: the older one counts", u.unit, u.erased, func(b *bench) {
			torn(b, func(body, slot uint32) uint32 { return body + slot })
		})
		add(name("seal"), "power failed in the seal: the newer one counts", u.unit, u.erased, func(b *bench) {
			torn(b, func(body, slot uint32) uint32 { return body + slot + max(1, u.unit&^7/8) })
		})
	}
	add("body-cut", "power failed in the body", 4, 0xFF, func(b *bench) { torn(b, func(body, _ uint32) uint32 { return body / 2 }) })
	add("commit-cut", "power failed in the commit mark", 1, 0xFF, func(b *bench) { torn(b, func(body, _ uint32) uint32 { return body + 5 }) })
	add("alone", "the newer one alone, not sealed", 8, 0xFF, func(b *bench) {
		torn(b, func(body, slot uint32) uint32 { return body + slot })
		b.cells(0, bytes.Repeat([]byte{0xFF}, 4096))
	})
	add("nothing", "no record: every sector is doubtful", 8, 0xFF, func(b *bench) { b.cells(0, bytes.Repeat([]byte{0xFF}, 4096)) })
	add("unreadable", "the seal's unit cannot be read, which is a trace of it", 8, 0xFF, func(b *bench) {
		must(b.write(rewriting))
		b.Array.Unreadable[b.addr[1]+b.entries[1]-8] = true
	})
	add("mark-unreadable", "a mark's unit cannot be read: the one before it stays doubtful", 8, 0xFF, func(b *bench) {
		must(b.write(rewriting))
		for _, k := range []int{4, 5, 6} {
			must(b.Mark(k))
		}
		b.Array.Unreadable[b.addr[1]+b.entries[1]+8] = true
	})
	add("mark-of-another", "a mark behind a record that it was not written for is none", 8, 0xFF, func(b *bench) {
		must(b.write(rewriting))
		must(b.Mark(4))
		cells := bytes.Clone(b.Cells)
		must(b.write(rewriting))
		copy(b.Cells[b.addr[0]+b.entries[0]:], cells[b.addr[1]+b.entries[1]:][:8])
	})
	add("copied", "a batch that is copied ends the doubt of the last marked sector", 8, 0xFF, func(b *bench) {
		must(b.write(func(r *Record) {
			r.State, r.From = Rewriting, b.signed
			r.Staged = Staged{Phase: Copying, Kind: protocol.KindFull, Size: 9, Batch: 3}
		}))
		must(b.Mark(4))
		b.append(tagCopied | 3)
	})
	add("vouched", "marks take back doubt that the body names", 8, 0xFF, func(b *bench) {
		b.SetDoubt(2)
		b.SetDoubt(9)
		must(b.write(rewriting))
		b.ClearDoubt(2)
		b.Vouch()
	})
	add("doubt-behind", "doubt of all beside named sectors is of what lies behind the image", 8, 0xFF, func(b *bench) {
		b.put(0, &Record{Sequence: 1, State: Installed, To: b.signed, DoubtAll: true, doubt: []byte{0, 0}})
	})
	odd(add)
	return all
}

// vector returns the record sectors of b as a vector, with what a Store finds in them after a power failure.
func (b *bench) vector(about string) vector {
	b.reset()
	var v vector
	v.Add("kind", "sectors")
	v.Add("about", about)
	v.Add("program unit", b.layout.Geometry.ProgramUnit)
	v.Add("erased", fmt.Sprintf("%02x", b.layout.Geometry.Erased))
	v.Add("sectors of software", b.software.Sectors())
	v.Add("image of the installed release", "1 sector")
	counts := "nothing"
	if rec := b.Newest(); rec != nil {
		counts = fmt.Sprintf("sequence %d, %v", rec.Sequence, rec.State)
	}
	v.Add("counts", counts)
	v.Add("ended", b.Ended())
	v.Add("copied", b.Copied())
	v.Add("doubtful", list(b.doubtful()))
	for i, addr := range b.addr {
		var bad []uint32
		for at := range b.Array.Unreadable {
			if at >= addr && at < addr+b.size[i] {
				bad = append(bad, at-addr)
			}
		}
		v.Add(fmt.Sprintf("unreadable units of %d", i), list(bad))
	}
	for i, addr := range b.addr {
		v.Payload = append(v.Payload, flashtest.Spans(i, b.Cells[addr:][:b.size[i]], b.layout.Geometry.Erased)...)
	}
	return v
}

// TestVectors: the vectors are those in testdata, and none is there that is not made here or by the lab.
func TestVectors(t *testing.T) {
	all := bodies()
	for name, v := range sectors(t) {
		all[name] = v
	}
	for name, v := range all {
		vectors.Keep(t, filepath.Join("testdata", name+".vec"), string(v.Text()))
	}
	vectors.Owned(t, "testdata/*.vec", func(name string) bool {
		_, made := all[name]
		return made || strings.HasPrefix(name, "lab-")
	})
}

// TestReadVectors reads the files: bodies are what they say, and record sectors, those of the lab too, hold what they say.
func TestReadVectors(t *testing.T) {
	for _, path := range vectors.List(t, "testdata/*.vec") {
		v := vectors.Read(t, path)
		t.Run(v.Name, func(t *testing.T) {
			if v.Get("kind") == "sectors" {
				readSectors(t, v)
				return
			}
			var r Record
			if ok := r.decode(vectors.Unhex(t, string(v.Payload))); ok != (v.Get("verdict") == "accepted") {
				t.Errorf("decodes: %v, %s", ok, v.Get("verdict"))
			}
		})
	}
}

func readSectors(t *testing.T, v *vector) {
	erased := v.Hex(t, "erased")
	b := newBench(t, uint32(v.Number(t, "program unit")), erased[0], uint32(v.Number(t, "sectors of software")))
	both := [2][]byte{bytes.Repeat(erased, limits.RecordSector), bytes.Repeat(erased, limits.RecordSector)}
	for line := range strings.Lines(string(v.Payload)) {
		var sector, at int
		var text string
		if _, err := fmt.Sscanf(line, "%d %x %s", &sector, &at, &text); err != nil {
			t.Fatal(err)
		}
		copy(both[sector][at:], vectors.Unhex(t, text))
	}
	for i, p := range both {
		b.cells(i, p)
		for _, at := range strings.Fields(v.Get(fmt.Sprintf("unreadable units of %d", i))) {
			n, err := strconv.ParseUint(at, 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			b.Array.Unreadable[b.addr[i]+uint32(n)] = true
		}
	}
	for _, h := range b.vector(v.Get("about")).Header {
		if want := v.Get(h[0]); want != h[1] && h[0] != "image of the installed release" {
			t.Errorf("%s: got %q, want %q", h[0], h[1], want)
		}
	}
}
