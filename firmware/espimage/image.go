package espimage

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"unbrick/limits"
)

// Magic is the first byte of an image, and of a boot loader's and an application's descriptor the next two.
const (
	Magic         = 0xe9
	appMagic      = 0xabcd5432
	bootMagic     = 0x50
	checksumStart = 0xef
)

// Sector is what a flash erases as a whole, and Align what the flash is mapped by: applications lie at multiples of it.
const (
	Sector = 0x1000
	Align  = 0x10000
)

const (
	shortHeader   = 8
	longHeader    = 24
	segmentHeader = 8
	appDescriptor = 32 // where it lies in an image: it is the first data of the first segment
	appSize       = 256
	bootSize      = 80
)

// What is wrong with an image, a table or their like. An error is one of these, with the particulars.
var (
	ErrMalformed = errors.New("malformed")             // sizes or numbers contradict each other
	ErrChecksum  = errors.New("checksum is wrong")     // over the segments
	ErrDigest    = errors.New("digest is wrong")       // SHA-256, MD5 or CRC that comes with the bytes
	ErrChip      = errors.New("for an unknown chip")   // the header names one that is not in the table
	ErrVersion2  = errors.New("image of version 2")    // of the ESP8266's own SDK
	ErrBehind    = errors.New("foreign bytes behind")  // behind the image there is something that no form has
	ErrShort     = errors.New("cut short")             // it ends before what it promises
	ErrOverlap   = errors.New("partitions overlap")    // of a table
	ErrMisplaced = errors.New("partition not aligned") // of a table
)

// ShortError refuses what ends before its header says.
type ShortError struct{ Has, Wants int } // bytes; at least so many are in the whole

func (e *ShortError) Error() string {
	return fmt.Sprintf("cut short: %d of at least %d bytes", e.Has, e.Wants)
}

// Unwrap makes it an ErrShort.
func (e *ShortError) Unwrap() error { return ErrShort }

// Kind is what an image is for.
type Kind uint8

// The kinds.
const (
	Application Kind = 1 + iota
	Bootloader
)

// Signature is the kind of signature that comes with an image. Whose it is, the chip's fuses say.
type Signature uint8

// The signatures.
const (
	Unsigned Signature = iota
	SignedV1           // 68 bytes behind the image, of ESP32's first secure boot
	SignedV2           // one to three blocks in a sector of their own; they are over these bytes
)

// Image is what an image says of itself. Its checksum is right, and its digest, if it has one.
type Image struct {
	Chip       *Chip
	Kind       Kind
	Described  bool // its descriptor says so; else its segments do
	Segments   int
	Mode       uint8  // of the flash: 0 QIO, 1 QOUT, 2 DIO, 3 DOUT
	Flash      uint32 // bytes of flash that its header says; 0: a number that is not known
	Frequency  uint8  // MHz; 0: not known for this chip
	Least      uint16 // chip revision that it needs at least, major x 100 + minor
	Most       uint16 // and at most; NoMost: no limit
	Digest     bool   // a SHA-256 is appended
	Signature  Signature
	Length     int // bytes of the image, its digest included
	Size       int // bytes with its signature: what has to be written
	Version    string
	Project    string
	Date, Time string
	IDF        string
	ELF        [32]byte // digest of the ELF file that it was made from
}

// NoMost is the Most of an image for all revisions.
const NoMost = 0xffff

var le = binary.LittleEndian

// Is reports whether b begins as an image does.
func Is(b []byte) bool {
	return len(b) > longHeader && b[0] == Magic && b[1] >= 1 && b[1] <= limits.ESPSegments
}

// Parse reads and checks the image that b begins with: header, segments, checksum, digest. What is behind it, Tail reads.
func Parse(b []byte) (*Image, error) {
	if len(b) > 1 && b[0] == 0xea && b[1] == 4 {
		return nil, ErrVersion2
	}
	if !Is(b) {
		return nil, fmt.Errorf("%w: no image of %d segments begins here", ErrMalformed, segmentsOf(b))
	}
	// A long header has a chip that is known, and a short one the address of a segment in its place. Only one of them can be right.
	long, err := parse(b, longHeader)
	if err == nil {
		return long, nil
	}
	short, shortErr := parse(b, shortHeader)
	if shortErr == nil {
		return short, nil
	}
	if a := le.Uint32(b[8:]); a>>20 >= 0x3ff && a>>20 < 0x403 && shortChip(b) {
		return nil, shortErr
	}
	return nil, err
}

// segmentsOf is how many there are, as far as it can be told.
func segmentsOf(b []byte) int {
	if len(b) < 2 || b[0] != Magic {
		return 0
	}
	return int(b[1])
}

// shortChip reports whether the bytes in which a long header is zero are something else.
func shortChip(b []byte) bool {
	return !bytes.Equal(b[19:23], make([]byte, 4)) || byID(le.Uint16(b[12:])) == nil
}

