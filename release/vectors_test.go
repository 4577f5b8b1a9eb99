package release_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"unbrick/internal/vectors"
	"unbrick/release"
)

// A vector is a file of header lines, an empty line, and the bytes to be read.
type vector = vectors.File

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
		v := vectors.Read(t, path)
		t.Run(v.Name, func(t *testing.T) {
			switch v.Get("kind") {
			case "manifest":
				checkManifest(t, v)
			case "file":
				checkFile(t, v)
			case "trust":
				checkStatement(t, v)
			case "fresh":
				checkFresh(t, v)
			case "receipt":
				checkReceipt(t, v)
			case "parts":
				checkPartsFile(t, v)
			case "tree":
				checkTree(t, v)
			case "code points":
				checkCodePoints(t, v)
			default:
				t.Errorf("kind %q", v.Get("kind"))
			}
		})
	}
}

func checkTree(t *testing.T, v *vector) {
	leaf := uint32(v.Number(t, "leaf size"))
	leaves := release.AppendLeaves(nil, v.Payload, leaf)
	if uint64(leaves.Count()) != v.Number(t, "leaves") {
		t.Errorf("%d leaves", leaves.Count())
	}
	if got := release.Root(leaves); release.Hex(got) != v.Get("root") {
		t.Errorf("root %x", got)
	}
	if got := release.Hex(leaves.At(leaves.Count() - 1)); got != v.Get("last leaf") {
		t.Errorf("last leaf %s", got)
	}
}

// TestVectorsAreGenerated keeps testdata and its generator the same; -update writes the files.
func TestVectorsAreGenerated(t *testing.T) {
	all := slices.Concat(manifestVectors(), fileVectors(), statementVectors(), freshVectors(), receiptVectors(), partsVectors(), treeVectors(), codePointVectors())
	known := map[string]bool{}
	for _, v := range all {
		known[v.Name] = true
		vectors.Keep(t, filepath.Join("testdata", v.Name+".vec"), string(v.Text()))
	}
	vectors.Owned(t, "testdata/*.vec", func(name string) bool { return known[name] })
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
	return []vector{vectors.New("text-code-points", [][2]string{{"kind", "code points"}, {"comment", "first and last of each range that a text may have, all others are refused"}}, b.Bytes())}
}

func checkCodePoints(t *testing.T, v *vector) {
	may := map[rune]bool{}
	for line := range strings.Lines(string(v.Payload)) {
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
	if want := string(codePointVectors()[0].Payload); shown.String() != want {
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
		all = append(all, vectors.New(fmt.Sprintf("tree-%d-%d", c.leaf, c.size), [][2]string{
			{"kind", "tree"}, {"comment", "the payload is the image"}, {"leaf size", fmt.Sprint(c.leaf)}, {"leaves", fmt.Sprint(leaves.Count())},
			{"last leaf", release.Hex(leaves.At(leaves.Count() - 1))}, {"root", release.Hex(release.Root(leaves))},
		}, image))
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
		v := vectors.Read(t, filepath.Join("testdata", c.vector+".vec"))
		if !strings.Contains(example, c.vector+".vec") || !strings.Contains(example, fmt.Sprintf("%d bytes", len(v.Payload))) {
			t.Errorf("%s: the document names another vector, or another length than %d", c.vector, len(v.Payload))
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
				if !bytes.HasPrefix(v.Payload[min(at, len(v.Payload)):], b) {
					t.Errorf("%s: at %d the document shows %s", c.vector, at, word)
				}
				at += len(b)
			}
		}
		if at != len(v.Payload) || lines < 8 {
			t.Errorf("%s: %d lines of the document end at %d of %d bytes", c.vector, lines, at, len(v.Payload))
		}
	}
}
