package release_test

import (
	"bytes"
	"errors"
	"testing"

	"unbrick/release"
)

// Refusals of SplitFile are the file-*.vec vectors.

func TestAppendFileAppends(t *testing.T) {
	m := soundManifest()
	m.Size = 3
	f := release.File{Statement: []byte("whatever"), Signed: must(release.Sign(&m, makerKey())), LongNote: []byte(longNote), Image: []byte("abc")}
	b := release.AppendFile([]byte("head"), &f)
	got, err := release.SplitFile(b[4:])
	if err != nil || !bytes.Equal(got.Signed, f.Signed) || string(got.Image) != "abc" || string(got.Statement) != "whatever" || string(got.LongNote) != longNote || string(b[:4]) != "head" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A file that only lacks its end is told so, with what the whole has where that is known.
func TestSplitFileTellsACutFile(t *testing.T) {
	m := soundManifest()
	m.Size = 3
	whole := release.AppendFile(nil, &release.File{Signed: must(release.Sign(&m, makerKey())), LongNote: []byte(longNote), Image: []byte("abc")})
	for has := 1; has < len(whole); has++ {
		wants := int64(len(whole))
		if has < len(whole)-3 {
			wants = 0
		}
		var short *release.ShortError
		if _, err := release.SplitFile(whole[:has]); !errors.As(err, &short) || !errors.Is(err, release.ErrFile) || *short != (release.ShortError{Has: int64(has), Wants: wants}) {
			t.Errorf("%d of %d bytes: %v", has, len(whole), err)
		}
	}
}

// FuzzSplitFile: what is taken is written again byte for byte.
func FuzzSplitFile(f *testing.F) {
	for _, v := range fileVectors() {
		f.Add(v.Payload)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := release.SplitFile(b)
		if err != nil {
			return
		}
		if again := release.AppendFile(nil, &file); !bytes.Equal(again, b) {
			t.Errorf("took %x, written again as %x", b, again)
		}
	})
}
