package pack

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"unbrick/internal/cbor"
)

type (
	colour uint8
	leaf   struct {
		Name string
		N    uint16
		note string
	}
	even  struct{ N uint8 }
	shape interface{ shape() }
	round struct{ Radius uint32 }
	none  struct{}
	other struct{}
	all   struct {
		Flag   bool
		Small  uint8
		Large  uint64
		Below  int32
		For    time.Duration
		Leaf   leaf
		Sum    [4]byte
		Three  [3]leaf
		Cells  []colour `max:"cells"`
		Leaves []leaf   `max:"leaves"`
		Lines  []string `max:"leaves,line"`
		Maybe  *leaf
		Shape  shape
		Even   even
	}
)

func (round) shape() {}
func (none) shape()  {}
func (other) shape() {}

func (e *even) Check() error {
	if e.N%2 != 0 {
		return errors.New("odd")
	}
	return nil
}

var codec = New(map[string]int{"text": 8, "cells": 5, "leaves": 2, "line": 3}, Forms[shape](none{}, round{}))

func full() all {
	return all{
		Flag: true, Small: 200, Large: 1 << 63, Below: -7, For: -time.Second, Leaf: leaf{Name: "ä", N: 65535},
		Sum: [4]byte{1, 2, 3, 4}, Three: [3]leaf{{Name: "a"}, {N: 2}, {}}, Cells: []colour{1, 2, 3}, Leaves: []leaf{{Name: "l", N: 9}},
		Lines: []string{"one", "two"}, Maybe: &leaf{N: 4}, Shape: round{Radius: 1 << 31}, Even: even{2},
	}
}

// TestThereAndBack: what is written is read, by the same bytes, and one value has one form.
func TestThereAndBack(t *testing.T) {
	for name, v := range map[string]all{"full": full(), "empty": {}, "a form without fields": {Shape: none{}}} {
		b, err := codec.Append([]byte{0xff}, &v)
		if err != nil || b[0] != 0xff {
			t.Fatalf("%s: %v, %x", name, err, b)
		}
		var got all
		if err := codec.Decode(b[1:], &got); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%s: %v\n%+v, want\n%+v", name, err, got, v)
		}
		again, err := codec.Append(nil, v)
		if err != nil || !bytes.Equal(again, b[1:]) {
			t.Errorf("%s: by value %x, by pointer %x", name, again, b[1:])
		}
	}
}

// TestForm: what stands behind each kind, and what stays behind.
func TestForm(t *testing.T) {
	b, err := codec.Append(nil, leaf{Name: "a", N: 3, note: "stays"})
	if got := hex.EncodeToString(b); err != nil || got != "82"+"6161"+"03" {
		t.Errorf("%s, %v", got, err)
	}
	b, err = codec.Append(nil, struct{ S shape }{round{5}})
	if got := hex.EncodeToString(b); err != nil || got != "81"+"82"+"01"+"81"+"05" {
		t.Errorf("%s, %v", got, err)
	}
}

// TestEmptyIsNothing: a slice without items is read as none, wherever it lies.
func TestEmptyIsNothing(t *testing.T) {
	type deep struct {
		In struct {
			Leaves []leaf `max:"leaves"`
		}
		Two [2]struct {
			Cells []colour `max:"cells"`
		}
		N uint8
	}
	var v deep
	v.In.Leaves, v.Two[1].Cells = []leaf{}, []colour{}
	for _, n := range []uint8{0, 1} {
		v.N = n
		b, err := codec.Append(nil, &v)
		if err != nil {
			t.Fatal(err)
		}
		var got deep
		if err := codec.Decode(b, &got); err != nil || !reflect.DeepEqual(got, deep{N: n}) {
			t.Errorf("%d: %+v, %v", n, got, err)
		}
	}
}

// TestNothingIsShared: what was read stays when the bytes change.
func TestNothingIsShared(t *testing.T) {
	v := full()
	b, err := codec.Append(nil, &v)
	if err != nil {
		t.Fatal(err)
	}
	var got all
	if err := codec.Decode(b, &got); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = 0
	}
	if !reflect.DeepEqual(got, v) {
		t.Errorf("%+v", got)
	}
}

