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
	write(w *cbor.Writer)
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

// write calls the body's own write. The calls are static, so that the Writer needs no heap: on a device
// an answer is made without allocation.
func write(w *cbor.Writer, body Body) {
	switch m := body.(type) {
	case *Status:
		m.write(w)
	case *Offset:
		m.write(w)
	case *Digests:
		m.write(w)
	case *Record:
		m.write(w)
	case *Identity:
		m.write(w)
	case *EchoResponse:
		m.write(w)
	case *Parameters:
		m.write(w)
	case *State:
		m.write(w)
	case *EchoRequest:
		m.write(w)
	case *BootloaderRequest:
		m.write(w)
	case *Bootloader:
		m.write(w)
	case *UploadRequest:
		m.write(w)
	case *StateSetRequest:
		m.write(w)
	case *ReadoutRequest:
		m.write(w)
	case *Readout:
		m.write(w)
	case *EraseRequest:
		m.write(w)
	case *Erased:
		m.write(w)
	case *RecordRequest:
		m.write(w)
	case *DigestsRequest:
		m.write(w)
	case *BeginRequest:
		m.write(w)
	case *LeavesRequest:
		m.write(w)
	case *FileRequest:
		m.write(w)
	case *DataRequest:
		m.write(w)
	case *FramesRequest:
		m.write(w)
	case *Frames:
		m.write(w)
	case *ReceiptRequest:
		m.write(w)
	case *Receipt:
		m.write(w)
	case *TrustRequest:
		m.write(w)
	case *Empty, *ResetRequest, *ParametersRequest, *StateRequest, *IdentifyRequest, *StatusRequest, *FinishRequest, *AbortRequest:
		w.Map(0)
	default:
		panic("smp: body without an encoding")
	}
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

// closing ends the decoding of a body: everything was read, and the keys in need were all seen.
func closing(r *cbor.Reader, seen, need uint32) error {
	err := r.Finish()
	if err == nil && seen&need != need {
		err = ErrMissing
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBody, err)
	}
	return nil
}

// Empty is a body without keys that matter.
type Empty struct{}

func (*Empty) write(w *cbor.Writer) { w.Map(0) }

// DecodeBody implements Body. It takes any map, and nothing at all.
func (*Empty) DecodeBody(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		r.TextBytes()
		r.Skip()
	}
	return closing(r, 0, 0)
}
