package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"unbrick/flash"
)

// ErrImage tells that an image is not the one a manifest speaks of, or cannot be one at all.
var ErrImage = errors.New("image does not match")

// Describe returns the manifest of image for devices with this software area. It fails with ErrImage
// if the image is empty or does not fit, and with ErrManifest if a text is not fit to be signed.
func Describe(model, version string, order, counter uint64, image []byte, software *flash.Geometry) (Manifest, error) {
	if len(image) == 0 || uint64(len(image)) > uint64(software.Size()) {
		return Manifest{}, fmt.Errorf("%w: %d bytes for a software area of %d", ErrImage, len(image), software.Size())
	}
	m := Manifest{Model: model, Version: version, Order: order, Counter: counter}
	if err := m.describe(image, software); err != nil {
		return Manifest{}, err
	}
	return m, nil
}

// describe fills in what follows from the image.
func (m *Manifest) describe(image []byte, software *flash.Geometry) error {
	if len(image) > MaxImage {
		return fmt.Errorf("%w: %d bytes, an image has at most %d", ErrImage, len(image), MaxImage)
	}
	m.Size, m.Digest, m.LeafSize = uint32(len(image)), sha256.Sum256(image), LeafSize(software)
	if err := m.Validate(); err != nil {
		return err
	}
	var t Tree
	for i := uint32(0); i < m.Leaves(); i++ {
		offset, n := m.LeafRange(i)
		t.Add(Leaf(i, image[offset:offset+n]))
	}
	m.Root = t.Root()
	return nil
}

// DescribeParts returns the manifest of parts for devices of a family, and of a chip if that is not empty, and their parts file. The parts
// lie anywhere in the flash of the layout. It fails with ErrParts, ErrImage or a
// *Refusal, and with ErrManifest if a text is not fit to be signed.
func DescribeParts(model, version string, order, counter uint64, family, chip string, parts []Part, l *flash.Layout) (Manifest, []byte, error) {
	image, err := AppendParts(nil, parts)
	if err != nil {
		return Manifest{}, nil, err
	}
	area := l.Software()
	m := Manifest{Model: model, Version: version, Order: order, Counter: counter, Family: family, Chip: chip}
	if err := m.describe(image, &area); err != nil {
		return Manifest{}, nil, err
	}
	return m, image, m.FitParts(image, l)
}

// FitParts fails with a *Refusal unless m, a manifest of parts, is for devices with this layout, and with ErrParts if image is no parts
// file. An image that is nil is not looked at.
func (m *Manifest) FitParts(image []byte, l *flash.Layout) error {
	area := l.Software()
	if leaf := LeafSize(&area); m.LeafSize != leaf {
		return &Refusal{Reason: ForeignLeaf, Has: uint64(m.LeafSize), Needs: uint64(leaf)}
	}
	if image == nil {
		return nil
	}
	parts, err := ParseParts(image)
	if err != nil {
		return err
	}
	last := &parts[len(parts)-1]
	if end, size := uint64(last.Offset)+uint64(len(last.Data)), uint64(l.Geometry.Size()); end > size {
		return fmt.Errorf("%w: part %q ends at 0x%x, the flash has 0x%x bytes", ErrImage, last.Name, end, size)
	}
	return nil
}

// CheckTree fails with ErrImage unless the hash tree that m describes is that of image, which CheckImage takes.
func (m *Manifest) CheckTree(image []byte) error {
	if root := Root(AppendLeaves(nil, image, m.LeafSize)); root != m.Root {
		got, want := apart(root, m.Root)
		return fmt.Errorf("%w: root of the hash tree %s, manifest says %s", ErrImage, got, want)
	}
	return nil
}

// CheckImage fails with ErrImage unless image is exactly the one m describes, by size and digest.
func (m *Manifest) CheckImage(image []byte) error {
	if uint64(len(image)) != uint64(m.Size) {
		return fmt.Errorf("%w: %d bytes, manifest says %d", ErrImage, len(image), m.Size)
	}
	if d := sha256.Sum256(image); d != m.Digest {
		got, want := apart(d, m.Digest)
		return fmt.Errorf("%w: digest %s, manifest says %s", ErrImage, got, want)
	}
	return nil
}

// shortHex is how many digits of a digest are enough for people.
const shortHex = 12

// Hex returns d as 64 lower-case hexadecimal digits.
func Hex(d Digest) string { return hex.EncodeToString(d[:]) }

// ShortHex returns the first digits of d, for people; nothing may be decided by it.
func ShortHex(d Digest) string { return hex.EncodeToString(d[:shortHex/2]) }

// apart returns two digests that differ, for people, with as many digits as it takes to see that: a damaged manifest may say one that
// begins like the right one.
func apart(a, b Digest) (string, string) {
	if x, y := ShortHex(a), ShortHex(b); x != y {
		return x, y
	}
	return Hex(a), Hex(b)
}

// ParseHex is the inverse of Hex and takes nothing else, no capital letters either.
func ParseHex(s string) (Digest, error) {
	var d Digest
	if len(s) == 2*len(d) {
		if _, err := hex.Decode(d[:], []byte(s)); err == nil && Hex(d) == s {
			return d, nil
		}
	}
	return Digest{}, fmt.Errorf("digest %.80q is not 64 hexadecimal digits", s)
}
