// Package cbor reads and writes the part of CBOR (RFC 8949) that Unbrick speaks: unsigned and
// negative integers, byte and text strings, arrays, maps, tags, booleans and null.
//
// There is one way to write. The Writer makes only the deterministic encoding of RFC 8949 section
// 4.2.1, except that the order of map keys is the caller's care. The strict Reader takes nothing else:
// whatever it accepts, the Writer writes again byte for byte. It refuses floating point numbers,
// "undefined" and unassigned simple values, which no message of ours contains.
//
// The lenient Reader is for peers that are not ours (the Simple Management Protocol): it also takes
// longer integer heads and indefinite lengths, and can skip over any well-formed item.
//
// Neither side allocates memory while it works, except where a method says so; both are fit for a
// device. Nesting is bounded by MaxDepth and every length by what is left of the input. A Reader or
// Writer must not be used concurrently.
package cbor

import (
	"errors"
	"strconv"
)

// MaxDepth is how deep arrays, maps and tags may nest in an item that is skipped.
const MaxDepth = 16

// Why reading or writing stopped.
var (
	ErrTruncated  = errors.New("input ends inside an item")
	ErrKind       = errors.New("item of another kind")
	ErrShortest   = errors.New("head is not in its shortest form")
	ErrIndefinite = errors.New("indefinite length")
	ErrLength     = errors.New("length beyond the limit")
	ErrRange      = errors.New("number out of range")
	ErrDepth      = errors.New("nested too deep")
	ErrReserved   = errors.New("reserved or unsupported head")
	ErrUTF8       = errors.New("text is not UTF-8")
	ErrOrder      = errors.New("map keys out of order or repeated")
	ErrChunks     = errors.New("string in several chunks")
	ErrTrailing   = errors.New("bytes after the last item")
	ErrOverflow   = errors.New("buffer is full")
)

// Error tells where in the input reading stopped, and why.
type Error struct {
	Offset int // of the item that was refused, in bytes from the start of the input
	Err    error
}

func (e *Error) Error() string {
	return "cbor at offset " + strconv.Itoa(e.Offset) + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Kind is what the next item is.
type Kind uint8

// The kinds of items. KindEnd is the end of the input, an error included.
const (
	KindEnd Kind = iota
	KindUint
	KindNegative
	KindBytes
	KindText
	KindArray
	KindMap
	KindTag
	KindBool
	KindNull
	KindOther // float, undefined or another simple value: can only be skipped, leniently
	KindBreak // the end of an item of indefinite length
)

// Major types of RFC 8949 section 3.1.
const (
	majorUint = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// Whole heads, and the additional information that stands for an indefinite length.
const (
	headFalse  = majorSimple<<5 | 20
	headTrue   = majorSimple<<5 | 21
	headNull   = majorSimple<<5 | 22
	headBreak  = majorSimple<<5 | 31
	indefinite = 31
)
