package protocol

import (
	"errors"
	"fmt"

	"unbrick/internal/cbor"
	"unbrick/release"
)

// Why a message is not taken or not made.
var (
	ErrMalformed = errors.New("malformed message")
	ErrLimit     = errors.New("value beyond its limit")
	ErrCode      = errors.New("unknown message")
)

// CodeOf returns the code of an encoded message without reading the rest.
func CodeOf(b []byte) (Code, error) {
	if len(b) > MaxMessage {
		return 0, fmt.Errorf("%w: %d bytes: %w", ErrMalformed, len(b), ErrLimit)
	}
	r := cbor.NewReader(b)
	r.Array()
	c := Code(r.UintMax(0xff))
	if err := r.Err(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if c == 0 || int(c) >= len(codeNames) {
		return 0, fmt.Errorf("%w: %w: %d", ErrMalformed, ErrCode, c)
	}
	return c, nil
}

// Decode reads a message of any code into a new value. It is for the side that has memory.
func Decode(b []byte) (Message, error) {
	c, err := CodeOf(b)
	if err != nil {
		return nil, err
	}
	m := empty(c)
	if err := m.Decode(b); err != nil {
		return nil, err
	}
	return m, nil
}

func empty(c Code) Message {
	switch c {
	case CodeHello:
		return &Hello{}
	case CodeInfo:
		return &Info{}
	case CodeRequest:
		return &Request{}
	case CodeData:
		return &Data{}
	case CodeCredit:
		return &Credit{}
	case CodeEnd:
		return &End{}
	case CodeDone:
		return &Done{}
	case CodeGone:
		return &Gone{}
	case CodeError:
		return &Error{}
	case CodePing:
		return &Ping{}
	case CodePong:
		return &Pong{}
	case CodeBye:
		return &Bye{}
	case CodeChallenge:
		return &Challenge{}
	case CodeNews:
		return &News{}
	case CodeTrust:
		return &Trust{}
	case CodeFresh:
		return &Fresh{}
	}
	panic("protocol: code without a message")
}

// open begins the decoding of a message with the given number of items, the code included.
func open(r *cbor.Reader, b []byte, c Code, items int) {
	if len(b) > MaxMessage {
		r.Fail(ErrLimit)
	}
	if n := r.Array(); n != items {
		r.Fail(ErrMalformed)
	}
	if r.Uint() != uint64(c) {
		r.Fail(ErrCode)
	}
}

// shut ends the decoding: everything was read, and valid says whether the values go together.
func shut(r *cbor.Reader, c Code, valid error) error {
	err := r.Finish()
	if err == nil {
		err = valid
	}
	if err != nil {
		return fmt.Errorf("%w %s: %w", ErrMalformed, c, err)
	}
	return nil
}

// done ends the encoding.
func done(w *cbor.Writer, c Code, start int) ([]byte, error) {
	b, err := w.Result()
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", c, err)
	}
	if len(b)-start > MaxMessage {
		return nil, fmt.Errorf("encode %s: %w", c, ErrLimit)
	}
	return b, nil
}

func refuse(c Code, err error) ([]byte, error) { return nil, fmt.Errorf("encode %s: %w", c, err) }

// Append implements Message.
func (m *Request) Append(dst []byte) ([]byte, error) {
	if err := m.valid(); err != nil {
		return refuse(CodeRequest, err)
	}
	w := cbor.Appending(dst)
	w.Array(4)
	w.Uint(uint64(CodeRequest))
	w.Bytes(m.Digest[:])
	w.Uint(uint64(m.Offset))
	w.Uint(uint64(m.Credit))
	return done(w, CodeRequest, len(dst))
}

// Decode implements Message.
func (m *Request) Decode(b []byte) error {
	r := cbor.NewReader(b)
	open(r, b, CodeRequest, 4)
	r.Fill(m.Digest[:])
	m.Offset = r.Uint32()
	m.Credit = r.Uint32()
	return shut(r, CodeRequest, m.valid())
}

func (m *Request) valid() error {
	if m.Offset > MaxFile || m.Credit > MaxCredit {
		return ErrLimit
	}
	return nil
}

// Append implements Message.
func (m *Data) Append(dst []byte) ([]byte, error) {
	if err := m.valid(); err != nil {
		return refuse(CodeData, err)
	}
	w := cbor.Appending(dst)
	w.Array(3)
	w.Uint(uint64(CodeData))
	w.Uint(uint64(m.Offset))
	w.Bytes(m.Bytes)
	return done(w, CodeData, len(dst))
}

// Decode implements Message.
func (m *Data) Decode(b []byte) error {
	r := cbor.NewReader(b)
	open(r, b, CodeData, 3)
	m.Offset = r.Uint32()
	m.Bytes = r.Bytes()
	return shut(r, CodeData, m.valid())
}

