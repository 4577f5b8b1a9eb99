package release_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"slices"

	"unbrick/internal/cbor"
	"unbrick/release"
)

// makerKey and otherKey are throw-away keys with seeds anyone can write down.
func makerKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0x42}, 32)) }
func otherKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0x24}, 32)) }

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// thirdKey and fourthKey sign beside them.
func thirdKey() ed25519.PrivateKey  { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0x33}, 32)) }
func fourthKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0x44}, 32)) }

// envelope builds COSE_Sign, right and wrong, without the code under test.
type envelope struct {
	tag         uint64 // 0 for none
	protected   []byte
	unprotected []byte
	payload     []byte
	context     string
	external    string
	signers     []signer
	tail        []byte
}

// signer is one signature of an envelope.
type signer struct {
	key         ed25519.PrivateKey
	protected   []byte
	unprotected []byte
	cut         int // bytes of the signature that are left out
}

// contentHeader is the protected header {3: content type}.
func contentHeader(contentType string) []byte {
	w := cbor.Appending(nil)
	w.Map(1)
	w.Uint(3)
	w.Text(contentType)
	return must(w.Result())
}

// signerHeader is the protected header {1: alg, 4: kid}.
func signerHeader(alg int64, kid []byte) []byte {
	w := cbor.Appending(nil)
	w.Map(2)
	w.Uint(1)
	w.Int(alg)
	w.Uint(4)
	w.Bytes(kid)
	return must(w.Result())
}

func signedBy(key ed25519.PrivateKey) signer {
	return signer{key: key, protected: signerHeader(-8, kid(key)), unprotected: []byte{0xa0}}
}

func kid(key ed25519.PrivateKey) []byte {
	sum := sha256.Sum256(public(key))
	return sum[:8]
}

// ascending returns keys in the order in which their signatures stand.
func ascending(keys ...ed25519.PrivateKey) []ed25519.PrivateKey {
	slices.SortFunc(keys, func(a, b ed25519.PrivateKey) int { return bytes.Compare(kid(a), kid(b)) })
	return keys
}

func newEnvelope(payload []byte, keys ...ed25519.PrivateKey) envelope {
	e := envelope{
		tag:         98,
		protected:   contentHeader("application/vnd.unbrick.manifest.v2+cbor"),
		unprotected: []byte{0xa0},
		payload:     payload,
		context:     "Signature",
		external:    "unbrick release v2",
	}
	if len(keys) == 0 {
		keys = []ed25519.PrivateKey{makerKey()}
	}
	for _, key := range ascending(keys...) {
		e.signers = append(e.signers, signedBy(key))
	}
	return e
}

func (e *envelope) build() []byte {
	w := cbor.Appending(nil)
	if e.tag != 0 {
		w.Tag(e.tag)
	}
	w.Array(4)
	w.Bytes(e.protected)
	w.Raw(e.unprotected)
	w.Bytes(e.payload)
	w.Array(len(e.signers))
	for _, s := range e.signers {
		w.Array(3)
		w.Bytes(s.protected)
		w.Raw(s.unprotected)
		signature := ed25519.Sign(s.key, e.message(s.protected))
		w.Bytes(signature[:len(signature)-s.cut])
	}
	w.Raw(e.tail)
	return must(w.Result())
}

// message is the Sig_structure of one signature.
func (e *envelope) message(signerProtected []byte) []byte {
	w := cbor.Appending(nil)
	w.Array(5)
	w.Text(e.context)
	w.Bytes(e.protected)
	w.Bytes(signerProtected)
	w.Bytes([]byte(e.external))
	w.Bytes(e.payload)
	return must(w.Result())
}

// field is one pair of a payload map; value is an encoded item.
type field struct {
	key   uint64
	value []byte
}

func number(v uint64) []byte { w := cbor.Appending(nil); w.Uint(v); return must(w.Result()) }
func text(s string) []byte {
	w := cbor.Appending(nil)
	w.Bytes([]byte(s))
	b := must(w.Result())
	b[0] ^= 0x40 ^ 0x60 // a text string, valid or not
	return b
}
func byteString(b []byte) []byte { w := cbor.Appending(nil); w.Bytes(b); return must(w.Result()) }

// longNote is that of the sound manifest.
const longNote = "The pump starts again after a dry run.\n\n* No setting changes.\n"

// fields of a sound manifest of a 5000-byte image.
func fields() []field {
	digest, root, note := sha256.Sum256([]byte("image")), sha256.Sum256([]byte("root")), sha256.Sum256([]byte(longNote))
	return []field{
		{1, text("0001")}, {2, text("1.4.0")}, {3, number(7)}, {4, number(2)}, {5, number(5000)},
		{6, byteString(digest[:])}, {7, number(4096)}, {8, byteString(root[:])}, {9, number(0)}, {10, number(0)}, {11, number(20788)},
		{12, text("Dry runs end well")}, {13, byteString(note[:])}, {14, text("")}, {15, text("")},
	}
}

// with returns the payload of a sound manifest with one value exchanged.
func with(key uint64, value []byte) []byte {
	f := fields()
	f[key-1].value = value
	return encode(f)
}

func encode(f []field) []byte {
	w := cbor.Appending(nil)
	w.Map(len(f))
	for _, p := range f {
		w.Uint(p.key)
		w.Raw(p.value)
	}
	return must(w.Result())
}

func soundManifest() release.Manifest {
	return release.Manifest{
		Model: "0001", Version: "1.4.0", Order: 7, Counter: 2, Size: 5000,
		Digest: sha256.Sum256([]byte("image")), LeafSize: 4096, Root: sha256.Sum256([]byte("root")),
		Day: 20788, Note: "Dry runs end well", LongNote: sha256.Sum256([]byte(longNote)),
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
