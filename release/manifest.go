package release

import (
	"errors"
	"fmt"

	"unbrick/internal/cbor"
	"unbrick/limits"
)

// Limits of a manifest. MaxImage bounds the image that a manifest may describe, in bytes.
const (
	MaxManifest = limits.Manifest
	MaxText     = limits.Text
	MaxImage    = limits.Image
	MaxNumber   = limits.MaxNumber // order and counter
)

// Digest is a SHA-256.
type Digest = [32]byte

// ErrManifest is the class of every refusal of a manifest's form.
var ErrManifest = errors.New("malformed manifest")

// Manifest is the statement about one release. Zero fields are not valid except Order and Counter.
type Manifest struct {
	Model    string // kind of device the image runs on; an identifier, see CheckID
	Version  string // for people; a text of 1 to MaxText bytes, see CheckText
	Order    uint64 // decides which of two releases of a model is newer
	Counter  uint64 // security counter, compared with a device's security floor
	Size     uint32 // of the image, in bytes
	Digest   Digest // SHA-256 of the image
	LeafSize uint32 // bytes a leaf of the tree covers: a power of two, MinLeaf to MaxLeaf
	Root     Digest // of the tree over the image
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

	payloadKeys = keyRoot
)

// Validate reports what makes m unfit to be signed or believed.
func (m *Manifest) Validate() error {
	if err := CheckID(m.Model); err != nil {
		return fmt.Errorf("%w: model: %w", ErrManifest, err)
	}
	if err := CheckText(m.Version, MaxText); err != nil {
		return fmt.Errorf("%w: version: %w", ErrManifest, err)
	}
	if m.Version == "" {
		return fmt.Errorf("%w: no version", ErrManifest)
	}
	if m.Size == 0 || m.Size > MaxImage {
		return fmt.Errorf("%w: image of %d bytes, 1 to %d", ErrManifest, m.Size, MaxImage)
	}
	if m.LeafSize < MinLeaf || m.LeafSize > MaxLeaf || m.LeafSize&(m.LeafSize-1) != 0 {
		return fmt.Errorf("%w: leaf of %d bytes", ErrManifest, m.LeafSize)
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
		switch key {
		case keyModel:
			m.Model = r.TextMax(MaxText)
		case keyVersion:
			m.Version = r.TextMax(MaxText)
		case keyOrder:
			m.Order = r.Uint()
		case keyCounter:
			m.Counter = r.Uint()
		case keySize:
			m.Size = r.Uint32()
		case keyDigest:
			r.Fill(m.Digest[:])
		case keyLeafSize:
			m.LeafSize = r.Uint32()
		case keyRoot:
			r.Fill(m.Root[:])
		}
	}
	if err := r.Finish(); err != nil {
		return fmt.Errorf("%w: payload: %w", ErrManifest, err)
	}
	return m.Validate()
}

// Floor returns the floor that a device has once it runs m and m has confirmed itself, if it was lower.
func (m *Manifest) Floor() Floor { return Floor{Counter: m.Counter} }
