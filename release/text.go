package release

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Why a name or a text is refused.
var (
	ErrID      = errors.New("not an identifier")
	ErrText    = errors.New("not a printable text")
	ErrVersion = errors.New("not a version")
)

// CheckID reports why s cannot name a model or a device: an identifier is 1 to MaxText ASCII letters, digits,
// dashes, underscores and dots, the first one a letter or digit. So it is the same in a file name, an address,
// a shell and on a label, and no two of them look alike because of a space. It allocates only when it refuses.
func CheckID(s string) error {
	if s == "" || len(s) > MaxText {
		return fmt.Errorf("%w: %d bytes, 1 to %d wanted", ErrID, len(s), MaxText)
	}
	for i := range len(s) {
		if !inID(s[i], i) {
			return fmt.Errorf("%w: %q: byte %d is not a letter or digit, nor a dash, underscore or dot behind the first", ErrID, s, i)
		}
	}
	return nil
}

// IsID reports whether CheckID accepts b as a string. It never allocates.
func IsID(b []byte) bool {
	for i, c := range b {
		if !inID(c, i) {
			return false
		}
	}
	return len(b) > 0 && len(b) <= MaxText
}

// inID reports whether c may be byte i of an identifier.
func inID(c byte, i int) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && (c == '-' || c == '_' || c == '.')
}

// CheckVersion reports why s may not be the version of a release that is published: a version is written like an identifier (CheckID),
// and may have a plus behind its first byte as well. So 1.2.3, v2.0.0-rc.1+build.7, 1.4.0+12 and 2026-11-28 are versions, and what a
// shell, a file name or an address would take for something else is none. It is a rule for publishing: a manifest that was signed
// before may say any text, and every device takes it.
func CheckVersion(s string) error {
	if s == "" || len(s) > MaxText {
		return fmt.Errorf("%w: %d bytes, 1 to %d wanted", ErrVersion, len(s), MaxText)
	}
	if CheckID(s[:1]+strings.ReplaceAll(s[1:], "+", "-")) != nil {
		return fmt.Errorf("%w: %q: it takes letters and digits, and behind the first also dots, dashes, underscores and pluses, as in 1.2.3-rc.1+build.7", ErrVersion, s)
	}
	return nil
}

// printable is the table of docs/release.md: the code points that a text may have, first and last of each range. It is
// part of the format and does not follow Unicode's versions: a device and a server that were built years apart agree.
var printable = [...][2]rune{
	{0x20, 0x7e},
	{0xa1, 0xac},
	{0xae, 0x34e},
	{0x350, 0x58f},
	{0x900, 0x115e},
	{0x1161, 0x167f},
	{0x1681, 0x17b3},
	{0x17b6, 0x180a},
	{0x1810, 0x1fff},
	{0x2010, 0x2027},
	{0x2030, 0x205e},
	{0x2070, 0x27ff},
	{0x2801, 0x2fff},
	{0x3001, 0x3163},
	{0x3165, 0xd7ff},
	{0xf900, 0xfaff},
	{0xff01, 0xff9f},
	{0xffa1, 0xffdc},
	{0x1f300, 0x1faff},
	{0x20000, 0x2fffd},
	{0x30000, 0x323af},
}

// Printable reports whether a text may have the code point.
func Printable(c rune) bool {
	for i := range printable {
		if c <= printable[i][1] {
			return c >= printable[i][0]
		}
	}
	return false
}

// CheckText reports why s is not a text that a person can read back: valid UTF-8 of at most limit bytes, every code
// point Printable, no space at either end. An empty text is one. It allocates only when it refuses.
func CheckText[T ~string | ~[]byte](s T, limit int) error {
	if len(s) > limit {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrText, len(s), limit)
	}
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(string(s[i:min(len(s), i+utf8.UTFMax)]))
		if c == utf8.RuneError && n <= 1 {
			return fmt.Errorf("%w: %q: byte %d is not UTF-8", ErrText, s, i)
		}
		if !Printable(c) {
			return fmt.Errorf("%w: %q: U+%04X at byte %d cannot be shown to a person", ErrText, s, c, i)
		}
		i += n
	}
	if len(s) > 0 && (s[0] == ' ' || s[len(s)-1] == ' ') {
		return fmt.Errorf("%w: %q: a space at an end", ErrText, s)
	}
	return nil
}

// Clean makes a text that CheckText takes of any words: what is not Printable becomes a question mark, spaces at the ends go, and
// what is beyond limit bytes, too. It is for words that come from elsewhere and are only shown to people, never for a name.
func Clean(s string, limit int) string {
	b := make([]byte, 0, min(len(s), limit))
	for _, c := range s {
		if c == utf8.RuneError || !Printable(c) {
			c = '?'
		}
		if len(b)+utf8.RuneLen(c) > limit {
			break
		}
		if c != ' ' || len(b) > 0 {
			b = utf8.AppendRune(b, c)
		}
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return string(b)
}
