package release_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"

	"unbrick/internal/cbor"
	"unbrick/release"
)

// makerKey and otherKey are throw-away keys with seeds anyone can write down.
func makerKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0x42}, 32)) }
func otherKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0x24}, 32)) }

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// envelope builds signed manifests, right and wrong, without the code under test.
type envelope struct {
	tag         uint64 // 0 for none
	protected   []byte
	unprotected []byte
	payload     []byte
	external    string
	key         ed25519.PrivateKey
	tail        []byte
}

// protected header {1: alg, 3: content type, 4: kid}.
func protected(alg int64, contentType string, kid []byte) []byte {
	w := cbor.Appending(nil)
	w.Map(3)
	w.Uint(1)
	w.Int(alg)
	w.Uint(3)
	w.Text(contentType)
	w.Uint(4)
	w.Bytes(kid)
	return must(w.Result())
}

func kid(key ed25519.PrivateKey) []byte {
	sum := sha256.Sum256(public(key))
	return sum[:8]
}

func newEnvelope(payload []byte) envelope {
	return envelope{
		tag:         18,
		protected:   protected(-8, "application/vnd.unbrick.manifest+cbor", kid(makerKey())),
		unprotected: []byte{0xa0},
		payload:     payload,
		external:    "unbrick release v1",
		key:         makerKey(),
	}
}

func (e *envelope) build() []byte {
	w := cbor.Appending(nil)
	w.Array(4)
	w.Text("Signature1")
	w.Bytes(e.protected)
	w.Bytes([]byte(e.external))
	w.Bytes(e.payload)
	signature := ed25519.Sign(e.key, must(w.Result()))

	w = cbor.Appending(nil)
	if e.tag != 0 {
		w.Tag(e.tag)
	}
	w.Array(4)
	w.Bytes(e.protected)
	w.Raw(e.unprotected)
	w.Bytes(e.payload)
	w.Bytes(signature)
	w.Raw(e.tail)
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

// fields of a sound manifest of a 5000-byte image.
func fields() []field {
	digest, root := sha256.Sum256([]byte("image")), sha256.Sum256([]byte("root"))
	return []field{
		{1, text("0001")}, {2, text("1.4.0")}, {3, number(7)}, {4, number(2)}, {5, number(5000)},
		{6, byteString(digest[:])}, {7, number(4096)}, {8, byteString(root[:])},
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
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
