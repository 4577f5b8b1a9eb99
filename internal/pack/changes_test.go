package pack

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

type screen struct {
	Title string
	Pane  pane `change:"parts"`
	Leaf  leaf
	Even  even
	Shape shape `change:"parts"`
}

// tall is a form of which little changes.
type tall struct {
	Cells []colour `max:"cells"`
	At    uint32
}

func (tall) shape() {}

type pane struct {
	Cells []colour `max:"cells"`
	Log   []leaf   `max:"log" change:"rows"`
	At    uint32
	Maybe *leaf
}

var screens = New(map[string]int{"text": 8, "cells": 5, "log": 6}, Forms[shape](none{}, round{}, tall{}))

// change makes another screen of one, which stays as it is.
func change(r *rand.Rand, s screen) screen {
	if r.IntN(3) == 0 {
		s.Title = string(rune('a' + r.IntN(26)))
	}
	if r.IntN(3) == 0 {
		s.Pane.Cells = make([]colour, r.IntN(5))
	}
	if r.IntN(2) == 0 {
		rows := slices.Clone(s.Pane.Log[r.IntN(len(s.Pane.Log)+1):])
		for len(rows) < 6 && r.IntN(3) > 0 {
			rows = append(rows, leaf{N: uint16(r.IntN(3))})
		}
		s.Pane.Log = rows
	}
	if r.IntN(4) == 0 {
		s.Pane.Maybe = &leaf{N: 7}
	}
	if r.IntN(2) == 0 {
		s.Shape = []shape{nil, none{}, round{r.Uint32N(3)}, tall{[]colour{1, 2}, r.Uint32N(3)}, tall{[]colour{1, 2, 3}, 1}}[r.IntN(5)]
	}
	if r.IntN(4) == 0 {
		s.Leaf, s.Even, s.Pane.At = leaf{Name: "x"}, even{2}, r.Uint32()
	}
	return s
}

// TestChanges: whoever holds what was makes of the changes what is, and of a copy nothing else.
func TestChanges(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var was, held screen
	for range 2000 {
		is := change(r, was)
		b, err := screens.AppendChanges(nil, &was, &is)
		if err != nil {
			t.Fatal(err)
		}
		before, copied := held, held
		if err := screens.Change(b, &copied); err != nil {
			t.Fatalf("%+v to %+v: %v", was, is, err)
		}
		if got, want := normal(t, copied), normal(t, is); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		if !reflect.DeepEqual(normal(t, held), normal(t, before)) {
			t.Fatal("the one before has changed")
		}
		was, held = is, copied
	}
}

// normal is a screen as it is after a journey.
func normal(t *testing.T, s screen) screen {
	t.Helper()
	b, err := screens.Append(nil, &s)
	if err != nil {
		t.Fatal(err)
	}
	var got screen
	if err := screens.Decode(b, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestLittleTravels: what has not changed costs nothing, and a row more is one row.
func TestLittleTravels(t *testing.T) {
	s := screen{Title: "title", Pane: pane{Cells: []colour{1, 2, 3}, Log: []leaf{{Name: "one"}, {Name: "two"}, {Name: "three"}}}}
	same := s
	if b, err := screens.AppendChanges(nil, &s, &same); err != nil || !bytes.Equal(b, []byte{0x80}) {
		t.Errorf("nothing changed: %x, %v", b, err)
	}
	more := s
	more.Pane.Log = append(slices.Clone(s.Pane.Log[1:]), leaf{Name: "four"})
	b, err := screens.AppendChanges(nil, &s, &more)
	want := []byte{0x82, 1, 0x82, 1, 0x82, 1, 0x81, 0x82, 0x64, 'f', 'o', 'u', 'r', 0}
	if err != nil || !bytes.Equal(b, want) {
		t.Errorf("a row more: %x, %v, want %x", b, err, want)
	}
	form, next := screen{Shape: tall{[]colour{1, 2}, 1}}, screen{Shape: tall{[]colour{1, 2}, 2}}
	b, err = screens.AppendChanges(nil, &form, &next)
	if want := []byte{0x82, 4, 0x82, 2, 0x82, 1, 2}; err != nil || !bytes.Equal(b, want) {
		t.Errorf("a number in a form: %x, %v, want %x", b, err, want)
	}
	if _, err := screens.AppendChanges(nil, &form, &screen{Shape: other{}}); err == nil {
		t.Error("what is no form was written")
	}
	more.Pane.Log = make([]leaf, 7)
	if _, err := screens.AppendChanges(nil, &s, &more); err == nil {
		t.Error("more rows than there may be were written")
	}
}

func TestChangesRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"half a pair": {0x81, 0}, "no such field": {0x82, 5, 0}, "no such form": {0x82, 4, 0x82, 3, 0x80}, "half a form": {0x82, 4, 0x81, 1}, "descending": {0x84, 2, 0x80, 0, 0x60}, "twice": {0x84, 0, 0x60, 0, 0x60},
		"another type": {0x82, 0, 0}, "more rows gone than there are": {0x82, 1, 0x82, 1, 0x82, 1, 0x80}, "too many rows": {0x82, 1, 0x82, 1, 0x82, 0, 0x87, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80},
		"a rule of its own": {0x82, 3, 0x81, 1}, "something behind": {0x80, 0},
	} {
		if err := screens.Change(b, new(screen)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzChange(f *testing.F) {
	s := screen{Title: "title", Pane: pane{Cells: []colour{1}, Log: []leaf{{Name: "one"}, {Name: "two"}}}}
	b, err := screens.AppendChanges(nil, &screen{}, &s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		v := s
		if screens.Change(b, &v) != nil {
			return
		}
		if b, err = screens.AppendChanges(nil, &s, &v); err != nil {
			t.Fatal(err)
		}
		again := s
		if err := screens.Change(b, &again); err != nil || !reflect.DeepEqual(again, v) {
			t.Fatalf("%+v, %v, want %+v", again, err, v)
		}
	})
}
