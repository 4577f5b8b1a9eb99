// Package vectors is for tests of formats: files that another implementation can read too, and the readers of such files
// that were written from a document alone.
//
// A vector is lines "name: value", an empty line, and the payload: the bytes themselves, or hexadecimal, by the format's own
// page. A test says what a vector is; with the flag -update it is written so, without it the file must be so already. Tests
// import this package, nothing else does.
package vectors

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Update is the flag -update.
var Update = flag.Bool("update", false, "write the vectors in testdata anew")

// File is one vector. Its name is that of the file without its folder and ending.
type File struct {
	Name    string
	Header  [][2]string
	Payload []byte
}

// New returns a vector.
func New(name string, header [][2]string, payload []byte) File { return File{name, header, payload} }

// Add adds a line to the header.
func (v *File) Add(name string, value any) {
	v.Header = append(v.Header, [2]string{name, fmt.Sprint(value)})
}

// Get returns a value of the header, "" for a name that is not there.
func (v *File) Get(name string) string {
	for _, h := range v.Header {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

// Number returns a value that is a decimal number.
func (v *File) Number(t testing.TB, name string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(v.Get(name), 10, 64)
	if err != nil {
		t.Fatalf("%s, %s: %v", v.Name, name, err)
	}
	return n
}

// Hex returns a value that is bytes in hexadecimal.
func (v *File) Hex(t testing.TB, name string) []byte {
	t.Helper()
	return Unhex(t, v.Get(name))
}

// Text returns the whole file.
func (v *File) Text() []byte {
	var b bytes.Buffer
	for _, h := range v.Header {
		fmt.Fprintf(&b, "%s: %s\n", h[0], h[1])
	}
	b.WriteByte('\n')
	b.Write(v.Payload)
	return b.Bytes()
}

// Read reads a vector.
func Read(t testing.TB, path string) *File {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return Parse(t, path, text)
}

// Parse takes the text of a vector apart.
func Parse(t testing.TB, path string, text []byte) *File {
	t.Helper()
	head, payload, ok := bytes.Cut(text, []byte("\n\n"))
	if !ok {
		t.Fatalf("%s: no empty line", path)
	}
	v := &File{Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Payload: payload}
	for line := range strings.SplitSeq(string(head), "\n") {
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("%s: header line %q", path, line)
		}
		v.Header = append(v.Header, [2]string{name, value})
	}
	return v
}

// Keep checks that a file is what the test says; with -update it is written so before. It returns what is there behind the
// header.
func Keep(t testing.TB, path, text string) string {
	t.Helper()
	if *Update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != text {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, text)
	}
	_, payload, _ := strings.Cut(string(got), "\n\n")
	return payload
}

// Wrap is b in hexadecimal, 32 bytes a line, each with its end.
func Wrap(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		n := min(len(b), 32)
		s.WriteString(hex.EncodeToString(b[:n]) + "\n")
		b = b[n:]
	}
	return s.String()
}

// Unhex returns the bytes of hexadecimal digits; space between them does not count.
func Unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// List returns the files that match the patterns, at least some of each.
func List(t testing.TB, patterns ...string) []string {
	t.Helper()
	var all []string
	for _, p := range patterns {
		files, err := filepath.Glob(p)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no vectors, %v", p, err)
		}
		all = append(all, files...)
	}
	return all
}

// Owned checks that every file that matches the pattern is made by somebody.
func Owned(t testing.TB, pattern string, made func(name string) bool) {
	t.Helper()
	for _, path := range List(t, pattern) {
		if !made(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))) {
			t.Errorf("%s is made by nobody", path)
		}
	}
}

// Second runs a reader that was written in Python from a document alone over vectors, and returns what it complains about.
// Without Python the test is skipped.
func Second(t testing.TB, reader string, files ...string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3 here: the reader that was written from the document does not run")
	}
	out, err := exec.Command(python, append([]string{"-S", "-E", "-B", reader}, files...)...).CombinedOutput()
	if (err != nil) != (len(out) > 0) {
		t.Fatalf("%v: %q", err, out)
	}
	return string(out)
}

// Edit is one way to read a document otherwise: in a file of the second reader Is, which stands there once, becomes Then.
type Edit struct{ File, Is, Then string }

// Misread copies the files of a second reader with edits into a new folder, and returns that.
func Misread(t testing.TB, files []string, edits ...Edit) string {
	t.Helper()
	dir := t.TempDir()
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, text := filepath.Base(path), string(b)
		for _, e := range edits {
			if e.File != name {
				continue
			}
			if strings.Count(text, e.Is) != 1 {
				t.Fatalf("%s has not one %q", name, e.Is)
			}
			text = strings.Replace(text, e.Is, e.Then, 1)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
