package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestNamesAreIdentifiers holds every flag and word that names a model or a device to the one rule, before anything is read or sent.
func TestNamesAreIdentifiers(t *testing.T) {
	for _, bad := range []string{"..", "A1 ", "a/b", "ä", ""} {
		for _, line := range [][]string{
			{"emulate", "--model", bad, "--serial", "S"},
			{"emulate", "--model", "0001", "--serial", bad},
			{"publish", "x.bin", "--model", bad, "--version", "1", "--key", "k"},
			{"rollout", "1", "--model", bad},
			{"model", "put", bad, "--flash", "1MiB", "--ram", "64KiB", "-o", t.TempDir() + "/m"},
			{"model", "prefer", bad, "delta"},
			{"release", "list", "--model", bad},
			{"release", "withdraw", "1", "--model", bad},
			{"file", "list", "--model", bad},
			{"device", "show", bad, "S"},
			{"device", "show", "0001", bad},
		} {
			var out, errOut bytes.Buffer
			if code := run(t.Context(), line, &out, &errOut); code != exitUsage || !strings.Contains(errOut.String(), "not an identifier") {
				t.Errorf("%q: exit %d, %s%s", line, code, out.String(), errOut.String())
			}
		}
	}
}
