package release

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A release file is the magic, the manifest's length (u32, least significant byte first), the signed
// manifest and the image, which ends the file.
const (
	fileMagic = "UNBRICK1"
	fileHead  = len(fileMagic) + 4
)

// MaxFile is the most bytes a release file can have.
const MaxFile = int64(fileHead) + MaxManifest + MaxImage

// ErrFile is the class of every refusal of a release file's form.
var ErrFile = errors.New("malformed release file")

// ShortError refuses a release file that only lacks its end. It is an ErrFile.
type ShortError struct {
	Has   int64 // bytes
	Wants int64 // bytes of the whole file; 0: the manifest is not whole, and nothing says
}

func (e *ShortError) Error() string {
	if e.Wants == 0 {
		return fmt.Sprintf("%v: cut short after %d bytes", ErrFile, e.Has)
	}
	return fmt.Sprintf("%v: cut short, %d of %d bytes", ErrFile, e.Has, e.Wants)
}

// Is makes it an ErrFile.
func (e *ShortError) Is(target error) bool { return target == ErrFile }

// AppendFile appends the release file of a signed manifest and its image to dst. The manifest must be
// one that Parse takes and the image the one it describes; SplitFile refuses anything else.
func AppendFile(dst, signed, image []byte) []byte {
	dst = append(dst, fileMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(signed)))
	dst = append(dst, signed...)
	return append(dst, image...)
}

// MaxHead is the most bytes of a release file that come before its image.
const MaxHead = fileHead + MaxManifest

// SplitFile returns the two parts of a release file; they alias b. The manifest has the one right
// shape and the image has the size it says, else the error is an ErrFile. Neither signature nor digest
// is checked: that is Verify and Manifest.CheckImage.
func SplitFile(b []byte) (signed, image []byte, err error) {
	signed, err = SplitHead(b, int64(len(b)))
	if err != nil {
		return nil, nil, err
	}
	return signed, b[fileHead+len(signed):], nil
}

// SplitHead returns the signed manifest of a release file of the given size, of which only the first
// bytes are at hand: all of it or at least MaxHead. It checks what SplitFile checks.
func SplitHead(head []byte, size int64) (signed []byte, err error) {
	magic := head[:min(len(head), len(fileMagic))]
	if len(magic) == 0 || string(magic) != fileMagic[:len(magic)] {
		return nil, fmt.Errorf("%w: does not begin with %q and a length", ErrFile, fileMagic)
	}
	if len(head) < fileHead {
		return nil, &ShortError{Has: size}
	}
	n := binary.LittleEndian.Uint32(head[len(fileMagic):])
	rest := head[fileHead:]
	switch {
	case n > MaxManifest:
		return nil, fmt.Errorf("%w: manifest of %d bytes", ErrFile, n)
	case int(n) > len(rest):
		return nil, &ShortError{Has: size}
	}
	signed = rest[:n:n]
	m, _, err := Parse(signed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	switch image := size - int64(fileHead) - int64(n); {
	case image < int64(m.Size):
		return nil, &ShortError{Has: size, Wants: size - image + int64(m.Size)}
	case image > int64(m.Size):
		return nil, fmt.Errorf("%w: image of %d bytes, manifest says %d", ErrFile, image, m.Size)
	}
	return signed, nil
}
