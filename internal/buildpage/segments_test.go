package main

import (
	"bytes"
	"errors"
	"testing"
)

// module makes a module of what memory begins with, between two other sections.
func module(list ...segment) []byte {
	data := []byte{byte(len(list))}
	for _, s := range list {
		data = append(appendInt32(append(data, 0, 0x41), s.at), 0x0b, byte(len(s.bytes)))
		data = append(data, s.bytes...)
	}
	wasm := []byte("\x00asm\x01\x00\x00\x00\x05\x03\x01\x00\x02")
	wasm = append(append(wasm, sectionData, byte(len(data))), data...)
	return append(wasm, 0, 3, 1, 'x', 7)
}

// memory is what a module's memory begins with.
func memory(t *testing.T, wasm []byte) (b []byte, segments int) {
	t.Helper()
	list, top, err := dataSegments(wasm)
	if err != nil {
		t.Fatal(err)
	}
	b = make([]byte, top)
	for _, s := range list {
		copy(b[s.at:], s.bytes)
	}
	return b, len(list)
}

// What memory begins with is the same in fewer segments, and everything else is as it was.
func TestJoined(t *testing.T) {
	for name, test := range map[string]struct {
		list []segment
		want int
	}{
		"none":            {nil, 0},
		"one":             {[]segment{{63, []byte("a")}}, 1},
		"touching":        {[]segment{{64, []byte("ab")}, {66, []byte("c")}}, 1},
		"gap":             {[]segment{{0, []byte("ab")}, {2 + maxGap, []byte("c")}}, 1},
		"wider gap":       {[]segment{{0, []byte("ab")}, {3 + maxGap, []byte("c")}}, 2},
		"not in order":    {[]segment{{8191, []byte("b")}, {8190, []byte("a")}, {70000, []byte("c")}}, 2},
		"empty among all": {[]segment{{8, nil}, {8, []byte("a")}}, 1},
	} {
		before := module(test.list...)
		kept := bytes.Clone(before)
		after, err := joined(before)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		was, _ := memory(t, before)
		is, n := memory(t, after)
		if !bytes.Equal(was, is) || n != test.want {
			t.Errorf("%s: %d segments, want %d; memory as it was: %v", name, n, test.want, bytes.Equal(was, is))
		}
		if !bytes.Equal(before, kept) || !bytes.HasPrefix(after, before[:13]) || !bytes.HasSuffix(after, before[len(before)-5:]) {
			t.Errorf("%s: other sections: % x, from % x", name, after, before)
		}
	}
	overlap := module(segment{4, []byte("abc")}, segment{6, []byte("d")})
	counted := append(module(segment{4, []byte("abc")}), sectionDataCount, 1, 1)
	for name, wasm := range map[string][]byte{"overlap": overlap, "counted": counted} {
		if _, err := joined(wasm); !errors.Is(err, errForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := module(segment{4, []byte("abc")}, segment{9, []byte("d")})
	for n := range len(whole) - 5 {
		if n == 8 || n == 13 { // a module that ends behind a section
			continue
		}
		if _, err := joined(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes are taken", n, len(whole))
		}
	}
}
