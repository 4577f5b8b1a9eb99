package release

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"

	"unbrick/limits"
)

// MaxKeyFile is the most bytes a key file can have.
const MaxKeyFile = limits.KeyFile

// ErrKeyFile tells that a file is not the kind of key file that was asked for.
var ErrKeyFile = errors.New("malformed key file")

// Key files are PEM: "PRIVATE KEY" around PKCS #8 and "PUBLIC KEY" around the X.509 form of RFC 8410,
// as other tools make them for Ed25519. Each has one DER encoding, a constant head before the 32 bytes
// of seed or public key; so no ASN.1 reader is needed.
const (
	privateBlock = "PRIVATE KEY"
	privateHead  = "\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"
	publicBlock  = "PUBLIC KEY"
	publicHead   = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"
)

// MarshalKey returns the key file of key, which is a secret. It fails with ErrKey if key is none.
func MarshalKey(key ed25519.PrivateKey) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, ErrKey
	}
	return marshal(privateBlock, privateHead, key.Seed()), nil
}

// ParseKey is the inverse of MarshalKey. Its errors say nothing of what is in the file.
func ParseKey(file []byte) (ed25519.PrivateKey, error) {
	seed, err := unmarshal(file, privateBlock, privateHead)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// MarshalPub returns the key file of a public key. It fails with ErrKey if pub is none.
func MarshalPub(pub ed25519.PublicKey) ([]byte, error) {
	if len(pub) != ed25519.PublicKeySize {
		return nil, ErrKey
	}
	return marshal(publicBlock, publicHead, pub), nil
}

// ParsePub is the inverse of MarshalPub.
func ParsePub(file []byte) (ed25519.PublicKey, error) {
	pub, err := unmarshal(file, publicBlock, publicHead)
	if err != nil {
		return nil, err
	}
	return ed25519.PublicKey(pub), nil
}

func marshal(block, head string, key []byte) []byte {
	der := append([]byte(head), key...)
	return pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der})
}

func unmarshal(file []byte, block, head string) ([]byte, error) {
	if len(file) > MaxKeyFile {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrKeyFile, len(file), MaxKeyFile)
	}
	b, rest := pem.Decode(file)
	if b == nil {
		return nil, fmt.Errorf("%w: no PEM block", ErrKeyFile)
	}
	if b.Type != block {
		return nil, fmt.Errorf("%w: holds a %.40q, wanted a %q", ErrKeyFile, b.Type, block)
	}
	key, ok := bytes.CutPrefix(b.Bytes, []byte(head))
	if !ok || len(key) != ed25519.SeedSize {
		return nil, fmt.Errorf("%w: not an ed25519 key of the plain form", ErrKeyFile)
	}
	if len(b.Headers) != 0 || len(bytes.TrimSpace(rest)) != 0 {
		return nil, fmt.Errorf("%w: more than one key", ErrKeyFile)
	}
	return key, nil
}