func parse(b []byte, header int) (*Image, error) {
	m := &Image{Segments: int(b[1]), Mode: b[2], Most: NoMost}
	if header == shortHeader {
		m.Chip = ByName(ESP8266)
	} else if err := m.readLong(b); err != nil {
		return nil, err
	}
	m.readFlash(b[3])
	if m.Mode > 3 {
		return nil, fmt.Errorf("%w: flash mode %d", ErrMalformed, m.Mode)
	}
	at, sum, mapped := header, byte(checksumStart), false
	for i := range m.Segments {
		if len(b)-at < segmentHeader {
			return nil, &ShortError{len(b), at + segmentHeader}
		}
		addr, size := le.Uint32(b[at:]), le.Uint32(b[at+4:])
		at += segmentHeader
		if size > limits.Image || size%4 != 0 && header == longHeader {
			return nil, fmt.Errorf("%w: segment %d of %d bytes", ErrMalformed, i+1, size)
		}
		if int(size) > len(b)-at {
			return nil, &ShortError{len(b), at + int(size)}
		}
		for _, c := range b[at : at+int(size)] {
			sum ^= c
		}
		mapped = mapped || m.Chip.Maps(addr) && size > 0
		at += int(size)
	}
	at |= 15
	if at >= len(b) {
		return nil, &ShortError{len(b), at + 1}
	}
	if b[at] != sum {
		return nil, fmt.Errorf("%w: computed 0x%02x, the image says 0x%02x", ErrChecksum, sum, b[at])
	}
	m.Length = at + 1
	if m.Digest {
		if m.Length += sha256.Size; m.Length > len(b) {
			return nil, &ShortError{len(b), m.Length}
		}
		if sha256.Sum256(b[:at+1]) != [32]byte(b[at+1:]) {
			return nil, fmt.Errorf("%w: SHA-256 at the image's end is not that of the bytes before it", ErrDigest)
		}
	}
	m.Size = m.Length
	m.Kind = Bootloader
	if mapped {
		m.Kind = Application
	}
	if header == longHeader {
		m.describe(b[:m.Length])
	}
	return m, nil
}

// readLong reads what a long header has more.
func (m *Image) readLong(b []byte) error {
	if m.Chip = byID(le.Uint16(b[12:])); m.Chip == nil {
		return fmt.Errorf("%w: chip id %d", ErrChip, le.Uint16(b[12:]))
	}
	if !bytes.Equal(b[19:23], make([]byte, 4)) || b[23] > 1 {
		return fmt.Errorf("%w: header bytes 19 to 23 are %x", ErrMalformed, b[19:24])
	}
	m.Digest = b[23] == 1
	least, most := le.Uint16(b[15:]), le.Uint16(b[17:])
	switch {
	case least > 0 || most > 0:
		m.Least = least
		if most > 0 {
			m.Most = most
		}
	case m.Chip.ID == 0: // before ESP-IDF 5 the byte was the major revision of an ESP32, and the minor one of all others
		m.Least = uint16(b[14]) * 100
	default:
		m.Least = uint16(b[14])
	}
	if m.Least > m.Most {
		return fmt.Errorf("%w: for chip revision %d at least and %d at most", ErrMalformed, m.Least, m.Most)
	}
	return nil
}

const kib, mib = 1 << 10, 1 << 20

// sizes are the bytes of flash by the number in the header.
var (
	shortSizes = [16]uint32{512 * kib, 256 * kib, 1 * mib, 2 * mib, 4 * mib, 2 * mib, 4 * mib, 0, 8 * mib, 16 * mib}
	longSizes  = [16]uint32{1 * mib, 2 * mib, 4 * mib, 8 * mib, 16 * mib, 32 * mib, 64 * mib, 128 * mib}
)

// readFlash reads size and frequency.
func (m *Image) readFlash(b byte) {
	frequencies := [4]uint8{80, 40, 26, 20} // by number 15, 0, 1, 2
	m.Flash = longSizes[b>>4]
	switch m.Chip.Name {
	case ESP8266:
		m.Flash = shortSizes[b>>4]
	case "esp32c2":
		frequencies = [4]uint8{60, 30, 20, 15}
	case "esp32h2":
		frequencies = [4]uint8{48, 24, 16, 12}
	case "esp32c6":
		frequencies = [4]uint8{80, 0, 0, 20} // 0 was 80 and 40 in different releases
	}
	if n := (b + 1) & 15; n < 4 {
		m.Frequency = frequencies[n]
	}
}

// describe reads the descriptor of an application or a boot loader, if there is one.
func (m *Image) describe(b []byte) {
	if len(b) >= appDescriptor+appSize && le.Uint32(b[appDescriptor:]) == appMagic {
		m.Kind, m.Described = Application, true
		m.Version, m.Project = text(b[48:80]), text(b[80:112])
		m.Time, m.Date, m.IDF = text(b[112:128]), text(b[128:144]), text(b[144:176])
		m.ELF = [32]byte(b[176:])
		return
	}
	if len(b) < appDescriptor+bootSize || b[appDescriptor] != bootMagic || m.Kind == Application {
		return
	}
	if idf, date := text(b[40:72]), text(b[72:96]); idf != "" && date != "" { // one byte of magic is little
		m.Described, m.IDF, m.Date = true, idf, date
	}
}

// text returns what stands in a field, up to a zero, if all of it can be printed.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	for _, c := range b {
		if c < ' ' || c > '~' {
			return ""
		}
	}
	return string(b)
}
