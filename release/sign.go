package release

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"unbrick/internal/cbor"
)

// COSE_Sign1 (RFC 9052 section 4.2): the tag, the number of elements, the context of what is signed,
// and the external data that ties a signature to this use and this version of it.
const (
	coseTag      = 18
	coseElements = 4
	coseContext  = "Signature1"
	externalData = "unbrick release v1"
)

// ContentType is what the protected header says the payload is.
const ContentType = "application/vnd.unbrick.manifest+cbor"

// protectedHead is the protected header up to the key's identifier: a map of three, 1: -8 (EdDSA),
// 3: ContentType, 4: a byte string of 8. Comparing bytes is the strictest way to read it.
const protectedHead = "\xa3\x01\x27\x03\x78\x25" + ContentType + "\x04\x48"

// maxSigned bounds the signed structure: context, protected header, external data and the longest
// payload, which is below 200 bytes.
const maxSigned = 384

var (
	// ErrSignature tells that the key is known and the signature is not its.
	ErrSignature = errors.New("signature does not match")
	// ErrUnknownKey tells that no given key has the identifier that the manifest names. It comes as
	// an *UnknownKeyError.
	ErrUnknownKey = errors.New("unknown key")
	// ErrKey tells that a key given to Sign is no Ed25519 private key.
	ErrKey = errors.New("not an ed25519 key")
)

// UnknownKeyError names the key that signed a manifest and is not trusted.
type UnknownKeyError struct{ ID KeyID }

func (e *UnknownKeyError) Error() string { return "unknown key " + e.ID.String() }

// Is makes the error an ErrUnknownKey.
func (e *UnknownKeyError) Is(target error) bool { return target == ErrUnknownKey }

// KeyID names a public key: the first 8 bytes of its SHA-256.
type KeyID [8]byte

func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// IDOf returns the identifier of pub.
func IDOf(pub ed25519.PublicKey) KeyID {
	sum := sha256.Sum256(pub)
	return KeyID(sum[:8])
}

// Sign returns the signed manifest, at most MaxManifest bytes. Equal manifests and keys give equal
// bytes.
func Sign(m *Manifest, key ed25519.PrivateKey) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, ErrKey
	}
	if err := m.Validate(); err != nil {
		return nil, err
	}
	var buf [maxSigned]byte
	w := cbor.NewWriter(buf[:])
	m.write(w)
	payload, err := w.Result()
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	id := IDOf(key.Public().(ed25519.PublicKey))
	protected := append([]byte(protectedHead), id[:]...)

	var structure [maxSigned]byte
	message, err := toBeSigned(structure[:], protected, payload)
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	out := cbor.Appending(nil)
	out.Tag(coseTag)
	out.Array(coseElements)
	out.Bytes(protected)
	out.Map(0)
	out.Bytes(payload)
	out.Bytes(ed25519.Sign(key, message))
	return out.Result()
}

// Parse reads a signed manifest without checking its signature, for showing and sorting. What it
// returns is only a claim until Verify agrees.
func Parse(signed []byte) (Manifest, KeyID, error) {
	m, p, err := parse(signed)
	return m, p.id, err
}

// Verify returns the manifest in signed if one of keys signed it. It fails with ErrManifest (not of
// the one shape), ErrUnknownKey or ErrSignature. Keys of a wrong length are passed over.
func Verify(signed []byte, keys []ed25519.PublicKey) (Manifest, error) {
	m, p, err := parse(signed)
	if err != nil {
		return Manifest{}, err
	}
	var structure [maxSigned]byte
	message, err := toBeSigned(structure[:], p.protected, p.payload)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	known := false
	for _, key := range keys {
		if len(key) != ed25519.PublicKeySize || IDOf(key) != p.id {
			continue
		}
		if ed25519.Verify(key, message, p.signature) {
			return m, nil
		}
		known = true
	}
	if known {
		return Manifest{}, ErrSignature
	}
	return Manifest{}, &UnknownKeyError{ID: p.id}
}

// parts of a signed manifest; the slices alias it.
type parts struct {
	id                            KeyID
	protected, payload, signature []byte
}

func parse(signed []byte) (m Manifest, p parts, err error) {
	if len(signed) > MaxManifest {
		return Manifest{}, parts{}, fmt.Errorf("%w: %d bytes, at most %d", ErrManifest, len(signed), MaxManifest)
	}
	r := cbor.NewReader(signed)
	if r.Tag() != coseTag || r.Array() != coseElements {
		r.Fail(ErrManifest)
	}
	p.protected = r.Bytes()
	id, ok := bytes.CutPrefix(p.protected, []byte(protectedHead))
	if !ok || len(id) != len(p.id) {
		r.Fail(ErrManifest)
	}
	if r.Map() != 0 {
		r.Fail(ErrManifest)
	}
	p.payload = r.Bytes()
	p.signature = r.Bytes()
	if len(p.signature) != ed25519.SignatureSize {
		r.Fail(ErrManifest)
	}
	if err := r.Finish(); err != nil {
		return Manifest{}, parts{}, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if err := m.read(p.payload); err != nil {
		return Manifest{}, parts{}, err
	}
	copy(p.id[:], id)
	return m, p, nil
}

// toBeSigned writes the Sig_structure of RFC 9052 section 4.4 into buf.
func toBeSigned(buf, protected, payload []byte) ([]byte, error) {
	w := cbor.NewWriter(buf)
	w.Array(4)
	w.Text(coseContext)
	w.Bytes(protected)
	w.Bytes([]byte(externalData))
	w.Bytes(payload)
	return w.Result()
}
