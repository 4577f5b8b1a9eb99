package release_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"unbrick/flash"
	"unbrick/internal/cbor"
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
	"unknown key": release.ErrUnknownKey, "bad signature": release.ErrSignature, "wrong image": release.ErrImage,
}

// TestVectors reads every file in testdata as firmware in another language would: by its header only.
func TestVectors(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.vec")
	if err != nil || len(paths) < 40 {
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

func checkManifest(t *testing.T, v *vector) {
	want, ok := outcomes[v.get("expect")]
	if !ok {
		t.Fatalf("expects %q", v.get("expect"))
	}
	m, err := release.Verify(v.payload, []ed25519.PublicKey{v.hex(t, "public key")})
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Fatalf("got %v, want %v", err, want)
	}
	if want != nil {
		if m != (release.Manifest{}) {
			t.Error("a refused manifest was returned")
		}
		return
	}
	got := []string{
		m.Model, m.Version, fmt.Sprint(m.Order), fmt.Sprint(m.Counter), fmt.Sprint(m.Size),
		release.Hex(m.Digest), fmt.Sprint(m.LeafSize), release.Hex(m.Root),
	}
	for i, name := range []string{"model", "version", "order", "counter", "size", "digest", "leaf size", "root"} {
		if got[i] != v.get(name) {
			t.Errorf("%s is %q, want %q", name, got[i], v.get(name))
		}
	}
}

func checkFile(t *testing.T, v *vector) {
	want, ok := outcomes[v.get("expect")]
	if !ok {
		t.Fatalf("expects %q", v.get("expect"))
	}
	signed, image, err := release.SplitFile(v.payload)
	if err == nil {
		var m release.Manifest
		if m, err = release.Verify(signed, []ed25519.PublicKey{v.hex(t, "public key")}); err == nil {
			err = m.CheckImage(image)
		}
	}
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("got %v, want %v", err, want)
	}
}

func checkTree(t *testing.T, v *vector) {
	leaf := uint32(v.number(t, "leaf size"))
	leaves := release.AppendLeaves(nil, v.payload, leaf)
	if uint64(len(leaves)) != v.number(t, "leaves") {
		t.Errorf("%d leaves", len(leaves))
	}
	if got := release.Root(leaves); release.Hex(got) != v.get("root") {
		t.Errorf("root %x", got)
	}
	if got := release.Hex(leaves[len(leaves)-1]); got != v.get("last leaf") {
		t.Errorf("last leaf %s", got)
	}
}

