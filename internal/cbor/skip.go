package cbor

import (
	"bytes"
	"math"
	"unicode/utf8"
)

// Skip reads one item whole. A strict Reader also checks that the keys of every map in it are in
// order.
func (r *Reader) Skip() { r.skip(0) }

// Item reads one item whole, as Skip does, and returns its encoding.
func (r *Reader) Item() []byte {
	start := r.off
	r.Skip()
	if r.err != nil {
		return nil
	}
	return r.b[start:r.off:r.off]
}

// Keys reads the keys of one map and, from a strict Reader, refuses those that are not in ascending
// bytewise order of their encodings (RFC 8949 section 4.2.1); so none comes twice. The zero value is
// ready for the first key.
type Keys struct{ last []byte }

// Uint reads an unsigned key.
func (k *Keys) Uint(r *Reader) uint64 {
	start := r.off
	v := r.Uint()
	k.check(r, start)
	return v
}

// Text reads a text key. It aliases the input.
func (k *Keys) Text(r *Reader) []byte {
	start := r.off
	v := r.TextBytes()
	k.check(r, start)
	return v
}

func (k *Keys) check(r *Reader, start int) {
	if r.err != nil || r.lenient {
		return
	}
	key := r.b[start:r.off]
	if k.last != nil && bytes.Compare(k.last, key) >= 0 {
		r.failAt(start, ErrOrder)
	}
	k.last = key
}

func (r *Reader) skip(depth int) {
	if !r.More() {
		r.unexpected()
		return
	}
	start := r.off
	switch major := r.b[start] >> 5; major {
	case majorUint, majorNegative:
		r.definite(major)
	case majorBytes, majorText:
		r.skipString(major)
	case majorArray, majorMap, majorTag:
		if depth == MaxDepth {
			r.failAt(start, ErrDepth)
			return
		}
		r.skipNested(major, depth+1)
	case majorSimple:
		r.skipSimple()
	}
}

func (r *Reader) skipString(major byte) {
	start := r.off
	v, open := r.head(major)
	if !open {
		r.chunk(major, start, v)
		return
	}
	for !r.Break() && r.err == nil {
		at := r.off
		r.chunk(major, at, r.definite(major))
	}
}

func (r *Reader) chunk(major byte, start int, n uint64) {
	p := r.take(start, n)
	if major == majorText && !utf8.Valid(p) {
		r.failAt(start, ErrUTF8)
	}
}

func (r *Reader) skipNested(major byte, depth int) {
	switch major {
	case majorTag:
		r.Tag()
		if r.err == nil {
			r.skip(depth)
		}
	case majorArray:
		for n := r.Array(); r.Next(&n); {
			r.skip(depth)
		}
	case majorMap:
		var keys Keys
		for n := r.Map(); r.Next(&n); {
			start := r.off
			r.skip(depth)
			keys.check(r, start)
			r.skip(depth)
		}
	}
}

// skipSimple passes over a simple value or a float. A strict Reader knows only false, true and null.
func (r *Reader) skipSimple() {
	start := r.off
	switch r.b[start] {
	case headFalse, headTrue, headNull:
		r.off++
		return
	case headBreak:
		r.failAt(start, ErrReserved)
		return
	}
	if !r.lenient {
		r.failAt(start, ErrReserved)
		return
	}
	v, _ := r.argument()
	// RFC 8949 section 3.3: a simple value below 32 has no two-byte form.
	if r.err == nil && r.b[start] == majorSimple<<5|24 && (v < 32 || v > math.MaxUint8) {
		r.failAt(start, ErrReserved)
	}
}
