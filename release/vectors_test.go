package release_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"unbrick/release"
)

var update = flag.Bool("update", false, "write the vectors in testdata again")

// A vector is a file of header lines "name: value", an empty line, and the bytes to be read.
type vector struct {
	name    string
	header  [][2]string
	payload []byte
}

func (v *vector) get(name string) string {
	for _, h := range v.header {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

func (v *vector) number(t *testing.T, name string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(v.get(name), 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", v.name, err)
	}
	return n
}

func (v *vector) hex(t *testing.T, name string) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.get(name))
	if err != nil {
		t.Fatalf("%s: %v", v.name, err)
	}
	return b
}

func (v *vector) encode() []byte {
	var b bytes.Buffer
	for _, h := range v.header {
		fmt.Fprintf(&b, "%s: %s\n", h[0], h[1])
	}
	b.WriteByte('\n')
	b.Write(v.payload)
	return b.Bytes()
}

func readVector(t *testing.T, path string) vector {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, payload, ok := bytes.Cut(b, []byte("\n\n"))
	if !ok {
		t.Fatalf("%s: no empty line", path)
	}
	v := vector{name: strings.TrimSuffix(filepath.Base(path), ".vec"), payload: payload}
	for line := range strings.SplitSeq(string(head), "\n") {
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("%s: header line %q", path, line)
		}
		v.header = append(v.header, [2]string{name, value})
	}
	return v
}

// outcomes of reading a manifest or a release file, as vectors name them.
var outcomes = map[string]error{
	"accepted": nil, "malformed": release.ErrManifest, "malformed file": release.ErrFile,
	"unknown key": release.ErrUnknownKey, "bad signature": release.ErrSignature, "too few signatures": release.ErrSigners,
	"wrong image": release.ErrImage, "malformed statement": release.ErrStatement, "retires too many": release.ErrRetires,
	"malformed freshness": release.ErrFresh, "malformed receipt": release.ErrReceipt, "malformed parts": release.ErrParts,
}

// TestVectors reads every file in testdata as firmware in another language would: by its header only.
func TestVectors(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.vec")
	if err != nil || len(paths) < 200 {
		t.Fatalf("%d vectors, %v", len(paths), err)
	}
	for _, path := range paths {
		v := readVector(t, path)
		t.Run(v.name, func(t *testing.T) {
			switch v.get("kind") {
			case "manifest":
				checkManifest(t, &v)
			case "file":
				checkFile(t, &v)
			case "trust":
				checkStatement(t, &v)
			case "fresh":
				checkFresh(t, &v)
			case "receipt":
				checkReceipt(t, &v)
			case "parts":
				checkPartsFile(t, &v)
			case "tree":
				checkTree(t, &v)
			case "code points":
				checkCodePoints(t, &v)
			default:
				t.Errorf("kind %q", v.get("kind"))
			}
		})
	}
}

func checkTree(t *testing.T, v *vector) {
	leaf := uint32(v.number(t, "leaf size"))
	leaves := release.AppendLeaves(nil, v.payload, leaf)
	if uint64(leaves.Count()) != v.number(t, "leaves") {
		t.Errorf("%d leaves", leaves.Count())
	}
	if got := release.Root(leaves); release.Hex(got) != v.get("root") {
		t.Errorf("root %x", got)
	}
	if got := release.Hex(leaves.At(leaves.Count() - 1)); got != v.get("last leaf") {
		t.Errorf("last leaf %s", got)
	}
}

