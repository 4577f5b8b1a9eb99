package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"unbrick/restore"
)

func TestCableCommandsSayWhatIsOff(t *testing.T) {
	missing := t.TempDir() + "/none"
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"restore"}, exitUsage, "--port is missing"},
		{[]string{"identify"}, exitUsage, "--port is missing"},
		{[]string{"restore", "--port", "x", "word"}, exitUsage, "unexpected word"},
		{[]string{"ports", "word"}, exitUsage, "unexpected word"},
		{[]string{"identify", "--port", "x", "--baud", "7"}, exitUsage, "--baud"},
		{[]string{"restore", "--port", "x", "--server", "nonsense"}, exitUsage, "--server"},
		{[]string{"restore", "--port", missing, "--server", "http://127.0.0.1:1"}, exitFailed, "no such port"},
		{[]string{"identify", "--port", missing}, exitFailed, "Nothing was written"},
		{[]string{"restore", "--port", missing, "--release-file", missing}, exitFailed, "no such file"},
		{[]string{"restore", "--port", missing, "--release-file", "cable_test.go"}, exitFailed, "no release file"},
		{[]string{"restore", "--port", missing, "--pub", "cable_test.go"}, exitFailed, "cable_test.go"},
	} {
		var out, errOut bytes.Buffer
		if code := run(context.Background(), test.args, &out, &errOut); code != test.code || !strings.Contains(errOut.String(), test.says) {
			t.Errorf("%q: got exit code %d, %q; want %d and %q", test.args, code, errOut.String(), test.code, test.says)
		}
	}
}

// TestEveryFailureSaysThreeThings: what happened, whether the device is safe, what to do.
func TestEveryFailureSaysThreeThings(t *testing.T) {
	seen := map[string]restore.Code{}
	for c := restore.CodeVanished; c <= restore.CodeSigners; c++ {
		switch c {
		case restore.CodeStoreFull, restore.CodePortBusy, restore.CodeProgramFault, restore.CodePortStuck:
			continue // only the page says them
		}
		e := &restore.Error{Code: c, Touched: restore.TouchedPart}
		text := explain(e).Error()
		first, _, _ := strings.Cut(text, "\n")
		if other, ok := seen[first]; ok || strings.Contains(first, "It did not work") {
			t.Errorf("%v has no words of its own, but those of %v: %q", c, other, first)
		}
		seen[first] = c
		if !strings.Contains(text, "Is the device safe?") || !strings.Contains(text, "What to do:") || !strings.Contains(text, "never overwritten") {
			t.Errorf("%v: %q", c, text)
		}
	}
	if len(seen) < 22 {
		t.Errorf("saw %d codes", len(seen))
	}
}
