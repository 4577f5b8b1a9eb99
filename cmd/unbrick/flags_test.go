package main

import (
	"strings"
	"testing"
)

// Help goes where it can be piped, a mistake is one line.
func TestHelpAndMistakes(t *testing.T) {
	for _, c := range commands() {
		code, out, errOut := execute(t, c.name, "--help")
		if code != exitOK || errOut != "" || !strings.Contains(out, "usage: unbrick "+c.name) {
			t.Errorf("%s --help: exit code %d, %q, %q", c.name, code, out, errOut)
		}
		if c.name == "delta" {
			continue // its flags stand behind a further word
		}
		code, out, errOut = execute(t, c.name, "--no-such-flag")
		if code != exitUsage || out != "" || strings.Count(errOut, "\n") != 1 || !strings.Contains(errOut, "no-such-flag") || !strings.Contains(errOut, "--help") {
			t.Errorf("%s --no-such-flag: exit code %d, %q, %q", c.name, code, out, errOut)
		}
	}
	code, _, errOut := execute(t, "emulate", "--model", "1", "--cut-at", "x")
	if code != exitUsage || !strings.Contains(errOut, "cut-at") || strings.Count(errOut, "\n") != 1 {
		t.Errorf("a bad value: exit code %d, %q", code, errOut)
	}
}
