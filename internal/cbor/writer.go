package cbor

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Writer appends items to a buffer. The first error sticks, and Result returns it. The caller writes
// as many items after Array, Map and Tag as it promised, and map keys in bytewise order of their
// encodings, which for unsigned keys is the order of the numbers.
type Writer struct {
	buf  []byte
	grow bool
	err  error
}

// NewWriter returns a Writer that fills buf from its beginning, up to its capacity. It never
// allocates: what does not fit is ErrOverflow.
func NewWriter(buf []byte) *Writer { return &Writer{buf: buf[:0]} }

// Appending returns a Writer that appends to buf and grows it as needed.
func Appending(buf []byte) *Writer { return &Writer{buf: buf, grow: true} }

// Result returns everything written so far, or the first error.
func (w *Writer) Result() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	return w.buf, nil
}

// Len returns how many bytes the buffer holds.
func (w *Writer) Len() int { return len(w.buf) }

// Uint writes an unsigned integer.
func (w *Writer) Uint(v uint64) { w.head(majorUint, v) }

// Int writes an integer.
func (w *Writer) Int(v int64) {
	if v < 0 {
		w.head(majorNegative, ^uint64(v))
		return
	}
	w.head(majorUint, uint64(v))
}

// Bytes writes a byte string.
func (w *Writer) Bytes(p []byte) {
	w.head(majorBytes, uint64(len(p)))
	w.Raw(p)
}

// Text writes a text string. It refuses what is not UTF-8.
func (w *Writer) Text(s string) {
	if !utf8.ValidString(s) {
		w.fail(ErrUTF8)
		return
	}
	w.head(majorText, uint64(len(s)))
	if w.room(len(s)) {
		w.buf = append(w.buf, s...)
	}
}

// TextBytes writes p as a text string. It refuses what is not UTF-8.
func (w *Writer) TextBytes(p []byte) {
	if !utf8.Valid(p) {
		w.fail(ErrUTF8)
		return
	}
	w.head(majorText, uint64(len(p)))
	w.Raw(p)
}

// Array begins an array of n items.
func (w *Writer) Array(n int) { w.container(majorArray, n) }

// Map begins a map of n pairs.
func (w *Writer) Map(n int) { w.container(majorMap, n) }

// Tag writes a tag; the item it belongs to follows.
func (w *Writer) Tag(number uint64) { w.head(majorTag, number) }

// Bool writes true or false.
func (w *Writer) Bool(v bool) {
	b := byte(headFalse)
	if v {
		b = headTrue
	}
	w.octet(b)
}

// Null writes null.
func (w *Writer) Null() { w.octet(headNull) }

// Raw appends bytes that are CBOR already.
func (w *Writer) Raw(p []byte) {
	if w.room(len(p)) {
		w.buf = append(w.buf, p...)
	}
}

func (w *Writer) octet(b byte) {
	if w.room(1) {
		w.buf = append(w.buf, b)
	}
}

func (w *Writer) container(major byte, n int) {
	if n < 0 {
		panic("cbor: negative count")
	}
	w.head(major, uint64(n))
}

// head writes the shortest head of RFC 8949 section 3 for the argument v.
func (w *Writer) head(major byte, v uint64) {
	var b [9]byte
	n := 1
	switch {
	case v < 24:
		b[0] = byte(v)
	case v <= math.MaxUint8:
		b[0], b[1], n = 24, byte(v), 2
	case v <= math.MaxUint16:
		b[0], n = 25, 3
		binary.BigEndian.PutUint16(b[1:], uint16(v))
	case v <= math.MaxUint32:
		b[0], n = 26, 5
		binary.BigEndian.PutUint32(b[1:], uint32(v))
	default:
		b[0], n = 27, 9
		binary.BigEndian.PutUint64(b[1:], v)
	}
	b[0] |= major << 5
	if w.room(n) {
		w.buf = append(w.buf, b[:n]...)
	}
}

func (w *Writer) room(n int) bool {
	if w.err != nil {
		return false
	}
	if !w.grow && cap(w.buf)-len(w.buf) < n {
		w.err = ErrOverflow
		return false
	}
	return true
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}
