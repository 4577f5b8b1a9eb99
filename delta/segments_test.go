package delta_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"unbrick/delta"
	"unbrick/delta/internal/coding"
)

// The pieces of the images of segmentVectors: a header, code, a gap, code and data elsewhere, an end.
var (
	oldSegments = coding.MakeSegments(coding.Segment{Offset: 27, Size: 640, Address: 0x0800_0018}, coding.Segment{Offset: 675, Size: 320, Address: 0x0810_0022})
	newSegments = coding.MakeSegments(coding.Segment{Offset: 27, Size: 646, Address: 0x0800_0018}, coding.Segment{Offset: 681, Size: 320, Address: 0x0810_0126})
)

// segmented is a Thumb program of 15 functions of 64 bytes, ten in the first segment and five in the second, that call each other and
// hold pointers to each other and into RAM. The sixth has so many more bytes.
func segmented(table *coding.Segments, grow, ram uint32) []byte {
	const n, size = 15, 64
	at := func(i uint32) (offset, address uint32) {
		g, k := table.List[0], i
		if i >= 10 {
			g, k = table.List[1], i-10
		}
		far := k * size
		if i > 5 && i < 10 {
			far += grow
		}
		return g.Offset + far, g.Address + far
	}
	out := bytes.Repeat([]byte{0xA5}, int(table.List[1].Offset+table.List[1].Size)+6)
	for i := range uint32(n) {
		off, addr := at(i)
		code := out[off:off:len(out)]
		for k := range uint32(4) {
			_, to := at((i*5 + k*3) % n)
			d := to - (addr + uint32(len(code))) - 4
			s := d >> 24 & 1
			code = binary.LittleEndian.AppendUint16(code, uint16(0xF000|s<<10|d>>12&0x3ff))
			code = binary.LittleEndian.AppendUint16(code, uint16(0xD000|(^(d>>23^s)&1)<<13|(^(d>>22^s)&1)<<11|d>>1&0x7ff))
			code = binary.LittleEndian.AppendUint32(code, (k*0x1357+i*0x2468ACE)&0x7FFF7FFF)
		}
		// An LDR that reads the third word, and words: pointers to a function and into RAM, and behind both images.
		code = binary.LittleEndian.AppendUint16(code, 0x4901)
		code = binary.LittleEndian.AppendUint16(code, 0x46C0)
		for (int(off)+len(code))&3 != 0 {
			code = append(code, 0)
		}
		_, to := at((i + 7) % n)
		code = binary.LittleEndian.AppendUint32(code, to|1)
		code = binary.LittleEndian.AppendUint32(code, 0x2000_0000+i%5*8+ram)
		binary.LittleEndian.AppendUint32(code, table.List[i&1].Address+table.List[i&1].Size)
	}
	return out
}

// segmentVectors are files whose images have pieces that run at addresses of their own.
func segmentVectors(t *testing.T) map[string]*vector {
	t.Helper()
	old, new := segmented(&oldSegments, 0, 0), segmented(&newSegments, 6, 16)
	plan := func(setup coding.Setup, old, new []byte, ops ...handOp) *handPlan {
		return &handPlan{geometry: "2KiB*1", old: old, new: new, order: []int{0}, setup: setup, ops: ops}
	}
	grown := []handOp{{nil, 27 + 6*64, 0}, {single(6), 4*64 + 8 + 320 + 6, -6}}
	thumb := coding.Setup{ISA: coding.ISAThumb, RAM: 0x2000_0000, RAMSize: 1 << 16, Old: oldSegments, New: newSegments}
	others := plan(thumb, old, new, grown...).vector(t, "two segments, other ones in the new image: calls between them, pointers into both and into RAM")
	code := thumb
	code.Base, code.RAM, code.RAMSize = coding.NoBase, 0, 0
	same := thumb
	same.New = oldSegments
	swapped := slices.Clone(old)
	copy(swapped[27:], old[27+128:27+192])
	copy(swapped[27+64:], old[27:27+128])
	all := map[string]*vector{
		"segments":      others,
		"segments-code": plan(code, old, new, grown...).vector(t, "the same without pointers"),
		"segments-same": plan(same, old, segmented(&oldSegments, 0, 8), handOp{nil, len(old), 0}).vector(t, "one table for both images"),
		"segments-moved": plan(same, old, swapped, handOp{nil, 27, 0}, handOp{nil, 64, 128}, handOp{nil, 128, -64}, handOp{nil, len(old) - 27 - 192, 0}).vector(t,
			"functions change places within a segment"),
	}
	// Random bytes are full of fields for sets whose instructions begin anywhere.
	r := rand.New(rand.NewPCG(3, 3))
	for _, isa := range []coding.ISA{coding.ISAXtensa, coding.ISAx86, coding.ISA8051, coding.ISAAVR, coding.ISAARM64, coding.ISARISCV, coding.ISATC32, coding.ISAARM, coding.ISAData} {
		all["segments-"+isa.String()] = randomSegments(r, isa).fill(t, 4000, 11).vector(t, fmt.Sprintf("random bytes and three segments: %s", isa))
	}
	for name, c := range map[string]struct {
		comment string
		change  func(h *delta.Header)
	}{
		"none":       {"a table without segments", func(h *delta.Header) { h.Setup.Old.Count, h.Setup.New.Count = 1, 0 }},
		"many":       {"a table of 17 segments", nil},
		"empty":      {"a segment without bytes", func(h *delta.Header) { h.Setup.Old.List[0].Size = 0 }},
		"behind":     {"a segment that reaches behind the old image", func(h *delta.Header) { h.Setup.Old.List[1].Size += 7 }},
		"behind-new": {"a segment that reaches behind the new image", func(h *delta.Header) { h.Setup.New.List[1].Size += 7 }},
		"wrap":       {"a segment that reaches beyond the last address", func(h *delta.Header) { h.Setup.Old.List[1].Address = 1<<32 - 319 }},
		"meet":       {"segments that have an address in common", func(h *delta.Header) { h.Setup.Old.List[1].Address = 0x0800_0018 + 639 }},
		"meet-front": {"the same, the other way round", func(h *delta.Header) { h.Setup.Old.List[1].Address = 0x0800_0018 - 319 }},
	} {
		file := announceSegments(others.file, c.change)
		all["segments-"+name] = refuse(c.comment, others, file)
	}
	flags := func(comment string, v byte) *vector {
		file := bytes.Clone(others.file)
		file[5] = v // behind the instruction set
		return refuse(comment, others, file)
	}
	alike := bytes.Clone(all["segments-same"].file)
	alike[5] |= 8
	tables := len(segmentBytes(&oldSegments))
	alike = slices.Insert(alike, 6+6+tables, segmentBytes(&oldSegments)...)
	all["segments-alike"] = refuse("a table of its own for the new image that is the old one's", all["segments-same"], alike)
	all["segments-alone"] = flags("segments of the new image and none of the old one", 1|2|8)
	all["segments-flags"] = flags("a flag to come", 1|2|4|8|16)
	return all
}