func (m *Data) valid() error {
	if len(m.Bytes) == 0 || len(m.Bytes) > MaxData || m.Offset > MaxFile-uint32(len(m.Bytes)) {
		return ErrLimit
	}
	return nil
}

// Append implements Message.
func (m *Credit) Append(dst []byte) ([]byte, error) {
	if err := m.valid(); err != nil {
		return refuse(CodeCredit, err)
	}
	return appendNumber(dst, CodeCredit, m.Bytes)
}

// Decode implements Message.
func (m *Credit) Decode(b []byte) error {
	r := cbor.NewReader(b)
	m.Bytes = readNumber(r, b, CodeCredit)
	return shut(r, CodeCredit, m.valid())
}

func (m *Credit) valid() error {
	if m.Bytes == 0 || m.Bytes > MaxCredit {
		return ErrLimit
	}
	return nil
}

// Append implements Message.
func (m *End) Append(dst []byte) ([]byte, error) {
	if err := m.valid(); err != nil {
		return refuse(CodeEnd, err)
	}
	w := cbor.Appending(dst)
	w.Array(3)
	w.Uint(uint64(CodeEnd))
	w.Uint(uint64(m.Size))
	w.Bytes(m.Digest[:])
	return done(w, CodeEnd, len(dst))
}

// Decode implements Message.
func (m *End) Decode(b []byte) error {
	r := cbor.NewReader(b)
	open(r, b, CodeEnd, 3)
	m.Size = r.Uint32()
	r.Fill(m.Digest[:])
	return shut(r, CodeEnd, m.valid())
}

func (m *End) valid() error {
	if m.Size == 0 || m.Size > MaxFile {
		return ErrLimit
	}
	return nil
}

// Append implements Message.
func (m *Done) Append(dst []byte) ([]byte, error) {
	w := cbor.Appending(dst)
	w.Array(2)
	w.Uint(uint64(CodeDone))
	w.Bytes(m.Digest[:])
	return done(w, CodeDone, len(dst))
}

// Decode implements Message.
func (m *Done) Decode(b []byte) error {
	r := cbor.NewReader(b)
	open(r, b, CodeDone, 2)
	r.Fill(m.Digest[:])
	return shut(r, CodeDone, nil)
}

// Append implements Message.
func (m *Error) Append(dst []byte) ([]byte, error) {
	if err := m.valid(); err != nil {
		return refuse(CodeError, err)
	}
	w := cbor.Appending(dst)
	w.Array(4)
	w.Uint(uint64(CodeError))
	w.Uint(uint64(m.Fault))
	w.TextBytes(m.Text)
	w.Uint(uint64(m.Wait))
	return done(w, CodeError, len(dst))
}

// Decode implements Message.
func (m *Error) Decode(b []byte) error {
	r := cbor.NewReader(b)
	open(r, b, CodeError, 4)
	m.Fault = Fault(r.UintMax(0xff))
	m.Text = r.TextBytes()
	m.Wait = r.Uint32()
	return shut(r, CodeError, m.valid())
}

func (m *Error) valid() error {
	if m.Fault == 0 || m.Wait > MaxWait {
		return ErrLimit
	}
	if m.Wait == 0 && (m.Fault == FaultBusy || m.Fault == FaultShutdown) {
		return ErrMalformed // who cannot serve now says when
	}
	if err := release.CheckText(m.Text, MaxReason); err != nil {
		return fmt.Errorf("%w: %w", ErrLimit, err)
	}
	return nil
}

// Append implements Message.
func (m *Ping) Append(dst []byte) ([]byte, error) { return appendNumber(dst, CodePing, m.Number) }

// Decode implements Message.
func (m *Ping) Decode(b []byte) error {
	r := cbor.NewReader(b)
	m.Number = readNumber(r, b, CodePing)
	return shut(r, CodePing, nil)
}

// Append implements Message.
func (m *Pong) Append(dst []byte) ([]byte, error) { return appendNumber(dst, CodePong, m.Number) }

// Decode implements Message.
func (m *Pong) Decode(b []byte) error {
	r := cbor.NewReader(b)
	m.Number = readNumber(r, b, CodePong)
	return shut(r, CodePong, nil)
}

// Append implements Message.
func (*Bye) Append(dst []byte) ([]byte, error) {
	w := cbor.Appending(dst)
	w.Array(1)
	w.Uint(uint64(CodeBye))
	return done(w, CodeBye, len(dst))
}

// Decode implements Message.
func (*Bye) Decode(b []byte) error {
	r := cbor.NewReader(b)
	open(r, b, CodeBye, 1)
	return shut(r, CodeBye, nil)
}

func appendNumber(dst []byte, c Code, n uint32) ([]byte, error) {
	w := cbor.Appending(dst)
	w.Array(2)
	w.Uint(uint64(c))
	w.Uint(uint64(n))
	return done(w, c, len(dst))
}

func readNumber(r *cbor.Reader, b []byte, c Code) uint32 {
	open(r, b, c, 2)
	return r.Uint32()
}
