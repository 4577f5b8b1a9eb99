package terminal_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"

	"unbrick/release"
	"unbrick/terminal"
)

// paper is what one record sector holds, read from the board's cells. It shares no code with the terminal: where
// things lie is from docs/record.md.
type paper struct {
	sequence  uint32
	rewriting bool
	confirmed bool
	floor     uint64
	from, to  []byte
	statement []byte
	dead      []uint32
}

const (
	paperMagic  = 0x43524255
	paperHead   = 192
	paperCommit = 0xA5C30000
	paperSeal   = 0xA5C40000
)

// stamp returns an entry behind a record with this CRC.
func stamp(tag, crc uint32) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(le.AppendUint32(nil, tag), crc)
	return le.AppendUint32(b[:4:4], crc32.ChecksumIEEE(b))
}

// papers returns the whole records that the cells hold: body and commit mark.
func (r *rig) papers() (all []paper) {
	le := binary.LittleEndian
	for _, s := range r.f.layout.Records() {
		addr, size := r.f.layout.Geometry.Sector(s)
		b := make([]byte, size)
		r.board.Peek(addr, b)
		n := le.Uint32(b[12:])
		if le.Uint32(b) != paperMagic || n < paperHead+4 || n > size-64 || le.Uint32(b[n-4:]) != crc32.ChecksumIEEE(b[:n-4]) {
			continue
		}
		at := (n + r.f.kind.unit - 1) / r.f.kind.unit * r.f.kind.unit
		if string(b[at:at+8]) != string(stamp(paperCommit, le.Uint32(b[n-4:]))) {
			continue
		}
		p := paper{sequence: le.Uint32(b[8:]), rewriting: b[5] == 2, confirmed: b[6]&1 != 0, floor: le.Uint64(b[16:])}
		from, to, statement := uint32(le.Uint16(b[26:])), uint32(le.Uint16(b[28:])), uint32(le.Uint16(b[30:]))
		p.from, p.to, p.statement = b[paperHead:paperHead+from], b[paperHead+from:paperHead+from+to], b[paperHead+from+to:paperHead+from+to+statement]
		for i := range b[34] {
			p.dead = append(p.dead, le.Uint32(b[116+4*uint32(i):]))
		}
		all = append(all, p)
	}
	return all
}

// newest returns the record with the highest sequence.
func (r *rig) newest() (p paper) {
	for _, q := range r.papers() {
		if q.sequence >= p.sequence {
			p = q
		}
	}
	return p
}

// adopt makes the device one with a trust statement: its record, which must be the factory's, holds it.
func (r *rig) adopt(statement []byte) {
	r.t.Helper()
	le := binary.LittleEndian
	raw, state := r.board.Save()
	addr, size := r.f.layout.Geometry.Sector(r.f.layout.Records()[0])
	b := raw[addr : addr+size]
	n := le.Uint32(b[12:])
	body := append([]byte(nil), b[:n-4]...) // manifests, and no doubt behind them
	body = append(body, statement...)
	le.PutUint16(body[30:], uint16(len(statement)))
	le.PutUint32(body[12:], uint32(len(body)+4))
	crc := crc32.ChecksumIEEE(body)
	body = le.AppendUint32(body, crc)
	for i := range b {
		b[i] = r.f.software.Erased
	}
	copy(b, body)
	at := (uint32(len(body)) + r.f.kind.unit - 1) / r.f.kind.unit * r.f.kind.unit
	copy(b[at:], stamp(paperCommit, crc))
	copy(b[at+max(8, r.f.kind.unit):], stamp(paperSeal, crc))
	if err := r.board.Load(raw, state); err != nil {
		r.t.Fatal(err)
	}
}