// segmentBytes is a table as the header has it.
func segmentBytes(s *coding.Segments) []byte {
	b, end := []byte{s.Count}, uint32(0)
	for _, g := range s.List[:s.Count] {
		b = coding.AppendShort(coding.AppendShort(b, g.Offset-end), g.Size)
		b = binary.LittleEndian.AppendUint32(b, g.Address)
		end = g.Offset + g.Size
	}
	return b
}

// announceSegments returns a file with other tables; without change the old one has a segment too many.
func announceSegments(file []byte, change func(h *delta.Header)) []byte {
	if change != nil {
		return announce(file, change)
	}
	at := bytes.Index(file, segmentBytes(&oldSegments))
	file = bytes.Clone(file)
	file[at] = 17
	return file
}

// randomSegments is a plan for random bytes in three segments that move by some bytes, for an instruction set.
func randomSegments(r *rand.Rand, isa coding.ISA) *handPlan {
	old := randomBytes(r, 4000)
	for i := 0; i+8 < len(old); i += 8 { // what leads somewhere
		switch isa {
		case coding.ISAx86:
			copy(old[i:], []byte{0xE8, byte(r.IntN(256)), byte(r.IntN(4)), byte(r.IntN(2)), 0})
		case coding.ISAARM64:
			binary.LittleEndian.PutUint32(old[i:], 0x90000000|r.Uint32()&3<<29|uint32(i/8)&31)
			binary.LittleEndian.PutUint32(old[i+4:], 0x91000000|r.Uint32()&0x3FFC00|uint32(i/8)&31<<5)
		case coding.ISARISCV:
			binary.LittleEndian.PutUint32(old[i:], 0x17|uint32(i/8)&31<<7)
			binary.LittleEndian.PutUint32(old[i+4:], 0x13|uint32(i/8)&31<<15|r.Uint32()&0xFFF<<20)
		case coding.ISATC32:
			binary.LittleEndian.PutUint32(old[i:], 0x98009000|r.Uint32()&0x3FF0000)
		case coding.ISAARM:
			binary.LittleEndian.PutUint32(old[i:], 0xEB000000|r.Uint32()&0x3FF)
		case coding.ISAAVR:
			binary.LittleEndian.PutUint16(old[i:], uint16(0xD000|r.Uint32()&0x3FF))
			binary.LittleEndian.PutUint32(old[i+4:], 0x940E|r.Uint32()&0x3FF<<16)
		}
	}
	base := uint32(r.IntN(8)) << 10
	before := coding.MakeSegments(coding.Segment{Offset: 24, Size: 1000, Address: base + 0x18},
		coding.Segment{Offset: 1032, Size: 1500, Address: base + 0x420 + uint32(r.IntN(64))}, coding.Segment{Offset: 2540, Size: 1400, Address: base + 0xA60 + uint32(r.IntN(64))})
	after := before
	after.List[1].Address += uint32(r.IntN(9))
	after.List[2].Address += uint32(8 + r.IntN(9))
	p := &handPlan{geometry: "4KiB*2", old: old, order: []int{0}, setup: coding.Setup{ISA: isa, RAM: uint32(r.IntN(2)) << 28, RAMSize: 1 << 28, Old: before, New: after}}
	a, b := 100+r.IntN(1000), 1500+r.IntN(1000)
	p.ops = []handOp{{nil, a, 0}, {single(3), b - a, -3}, {single(1), 4000 - b - 50, 40}, {single(46), 0, 0}}
	p.new = nil
	return p
}
