package protocol

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"unbrick/internal/vectors"
)

// TestSecondReader: a reader that knows only docs/protocol.md and docs/release.md, testdata/read.py, takes and refuses the same.
func TestSecondReader(t *testing.T) {
	files := vectors.List(t, "testdata/*.txt", "testdata/refused/*.txt", "testdata/signed/*.txt")
	if said := vectors.Second(t, "testdata/read.py", files...); said != "" {
		t.Errorf("by the document:\n%s", said)
	}
}

// TestDocumentShowsMessages: docs/protocol.md has every message in bytes, as the vectors have them.
func TestDocumentShowsMessages(t *testing.T) {
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n## The other messages in bytes\n")
	if !ok {
		t.Fatal("no section with the messages")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	shown := map[Code]bool{CodeHello: true} // it has a section of its own
	for _, line := range regexp.MustCompile(`(?m)^    ([a-z-]+) +([0-9a-f ]+)$`).FindAllStringSubmatch(section, -1) {
		m, ok := examples()[line[1]]
		if !ok {
			t.Errorf("no vector %s", line[1])
			continue
		}
		want, err := m.Append(nil)
		if got := unhex(t, strings.ReplaceAll(line[2], " ", "")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: the document has %x, want %x, %v", line[1], got, want, err)
		}
		shown[m.Code()] = true
	}
	for c := CodeHello; int(c) < len(codeNames); c++ {
		if !shown[c] {
			t.Errorf("the document does not show %s", c)
		}
	}
}
