package release_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"unbrick/release"
)

func TestCheckID(t *testing.T) {
	for _, good := range []string{"0", "0001", "A17-004212", "a.b_c-9", "S-17", "x.", strings.Repeat("z", 32)} {
		if err := release.CheckID(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", ".", "..", "-1", "_a", ".a", "A1 ", " A1", "A 1", "a/b", `a\b`, "a\n", "a\x00", "a%2f", "a:b", "a#", "a?", "a+b", "\u00e4", "\uff11", "a\u200b", "a\xff", strings.Repeat("z", 33)} {
		if err := release.CheckID(bad); !errors.Is(err, release.ErrID) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

// TestCheckVersion holds the rule to the vectors that docs/release.md names.
func TestCheckVersion(t *testing.T) {
	b, err := os.ReadFile("testdata/versions.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(b)) {
		word, quoted, ok := strings.Cut(strings.TrimSpace(line), " ")
		s, err := strconv.Unquote(quoted)
		if !ok || err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines++
		switch err := release.CheckVersion(s); {
		case word == "version" && err != nil:
			t.Error(err)
		case word == "none" && !errors.Is(err, release.ErrVersion):
			t.Errorf("%q: got %v", s, err)
		}
	}
	if lines < 30 {
		t.Errorf("%d vectors", lines)
	}
}

// TestPrintableHidesNothing looks at the table with the toolchain's own: nothing in it is a control, a format
// character, an unusual space, half a pair or private, as far as this toolchain knows.
func TestPrintableHidesNothing(t *testing.T) {
	for c := rune(0); c <= unicode.MaxRune; c++ {
		if release.Printable(c) && c != ' ' && (unicode.In(c, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Z) || unicode.Is(unicode.Hebrew, c) || unicode.Is(unicode.Arabic, c) || c&0xfffe == 0xfffe) {
			t.Errorf("U+%04X is printable", c)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "fine": "fine", "  a\tb\n ": "a?b?", "\u202egpj": "?gpj", "a\xffb": "a?b", "12345678": "123456", "12345\u20ac": "12345", "12345 78": "12345",
		" ": "", "\U0010ffff": "?",
	} {
		got := release.Clean(in, 6)
		if got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
		if err := release.CheckText(got, 6); err != nil {
			t.Error(err)
		}
	}
}
