package smp

import (
	"testing"

	"unbrick/internal/vectors"
)

// TestSecondReader: a reader that knows only docs/commands.md and docs/cable.md, testdata/read.py, takes and refuses the same, and frames
// what is taken in the same way.
func TestSecondReader(t *testing.T) {
	files := vectors.List(t, "testdata/*.txt", "testdata/refused/*.txt", "testdata/lenient/*.txt", "testdata/errors/*.txt")
	if said := vectors.Second(t, "testdata/read.py", files...); said != "" {
		t.Errorf("by the documents:\n%s", said)
	}
}
