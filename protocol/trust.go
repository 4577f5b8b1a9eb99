package protocol

import (
	"unbrick/internal/cbor"
	"unbrick/limits"
)

// Append implements Message.
func (m *Challenge) Append(dst []byte) ([]byte, error) {
	w := cbor.Appending(dst)
	w.Array(2)
	w.Uint(uint64(CodeChallenge))
	w.Bytes(m.Nonce[:])
	return done(w, CodeChallenge, len(dst))
}

// Decode implements Message.
func (m *Challenge) Decode(b []byte) error {
	r := cbor.NewReader(b)
	open(r, b, CodeChallenge, 2)
	r.Fill(m.Nonce[:])
	return shut(r, CodeChallenge, nil)
}

// Append implements Message.
func (m *News) Append(dst []byte) ([]byte, error) {
	if m.Wait > MaxWait {
		return refuse(CodeNews, ErrLimit)
	}
	w := cbor.Appending(dst)
	w.Array(3)
	w.Uint(uint64(CodeNews))
	w.Bytes(m.Nonce[:])
	w.Uint(uint64(m.Wait))
	return done(w, CodeNews, len(dst))
}

// Decode implements Message.
func (m *News) Decode(b []byte) error {
	r := cbor.NewReader(b)
	open(r, b, CodeNews, 3)
	r.Fill(m.Nonce[:])
	if m.Wait = r.Uint32(); m.Wait > MaxWait {
		r.Fail(ErrLimit)
	}
	return shut(r, CodeNews, nil)
}

// Append implements Message.
func (m *Trust) Append(dst []byte) ([]byte, error) {
	return appendSigned(dst, CodeTrust, m.Statement, limits.Statement)
}

// Decode implements Message.
func (m *Trust) Decode(b []byte) (err error) {
	m.Statement, err = readSigned(b, CodeTrust, limits.Statement)
	return err
}

// Append implements Message.
func (m *Fresh) Append(dst []byte) ([]byte, error) {
	return appendSigned(dst, CodeFresh, m.Signed, limits.Fresh)
}

// Decode implements Message.
func (m *Fresh) Decode(b []byte) (err error) {
	m.Signed, err = readSigned(b, CodeFresh, limits.Fresh)
	return err
}

// appendSigned encodes a message that is one signed thing, which this package does not look into.
func appendSigned(dst []byte, c Code, signed []byte, most int) ([]byte, error) {
	if len(signed) == 0 || len(signed) > most {
		return refuse(c, ErrLimit)
	}
	w := cbor.Appending(dst)
	w.Array(2)
	w.Uint(uint64(c))
	w.Bytes(signed)
	return done(w, c, len(dst))
}

func readSigned(b []byte, c Code, most int) ([]byte, error) {
	r := cbor.NewReader(b)
	open(r, b, c, 2)
	signed := r.BytesMax(most)
	if len(signed) == 0 {
		r.Fail(ErrLimit)
	}
	return signed, shut(r, c, nil)
}
