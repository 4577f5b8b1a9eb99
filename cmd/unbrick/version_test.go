package main

import "testing"

func TestVersion(t *testing.T) {
	want := must(t, exitOK, "version")
	for _, word := range []string{"--version", "-version", "-v", "-V"} {
		if got := must(t, exitOK, word); got != want || got == "" {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
	must(t, exitUsage, "--version", "more")
	must(t, exitUsage, "--versions")
}
