package release

import (
	"errors"
	"fmt"
	"math"

	"unbrick/internal/cbor"
	"unbrick/limits"
)

// Limits of a manifest. MaxImage bounds the image that a manifest may describe, in bytes.
const (
	MaxManifest = limits.Manifest
	MaxText     = limits.Text
	MaxNote     = limits.Note
	MaxFamily   = limits.Family
	MaxImage    = limits.Image
	MaxNumber   = limits.MaxNumber // order and counter
)

// Digest is a SHA-256.
type Digest = [32]byte

// ErrManifest is the class of every refusal of a manifest's form.
var ErrManifest = errors.New("malformed manifest")

// Manifest is the statement about one release. Zero fields are valid but for Model, Version, Size and LeafSize.
type Manifest struct {
	Model    string // kind of device the image runs on; an identifier, see CheckID
	Version  string // for people; a text of 1 to MaxText bytes, see CheckText
	Order    uint64 // decides within an era which of two releases of a model is newer; at most MaxNumber
	Counter  uint64 // security counter, compared within an era with a device's security floor; at most MaxNumber
	Size     uint32 // of the image, in bytes
	Digest   Digest // SHA-256 of the image
	LeafSize uint32 // bytes a leaf of the tree covers: a power of two, MinLeaf to MaxLeaf
	Root     Digest // of the tree over the image
	Era      uint16 // a later era is newer than every order, and above every counter, of those before
	Least    uint32 // least version of the trust statement that a device must have
	Day      uint32 // it was released, since 1970-01-01; 0: not said
	Note     string // for people; a text of at most MaxNote bytes
	LongNote Digest // SHA-256 of the long note; zero: there is none
	Family   string // of devices with several parts, for which the image is a parts file; empty: one part
	Chip     string // that the image is for, within its family; empty: not said
}

// Keys of the payload map. All are there, in this order.
const (
	keyModel = 1 + iota
	keyVersion
	keyOrder
	keyCounter
	keySize
	keyDigest
	keyLeafSize
	keyRoot
	keyEra
	keyLeast
	keyDay
	keyNote
	keyLongNote
	keyFamily
	keyChip

	payloadKeys = keyChip
)

// Floor returns the floor that a device has once it runs m and m has confirmed itself, if it was lower.
func (m *Manifest) Floor() Floor { return Floor{m.Era, m.Counter} }

// Rank returns what decides whether m is newer than another release of its model.
func (m *Manifest) Rank() Rank { return Rank{m.Era, m.Order} }

// Date returns the day on which m says it was released, as 2026-11-28; empty if it does not say, or says one that has no such form.
func (m *Manifest) Date() string {
	if m.Day == 0 || m.Day > lastDay {
		return ""
	}
	return civil(int(m.Day))
}