// TestVectorsAreGenerated keeps testdata and its generator the same; -update writes the files.
func TestVectorsAreGenerated(t *testing.T) {
	all := slices.Concat(manifestVectors(), fileVectors(), treeVectors(), codePointVectors())
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

func manifestVectors() []vector {
	var all []vector
	pub := hex.EncodeToString(public(makerKey()))
	add := func(name, expect, comment string, signed []byte) {
		all = append(all, vector{"manifest-" + name, [][2]string{
			{"kind", "manifest"}, {"comment", comment}, {"public key", pub}, {"expect", expect},
		}, signed})
	}
	accepted := func(name, comment string, m release.Manifest) {
		v := vector{"manifest-" + name, [][2]string{
			{"kind", "manifest"}, {"comment", comment}, {"private seed", hex.EncodeToString(makerKey().Seed())},
			{"public key", pub}, {"expect", "accepted"}, {"model", m.Model}, {"version", m.Version},
			{"order", fmt.Sprint(m.Order)}, {"counter", fmt.Sprint(m.Counter)}, {"size", fmt.Sprint(m.Size)},
			{"digest", release.Hex(m.Digest)}, {"leaf size", fmt.Sprint(m.LeafSize)}, {"root", release.Hex(m.Root)},
		}, must(release.Sign(&m, makerKey()))}
		all = append(all, v)
	}
	accepted("sound", "the worked example of docs/release.md", soundManifest())
	least := release.Manifest{Model: "m", Version: "v", Size: 1, LeafSize: release.MinLeaf}
	accepted("least", "every number as small as it may be, digests of zeros", least)
	most := release.Manifest{
		Model: strings.Repeat("m", 32), Version: strings.Repeat("\u20ac", 10) + "10", Order: 1<<64 - 1, Counter: 1<<64 - 1,
		Size: release.MaxImage, LeafSize: release.MaxLeaf, Digest: release.Digest(bytes.Repeat([]byte{0xff}, 32)),
	}
	words := soundManifest()
	words.Model, words.Version = "Hub-2.b_C", "\u00dcbung 2 \u03b2 \u0416 \u7b2c\u4e8c\u7248 \U0001f680"
	accepted("words", "letters of several scripts in the version", words)
	accepted("most", "every number and text as large as it may be", most)

	bad := func(name, comment string, change func(e *envelope)) {
		e := newEnvelope(encode(fields()))
		change(&e)
		add(name, "malformed", comment, e.build())
	}
	payload := func(name, comment string, p []byte) {
		bad(name, comment, func(e *envelope) { e.payload = p })
	}

	e := newEnvelope(encode(fields()))
	e.key = otherKey()
	add("wrong-signature", "bad signature", "signed with another key than the one named", e.build())
	e = newEnvelope(encode(fields()))
	e.external = "unbrick release v2"
	add("other-external-data", "bad signature", "signed for another use", e.build())
	e = newEnvelope(encode(fields()))
	changed := bytes.Replace(e.build(), []byte("1.4.0"), []byte("1.4.1"), 1)
	add("changed-version", "bad signature", "one byte of the payload changed after signing", changed)
	e = newEnvelope(encode(fields()))
	e.key = otherKey()
	e.protected = protected(-8, release.ContentType, kid(otherKey()))
	add("unknown-key", "unknown key", "rightly signed with a key that is not trusted", e.build())

	bad("untagged", "no tag 18", func(e *envelope) { e.tag = 0 })
	bad("other-tag", "tag 98 (COSE_Sign)", func(e *envelope) { e.tag = 98 })
	bad("trailing-byte", "one byte behind the manifest", func(e *envelope) { e.tail = []byte{0} })
	bad("unprotected", "an unprotected header that is not empty", func(e *envelope) { e.unprotected = []byte{0xa1, 0x04, 0x41, 0x01} })
	bad("other-algorithm", "algorithm -7 (ES256)", func(e *envelope) { e.protected = protected(-7, release.ContentType, kid(e.key)) })
	bad("other-content-type", "another content type", func(e *envelope) { e.protected = protected(-8, "application/cbor", kid(e.key)) })
	bad("short-kid", "key identifier of 7 bytes", func(e *envelope) { e.protected = protected(-8, release.ContentType, kid(e.key)[:7]) })
	bad("long-kid", "key identifier of 9 bytes", func(e *envelope) { e.protected = protected(-8, release.ContentType, append(kid(e.key), 0)) })
	bad("header-twice", "a fourth, repeated protected header", func(e *envelope) {
		e.protected = append(bytes.Replace(e.protected, []byte{0xa3}, []byte{0xa4}, 1), 0x04, 0x41, 0x00)
	})
	bad("no-protected", "an empty protected header", func(e *envelope) { e.protected = nil })
	bad("oversize", "more than 1024 bytes", func(e *envelope) { e.payload = with(2, text(strings.Repeat("9", 1024))) })

	f := fields()
	payload("missing-key", "no root", encode(f[:7]))
	payload("more-keys", "an unknown key 9", encode(append(fields(), field{9, number(0)})))
	payload("key-twice", "key 7 in place of key 8", encode(append(fields()[:7], fields()[6])))
	payload("order-of-keys", "keys 1 and 2 exchanged", encode(append([]field{f[1], f[0]}, f[2:]...)))
	payload("long-number", "order 7 in two bytes", with(3, []byte{0x18, 7}))
	payload("long-head", "length of the digest in three bytes", with(6, append([]byte{0x59, 0, 32}, make([]byte, 32)...)))
	payload("indefinite-text", "version in chunks", with(2, []byte{0x7f, 0x61, '1', 0xff}))
	payload("payload-tail", "one byte behind the payload map", append(encode(fields()), 0))
	payload("text-for-number", "order is a text", with(3, text("7")))
	payload("negative-order", "order is -1", with(3, []byte{0x20}))
	payload("short-digest", "digest of 31 bytes", with(6, byteString(make([]byte, 31))))
	payload("long-root", "root of 33 bytes", with(8, byteString(make([]byte, 33))))
	payload("size-0", "empty image", with(5, number(0)))
	payload("size-too-large", "image of one byte more than MaxImage", with(5, number(release.MaxImage+1)))
	payload("size-33-bits", "size of 2^32", with(5, number(1<<32)))
	payload("leaf-0", "leaf size 0", with(7, number(0)))
	payload("leaf-128", "leaf size below the smallest", with(7, number(128)))
	payload("leaf-8192", "leaf size above the largest", with(7, number(8192)))
	payload("leaf-3072", "leaf size that is no power of two", with(7, number(3072)))
	payload("empty-model", "empty model", with(1, text("")))
	payload("empty-version", "empty version", with(2, text("")))
	payload("long-model", "model of 33 bytes", with(1, text(strings.Repeat("m", 33))))
	payload("newline", "a line feed in the version", with(2, text("1.4\n0")))
	payload("bidi", "a character that turns the direction of writing", with(2, text("1.4\u202e0")))
	payload("space-at-end", "a space at the end of the model", with(1, text("0001 ")))
	payload("space-in-model", "a space inside the model", with(1, text("00 01")))
	payload("dots-for-model", "a model that is a way out of a folder", with(1, text("..")))
	payload("dash-first", "a model that begins with a dash", with(1, text("-1")))
	payload("slash-in-model", "a slash in the model", with(1, text("a/b")))
	payload("letter-not-ascii", "a model with a letter that is not ASCII", with(1, text("h\u00fcb")))
	payload("full-width-model", "a model of digits that only look like ASCII", with(1, text("\uff10\uff11")))
	payload("space-first", "a space before the version", with(2, text(" 1.4")))
	payload("c1-control", "a control character of two bytes", with(2, text("1.4\u0085")))
	payload("no-break-space", "a space that is not U+0020", with(2, text("1\u00a04")))
	payload("soft-hyphen", "a character that is not seen", with(2, text("1.\u00ad4")))
	payload("zero-width", "a character without width", with(2, text("1.\u200b4")))
	payload("right-to-left", "a letter that is written from right to left", with(2, text("1.4 \u05d0")))
	payload("filler", "a letter that is not seen", with(2, text("1.4\u3164")))
	payload("private-use", "a character that has no meaning of its own", with(2, text("1.4\ue000")))
	payload("tag", "a character that is a tag", with(2, text("1.4\U000e0041")))
	payload("surrogate", "half of a UTF-16 pair, in three bytes", with(2, text("1\xed\xa0\x80")))
	payload("overlong", "a letter in two bytes", with(2, text("1\xc1\x81")))
	payload("no-utf-8", "a version that is not UTF-8", with(2, text("1.4\xff")))

	sound := newEnvelope(encode(fields()))
	short := sound.build()
	at := len(short) - 64 - 2
	short = append(append(bytes.Clone(short[:at]), 0x58, 63), short[at+2:len(short)-1]...)
	add("short-signature", "malformed", "signature of 63 bytes", short)
	w := cbor.Appending(nil)
	w.Tag(18)
	w.Array(4)
	w.Bytes(sound.protected)
	w.Map(0)
	w.Null()
	w.Bytes(make([]byte, 64))
	add("detached", "malformed", "payload left out", must(w.Result()))
	add("truncated", "malformed", "the last byte is missing", sound.build()[:len(sound.build())-1])
	add("empty", "malformed", "nothing at all", nil)
	return all
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

func fileVectors() []vector {
	var all []vector
	image := exampleImage(700)
	area := flash.Geometry{Runs: []flash.Run{{Size: 256, Count: 4}}}
	m := must(release.Describe("0001", "2", 2, 0, image, &area))
	signed := must(release.Sign(&m, makerKey()))
	sound := release.AppendFile(nil, signed, image)
	add := func(name, expect, comment string, file []byte) {
		all = append(all, vector{"file-" + name, [][2]string{
			{"kind", "file"}, {"comment", comment}, {"public key", hex.EncodeToString(public(makerKey()))}, {"expect", expect},
		}, file})
	}
	change := func(at int, b byte) []byte {
		f := bytes.Clone(sound)
		f[at] ^= b
		return f
	}
	add("sound", "accepted", "an image of 700 bytes in leaves of 256", sound)
	add("magic", "malformed file", "one bit of the magic is wrong", change(7, 1))
	add("truncated", "malformed file", "the last byte of the image is missing", sound[:len(sound)-1])
	add("trailing-byte", "malformed file", "one byte behind the image", append(bytes.Clone(sound), 0))
	add("manifest-length", "malformed file", "the manifest's length is one too many", change(8, sound[8]^(sound[8]+1)))
	add("huge-manifest", "malformed file", "a manifest of 2^31 bytes and more", change(11, 0x80))
	add("head-only", "malformed file", "nothing behind the magic", sound[:8])
	add("wrong-image", "wrong image", "the last bit of the image is wrong", change(len(sound)-1, 1))
	return all
}

func treeVectors() []vector {
	var all []vector
	for _, c := range []struct{ leaf, size int }{{256, 1}, {256, 256}, {256, 257}, {256, 768}, {256, 1281}, {256, 2048}, {512, 3000}} {
		image := exampleImage(c.size)
		leaves := release.AppendLeaves(nil, image, uint32(c.leaf))
		all = append(all, vector{fmt.Sprintf("tree-%d-%d", c.leaf, c.size), [][2]string{
			{"kind", "tree"}, {"comment", "the payload is the image"}, {"leaf size", fmt.Sprint(c.leaf)}, {"leaves", fmt.Sprint(len(leaves))},
			{"last leaf", release.Hex(leaves[len(leaves)-1])}, {"root", release.Hex(release.Root(leaves))},
		}, image})
	}
	return all
}

// TestDocumentShowsTheVector keeps the worked example of docs/release.md true.
func TestDocumentShowsTheVector(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "docs", "release.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(doc), "### Worked example")
	example, _, _ = strings.Cut(example, "## Hash tree")
	var shown strings.Builder
	for line := range strings.SplitSeq(example, "\n") {
		line, ok := strings.CutPrefix(line, "    ")
		for _, word := range strings.Fields(line) {
			if _, err := hex.DecodeString(word); !ok || err != nil {
				break // the rest of the line is words
			}
			shown.WriteString(word)
		}
	}
	v := readVector(t, filepath.Join("testdata", "manifest-sound.vec"))
	if got, want := shown.String(), hex.EncodeToString(v.payload); got != want {
		t.Errorf("the document shows\n%s\nthe vector is\n%s", got, want)
	}
}
