package release

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"

	"unbrick/internal/cbor"
	"unbrick/limits"
)

// FreshContentType is what the header of a freshness statement says the payload is.
const FreshContentType = "application/vnd.unbrick.fresh+cbor"

// COSE_Sign1 (RFC 9052 section 4.2): the tag and the context of what is signed.
const (
	sign1Tag     = 18
	sign1Context = "Signature1"

	// freshHead is the protected header up to the key's identifier: a map of three, 1: -8 (EdDSA), 3: the content type, 4: a byte
	// string of 8.
	freshHead     = "\xa3\x01\x27\x03\x78\x22" + FreshContentType + "\x04\x48"
	freshExternal = "unbrick fresh v1"
)

// MaxFresh is the most bytes a freshness statement has.
const MaxFresh = limits.Fresh

// ErrFresh is the class of every refusal of a freshness statement's form.
var ErrFresh = errors.New("malformed freshness statement")

// Fresh is a server's word on what is newest for a device, over a number that the device drew: nobody can have kept it from an
// earlier time. An online key of the trust statement signs it.
type Fresh struct {
	Subject   Digest // whom it is for, see SubjectOf
	Nonce     [16]byte
	Statement uint32 // version of the newest trust statement; 0: none
	Era       uint16 // and order of the newest release that is meant for the device
	Order     uint64
	Image     Digest // of that release; zero: none
	Reason    uint8  // a protocol.Reason: why that is all
	Time      uint64 // of the server, seconds since 1970-01-01, at most MaxNumber
}

// Keys of the payload map. All are there, in this order.
const (
	freshSubject = 1 + iota
	freshNonce
	freshStatement
	freshEra
	freshOrder
	freshImage
	freshReason
	freshTime

	freshPayloadKeys = freshTime
)

// SubjectOf names a device in a freshness statement: the SHA-256 of the CBOR array [model, serial]. An empty serial names a model
// at large.
func SubjectOf(model, serial string) (Digest, error) {
	if err := CheckID(model); err != nil {
		return Digest{}, fmt.Errorf("model: %w", err)
	}
	if serial != "" {
		if err := CheckID(serial); err != nil {
			return Digest{}, fmt.Errorf("serial: %w", err)
		}
	}
	var buf [2 * (MaxText + 3)]byte
	w := cbor.NewWriter(buf[:])
	w.Array(2)
	w.Text(model)
	w.Text(serial)
	b, err := w.Result()
	return sha256.Sum256(b), err
}

func (f *Fresh) write(w *cbor.Writer) {
	w.Map(freshPayloadKeys)
	w.Uint(freshSubject)
	w.Bytes(f.Subject[:])
	w.Uint(freshNonce)
	w.Bytes(f.Nonce[:])
	w.Uint(freshStatement)
	w.Uint(uint64(f.Statement))
	w.Uint(freshEra)
	w.Uint(uint64(f.Era))
	w.Uint(freshOrder)
	w.Uint(f.Order)
	w.Uint(freshImage)
	w.Bytes(f.Image[:])
	w.Uint(freshReason)
	w.Uint(uint64(f.Reason))
	w.Uint(freshTime)
	w.Uint(f.Time)
}

// read is the inverse of write and takes nothing that write would not write.
func (f *Fresh) read(payload []byte) error {
	r := cbor.NewReader(payload)
	if r.Map() != freshPayloadKeys {
		r.Fail(ErrFresh)
	}
	for key := uint64(freshSubject); key <= freshPayloadKeys; key++ {
		if r.Uint() != key {
			r.Fail(ErrFresh)
		}
		switch key {
		case freshSubject:
			r.Fill(f.Subject[:])
		case freshNonce:
			r.Fill(f.Nonce[:])
		case freshStatement:
			f.Statement = r.Uint32()
		case freshEra:
			f.Era = uint16(r.UintMax(math.MaxUint16))
		case freshOrder:
			f.Order = r.UintMax(MaxNumber)
		case freshImage:
			r.Fill(f.Image[:])
		case freshReason:
			f.Reason = uint8(r.UintMax(math.MaxUint8))
		case freshTime:
			f.Time = r.UintMax(MaxNumber)
		}
	}
	if err := r.Finish(); err != nil {
		return fmt.Errorf("%w: payload: %w", ErrFresh, err)
	}
	return nil
}

