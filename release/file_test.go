package release_test

import (
	"bytes"
	"testing"

	"unbrick/release"
)

// Refusals of SplitFile are the file-*.vec vectors.

func TestAppendFileAppends(t *testing.T) {
	m := soundManifest()
	m.Size = 3
	signed := must(release.Sign(&m, makerKey()))
	b := release.AppendFile([]byte("head"), signed, []byte("abc"))
	gotSigned, image, err := release.SplitFile(b[4:])
	if err != nil || !bytes.Equal(gotSigned, signed) || string(image) != "abc" || string(b[:4]) != "head" {
		t.Errorf("got %x, %q, %v", gotSigned, image, err)
	}
}

// FuzzSplitFile: what is taken is written again byte for byte.
func FuzzSplitFile(f *testing.F) {
	for _, v := range fileVectors() {
		f.Add(v.payload)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		signed, image, err := release.SplitFile(b)
		if err != nil {
			return
		}
		if again := release.AppendFile(nil, signed, image); !bytes.Equal(again, b) {
			t.Errorf("took %x, written again as %x", b, again)
		}
	})
}
