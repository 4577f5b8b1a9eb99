package release

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"unbrick/internal/cbor"
	"unbrick/limits"
)

// COSE_Sign (RFC 9052 section 4.1): the tag, the number of elements of the message and of a signature, and the context of what is
// signed.
const (
	signTag      = 98
	signElements = 4
	signatureOf  = 3
	signContext  = "Signature"
)

// signerHead is the protected header of a signature up to the key's identifier: a map of two, 1: -8 (EdDSA), 4: a byte string of 8.
// Comparing bytes is the strictest way to read it.
const signerHead = "\xa2\x01\x27\x04\x48"

// use is what a signature is for: another use, or another version of it, has other words, and no signature counts for both.
type use struct {
	protected string // header of the body: a map of one, 3: the content type
	external  string // external data
	max       int    // bytes of the whole
	malformed error  // class of every refusal of its form
}

// maxSigned bounds the signed structure: context, headers, external data and the longest payload.
const maxSigned = 768

// MaxSigners is how many may sign one thing.
const MaxSigners = limits.Signers

var (
	// ErrSignature tells that the key is known and the signature is not its.
	ErrSignature = errors.New("signature does not match")
	// ErrUnknownKey tells that no given key has an identifier that the signatures name. It comes as an *UnknownKeyError.
	ErrUnknownKey = errors.New("unknown key")
	// ErrSigners tells that fewer known keys signed than must have. It comes as a *SignersError.
	ErrSigners = errors.New("too few signatures")
	// ErrKey tells that a key given to a function that signs is no Ed25519 private key.
	ErrKey = errors.New("not an ed25519 key")
	// ErrManySigners tells that a signature more does not fit.
	ErrManySigners = fmt.Errorf("more than %d signatures", MaxSigners)

	// ErrPayload tells that two signed manifests do not say the same.
	ErrPayload = errors.New("another manifest")
)

// UnknownKeyError names the keys that signed something and are not trusted.
type UnknownKeyError struct{ Signers Signers }

func (e *UnknownKeyError) Error() string {
	if e.Signers.count > 1 {
		return "unknown keys " + e.Signers.String()
	}
	return "unknown key " + e.Signers.String()
}

// Is makes the error an ErrUnknownKey.
func (e *UnknownKeyError) Is(target error) bool { return target == ErrUnknownKey }

// SignersError tells how many known keys signed, and how many must have.
type SignersError struct{ Has, Needs int }

func (e *SignersError) Error() string {
	return fmt.Sprintf("too few signatures: %d of %d by known keys", e.Has, e.Needs)
}

// Is makes the error an ErrSigners.
func (e *SignersError) Is(target error) bool { return target == ErrSigners }

// KeyID names a public key: the first 8 bytes of its SHA-256.
type KeyID [8]byte

func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// IDOf returns the identifier of pub.
func IDOf(pub ed25519.PublicKey) KeyID {
	sum := sha256.Sum256(pub)
	return KeyID(sum[:8])
}

// Signers are the keys that something says it is signed with, ascending. The zero value has none. Signers can be compared with ==.
type Signers struct {
	ids   [MaxSigners]KeyID
	count uint8
}

// NewSigners returns these keys as Signers. They are at most MaxSigners, else it panics.
func NewSigners(ids ...KeyID) Signers {
	if len(ids) > MaxSigners {
		panic("release: too many signers")
	}
	var s Signers
	s.count = uint8(copy(s.ids[:], ids))
	slices.SortFunc(s.ids[:s.count], func(a, b KeyID) int { return slices.Compare(a[:], b[:]) })
	return s
}

// IDs returns the keys' identifiers. They are those of s: not to be changed.
func (s *Signers) IDs() []KeyID { return s.ids[:s.count] }

// Has reports whether id is one of s.
func (s *Signers) Has(id KeyID) bool { return slices.Contains(s.IDs(), id) }

// Len returns how many they are.
func (s *Signers) Len() int { return int(s.count) }

// Among returns those of s that are among ids.
func (s *Signers) Among(ids []KeyID) Signers {
	var both Signers
	for _, id := range s.IDs() {
		if slices.Contains(ids, id) {
			both.ids[both.count] = id
			both.count++
		}
	}
	return both
}

// Known returns those of s that are keys of the list.
func (s *Signers) Known(keys []ed25519.PublicKey) Signers {
	var both Signers
	for _, id := range s.IDs() {
		if slices.ContainsFunc(keys, func(key ed25519.PublicKey) bool { return len(key) == ed25519.PublicKeySize && IDOf(key) == id }) {
			both.ids[both.count] = id
			both.count++
		}
	}
	return both
}

// String returns the identifiers, separated by commas.
func (s Signers) String() string {
	all := make([]string, s.count)
	for i, id := range s.IDs() {
		all[i] = id.String()
	}
	return strings.Join(all, ", ")
}

// envelope is a signed thing in its parts; the slices alias it.
type envelope struct {
	signers    Signers
	signatures [MaxSigners][]byte
	payload    []byte
}

