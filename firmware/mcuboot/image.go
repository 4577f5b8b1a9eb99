package mcuboot

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"

	"unbrick/limits"
)

// Magic is the first word of an image.
const Magic = 0x96f3b83d

// MaxImage is the longest file that is read.
const MaxImage = limits.SlotImage

// What is wrong with a file. An error of Parse is one of these, with the particulars.
var (
	ErrNotImage = errors.New("not an MCUboot image")          // another magic, or too short for one
	ErrSizes    = errors.New("sizes contradict each other")   // of header, payload, TLV areas and file
	ErrTLV      = errors.New("malformed TLV area")            // another magic or length
	ErrNoHash   = errors.New("image has no hash")             // nothing says whether it arrived whole
	ErrHash     = errors.New("hash does not match the image") // some byte is not what was signed
	ErrUnsigned = errors.New("image is not signed")
)

// Flags of the header that matter to whoever sends an image.
const (
	FlagEncrypted128 = 0x04
	FlagEncrypted256 = 0x08
	FlagNotBootable  = 0x10
	FlagRAMLoad      = 0x20
)

// Types of TLVs that are looked at.
const (
	tlvKeyHash = 0x01
	tlvPubKey  = 0x02
	tlvSHA256  = 0x10
	tlvSHA384  = 0x11
	tlvSHA512  = 0x12
	tlvRSA2048 = 0x20
	tlvECDSA   = 0x22
	tlvRSA3072 = 0x23
	tlvEd25519 = 0x24
	tlvCounter = 0x50
)

const (
	headerSize     = 32
	tlvInfoSize    = 4
	tlvHeadSize    = 4
	magicPlain     = 0x6907
	magicProtected = 0x6908
	maxHeader      = 0x8000 // imgtool's --header-size; larger ones are no headers
)

// Image is what a signed image says of itself. Its hash was computed and is right, unless Encrypted.
type Image struct {
	Version   Version
	LoadAddr  uint32
	Header    int // bytes before the payload
	Payload   int // bytes
	Protected int // bytes of the protected TLV area
	Flags     uint32
	Size      int    // bytes of header, payload and TLV areas: what has to be sent
	Padding   int    // bytes behind, up to the slot's end, of an image made with a trailer
	Hash      []byte // the TLV's, of SHA-256, SHA-384 or SHA-512; a part of the file
	KeyHash   []byte // SHA-256 of the key that it says it is signed with; nil: it does not say
	Signature string // kind of the signature: "ECDSA"
	Counter   uint32 // security counter
	Counted   bool   // it has one
}

// Encrypted reports whether the payload is: its hash is over the plain bytes and cannot be checked here.
func (m *Image) Encrypted() bool { return m.Flags&(FlagEncrypted128|FlagEncrypted256) != 0 }

// Is reports whether a file begins as an image does.
func Is(file []byte) bool {
	return len(file) >= 4 && binary.LittleEndian.Uint32(file) == Magic
}

// ShortError refuses a file that ends before what its header promises.
type ShortError struct {
	Has, Wants int // bytes; at least so many are in the whole file
	class      error
}

func (e *ShortError) Error() string {
	return fmt.Sprintf("%v: cut short, %d of at least %d bytes", e.class, e.Has, e.Wants)
}

func (e *ShortError) Unwrap() error { return e.class }

// Parse reads and checks a whole file: magic, every size against every other, both TLV areas, the hash
// over header, payload and protected area, and that there is a signature.
func Parse(file []byte) (*Image, error) {
	if !Is(file) || len(file) < headerSize {
		return nil, ErrNotImage
	}
	if len(file) > MaxImage {
		return nil, fmt.Errorf("%w: file of %d bytes, at most %d", ErrSizes, len(file), MaxImage)
	}
	le := binary.LittleEndian
	m := &Image{
		LoadAddr: le.Uint32(file[4:]), Header: int(le.Uint16(file[8:])), Protected: int(le.Uint16(file[10:])),
		Flags:   le.Uint32(file[16:]),
		Version: Version{file[20], file[21], le.Uint16(file[22:]), le.Uint32(file[24:])},
	}
	payload := uint64(le.Uint32(file[12:]))
	least := uint64(m.Header) + payload + uint64(m.Protected) + tlvInfoSize
	switch {
	case m.Header < headerSize || m.Header > maxHeader:
		return nil, fmt.Errorf("%w: header of %d bytes", ErrSizes, m.Header)
	case payload > 0 && least > uint64(len(file)) && least <= MaxImage:
		return nil, &ShortError{len(file), int(least), ErrSizes}
	case payload == 0 || least > uint64(len(file)):
		return nil, fmt.Errorf("%w: header %d, payload %d and protected area %d in a file of %d bytes", ErrSizes, m.Header,
			payload, m.Protected, len(file))
	}
	m.Payload = int(payload)
	at := m.Header + m.Payload
	if m.Protected > 0 {
		n, err := m.area(file[at:], magicProtected)
		if err != nil {
			return nil, err
		}
		if n != m.Protected {
			return nil, fmt.Errorf("%w: protected area of %d bytes, the header says %d", ErrTLV, n, m.Protected)
		}
	}
	hashed := at + m.Protected
	n, err := m.area(file[hashed:], magicPlain)
	if err != nil && hashed+n > len(file) {
		return nil, &ShortError{len(file), hashed + n, ErrTLV}
	}
	if err != nil {
		return nil, err
	}
	m.Size = hashed + n
	m.Padding = len(file) - m.Size
	if m.Padding > 0 && !trailer(file) {
		return nil, fmt.Errorf("%w: %d bytes behind the image", ErrSizes, m.Padding)
	}
	return m, m.verify(file[:hashed])
}