// TestVectorsAreGenerated keeps testdata and its generator the same; -update writes the files.
func TestVectorsAreGenerated(t *testing.T) {
	all := slices.Concat(manifestVectors(), fileVectors(), statementVectors(), freshVectors(), receiptVectors(), partsVectors(), treeVectors(), codePointVectors())
	known := map[string]bool{}
	for _, v := range all {
		path := filepath.Join("testdata", v.name+".vec")
		known[path] = true
		if *update {
			if err := os.WriteFile(path, v.encode(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, v.encode()) {
			t.Errorf("%s is not what the generator makes (%v)", path, err)
		}
	}
	paths, _ := filepath.Glob("testdata/*.vec")
	for _, path := range paths {
		if !known[path] {
			t.Errorf("%s has no generator", path)
		}
	}
}

// codePointVectors is the table of what a text may hold, for firmware to compare its own with.
func codePointVectors() []vector {
	var b bytes.Buffer
	first := rune(-1)
	for c := rune(0); c <= utf8.MaxRune+1; c++ {
		switch ok := c <= utf8.MaxRune && release.Printable(c); {
		case ok && first < 0:
			first = c
		case !ok && first >= 0:
			fmt.Fprintf(&b, "%04X %04X\n", first, c-1)
			first = -1
		}
	}
	return []vector{{"text-code-points", [][2]string{{"kind", "code points"}, {"comment", "first and last of each range that a text may have, all others are refused"}}, b.Bytes()}}
}

func checkCodePoints(t *testing.T, v *vector) {
	may := map[rune]bool{}
	for line := range strings.Lines(string(v.payload)) {
		var first, last rune
		if _, err := fmt.Sscanf(line, "%X %X\n", &first, &last); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for c := first; c <= last; c++ {
			may[c] = true
		}
	}
	for c := rune(0); c <= utf8.MaxRune; c++ {
		if !utf8.ValidRune(c) {
			continue
		}
		// An accepted text begins and ends with a letter, for spaces at the ends are another rule.
		if err := release.CheckText("a"+string(c)+"a", 6); (err == nil) != may[c] {
			t.Fatalf("U+%04X: %v", c, err)
		}
	}
}

// TestDocumentShowsTheCodePoints keeps the table of docs/release.md true.
func TestDocumentShowsTheCodePoints(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "docs", "release.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "## Identifiers and texts")
	table, _, _ = strings.Cut(table, "\n## ")
	var shown strings.Builder
	for line := range strings.Lines(table) {
		if line, ok := strings.CutPrefix(line, "    "); ok {
			for _, pair := range strings.Fields(line) {
				fmt.Fprintln(&shown, strings.ReplaceAll(pair, "-", " "))
			}
		}
	}
	if want := string(codePointVectors()[0].payload); shown.String() != want {
		t.Errorf("the document shows\n%sthe table is\n%s", shown.String(), want)
	}
}

func exampleImage(n int) []byte {
	image := make([]byte, n)
	for i := range image {
		image[i] = byte(i*7 + i/256)
	}
	return image
}

func treeVectors() []vector {
	var all []vector
	for _, c := range []struct{ leaf, size int }{{256, 1}, {256, 256}, {256, 257}, {256, 768}, {256, 1281}, {256, 2048}, {512, 3000}} {
		image := exampleImage(c.size)
		leaves := release.AppendLeaves(nil, image, uint32(c.leaf))
		all = append(all, vector{fmt.Sprintf("tree-%d-%d", c.leaf, c.size), [][2]string{
			{"kind", "tree"}, {"comment", "the payload is the image"}, {"leaf size", fmt.Sprint(c.leaf)}, {"leaves", fmt.Sprint(leaves.Count())},
			{"last leaf", release.Hex(leaves.At(leaves.Count() - 1))}, {"root", release.Hex(release.Root(leaves))},
		}, image})
	}
	return all
}

// TestDocumentShowsTheVectors keeps the worked examples of docs/release.md true.
func TestDocumentShowsTheVectors(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "docs", "release.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		title, vector string
		places        bool // lines begin with an offset, and show a part only
	}{
		{"### Example of a manifest\n", "manifest-sound", false}, {"### Example of a trust statement\n", "trust-sound", false},
		{"### Example of a freshness statement\n", "fresh-sound", false}, {"### Example of a receipt\n", "receipt-sound", false},
		{"### Example of a release file\n", "file-sound", true}, {"### Example of a parts file\n", "parts-sound", true},
	} {
		_, example, ok := strings.Cut(string(doc), c.title)
		if !ok {
			t.Errorf("no %q in the document", c.title)
			continue
		}
		example, _, _ = strings.Cut(example, "\n#")
		v := readVector(t, filepath.Join("testdata", c.vector+".vec"))
		if !strings.Contains(example, c.vector+".vec") || !strings.Contains(example, fmt.Sprintf("%d bytes", len(v.payload))) {
			t.Errorf("%s: the document names another vector, or another length than %d", c.vector, len(v.payload))
		}
		at, lines := 0, 0
		for line := range strings.Lines(example) {
			line, ok := strings.CutPrefix(line, "    ")
			words := strings.Fields(line)
			if !ok || len(words) == 0 {
				continue
			}
			if c.places {
				if _, err := fmt.Sscan(words[0], &at); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				words = words[1:]
			}
			lines++
			for _, word := range words {
				b, err := hex.DecodeString(word)
				if err != nil {
					break // the rest of the line is words
				}
				if !bytes.HasPrefix(v.payload[min(at, len(v.payload)):], b) {
					t.Errorf("%s: at %d the document shows %s", c.vector, at, word)
				}
				at += len(b)
			}
		}
		if at != len(v.payload) || lines < 8 {
			t.Errorf("%s: %d lines of the document end at %d of %d bytes", c.vector, lines, at, len(v.payload))
		}
	}
}
