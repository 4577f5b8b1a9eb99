package release

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"unbrick/limits"
)

// A release file is the magic, then a trust statement, a signed manifest and a long note, each behind its length (u32, least
// significant byte first), and the image, which ends the file.
const (
	FileMagic = "UNBRICK2" // what a release file begins with
	fileParts = 3          // with a length
	fileFixed = len(FileMagic) + 4*fileParts
)

// Limits of a release file, in bytes. MaxHead is the most that comes before the image.
const (
	MaxStatement = limits.Statement
	MaxLongNote  = limits.LongNote
	MaxHead      = fileFixed + MaxStatement + MaxManifest + MaxLongNote
	MaxFile      = int64(MaxHead) + MaxImage
)

// ErrFile is the class of every refusal of a release file's form.
var ErrFile = errors.New("malformed release file")

// ShortError refuses a release file that only lacks its end. It is an ErrFile.
type ShortError struct {
	Has   int64 // bytes
	Wants int64 // bytes of the whole file; 0: what comes before the image is not whole, and nothing says
}

func (e *ShortError) Error() string {
	if e.Wants == 0 {
		return fmt.Sprintf("%v: cut short after %d bytes", ErrFile, e.Has)
	}
	return fmt.Sprintf("%v: cut short, %d of %d bytes", ErrFile, e.Has, e.Wants)
}

// Is makes it an ErrFile.
func (e *ShortError) Is(target error) bool { return target == ErrFile }

// File is what a release file holds.
type File struct {
	Statement []byte // a trust statement, signed; empty: none. Its form is the care of who uses it: ParseStatement
	Signed    []byte // the manifest
	LongNote  []byte // see CheckLongNote; empty: none
	Image     []byte
}

// AppendFile appends the release file of f to dst. The manifest must be one that Parse takes, long note and image those that it
// describes; SplitFile refuses anything else.
func AppendFile(dst []byte, f *File) []byte {
	dst = append(dst, FileMagic...)
	for _, part := range [fileParts][]byte{f.Statement, f.Signed, f.LongNote} {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(part)))
		dst = append(dst, part...)
	}
	return append(dst, f.Image...)
}

// SplitFile returns the parts of a release file; they alias b. The manifest has the one right shape, the long note is the one whose
// digest it says, and the image has the size it says, else the error is an ErrFile. Neither signatures nor the image's digest
// are checked: that is Verify and Manifest.CheckImage.
func SplitFile(b []byte) (File, error) {
	f, err := SplitHead(b, int64(len(b)))
	if err != nil {
		return File{}, err
	}
	f.Image = b[fileFixed+len(f.Statement)+len(f.Signed)+len(f.LongNote):]
	return f, nil
}

// SplitHead returns what comes before the image in a release file of the given size, of which only the first
// bytes are at hand: all of it or at least MaxHead. It checks what SplitFile checks.
func SplitHead(head []byte, size int64) (File, error) {
	magic := head[:min(len(head), len(FileMagic))]
	if string(magic) == "UNBRICK1" {
		return File{}, fmt.Errorf("%w: of version 1, which nothing reads any more: publish its image again", ErrFile)
	}
	if len(magic) == 0 || string(magic) != FileMagic[:len(magic)] {
		return File{}, fmt.Errorf("%w: does not begin with %q and a length", ErrFile, FileMagic)
	}
	rest := head[len(magic):]
	var f File
	for _, part := range [fileParts]struct {
		name string
		to   *[]byte
		max  uint32
	}{{"trust statement", &f.Statement, MaxStatement}, {"manifest", &f.Signed, MaxManifest}, {"long note", &f.LongNote, MaxLongNote}} {
		if len(rest) < 4 {
			return File{}, &ShortError{Has: size}
		}
		n := binary.LittleEndian.Uint32(rest)
		rest = rest[4:]
		switch {
		case n > part.max:
			return File{}, fmt.Errorf("%w: %s of %d bytes, at most %d", ErrFile, part.name, n, part.max)
		case int(n) > len(rest):
			return File{}, &ShortError{Has: size}
		}
		*part.to, rest = rest[:n:n], rest[n:]
	}
	m, _, err := Parse(f.Signed)
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if err := m.CheckLongNote(f.LongNote); err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	switch image := size - int64(len(head)-len(rest)); {
	case image < int64(m.Size):
		return File{}, &ShortError{Has: size, Wants: size - image + int64(m.Size)}
	case image > int64(m.Size):
		return File{}, fmt.Errorf("%w: image of %d bytes, manifest says %d", ErrFile, image, m.Size)
	}
	return f, nil
}

// errLongNote tells that a long note is not the one that a manifest names.
var errLongNote = errors.New("long note: digest is not the manifest's")

// CheckLongNote fails unless note is the one that m names, and of the form that CheckLongNote takes.
func (m *Manifest) CheckLongNote(note []byte) error {
	if err := CheckLongNote(note); err != nil {
		return err
	}
	if LongNoteDigest(note) != m.LongNote {
		return errLongNote
	}
	return nil
}

// LongNoteDigest returns what a manifest says of a long note: its SHA-256, or zero if it is empty.
func LongNoteDigest(note []byte) Digest {
	if len(note) == 0 {
		return Digest{}
	}
	return sha256.Sum256(note)
}

// CheckLongNote reports why b is not a long note: at most MaxLongNote bytes of UTF-8, every code point Printable or a line end
// (U+000A).
func CheckLongNote(b []byte) error {
	if len(b) > MaxLongNote {
		return fmt.Errorf("long note: %w: %d bytes, at most %d", ErrText, len(b), MaxLongNote)
	}
	for i := 0; i < len(b); {
		c, n := utf8.DecodeRune(b[i:])
		if c == utf8.RuneError && n <= 1 {
			return fmt.Errorf("long note: %w: byte %d is not UTF-8", ErrText, i)
		}
		if c != '\n' && !Printable(c) {
			return fmt.Errorf("long note: %w: U+%04X at byte %d cannot be shown to a person", ErrText, c, i)
		}
		i += n
	}
	return nil
}
