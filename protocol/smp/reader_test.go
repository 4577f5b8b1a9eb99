package smp

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSecondReader: a reader that knows only docs/commands.md and docs/cable.md, testdata/read.py, takes and refuses the same, and frames
// what is taken in the same way.
func TestSecondReader(t *testing.T) {
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here: the reader that was written from the documents does not run")
	}
	var files []string
	for _, dir := range []string{"", "refused", "lenient", "errors"} {
		more, err := filepath.Glob(filepath.Join("testdata", dir, "*.txt"))
		if err != nil || len(more) == 0 {
			t.Fatal(dir, err)
		}
		files = append(files, more...)
	}
	out, err := exec.Command(path, append([]string{"-S", "-E", "-B", "testdata/read.py"}, files...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("by the documents, %v:\n%s", err, out)
	}
}