// statement returns a signed trust statement, by which the fixture's key signs releases for both uses.
func (f *fixture) statement(t *testing.T, change func(*release.Statement), signers ...ed25519.PrivateKey) []byte {
	t.Helper()
	s := release.Statement{Version: 1, MaxOrder: release.MaxNumber, MaxCounter: release.MaxNumber, Threshold: 1, Name: "Maker",
		Keys: []release.ReleaseKey{{Public: publicOf(f.key), Uses: release.Install | release.Run}}}
	if change != nil {
		change(&s)
	}
	slices.SortFunc(s.Keys, func(a, b release.ReleaseKey) int { return bytes.Compare(a.Public[:], b.Public[:]) })
	signed, err := release.SignStatement(&s, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// state is the trusted state that every record must carry on, as the device goes through its life.
type state struct {
	r         *rig
	floor     uint64
	statement string
	rises     bool            // a confirmation, which may raise the floor
	seen      map[uint32]bool // sequences of the records that were looked at
	what      string
}

// follow looks at every record that the device writes from now on, at every event of the terminal.
func (r *rig) follow() *state {
	s := &state{r: r, seen: map[uint32]bool{}}
	p := r.newest()
	s.floor, s.statement = p.floor, string(p.statement)
	r.hook = func(terminal.Event) { s.look() }
	return s
}

// look checks the records that are there now. The floor may rise by a confirmation, and the trust statement stays.
func (s *state) look() {
	for _, p := range s.r.papers() {
		if s.seen[p.sequence] {
			continue
		}
		s.seen[p.sequence] = true
		if p.floor < s.floor || p.floor > s.floor && !s.rises {
			s.r.t.Errorf("%s: record %d has floor %d, it was %d", s.what, p.sequence, p.floor, s.floor)
		}
		if string(p.statement) != s.statement {
			s.r.t.Errorf("%s: record %d has another trust statement", s.what, p.sequence)
		}
		s.floor = max(s.floor, p.floor)
	}
}

// at begins a part of the device's life and checks, at its end, that it wrote at least so many records.
func (s *state) at(what string, records int, do func()) {
	s.r.t.Helper()
	s.what = what
	before := len(s.seen)
	do()
	s.look()
	if n := len(s.seen) - before; n < records {
		s.r.t.Errorf("%s: %d records were written, expected at least %d", what, n, records)
	}
}

// keyOf returns a key made from a word.
func keyOf(word string) ed25519.PrivateKey {
	var seed [32]byte
	copy(seed[:], word)
	return ed25519.NewKeyFromSeed(seed[:])
}

// publicOf returns its public half as the identification holds it.
func publicOf(key ed25519.PrivateKey) [32]byte { return [32]byte(key.Public().(ed25519.PublicKey)) }

// life is a device on whose records everything that writes one is done, each with what it should lead to.
func life(t *testing.T, f *fixture, r *rig, s *state) {
	t.Helper()
	c := f.goods(t, "3", 3, 2, f.a.image) // as trusted as b
	back := f.makeBack(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", s.what, err)
		}
	}
	update := func(file []byte, g goods) {
		t.Helper()
		if out, _ := r.update(f.serverFor(t, file, g)); out != terminal.Rewritten || !r.holds(g) {
			t.Fatalf("%s: %v, %+v", s.what, out, r.last.Last())
		}
	}
	confirm := func(floor uint64) {
		t.Helper()
		s.rises = true
		r.update(nothing(t))
		s.look()
		s.rises = false
		if !r.last.Confirmed() || r.last.Floor().Counter != floor || s.floor != floor {
			t.Errorf("%s: confirmed %v, floor %d, in the record %d, want %d", s.what, r.last.Confirmed(), r.last.Floor().Counter, s.floor, floor)
		}
	}
	cut := func(file []byte, g goods, software bool, k int) {
		t.Helper()
		start := r.board.Snapshot()
		hook := r.hook
		r.hook = nil
		w := r.watch()
		update(file, g)
		r.board.OnOperation(nil)
		r.board.Restore(start)
		r.hook = hook
		n := w.ops - k
		if software {
			n = (w.first + w.last) / 2
		}
		r.board.CutAt(uint64(n), 0)
		r.update(f.serverFor(t, file, g))
	}
	s.at("update", 2, func() { update(f.delta, f.b) })
	s.at("first confirmation", 1, func() { confirm(2) })
	s.at("update that does not raise the counter", 2, func() { update(back, c) })
	s.at("confirmation that raises nothing", 1, func() { confirm(2) })
	d := f.goods(t, "4", 4, 7, f.b.image)
	s.at("update with its last record cut", 1, func() { cut(f.delta, d, false, 3) })
	s.at("boot that heals", 1, func() {
		if r.boot() != terminal.Running || !r.holds(d) {
			t.Errorf("%s: %v", s.what, r.mode)
		}
	})
	s.at("confirmation of what the boot recorded", 1, func() { confirm(7) })
	e := f.goods(t, "5", 5, 7, f.a.image)
	s.at("update cut in the software", 1, func() { cut(back, e, true, 0) })
	s.at("restoration with one file", 2, func() { must(r.mend(e, false)) })
	s.at("confirmation after a restoration", 1, func() { confirm(7) })
	g := f.goods(t, "6", 6, 9, f.b.image)
	s.at("second update cut in the software", 1, func() { cut(f.delta, g, true, 0) })
	s.at("restoration in parts", 2, func() { must(r.mend(g, true)) })
	s.at("confirmation after a restoration in parts", 1, func() { confirm(9) })
	h := f.goods(t, "7", 7, 9, f.a.image)
	s.at("third update cut in the software", 1, func() { cut(back, h, true, 0) })
	s.at("upload of a release file", 2, func() {
		_, err := r.restoring(func(a *apparatus) error { return a.upload(fileOf(h), 1000) })
		must(err)
	})
	s.at("confirmation after an upload", 1, func() { confirm(9) })
}

// fileOf returns the release file of g.
func fileOf(g goods) []byte {
	return release.AppendFile(nil, &release.File{Signed: g.signed, Image: g.image})
}

func (p paper) String() string {
	return fmt.Sprintf("record %d (rewriting %v, confirmed %v, floor %d, %d and %d bytes of manifests, %d of a statement, dead %x)", p.sequence, p.rewriting, p.confirmed, p.floor, len(p.from), len(p.to), len(p.statement), p.dead)
}
