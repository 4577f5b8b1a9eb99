package cbor

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Reader takes items from a byte slice in order. The first error sticks: from then on every method
// returns a zero value, and Err tells what happened and where. What it returns as bytes aliases the
// input and must not be changed.
type Reader struct {
	b       []byte
	off     int
	lenient bool
	errOff  int
	err     error
}

// NewReader returns a Reader that takes the deterministic encoding only.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// NewLenientReader returns a Reader that also takes longer heads and indefinite lengths.
func NewLenientReader(b []byte) *Reader { return &Reader{b: b, lenient: true} }

// Err returns the first error as an *Error, or nil.
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return &Error{Offset: r.errOff, Err: r.err}
}

// Finish returns the first error; bytes that were not read are one.
func (r *Reader) Finish() error {
	if r.err == nil && r.off != len(r.b) {
		r.failAt(r.off, ErrTrailing)
	}
	return r.Err()
}

// Fail makes err the Reader's error, at the present offset, unless it has one. With it a caller that
// does not like what it read stops reading.
func (r *Reader) Fail(err error) { r.failAt(r.off, err) }

// Offset returns how many bytes were read.
func (r *Reader) Offset() int { return r.off }

// More reports whether there are bytes left to read and no error.
func (r *Reader) More() bool { return r.err == nil && r.off < len(r.b) }

// Kind returns what the next item is without reading it. It judges by the first byte only.
func (r *Reader) Kind() Kind {
	if !r.More() {
		return KindEnd
	}
	b := r.b[r.off]
	switch b >> 5 {
	case majorUint:
		return KindUint
	case majorNegative:
		return KindNegative
	case majorBytes:
		return KindBytes
	case majorText:
		return KindText
	case majorArray:
		return KindArray
	case majorMap:
		return KindMap
	case majorTag:
		return KindTag
	}
	switch b {
	case headFalse, headTrue:
		return KindBool
	case headNull:
		return KindNull
	case headBreak:
		return KindBreak
	}
	return KindOther
}

// Uint reads an unsigned integer.
func (r *Reader) Uint() uint64 { return r.UintMax(math.MaxUint64) }

// UintMax reads an unsigned integer that is at most max, else ErrRange.
func (r *Reader) UintMax(max uint64) uint64 {
	start := r.off
	v := r.definite(majorUint)
	if v > max {
		r.failAt(start, ErrRange)
		return 0
	}
	return v
}

// Uint32 reads an unsigned integer of at most 32 bits.
func (r *Reader) Uint32() uint32 { return uint32(r.UintMax(math.MaxUint32)) }

// Int reads an integer that fits 64 bits with sign.
func (r *Reader) Int() int64 {
	start := r.off
	negative := r.Kind() == KindNegative
	major := byte(majorUint)
	if negative {
		major = majorNegative
	}
	v := r.definite(major)
	if v > math.MaxInt64 {
		r.failAt(start, ErrRange)
		return 0
	}
	if negative && r.err == nil {
		return ^int64(v)
	}
	return int64(v)
}

// Bytes reads a byte string. A string of indefinite length is taken if it has at most one chunk.
func (r *Reader) Bytes() []byte { return r.str(majorBytes) }

// BytesMax reads a byte string of at most max bytes, else ErrLength.
func (r *Reader) BytesMax(max int) []byte {
	start := r.off
	return r.limited(start, r.str(majorBytes), max)
}

// Fill reads a byte string of exactly len(dst) bytes into dst, else ErrLength.
func (r *Reader) Fill(dst []byte) {
	start := r.off
	p := r.str(majorBytes)
	if r.err == nil && len(p) != len(dst) {
		r.failAt(start, ErrLength)
	}
	if r.err == nil {
		copy(dst, p)
	}
}

// TextBytes reads a text string. It is UTF-8.
func (r *Reader) TextBytes() []byte {
	start := r.off
	p := r.str(majorText)
	if !utf8.Valid(p) {
		r.failAt(start, ErrUTF8)
		return nil
	}
	return p
}

// TextMax reads a text string of at most max bytes, else ErrLength. It allocates the string.
func (r *Reader) TextMax(max int) string {
	start := r.off
	return string(r.limited(start, r.TextBytes(), max))
}

// Text reads a text string. It allocates the string.
func (r *Reader) Text() string { return string(r.TextBytes()) }

// Array reads the head of an array and returns how many items follow; -1 means until Break, which
// only a lenient Reader returns. There are at least as many bytes left as items promised.
func (r *Reader) Array() int { return r.container(majorArray, 1) }

// Map reads the head of a map and returns how many pairs follow; -1 means until Break.
func (r *Reader) Map() int { return r.container(majorMap, 2) }

