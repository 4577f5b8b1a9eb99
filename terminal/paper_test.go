package terminal_test

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"testing"

	"unbrick/release"
	"unbrick/terminal"
)

// paper is what one record sector holds, read from the board's cells. It shares no code with the terminal: where
// things lie is from docs/reliability.md and the format that record.go tells.
type paper struct {
	sequence  uint32
	rewriting bool
	confirmed bool
	retired   uint8
	floor     uint64
	from, to  []byte
	dead      []uint32
}

const (
	paperMagic  = 0x43524255
	paperHead   = 144
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
		p := paper{sequence: le.Uint32(b[8:]), rewriting: b[5] == 2, confirmed: b[6]&1 != 0, retired: b[7], floor: le.Uint64(b[16:])}
		from, to := uint32(le.Uint16(b[24:])), uint32(le.Uint16(b[26:]))
		p.from, p.to = b[paperHead:paperHead+from], b[paperHead+from:paperHead+from+to]
		for i := range b[30] {
			p.dead = append(p.dead, le.Uint32(b[112+4*uint32(i):]))
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

// retire makes the device one that no longer trusts the given key slots: its records, which must be whole, say so.
func (r *rig) retire(slots uint8) {
	r.t.Helper()
	le := binary.LittleEndian
	raw, state := r.board.Save()
	for _, s := range r.f.layout.Records() {
		addr, _ := r.f.layout.Geometry.Sector(s)
		b := raw[addr:]
		n := le.Uint32(b[12:])
		if le.Uint32(b) != paperMagic {
			continue
		}
		b[7] = slots
		crc := crc32.ChecksumIEEE(b[:n-4])
		le.PutUint32(b[n-4:], crc)
		at := (n + r.f.kind.unit - 1) / r.f.kind.unit * r.f.kind.unit
		copy(b[at:], stamp(paperCommit, crc))
		copy(b[at+max(8, r.f.kind.unit):], stamp(paperSeal, crc))
	}
	if err := r.board.Load(raw, state); err != nil {
		r.t.Fatal(err)
	}
}

// state is the trusted state that every record must carry on, as the device goes through its life.
type state struct {
	r       *rig
	floor   uint64
	retired uint8
	rises   bool            // a confirmation, which may raise the floor
	seen    map[uint32]bool // sequences of the records that were looked at
	what    string
}

// follow looks at every record that the device writes from now on, at every event of the terminal.
func (r *rig) follow() *state {
	s := &state{r: r, seen: map[uint32]bool{}}
	p := r.newest()
	s.floor, s.retired = p.floor, p.retired
	r.hook = func(terminal.Event) { s.look() }
	return s
}

// look checks the records that are there now. The floor may rise by a confirmation, and no key may come back.
func (s *state) look() {
	for _, p := range s.r.papers() {
		if s.seen[p.sequence] {
			continue
		}
		s.seen[p.sequence] = true
		if p.floor < s.floor || p.floor > s.floor && !s.rises {
			s.r.t.Errorf("%s: record %d has floor %d, it was %d", s.what, p.sequence, p.floor, s.floor)
		}
		if p.retired&s.retired != s.retired {
			s.r.t.Errorf("%s: record %d retires %b, it was %b", s.what, p.sequence, p.retired, s.retired)
		}
		s.floor, s.retired = max(s.floor, p.floor), s.retired|p.retired
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
	return fmt.Sprintf("record %d (rewriting %v, confirmed %v, retired %b, floor %d, %d and %d bytes of manifests, dead %x)", p.sequence, p.rewriting, p.confirmed, p.retired, p.floor, len(p.from), len(p.to), p.dead)
}