// open reads the shape of a signed thing, and nothing of its payload.
func (u *use) open(signed []byte) (envelope, error) {
	var e envelope
	if len(signed) > u.max {
		return envelope{}, fmt.Errorf("%w: %d bytes, at most %d", u.malformed, len(signed), u.max)
	}
	r := cbor.NewReader(signed)
	if r.Tag() != signTag || r.Array() != signElements || string(r.Bytes()) != u.protected || r.Map() != 0 {
		r.Fail(u.malformed)
	}
	e.payload = r.Bytes()
	n := r.Array()
	if n == 0 || n > MaxSigners {
		r.Fail(u.malformed)
		n = 0
	}
	for i := range n {
		if r.Array() != signatureOf {
			r.Fail(u.malformed)
		}
		var id KeyID
		if !cutHead(r.Bytes(), signerHead, &id) || r.Map() != 0 {
			r.Fail(u.malformed)
		}
		if i > 0 && slices.Compare(e.signers.ids[i-1][:], id[:]) >= 0 {
			r.Fail(u.malformed)
		}
		e.signers.ids[i] = id
		if e.signatures[i] = r.Bytes(); len(e.signatures[i]) != ed25519.SignatureSize {
			r.Fail(u.malformed)
		}
	}
	e.signers.count = uint8(n)
	if err := r.Finish(); err != nil {
		return envelope{}, fmt.Errorf("%w: %w", u.malformed, err)
	}
	return e, nil
}

// cutHead reads the key's identifier behind head, which it must follow, and end there.
func cutHead(protected []byte, head string, id *KeyID) bool {
	if len(protected) != len(head)+len(id) || string(protected[:len(head)]) != head {
		return false
	}
	copy(id[:], protected[len(head):])
	return true
}

// check says whether at least need of keys signed e. Every signature that names one of keys must be its; those of other keys do not
// count and are not looked at. Keys of a wrong length are passed over.
func (u *use) check(e *envelope, keys []ed25519.PublicKey, need int) error {
	var structure [maxSigned]byte
	known := 0
	for i, id := range e.signers.IDs() {
		message, err := u.message(structure[:], id, e.payload)
		if err != nil {
			return fmt.Errorf("%w: %w", u.malformed, err)
		}
		named, right := false, false
		for _, key := range keys {
			if len(key) != ed25519.PublicKeySize || IDOf(key) != id {
				continue
			}
			named = true
			if right = ed25519.Verify(key, message, e.signatures[i]); right {
				break
			}
		}
		if named && !right {
			return ErrSignature
		}
		if right {
			known++
		}
	}
	switch {
	case known == 0:
		return &UnknownKeyError{Signers: e.signers}
	case known < need:
		return &SignersError{Has: known, Needs: need}
	}
	return nil
}

// message writes what the key of this identifier signs into buf: the Sig_structure of RFC 9052 section 4.4.
func (u *use) message(buf []byte, id KeyID, payload []byte) ([]byte, error) {
	w := cbor.NewWriter(buf)
	w.Array(5)
	w.Text(signContext)
	w.Bytes([]byte(u.protected))
	writeSigner(w, id)
	w.Bytes([]byte(u.external))
	w.Bytes(payload)
	return w.Result()
}

// writeSigner writes the protected header of a signature.
func writeSigner(w *cbor.Writer, id KeyID) {
	var head [len(signerHead) + len(id)]byte
	copy(head[:], signerHead)
	copy(head[len(signerHead):], id[:])
	w.Bytes(head[:])
}

// sign adds the signatures of keys to e. One that is there already is made again.
func (u *use) sign(e *envelope, keys []ed25519.PrivateKey) error {
	for _, key := range keys {
		if len(key) != ed25519.PrivateKeySize {
			return ErrKey
		}
		var structure [maxSigned]byte
		id := IDOf(key.Public().(ed25519.PublicKey))
		message, err := u.message(structure[:], id, e.payload)
		if err != nil {
			return err
		}
		if _, err := e.put(id, ed25519.Sign(key, message)); err != nil {
			return err
		}
	}
	return nil
}

// put adds a key's signature, in the place of one that the key made before. It says whether it was not there.
func (e *envelope) put(id KeyID, signature []byte) (isNew bool, err error) {
	at, there := slices.BinarySearchFunc(e.signers.IDs(), id, func(a, b KeyID) int { return slices.Compare(a[:], b[:]) })
	if !there {
		if e.signers.count == MaxSigners {
			return false, ErrManySigners
		}
		copy(e.signers.ids[at+1:], e.signers.ids[at:])
		copy(e.signatures[at+1:], e.signatures[at:])
		e.signers.ids[at] = id
		e.signers.count++
	}
	isNew = !there || !slices.Equal(e.signatures[at], signature)
	e.signatures[at] = signature
	return isNew, nil
}

// seal returns the bytes of e.
func (u *use) seal(e *envelope) ([]byte, error) {
	if e.signers.count == 0 {
		return nil, fmt.Errorf("%w: nobody signs", ErrKey)
	}
	w := cbor.Appending(nil)
	w.Tag(signTag)
	w.Array(signElements)
	w.Bytes([]byte(u.protected))
	w.Map(0)
	w.Bytes(e.payload)
	w.Array(int(e.signers.count))
	for i, id := range e.signers.IDs() {
		w.Array(signatureOf)
		writeSigner(w, id)
		w.Map(0)
		w.Bytes(e.signatures[i])
	}
	return w.Result()
}
