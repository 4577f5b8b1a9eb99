package access

import (
	"strings"
	"testing"
)

func TestParseToken(t *testing.T) {
	const good = "0123456789abcdef"
	for in, want := range map[string]string{good: good, good + "\n": good, "\r\n  " + good + " \t\r\n": good, "with a space inside it": "with a space inside it"} {
		if got, err := ParseToken(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, bad := range []string{"", " \n", "x", good[1:], good[1:] + "\n", good + "\nmore", good + "\x00", good + "\u00e4", strings.Repeat("x", 257)} {
		if got, err := ParseToken(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, got)
		}
	}
}
