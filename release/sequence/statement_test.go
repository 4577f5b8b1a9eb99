package sequence_test

import (
	"errors"
	"strings"
	"testing"

	"unbrick/release"
	"unbrick/release/sequence"
)

// TestUntaken: what is refused to whoever publishes is what a device without a statement refuses.
func TestUntaken(t *testing.T) {
	for _, c := range []struct {
		era   uint16
		least uint32
		words string
	}{{0, 0, ""}, {1, 0, "--era 0"}, {2, 5, "statement 5"}, {0, 3, "--least-statement"}} {
		m := release.Manifest{Version: "9", Era: c.era, Least: c.least}
		err := sequence.Untaken(&m)
		if c.words == "" && err != nil || c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words)) {
			t.Errorf("era %d, statement %d: %v", c.era, c.least, err)
		}
		var no *sequence.Refusal
		if device := release.Permits(nil, &m, release.Install); (err == nil) != (device == nil) || err != nil && !errors.As(err, &no) {
			t.Errorf("era %d, statement %d: %v, and a device says %v", c.era, c.least, err, device)
		}
	}
}
