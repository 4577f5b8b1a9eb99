package release

import (
	"bytes"
	"crypto/ed25519"
	"fmt"

	"unbrick/internal/cbor"
)

// ContentType is what the header of a manifest says the payload is.
const ContentType = "application/vnd.unbrick.manifest.v2+cbor"

// manifestUse is what a manifest's signatures are for. It is a function so that the linker keeps no variable.
func manifestUse() use {
	return use{protected: "\xa1\x03\x78\x28" + ContentType, external: "unbrick release v2", max: MaxManifest, malformed: ErrManifest}
}

// Sign returns the manifest signed with each of keys, at most MaxManifest bytes. Equal manifests and keys give equal bytes, whatever
// the order of the keys. It fails with ErrManifest if m is not valid, ErrKey or ErrManySigners.
func Sign(m *Manifest, keys ...ed25519.PrivateKey) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	payload, err := encodePayload(m.write)
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	u, e := manifestUse(), envelope{payload: payload}
	if err := u.sign(&e, keys); err != nil {
		return nil, err
	}
	return u.seal(&e)
}

// AddSignatures returns signed, a manifest that Parse takes, with the signatures of keys besides those that it has, which are not
// looked at: k of n signers rarely sit at one machine. It fails as Sign does.
func AddSignatures(signed []byte, keys ...ed25519.PrivateKey) ([]byte, error) {
	_, e, err := parse(signed)
	if err != nil {
		return nil, err
	}
	u := manifestUse()
	if err := u.sign(&e, keys); err != nil {
		return nil, err
	}
	return u.seal(&e)
}

// MergeSignatures returns signed with the signatures of more, a manifest of the same payload, and says whose of them it did not have: one
// that a key made anew takes the place of the one before. Nothing to add leaves signed as it is. The signatures are not looked at. It
// fails with ErrManifest, ErrPayload if they do not say the same, or ErrManySigners.
func MergeSignatures(signed, more []byte) (merged []byte, added Signers, err error) {
	_, e, err := parse(signed)
	if err != nil {
		return nil, Signers{}, err
	}
	_, o, err := parse(more)
	if err != nil {
		return nil, Signers{}, err
	}
	if !bytes.Equal(e.payload, o.payload) {
		return nil, Signers{}, ErrPayload
	}
	for i, id := range o.signers.IDs() {
		isNew, err := e.put(id, o.signatures[i])
		if err != nil {
			return nil, Signers{}, err
		}
		if isNew {
			added.ids[added.count] = id
			added.count++
		}
	}
	if added.count == 0 {
		return signed, added, nil
	}
	u := manifestUse()
	merged, err = u.seal(&e)
	return merged, added, err
}

// Parse reads a signed manifest without checking its signatures, for showing and sorting. What it
// returns is only a claim until Verify agrees.
func Parse(signed []byte) (Manifest, Signers, error) {
	m, e, err := parse(signed)
	return m, e.signers, err
}

// Verify returns the manifest in signed if at least need of keys signed it, and at least one. It fails with ErrManifest (not of
// the one shape), ErrSignature (one that names a key of keys is not its), ErrUnknownKey or ErrSigners. Signatures by other keys may
// be there and do not count. Keys of a wrong length are passed over.
func Verify(signed []byte, keys []ed25519.PublicKey, need int) (Manifest, error) {
	m, e, err := parse(signed)
	if err != nil {
		return Manifest{}, err
	}
	u := manifestUse()
	if err := u.check(&e, keys, need); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

func parse(signed []byte) (m Manifest, e envelope, err error) {
	u := manifestUse()
	if e, err = u.open(signed); err != nil {
		return Manifest{}, envelope{}, err
	}
	if err := m.read(e.payload); err != nil {
		return Manifest{}, envelope{}, err
	}
	return m, e, nil
}

// encodePayload returns what write writes.
func encodePayload(write func(w *cbor.Writer)) ([]byte, error) {
	w := cbor.Appending(nil)
	write(w)
	return w.Result()
}
