package bsdiff

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unbrick/internal/vectors"
)

// TestVectors: patches that another implementation can run, good ones and refusals. docs/protocol.md shows the first.
func TestVectors(t *testing.T) {
	const old, want = "abcdefgh", "abcdXfgh!"
	sound := part{add: []byte{0, 0, 0, 0, 'X' - 'e' + 256, 0, 0, 0}, fresh: []byte("!")}
	good := func(parts ...part) []byte { return patchOf(t, len(want), stream(parts...)) }
	change := func(at int, v byte) []byte { b := good(sound); b[at] = v; return b }
	sized := func(n int) []byte { return patchOf(t, n, stream(sound)) }
	odd := stream(sound)
	names := map[string]bool{}
	for _, v := range []struct {
		name, why, reason string
		patch             []byte
	}{
		{"sound", "the worked example of docs/protocol.md", "", good(sound)},
		{"pieces", "two pieces, the second one from further back", "",
			good(part{make([]byte, 4), []byte("X"), 1}, part{make([]byte, 3), []byte("!"), -8})},
		{"fresh", "nothing is taken", "", good(part{nil, []byte(want), 8})},
		{"empty-piece", "a piece that builds nothing", "", good(part{nil, nil, 0}, sound)},
		{"magic", "another magic", "format", change(15, '0')},
		{"short", "no stream", "format", good(sound)[:headerSize]},
		{"size-0", "an image of nothing", "format", sized(0)},
		{"size-large", "an image of 16,777,216 bytes", "format", sized(1 << 24)},
		{"level-0", "a bzip2 stream of level 0", "format", change(headerSize+3, '0')},
		{"more", "the stream has a byte more", "format", patchOf(t, len(want), append(stream(sound), 0))},
		{"less", "the stream has a byte less", "format", patchOf(t, len(want), odd[:len(odd)-1])},
		{"behind", "a byte behind the stream", "format", append(good(sound), 0)},
		{"cut", "the last byte is missing", "format", good(sound)[:len(good(sound))-1]},
		{"take-negative", "fewer than no bytes are taken", "format", patchOf(t, len(want), negative(stream(sound), 0))},
		{"fresh-negative", "fewer than no bytes are new", "format", patchOf(t, len(want), negative(stream(sound), 8))},
		{"take-outside", "more bytes are taken than the old image has", "format", good(part{make([]byte, 9), nil, 0})},
		{"beyond", "a piece goes beyond the new image", "format", good(part{make([]byte, 8), []byte("!!"), 0})},
		{"step-outside", "the last piece leads behind the old image", "format", good(part{sound.add, sound.fresh, 1})},
		{"step-before", "a piece leads before the old image", "format",
			good(part{make([]byte, 4), []byte("X"), -5}, part{nil, []byte("fgh!"), 0})},
	} {
		names[v.name] = true
		path := filepath.Join("testdata", v.name+".txt")
		expect := "ok"
		if v.reason != "" {
			expect = "refused"
		}
		text := fmt.Sprintf("patch: hexadecimal\nwhy: %s\nexpect: %s\nold: %x\nnew: %x\n\n", v.why, expect, old, want)
		vectors.Keep(t, path, text+vectors.Wrap(v.patch))
		image, err := apply(v.patch, []byte(old))
		if v.reason == "" && (err != nil || string(image) != want) {
			t.Errorf("%s: %q, %v", v.name, image, err)
		}
		if v.reason != "" && !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", v.name, err)
		}
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) != len(names) {
		t.Errorf("%d files, want %d, %v", len(files), len(names), err)
	}
	page, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "`delta/bsdiff/testdata/sound.txt`")
	section, _, _ = strings.Cut(section, "\n## ")
	shown := ""
	for line := range strings.Lines(section) {
		if line, ok := strings.CutPrefix(line, "    "); ok {
			word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			shown += word
		}
	}
	if want := hex.EncodeToString(append(good(sound), odd...)); shown != want {
		t.Errorf("docs/protocol.md shows\n%s, want\n%s", shown, want)
	}
}

// negative sets the sign of the number at an offset.
func negative(stream []byte, at int) []byte { stream[at+7] |= 0x80; return stream }
