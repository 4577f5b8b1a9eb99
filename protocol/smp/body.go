package smp

import (
	"encoding/binary"
	"errors"
	"fmt"

	"unbrick/internal/cbor"
)

// What is wrong with a body.
var (
	ErrBody    = errors.New("malformed body")
	ErrMissing = errors.New("key is missing")
	ErrLimit   = errors.New("value beyond its limit")
)

// Body is the CBOR map of one request or response.
type Body interface {
	// fields goes over the pairs of the map.
	fields(f *fields)
	// DecodeBody reads the map. Byte fields alias b. After an error the value is undefined.
	DecodeBody(b []byte) error
}

// Request is a Body that knows its command.
type Request interface {
	Body
	// Head returns the header of the request: operation, version 1, group and ID.
	Head() Header
}

// AppendPacket appends the packet of a header and a body; the header's length is set. dst grows only
// if its capacity is too small.
func AppendPacket(dst []byte, h Header, body Body) ([]byte, error) {
	start := len(dst)
	w := cbor.Appending(h.Append(dst))
	write(w, body)
	return seal(w, start)
}

// seal sets the length of the packet that begins at start.
func seal(w *cbor.Writer, start int) ([]byte, error) {
	b, err := w.Result()
	if err != nil {
		return nil, fmt.Errorf("encode packet: %w", err)
	}
	n := len(b) - start - HeaderSize
	if n > 0xffff {
		return nil, fmt.Errorf("encode packet: %w", ErrLimit)
	}
	binary.BigEndian.PutUint16(b[start+2:], uint16(n))
	return b, nil
}

// is compares a key with a word without allocating.
func is(key []byte, word string) bool { return string(key) == word }

// Empty is a body without keys that matter.
type Empty struct{}

func (*Empty) fields(*fields) {}

// DecodeBody implements Body. It takes any map, and nothing at all.
func (m *Empty) DecodeBody(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	return read(m, b)
}