// area reads one TLV area and returns its length, also of one that does not end in b. A type that is not known is passed over.
func (m *Image) area(b []byte, magic uint16) (int, error) {
	le := binary.LittleEndian
	if len(b) < tlvInfoSize || le.Uint16(b) != magic {
		return 0, fmt.Errorf("%w: no magic %#x", ErrTLV, magic)
	}
	total := int(le.Uint16(b[2:]))
	if total < tlvInfoSize || total > len(b) {
		return total, fmt.Errorf("%w: %d bytes, %d are there", ErrTLV, total, len(b))
	}
	for rest := b[tlvInfoSize:total]; len(rest) > 0; {
		if len(rest) < tlvHeadSize || int(le.Uint16(rest[2:])) > len(rest)-tlvHeadSize {
			return 0, fmt.Errorf("%w: an entry ends behind the area", ErrTLV)
		}
		kind, value := le.Uint16(rest), rest[tlvHeadSize:][:le.Uint16(rest[2:])]
		if err := m.entry(kind, value, magic == magicProtected); err != nil {
			return 0, err
		}
		rest = rest[tlvHeadSize+len(value):]
	}
	return total, nil
}

// hashSizes are the lengths of the hashes by their types.
var hashSizes = map[uint16]int{tlvSHA256: sha256.Size, tlvSHA384: sha512.Size384, tlvSHA512: sha512.Size}

// signatures are the kinds of signature by their types.
var signatures = map[uint16]string{tlvRSA2048: "RSA-2048", tlvECDSA: "ECDSA", tlvRSA3072: "RSA-3072", tlvEd25519: "Ed25519"}

func (m *Image) entry(kind uint16, value []byte, protected bool) error {
	size, hash := hashSizes[kind]
	name, signature := signatures[kind]
	switch {
	case (hash || signature || kind == tlvKeyHash || kind == tlvPubKey) && protected:
		return fmt.Errorf("%w: type %#x in the protected area", ErrTLV, kind)
	case hash && (m.Hash != nil || len(value) != size):
		return fmt.Errorf("%w: hash of %d bytes, want one of %d", ErrTLV, len(value), size)
	case hash:
		m.Hash = value
	case signature && len(value) == 0:
		return fmt.Errorf("%w: empty signature", ErrTLV)
	case signature:
		m.Signature = name
	case kind == tlvKeyHash && len(value) != sha256.Size:
		return fmt.Errorf("%w: hash of a key of %d bytes", ErrTLV, len(value))
	case kind == tlvKeyHash:
		m.KeyHash = value
	case kind == tlvPubKey:
		sum := sha256.Sum256(value)
		m.KeyHash = sum[:]
	case kind == tlvCounter && (!protected || len(value) != 4):
		// Unprotected it would count for nothing: anybody could change it.
		return fmt.Errorf("%w: security counter of %d bytes, protected: %t", ErrTLV, len(value), protected)
	case kind == tlvCounter:
		m.Counter, m.Counted = binary.LittleEndian.Uint32(value), true
	}
	return nil
}

// verify computes the hash over the bytes that it covers.
func (m *Image) verify(covered []byte) error {
	if m.Hash == nil {
		return ErrNoHash
	}
	if m.Signature == "" {
		return ErrUnsigned
	}
	if m.Encrypted() {
		return nil
	}
	var sum []byte
	switch len(m.Hash) {
	case sha256.Size:
		s := sha256.Sum256(covered)
		sum = s[:]
	case sha512.Size384:
		s := sha512.Sum384(covered)
		sum = s[:]
	default:
		s := sha512.Sum512(covered)
		sum = s[:]
	}
	if !bytes.Equal(sum, m.Hash) {
		return ErrHash
	}
	return nil
}

// trailerEnds are the last 14 bytes of a slot with a trailer: of MCUboot's own magic, and of the form
// whose first two bytes are the flash's alignment.
var trailerEnds = [2][14]byte{
	{0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80},
	{0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a},
}

// trailer reports whether a file fills its slot to the end, trailer included (imgtool --pad).
func trailer(file []byte) bool {
	for i := range trailerEnds {
		if bytes.HasSuffix(file, trailerEnds[i][:]) {
			return true
		}
	}
	return false
}
