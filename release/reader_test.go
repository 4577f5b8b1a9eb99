package release_test

import (
	"path/filepath"
	"strings"
	"testing"

	"unbrick/internal/vectors"
)

// TestSecondReader: a reader that knows only docs/release.md, testdata/read.py, finds in every vector what is written there.
func TestSecondReader(t *testing.T) {
	files, err := filepath.Glob("testdata/*.vec")
	if err != nil || len(files) < 200 {
		t.Fatalf("%d vectors, %v", len(files), err)
	}
	if said := vectors.Second(t, "testdata/read.py", files...); said != "" {
		t.Errorf("by the document:\n%s", said)
	}
}

// readings are other ways to read the document, as an edit of the second reader, and a vector that comes out otherwise then: so a reader
// that passes the vectors reads them the right way.
var readings = []struct{ what, file, vector, is, then string }{
	{"long heads are taken", "signed.py", "manifest-long-head", "need(r.p[start:r.at] == head(major, n), 'long head')", "pass"},
	{"bytes behind are taken", "signed.py", "manifest-payload-tail", "need(r.at == len(r.p), 'bytes behind')", "pass"},
	{"signatures in any order", "signed.py", "manifest-signatures-descending", "ascending([s[0] for s in signatures])", "pass"},
	{"no external data", "signed.py", "manifest-sound", "string(protected) + string(aad) + string(payload)\n        sig", "string(protected) + string(b'') + string(payload)\n        sig"},
	{"one good signature is enough to look at", "signed.py", "manifest-one-of-three-wrong", "raise Refused('bad signature')", "continue"},
	{"the threshold counts all signatures", "signed.py", "manifest-one-and-a-foreign", "count < threshold", "len(signatures) < threshold"},
	{"texts may have any code point", "signed.py", "manifest-zero-width", "need(all(c in more or any(a <= ord(c) <= z for a, z in POINTS) for c in s), 'code point')", "pass"},
	{"texts may begin with a space", "signed.py", "manifest-space-first", " and s.strip(' ') == s", ""},
	{"identifiers may begin with a dash", "signed.py", "manifest-dash-first", "[A-Za-z0-9][A-Za-z0-9._-]*", "[A-Za-z0-9._-]+"},
	{"a chip without a family", "read.py", "manifest-chip-alone", "need(m['family'] or not m['chip'], 'a chip alone')", "pass"},
	{"a digest of zeros is none", "read.py", "manifest-long-note-digest-zero", "need(d != bytes(32), 'digest of zeros')", "pass"},
	{"retired keys still sign their retirement", "read.py", "trust-only-the-retired", "slots = [k for k in slots if kid(k) not in retired]", "pass"},
	{"release keys for one use alone", "read.py", "trust-no-run", "for use in (1, 2)", "for use in (1,)"},
	{"a receipt is signed as it is", "read.py", "receipt-sound", `b'unbrick receipt v1\0' + p`, "p"},
	{"a note may be left out", "read.py", "file-note-left-out", "if note else b'')", "if note else m[LONG])"},
	{"a long note has no lines", "read.py", "file-sound", `text(note, 0, 16384, '\n')`, "text(note, 0, 16384)"},
	{"parts in any order", "read.py", "parts-descending", "and at >= end ", ""},
	{"a part may end at 2^32", "read.py", "parts-end-2-32", "need(end <= U32, 'end')", "need(end <= U32 + 1, 'end')"},
	{"leaves without their index", "read.py", "tree-256-1281", `b'\0' + struct.pack('>I', i)`, `b'\0'`},
	{"a tree halved in the middle", "read.py", "tree-256-1281", "k = 1 << (len(nodes) - 1).bit_length() - 1", "k = (len(nodes) + 1) // 2"},
}

// TestOtherReadings: no other reading passes.
func TestOtherReadings(t *testing.T) {
	if testing.Short() {
		t.Skip("runs another reader for each reading")
	}
	for _, o := range readings {
		t.Run(o.what, func(t *testing.T) {
			dir := vectors.Misread(t, []string{"testdata/read.py", "testdata/signed.py"}, vectors.Edit{File: o.file, Is: o.is, Then: o.then})
			if said := vectors.Second(t, filepath.Join(dir, "read.py"), "testdata/"+o.vector+".vec"); !strings.Contains(said, ".vec: ") {
				t.Errorf("the vector %s does not tell it apart: %s", o.vector, said)
			}
		})
	}
}
