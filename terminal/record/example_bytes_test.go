package record

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"unbrick/internal/vectors"
)

// TestExample: the bytes of docs/record.md are those of its vector.
func TestExample(t *testing.T) {
	var mem [MaxSize]byte
	b := staged().encode(mem[:])
	doc, err := os.ReadFile("../../docs/record.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(doc), "<!-- example -->\n")
	example, _, _ := strings.Cut(after, "<!-- end of the example -->")
	shown := make([]byte, len(b))
	for line := range strings.Lines(example) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		at, err := strconv.Atoi(fields[0])
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		p, err := hex.DecodeString(fields[1])
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		copy(shown[at:], p)
	}
	if !bytes.Equal(shown, b) {
		t.Errorf("the document shows\n%swant\n%s", vectors.Wrap(shown), vectors.Wrap(b))
	}
}

// TestEntriesExample: the bytes behind a body that docs/record.md shows are those of their vector.
func TestEntriesExample(t *testing.T) {
	doc, err := os.ReadFile("../../docs/record.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("testdata/sectors-marks-8-ff.vec")
	if err != nil {
		t.Fatal(err)
	}
	sector := bytes.Repeat([]byte{0xff}, 4096)
	for line := range strings.Lines(string(file)) {
		var at int
		var p []byte
		if n, _ := fmt.Sscanf(line, "1 %x %x", &at, &p); n == 2 {
			copy(sector[at:], p)
		}
	}
	_, after, _ := strings.Cut(string(doc), "<!-- entries -->\n")
	example, _, _ := strings.Cut(after, "<!-- end of the entries -->")
	rows := 0
	for line := range strings.Lines(example) {
		var at int
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if _, err := fmt.Sscan(fields[0], &at); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for _, word := range fields[1:] {
			p, err := hex.DecodeString(word)
			if err != nil {
				break // the rest of the line is words
			}
			if !bytes.HasPrefix(sector[at:], p) {
				t.Errorf("at %d the document shows %x, the vector has %x", at, p, sector[at:at+len(p)])
			}
			at += len(p)
		}
		rows++
	}
	if rows != 7 {
		t.Errorf("%d rows", rows)
	}
}
