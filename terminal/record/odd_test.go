package record

import (
	"bytes"

	"unbrick/release"
)

// odd makes the vectors of what only a second reader asks: each is one thing that the document could be read two ways in.
func odd(add func(name, about string, unit uint32, erased byte, change func(*bench))) {
	put := func(b *bench, at uint32, p ...byte) { // in the sector of the second record, as nobody but chance writes there
		cells := bytes.Clone(b.Cells[b.addr[1]:][:4096])
		copy(cells[at:], p)
		b.cells(1, cells)
	}
	newer := func(b *bench, keep func(body, slot uint32) uint32, change func(*Record)) {
		rec := b.Draft(release.Floor{})
		rec.Sequence = 2
		if change != nil {
			change(&rec)
		}
		sector := b.encoded(&rec)
		n := keep(b.align(uint32(rec.size())), b.slot)
		b.cells(1, append(sector[:n:n], bytes.Repeat([]byte{b.layout.Geometry.Erased}, 4096-int(n))...))
		b.entries[1] = b.align(uint32(rec.size())) + 2*b.slot
	}
	committed := func(body, slot uint32) uint32 { return body + slot }
	sealed := func(body, slot uint32) uint32 { return body + 2*slot }
	mark := func(b *bench, k uint32, tag uint32) {
		var mem [MaxSize]byte
		body := b.Cells[b.addr[1]:]
		n := length(body[:headSize])
		crc := crcOf(append(mem[:0], body[:n]...))
		e := entry(tag, crc)
		put(b, b.entries[1]+k*b.slot, e[:]...)
	}
	add("equal", "two of the same number: the first one is taken for the newer, and the last write did not end", 8, 0xFF, func(b *bench) {
		newer(b, sealed, func(r *Record) { r.Sequence, r.State = 1, Rewriting })
	})
	add("equal-not-sealed", "two of the same number, the first one not sealed", 8, 0xFF, func(b *bench) {
		newer(b, sealed, func(r *Record) { r.Sequence, r.State = 1, Rewriting })
		cells := bytes.Clone(b.Cells[b.addr[0]:][:4096])
		copy(cells[b.align(uint32(b.rec.size()))+b.slot:], bytes.Repeat([]byte{0xFF}, 8))
		b.cells(0, cells)
	})
	add("padding", "nobody looks at what lies between body and commit mark, or behind a seal or a mark in their slots", 32, 0xFF, func(b *bench) {
		newer(b, sealed, rewriting)
		mark(b, 0, tagMark|3)
		put(b, b.entries[1]-2*b.slot-1, 0)
		put(b, b.entries[1]-b.slot-1, 0)
		put(b, b.entries[1]+b.slot-1, 0)
	})
	add("behind-the-last-slot", "what lies behind the last of 256 slots is no trace of a seal", 1, 0xFF, func(b *bench) {
		newer(b, committed, rewriting)
		put(b, b.entries[1]+256*b.slot, 0)
	})
	add("last-slot", "and what lies in it is one", 1, 0xFF, func(b *bench) {
		newer(b, committed, rewriting)
		put(b, b.entries[1]+256*b.slot-1, 0)
	})
	add("last-slot-that-fits", "marks are read up to the sector's end", 32, 0, func(b *bench) {
		newer(b, sealed, rewriting)
		mark(b, (4096-b.entries[1])/b.slot-1, tagMark|7)
	})
	add("mark-torn", "a torn mark is none, and the one before stays doubtful", 8, 0xFF, func(b *bench) {
		newer(b, sealed, rewriting)
		mark(b, 0, tagMark|4)
		mark(b, 1, tagMark|5)
		put(b, b.entries[1]+b.slot+4, 0xFF, 0xFF)
	})
	add("mark-behind-a-torn-one", "and a mark behind it counts", 8, 0xFF, func(b *bench) {
		newer(b, sealed, rewriting)
		for k := range uint32(3) {
			mark(b, k, tagMark|4+k)
		}
		put(b, b.entries[1]+b.slot+4, 0xFF, 0xFF)
	})
	add("mark-of-none", "a mark of a sector that there is not ends the doubt of the one before", 8, 0xFF, func(b *bench) {
		newer(b, sealed, rewriting)
		mark(b, 0, tagMark|4)
		mark(b, 1, tagMark|12)
	})
	add("mark-again", "a sector that is marked twice is doubtful once more", 8, 0xFF, func(b *bench) {
		newer(b, sealed, rewriting)
		for k, sector := range []uint32{4, 6, 4} {
			mark(b, uint32(k), tagMark|sector)
		}
	})
	add("mark-behind-copied", "a mark behind a copied batch: the batch is copied, the sector doubtful", 8, 0xFF, func(b *bench) {
		newer(b, sealed, rewriting)
		for k, tag := range []uint32{tagCopied | 2, tagMark | 4, tagCopied | 1, tagMark | 5} {
			mark(b, uint32(k), tag)
		}
	})
	add("copied-unreadable", "a unit that cannot be read before a copied batch: the marked sector stays doubtful", 8, 0xFF, func(b *bench) {
		newer(b, sealed, rewriting)
		for k, tag := range []uint32{tagMark | 4, tagMark | 5, tagCopied | 1} {
			mark(b, uint32(k), tag)
		}
		b.Array.Unreadable[b.addr[1]+b.entries[1]+8] = true
	})
	add("doubt-of-all-vouched", "marks take back doubt of all, of their sectors", 8, 0xFF, func(b *bench) {
		newer(b, sealed, func(r *Record) { r.State, r.DoubtAll = Rewriting, true })
		for k, sector := range []uint32{4, 0, 7} {
			mark(b, uint32(k), tagMark|sector)
		}
	})
	add("doubt-behind-rewriting", "doubt of all beside named sectors while rewriting: every sector", 8, 0xFF, func(b *bench) {
		newer(b, sealed, func(r *Record) { r.State, r.DoubtAll, r.doubt = Rewriting, true, []byte{3, 0} })
	})
	add("doubt-of-none", "a sector that there is not is named, and is not doubtful", 8, 0xFF, func(b *bench) {
		newer(b, sealed, func(r *Record) { r.DoubtAll, r.doubt = true, []byte{12, 0} })
	})
	add("other-not-blank", "the first record beside a sector that is not blank: the last write did not end", 8, 0xFF, func(b *bench) { put(b, 4095, 0) })
	add("other-unreadable", "the first record beside a sector that cannot be read: likewise", 8, 0xFF, func(b *bench) { b.Array.Unreadable[b.addr[1]+4088] = true })
	add("body-unreadable", "a body that cannot be read is none", 8, 0xFF, func(b *bench) {
		newer(b, sealed, rewriting)
		b.Array.Unreadable[b.addr[1]+200] = true
	})
	add("commit-unreadable", "a commit mark that cannot be read is none", 8, 0xFF, func(b *bench) {
		newer(b, sealed, rewriting)
		b.Array.Unreadable[b.addr[1]+b.entries[1]-16] = true
	})
}
