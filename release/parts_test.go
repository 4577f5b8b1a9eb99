package release_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"unbrick/internal/vectors"
	"unbrick/release"
)

func soundParts() []release.Part {
	return []release.Part{{"radio", 0x2000, []byte("first")}, {"main", 0x10000, []byte("second part")}}
}

func partsWords(parts []release.Part) [][2]string {
	words := [][2]string{{"parts", fmt.Sprint(len(parts))}}
	for i, p := range parts {
		words = append(words, [2]string{fmt.Sprintf("part %d", i+1), fmt.Sprintf("%s at 0x%x, %d bytes", p.Name, p.Offset, len(p.Data))})
	}
	return words
}

func checkPartsFile(t *testing.T, v *vector) {
	want, ok := outcomes[v.Get("expect")]
	if !ok {
		t.Fatalf("expects %q", v.Get("expect"))
	}
	parts, err := release.ParseParts(v.Payload)
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Fatalf("got %v, want %v", err, want)
	}
	if want != nil {
		if parts != nil {
			t.Error("parts of a refused file were returned")
		}
		return
	}
	for _, w := range partsWords(parts) {
		if w[1] != v.Get(w[0]) {
			t.Errorf("%s is %q, want %q", w[0], w[1], v.Get(w[0]))
		}
	}
	if again, err := release.AppendParts(nil, parts); err != nil || !bytes.Equal(again, v.Payload) {
		t.Errorf("written again as %x, %v", again, err)
	}
}

func partsVectors() []vector {
	var all []vector
	good := func(name, comment string, parts []release.Part) {
		header := [][2]string{{"kind", "parts"}, {"comment", comment}, {"expect", "accepted"}}
		all = append(all, vectors.New("parts-"+name, append(header, partsWords(parts)...), must(release.AppendParts(nil, parts))))
	}
	bad := func(name, comment string, change func(b []byte) []byte) {
		b := change(must(release.AppendParts(nil, soundParts())))
		all = append(all, vectors.New("parts-"+name, [][2]string{{"kind", "parts"}, {"comment", comment}, {"expect", "malformed parts"}}, b))
	}
	set := func(at int, v ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[at:], v); return b }
	}
	good("sound", "the worked example of docs/release.md", soundParts())
	good("one", "one part of one byte, at the beginning", []release.Part{{"p", 0, []byte{1}}})
	var most []release.Part
	for i := range release.MaxParts {
		most = append(most, release.Part{Name: fmt.Sprintf("%s%02d", strings.Repeat("p", 30), i), Offset: 0xffffffdf + uint32(2*i), Data: []byte("ab")})
	}
	good("most", "sixteen parts, each where the one before it ends, up to the last address", most)
	const first, second = 12, 60
	bad("magic", "another magic", set(7, '2'))
	bad("none", "no part", set(8, 0))
	bad("seventeen", "seventeen parts", func(b []byte) []byte {
		b[8] = 17
		return append(b, make([]byte, 15*48)...)
	})
	bad("zero-10", "the byte behind the number of parts", set(10, 1))
	bad("overlap", "a part that begins one byte before the end of the one before it", set(second, 4, 0x20, 0, 0))
	bad("descending", "parts in the wrong order", set(second, 0, 0, 0, 0))
	bad("size-0", "an empty part", func(b []byte) []byte {
		binary.LittleEndian.PutUint32(b[first+4:], 0)
		return append(b[:first+2*48], b[first+2*48+5:]...)
	})
	bad("size-above", "a part larger than what is left", set(second+4, 12))
	bad("size-huge", "a part of 2^32-1 bytes", set(first+4, 0xff, 0xff, 0xff, 0xff))
	bad("wraps", "a part that ends behind every address", set(second, 0xf8, 0xff, 0xff, 0xff))
	bad("end-2-32", "a part that ends at 2^32", set(second, 0xf5, 0xff, 0xff, 0xff))
	bad("name-twice", "a name that is there twice", set(second+8, 'r', 'a', 'd', 'i', 'o'))
	bad("name-empty", "no name", set(second+8, 0, 0, 0, 0))
	bad("name-space", "a name that is no identifier", set(second+8, 'm', 'a', 'i', ' '))
	bad("name-hole", "a zero inside a name", set(second+8, 'm', 0, 'i', 'n'))
	bad("name-33", "a byte behind the name's 32", set(second+40, 1))
	bad("zero-47", "the last byte of an entry", set(second+47, 1))
	bad("trailing-byte", "one byte behind the last part", func(b []byte) []byte { return append(b, 0) })
	bad("truncated", "the last byte is missing", func(b []byte) []byte { return b[:len(b)-1] })
	bad("entry-only-half", "half of the second entry is missing", func(b []byte) []byte { return b[:second+24] })
	bad("head-only", "nothing behind the magic", func(b []byte) []byte { return b[:8] })
	return all
}

func TestAppendPartsRefuses(t *testing.T) {
	for name, parts := range map[string][]release.Part{
		"none": nil, "seventeen": make([]release.Part, release.MaxParts+1), "a name": {{"a b", 0, []byte{1}}}, "empty": {{"a", 0, nil}},
		"overlap": {{"a", 4, []byte{1, 2}}, {"b", 5, []byte{1}}}, "twice": {{"a", 0, []byte{1}}, {"a", 9, []byte{1}}},
		"large": {{"a", 0, make([]byte, release.MaxImage-12-48+1)}}, "behind": {{"a", 1<<32 - 1, []byte{1, 2}}},
	} {
		if b, err := release.AppendParts(nil, parts); !errors.Is(err, release.ErrParts) {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	b := must(release.AppendParts([]byte("head"), []release.Part{{"a", 0, make([]byte, release.MaxImage-12-48)}}))
	if parts, err := release.ParseParts(b[4:]); err != nil || len(b)-4 != release.MaxImage || len(parts) != 1 {
		t.Errorf("the largest: %d bytes, %v", len(b)-4, err)
	}
}

func FuzzParseParts(f *testing.F) {
	for _, v := range partsVectors() {
		f.Add(v.Payload)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		parts, err := release.ParseParts(b)
		if err != nil {
			return
		}
		if again, err := release.AppendParts(nil, parts); err != nil || !bytes.Equal(again, b) {
			t.Errorf("took %x, written again as %x, %v", b, again, err)
		}
	})
}