// SignFresh returns the statement signed with key, at most MaxFresh bytes. It fails with ErrFresh if a number is too large, or ErrKey.
func SignFresh(f *Fresh, key ed25519.PrivateKey) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, ErrKey
	}
	if f.Order > MaxNumber || f.Time > MaxNumber {
		return nil, fmt.Errorf("%w: order %d, time %d, at most %d", ErrFresh, f.Order, f.Time, uint64(MaxNumber))
	}
	payload, err := encodePayload(f.write)
	if err != nil {
		return nil, fmt.Errorf("encode freshness statement: %w", err)
	}
	id := IDOf(key.Public().(ed25519.PublicKey))
	protected := append([]byte(freshHead), id[:]...)
	message, err := freshMessage(protected, payload)
	if err != nil {
		return nil, err
	}
	w := cbor.Appending(nil)
	w.Tag(sign1Tag)
	w.Array(4)
	w.Bytes(protected)
	w.Map(0)
	w.Bytes(payload)
	w.Bytes(ed25519.Sign(key, message))
	return w.Result()
}

// ParseFresh reads a freshness statement without checking its signature, for showing.
func ParseFresh(signed []byte) (Fresh, KeyID, error) {
	f, e, err := parseFresh(signed)
	return f, e.id, err
}

// VerifyFresh returns the statement in signed if one of keys signed it. It fails with ErrFresh (not of the one shape),
// ErrUnknownKey or ErrSignature. Whether it is for this device and answers its number is the caller's care.
func VerifyFresh(signed []byte, keys []ed25519.PublicKey) (Fresh, error) {
	f, e, err := parseFresh(signed)
	if err != nil {
		return Fresh{}, err
	}
	message, err := freshMessage(e.protected, e.payload)
	if err != nil {
		return Fresh{}, fmt.Errorf("%w: %w", ErrFresh, err)
	}
	known := false
	for _, key := range keys {
		if len(key) != ed25519.PublicKeySize || IDOf(key) != e.id {
			continue
		}
		if ed25519.Verify(key, message, e.signature) {
			return f, nil
		}
		known = true
	}
	if known {
		return Fresh{}, ErrSignature
	}
	return Fresh{}, &UnknownKeyError{Signers: NewSigners(e.id)}
}

// freshParts are those of a freshness statement; the slices alias it.
type freshParts struct {
	id                            KeyID
	protected, payload, signature []byte
}

func parseFresh(signed []byte) (f Fresh, e freshParts, err error) {
	if len(signed) > MaxFresh {
		return Fresh{}, freshParts{}, fmt.Errorf("%w: %d bytes, at most %d", ErrFresh, len(signed), MaxFresh)
	}
	r := cbor.NewReader(signed)
	if r.Tag() != sign1Tag || r.Array() != 4 {
		r.Fail(ErrFresh)
	}
	if e.protected = r.Bytes(); !cutHead(e.protected, freshHead, &e.id) || r.Map() != 0 {
		r.Fail(ErrFresh)
	}
	e.payload = r.Bytes()
	if e.signature = r.Bytes(); len(e.signature) != ed25519.SignatureSize {
		r.Fail(ErrFresh)
	}
	if err := r.Finish(); err != nil {
		return Fresh{}, freshParts{}, fmt.Errorf("%w: %w", ErrFresh, err)
	}
	if err := f.read(e.payload); err != nil {
		return Fresh{}, freshParts{}, err
	}
	return f, e, nil
}

// freshMessage returns what is signed: the Sig_structure of RFC 9052 section 4.4 for one signature.
func freshMessage(protected, payload []byte) ([]byte, error) {
	w := cbor.Appending(nil)
	w.Array(4)
	w.Text(sign1Context)
	w.Bytes(protected)
	w.Bytes([]byte(freshExternal))
	w.Bytes(payload)
	return w.Result()
}
