package delta_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/delta/internal/coding"
	"unbrick/flash"
)

// byHand returns a vector of a file that was written by hand.
func byHand(comment, geometry string, file, old, new []byte) *vector {
	return &vector{comment: "written by hand: " + comment, geometry: geometry, erased: 0xff, expect: "ok", file: file, old: old, new: new}
}

// refuse returns a vector like from of another file, which is refused.
func refuse(comment string, from *vector, file []byte) *vector {
	v := *from
	v.comment, v.expect, v.file = comment, "refused", file
	return &v
}

func makeVectors(t *testing.T) map[string]*vector {
	t.Helper()
	s := makeSample(t)
	create := func(comment, geometry string, erased byte, old, new []byte, o diff.Options) *vector {
		area, err := flash.ParseGeometry(geometry, 0)
		if err != nil {
			t.Fatal(err)
		}
		area.Erased = erased
		o.Geometry = &area
		var file []byte
		if old == nil {
			file, err = diff.Full(context.Background(), new, &o)
		} else {
			file, err = diff.Create(context.Background(), old, new, &o)
		}
		if err != nil {
			t.Fatal(err)
		}
		return &vector{comment: comment, geometry: geometry, erased: erased, expect: "ok", file: file, old: old, new: new}
	}
	old, new := callers(40, 0), callers(40, 6)
	moved := create("a block moved: order, stash and history", "1KiB*8,4KiB*2", 0xff, s.old, s.new, diff.Options{})
	thumb := create("Thumb calls, pointers into the image and into RAM", "1KiB*16", 0xff, old, new, diff.Options{ISA: "thumb"})
	if h, _ := delta.ParseHeader(thumb.file); h.Setup.ISA != coding.ISAThumb || h.MapRanges == 0 {
		t.Fatal("the Thumb vector does not predict")
	}
	twoSectors := func(second int32) []byte { return handMade(t, moved.old[:512], second, 0, true) }
	joined := byHand("sector 1, then sector 0, which joins it behind a literal byte", "256*2", handDescending(t, moved.old[:512], true), moved.old[:512], moved.old[:512])
	edged := create("bytes on both sides of sectors are needed after these", "256*16", 0xff, s.old[:3000],
		slices.Concat(s.old[8:1000], s.old[3000:3016], s.old[1000:3000]), diff.Options{StashMax: diff.NoStash})
	if h, _ := delta.ParseHeader(edged.file); h.Edge == 0 {
		t.Fatal("the vector of edges has none")
	}
	hand := byHand("sector 1 is a copy of itself", "256*2", twoSectors(0), moved.old[:512], moved.old[:512])
	said := *hand
	said.comment, said.file = "the same, sector 1 with a literal byte", handMade(t, moved.old[:512], 0, 1, true)
	match := byHand("sector 1 is a match with its own old bytes", "256*2", handMatch(t, moved.old[:512], 0, 0), moved.old[:512], moved.old[:512])
	all := map[string]*vector{
		"match":         match,
		"match-gone":    refuse("the match is with old bytes of sector 0, which is given out", match, handMatch(t, moved.old[:512], 0, -256)),
		"match-outside": refuse("the match is with bytes behind the base", match, announce(match.file, func(h *delta.Header) { h.FromSize = 500 })),
		"match-before":  refuse("the match is with bytes before the base", match, handMatch(t, moved.old[:512], 0, -257)),
		"match-first":   refuse("the first match repeats the last one's source", match, handMatch(t, moved.old[:512], 1, 0)),
		"moved":         moved,
		"no-stash":      create("the same without a stash, smallest state", "1KiB*8,4KiB*2", 0xff, s.old, s.new, diff.Options{StashMax: diff.NoStash, StateMax: 2048}),
		"thumb":         thumb,
		"erased-00":     create("erased flash reads 00; the image grows", "2KiB*2,1KiB*4", 0, s.old[:1500], s.old[:5000], diff.Options{}),
		"full":          create("a full image", "256*16", 0xff, nil, bytes.Repeat([]byte("unbrick restores. "), 200), diff.Options{}),
		"nothing":       create("nothing changes", "1KiB*2", 0xff, s.old[:2000], s.old[:2000], diff.Options{}),
		"hand":          hand,
		"said":          &said,
		"joined":        joined,
		"unjoined":      refuse("a diagonal leads to the sector behind and is not said to", joined, handDescending(t, moved.old[:512], false)),
		"truncated":     refuse("the last byte is missing", moved, moved.file[:len(moved.file)-1]),
		"trailing":      refuse("a zero byte too many", moved, append(bytes.Clone(moved.file), 0)),
		"gone":          refuse("sector 1 copies from sector 0, which is given out", hand, twoSectors(-256)),
		"outside":       refuse("sector 1 copies from behind the base", hand, twoSectors(1)),
		"version":       refuse("a version to come", hand, append([]byte("UD\x03"), hand.file[3:]...)),
		"version-1":     refuse("version 1", hand, append([]byte("UD\x01"), hand.file[3:]...)),
		"wrong-history": refuse("announces a history that it does not use", hand, announce(hand.file, func(h *delta.Header) { h.History = 1 })),
		"edged":         edged,
		"wrong-edge":    refuse("announces edges that it does not use", edged, announce(edged.file, func(h *delta.Header) { h.Edge++ })),
		"no-edge":       refuse("reads behind an edge", edged, announce(edged.file, func(h *delta.Header) { h.Edge-- })),
		"unsaid":        refuse("an operation ends with its sector and does not say so", &said, handMade(t, moved.old[:512], 0, 1, false)),
	}
	for _, more := range []map[string]*vector{doubtVectors(t, s), headerVectors(hand, moved), workVectors(t), segmentVectors(t), batchVectors(t)} {
		for name, v := range more {
			if all[name] != nil {
				t.Fatalf("two vectors are called %s", name)
			}
			all[name] = v
		}
	}
	return all
}

// announce returns a file with another header.
func announce(file []byte, change func(h *delta.Header)) []byte {
	h, err := delta.ParseHeader(file)
	if err != nil {
		panic(err)
	}
	control, data := h.Streams(file)
	change(&h)
	return h.Append(nil, control, data)
}

// callers is a little program of n units that call each other; later versions have longer units.
func callers(n, grow int) []byte {
	const unit = 240
	const base = 0x08004000
	start := func(i int) uint32 { return uint32(i*unit + i/7*grow*4) }
	var out []byte
	for i := range n {
		for k := range 28 {
			at, to := uint32(len(out)), start((i*5+k*3)%n)
			d := to - at - 4
			s := d >> 24 & 1
			out = binary.LittleEndian.AppendUint16(out, uint16(0xF000|s<<10|d>>12&0x3ff))
			out = binary.LittleEndian.AppendUint16(out, uint16(0xD000|(^(d>>23^s)&1)<<13|(^(d>>22^s)&1)<<11|d>>1&0x7ff))
			out = binary.LittleEndian.AppendUint32(out, uint32(k*0x1357+i*0x2468ACE)&0x7FFF7FFF)
		}
		for k := range 2 {
			out = binary.LittleEndian.AppendUint32(out, base+start((i+k)%n)|1)
			out = binary.LittleEndian.AppendUint32(out, uint32(0x20000000+i*8+k*400+grow*4))
		}
		if i%7 == 6 {
			out = append(out, bytes.Repeat([]byte{0x46, 0xC0}, grow*2)...)
		}
	}
	return out
}