// Validate reports what makes m unfit to be signed or believed.
func (m *Manifest) Validate() error {
	if err := m.validateTexts(); err != nil {
		return fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if m.Order > MaxNumber || m.Counter > MaxNumber {
		return fmt.Errorf("%w: order %d and counter %d, at most %d", ErrManifest, m.Order, m.Counter, uint64(MaxNumber))
	}
	if m.Size == 0 || m.Size > MaxImage {
		return fmt.Errorf("%w: image of %d bytes, 1 to %d", ErrManifest, m.Size, MaxImage)
	}
	if m.LeafSize < MinLeaf || m.LeafSize > MaxLeaf || m.LeafSize&(m.LeafSize-1) != 0 {
		return fmt.Errorf("%w: leaf of %d bytes", ErrManifest, m.LeafSize)
	}
	return nil
}

func (m *Manifest) validateTexts() error {
	if err := CheckID(m.Model); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if err := CheckText(m.Version, MaxText); err != nil {
		return fmt.Errorf("version: %w", err)
	}
	if m.Version == "" {
		return errors.New("no version")
	}
	if err := CheckText(m.Note, MaxNote); err != nil {
		return fmt.Errorf("note: %w", err)
	}
	if m.Family == "" && m.Chip != "" {
		return errors.New("a chip without a family")
	}
	for _, name := range [...]string{m.Family, m.Chip} {
		if len(name) > MaxFamily {
			return fmt.Errorf("family or chip of %d bytes, at most %d", len(name), MaxFamily)
		}
		if name != "" {
			if err := CheckID(name); err != nil {
				return fmt.Errorf("family or chip: %w", err)
			}
		}
	}
	return nil
}

// write writes the payload map.
func (m *Manifest) write(w *cbor.Writer) {
	w.Map(payloadKeys)
	w.Uint(keyModel)
	w.Text(m.Model)
	w.Uint(keyVersion)
	w.Text(m.Version)
	w.Uint(keyOrder)
	w.Uint(m.Order)
	w.Uint(keyCounter)
	w.Uint(m.Counter)
	w.Uint(keySize)
	w.Uint(uint64(m.Size))
	w.Uint(keyDigest)
	w.Bytes(m.Digest[:])
	w.Uint(keyLeafSize)
	w.Uint(uint64(m.LeafSize))
	w.Uint(keyRoot)
	w.Bytes(m.Root[:])
	w.Uint(keyEra)
	w.Uint(uint64(m.Era))
	w.Uint(keyLeast)
	w.Uint(uint64(m.Least))
	w.Uint(keyDay)
	w.Uint(uint64(m.Day))
	w.Uint(keyNote)
	w.Text(m.Note)
	w.Uint(keyLongNote)
	if m.LongNote == (Digest{}) {
		w.Bytes(nil)
	} else {
		w.Bytes(m.LongNote[:])
	}
	w.Uint(keyFamily)
	w.Text(m.Family)
	w.Uint(keyChip)
	w.Text(m.Chip)
}

// read is the inverse of write and takes nothing that write would not write.
func (m *Manifest) read(payload []byte) error {
	r := cbor.NewReader(payload)
	if r.Map() != payloadKeys {
		r.Fail(ErrManifest)
	}
	for key := uint64(keyModel); key <= payloadKeys; key++ {
		if r.Uint() != key {
			r.Fail(ErrManifest)
		}
		m.readValue(r, key)
	}
	if err := r.Finish(); err != nil {
		return fmt.Errorf("%w: payload: %w", ErrManifest, err)
	}
	return m.Validate()
}

func (m *Manifest) readValue(r *cbor.Reader, key uint64) {
	switch key {
	case keyModel:
		m.Model = r.TextMax(MaxText)
	case keyVersion:
		m.Version = r.TextMax(MaxText)
	case keyOrder:
		m.Order = r.UintMax(MaxNumber)
	case keyCounter:
		m.Counter = r.UintMax(MaxNumber)
	case keySize:
		m.Size = r.Uint32()
	case keyDigest:
		r.Fill(m.Digest[:])
	case keyLeafSize:
		m.LeafSize = r.Uint32()
	case keyRoot:
		r.Fill(m.Root[:])
	case keyEra:
		m.Era = uint16(r.UintMax(math.MaxUint16))
	case keyLeast:
		m.Least = r.Uint32()
	case keyDay:
		m.Day = r.Uint32()
	case keyNote:
		m.Note = r.TextMax(MaxNote)
	case keyLongNote:
		readOptional(r, &m.LongNote)
	case keyFamily:
		m.Family = r.TextMax(MaxFamily)
	case keyChip:
		m.Chip = r.TextMax(MaxFamily)
	}
}

// readOptional reads a digest, or an empty string for none. A digest of zeros is nobody's: it would be written as none.
func readOptional(r *cbor.Reader, d *Digest) {
	p := r.Bytes()
	if len(p) == 0 {
		return
	}
	if len(p) != len(d) || copy(d[:], p) != 0 && *d == (Digest{}) {
		r.Fail(ErrManifest)
	}
}