// Next says whether another item (or pair) of an array (or map) follows, and counts it off. n is
// what Array or Map returned:
//
//	for n := r.Map(); r.Next(&n); {
func (r *Reader) Next(n *int) bool {
	if r.err != nil || *n == 0 {
		return false
	}
	if *n < 0 {
		return !r.Break() && r.err == nil
	}
	*n--
	return true
}

// Break reads the end of an item of indefinite length if it is the next thing, and reports whether
// it was. At the end of the input it fails.
func (r *Reader) Break() bool {
	if r.err != nil {
		return false
	}
	if r.off >= len(r.b) {
		r.failAt(r.off, ErrTruncated)
		return false
	}
	if !r.lenient || r.b[r.off] != headBreak {
		return false
	}
	r.off++
	return true
}

// Tag reads the number of a tag; the item it belongs to follows.
func (r *Reader) Tag() uint64 { return r.definite(majorTag) }

// Bool reads true or false.
func (r *Reader) Bool() bool {
	if r.Kind() != KindBool {
		r.unexpected()
		return false
	}
	r.off++
	return r.b[r.off-1] == headTrue
}

// Null reads null if it is the next item, and reports whether it was; if not, the item is still to
// be read and there is no error.
func (r *Reader) Null() bool {
	if r.Kind() != KindNull {
		return false
	}
	r.off++
	return true
}

func (r *Reader) failAt(off int, err error) {
	if r.err == nil {
		r.err, r.errOff = err, off
	}
}

// unexpected fails because the next item is absent or of a kind that was not asked for.
func (r *Reader) unexpected() {
	if r.off >= len(r.b) {
		r.failAt(r.off, ErrTruncated)
		return
	}
	r.failAt(r.off, ErrKind)
}

func (r *Reader) limited(start int, p []byte, max int) []byte {
	if len(p) > max {
		r.failAt(start, ErrLength)
		return nil
	}
	return p
}

// definite reads a head of the given major type that has an argument.
func (r *Reader) definite(major byte) uint64 {
	start := r.off
	v, open := r.head(major)
	if open {
		r.failAt(start, ErrReserved)
		return 0
	}
	return v
}

// head reads a head of the given major type and returns its argument, or open for an indefinite
// length.
func (r *Reader) head(major byte) (v uint64, open bool) {
	if !r.More() || r.b[r.off]>>5 != major {
		r.unexpected()
		return 0, false
	}
	return r.argument()
}

// argument reads the head at the present offset, whatever its major type.
func (r *Reader) argument() (v uint64, open bool) {
	start := r.off
	info := r.b[start] & 31
	if info == indefinite {
		if !r.lenient {
			r.failAt(start, ErrIndefinite)
			return 0, false
		}
		r.off++
		return 0, true
	}
	if info > 27 {
		r.failAt(start, ErrReserved)
		return 0, false
	}
	if info < 24 {
		r.off++
		return uint64(info), false
	}
	size := 1 << (info - 24)
	if len(r.b)-start-1 < size {
		r.failAt(start, ErrTruncated)
		return 0, false
	}
	p := r.b[start+1 : start+1+size]
	var least uint64
	switch size {
	case 1:
		v, least = uint64(p[0]), 24
	case 2:
		v, least = uint64(binary.BigEndian.Uint16(p)), math.MaxUint8+1
	case 4:
		v, least = uint64(binary.BigEndian.Uint32(p)), math.MaxUint16+1
	case 8:
		v, least = binary.BigEndian.Uint64(p), math.MaxUint32+1
	}
	if v < least && !r.lenient {
		r.failAt(start, ErrShortest)
		return 0, false
	}
	r.off += 1 + size
	return v, false
}

func (r *Reader) container(major byte, unit uint64) int {
	start := r.off
	v, open := r.head(major)
	if open {
		return -1
	}
	if v > uint64(len(r.b)-r.off)/unit {
		r.failAt(start, ErrTruncated)
		return 0
	}
	return int(v)
}

// str reads a string of the given major type.
func (r *Reader) str(major byte) []byte {
	start := r.off
	v, open := r.head(major)
	if !open {
		return r.take(start, v)
	}
	if r.Break() {
		return r.b[r.off:r.off]
	}
	p := r.take(start, r.definite(major))
	if !r.Break() {
		r.failAt(start, ErrChunks)
		return nil
	}
	return p
}

func (r *Reader) take(start int, n uint64) []byte {
	if r.err != nil {
		return nil
	}
	if n > uint64(len(r.b)-r.off) {
		r.failAt(start, ErrTruncated)
		return nil
	}
	p := r.b[r.off : r.off+int(n) : r.off+int(n)]
	r.off += int(n)
	return p
}