// TestBounds: writing cuts, at a whole character, and reading refuses one more.
func TestBounds(t *testing.T) {
	v := all{Leaf: leaf{Name: "1234567ä"}, Cells: []colour{1, 2, 3, 4, 5, 6}, Leaves: make([]leaf, 3), Lines: []string{"abcd", "", "x"}}
	b, err := codec.Append(nil, &v)
	if err != nil {
		t.Fatal(err)
	}
	var got all
	if err := codec.Decode(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.Leaf.Name != "1234567" || len(got.Cells) != 5 || len(got.Leaves) != 2 || !reflect.DeepEqual(got.Lines, []string{"abc", ""}) {
		t.Errorf("%+v", got)
	}
	wide := New(map[string]int{"text": 9, "cells": 6, "leaves": 3, "line": 4}, Forms[shape](none{}, round{}))
	for name, v := range map[string]all{"text": {Leaf: leaf{Name: "123456789"}}, "bytes": {Cells: make([]colour, 6)}, "items": {Leaves: make([]leaf, 3)}, "text of an item": {Lines: []string{"abcd"}}} {
		b, err := wide.Append(nil, &v)
		if err != nil {
			t.Fatal(err)
		}
		if err := codec.Decode(b, new(all)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestRefused: each is a value of another type, or no value.
func TestRefused(t *testing.T) {
	type one struct{ V uint8 }
	type two struct{ V, W uint8 }
	type signed struct{ V int8 }
	for _, tt := range []struct{ name, b, words string }{
		{"a field more", "820102", ErrShape.Error()}, {"a zero that is written out", "8100", ErrShape.Error()}, {"a number that is too large", "81190100", ""}, {"a text for a number", "816161", ""},
		{"cut short", "81", ""}, {"a byte behind it", "810100", ""}, {"longer than it need be", "811801", ""}, {"nothing", "", ""},
	} {
		b, err := hex.DecodeString(tt.b)
		if err != nil {
			t.Fatal(err)
		}
		if err := codec.Decode(b, new(one)); err == nil || !strings.Contains(err.Error(), tt.words) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	for name, tt := range map[string]struct {
		b string
		v any
	}{
		"a field less":         {"8101", new(two)},
		"below its type":       {"813880", new(signed)},
		"a form of no number":  {"81820280", new(struct{ S shape })},
		"a form of no value":   {"818100", new(struct{ S shape })},
		"two behind a form":    {"8183008000", new(struct{ S shape })},
		"no interface of ours": {"8182008000"[:8], new(struct{ S interface{ nobody() } })},
		"two for a pointer":    {"8182820003820003", new(struct{ P *leaf })},
		"a rule of its own":    {"818101", new(struct{ E even })},
		"bytes for an array":   {"8143010203", new(struct{ S [4]byte })},
	} {
		b, err := hex.DecodeString(tt.b)
		if err != nil {
			t.Fatal(err)
		}
		if err := codec.Decode(b, tt.v); err == nil {
			t.Errorf("%s: taken as %+v", name, tt.v)
		}
	}
	if _, err := codec.Append(nil, struct{ S shape }{other{}}); err == nil || !strings.Contains(err.Error(), "no form") {
		t.Errorf("a form that is not listed: %v", err)
	}
}

// TestDefinitions: what cannot be packed is told when it is tried first, and is a mistake of ours.
func TestDefinitions(t *testing.T) {
	panics := func(name string, f func()) {
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", name)
			}
		}()
		f()
	}
	pack := func(v any) func() { return func() { codec.Append(nil, v) } }
	panics("slice without a bound", pack(struct{ L []leaf }{}))
	panics("array of slices without a bound", pack(struct{ L [2][]byte }{}))
	panics("bound that is none", pack(struct {
		L []leaf `max:"leafs"`
	}{}))
	panics("map", pack(struct{ M map[string]int }{}))
	panics("float", pack(struct{ F float64 }{}))
	panics("a form twice", func() { New(nil, Forms[shape](none{}, none{})) })
}

func FuzzDecode(f *testing.F) {
	for _, v := range []all{full(), {}, {Shape: none{}}} {
		b, err := codec.Append(nil, &v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v all
		if err := codec.Decode(b, &v); err != nil {
			var e *cbor.Error
			if !errors.As(err, &e) {
				t.Fatalf("%T", err)
			}
			return
		}
		again, err := codec.Append(nil, &v)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is written as %x, %v", b, again, err)
		}
	})
}
