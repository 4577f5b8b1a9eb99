package cbor_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	oracle "github.com/fxamacker/cbor/v2"

	"unbrick/internal/cbor"
)

func seeds(f *testing.F) {
	for _, v := range appendixA {
		b, err := hex.DecodeString(strings.TrimPrefix(v, "="))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// FuzzStrict: what the strict reader takes is well-formed in the oracle's eyes and is written again
// byte for byte.
func FuzzStrict(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		w := cbor.Appending(nil)
		r := cbor.NewReader(b)
		copyItem(r, w)
		if strictly(b) != nil {
			return
		}
		if err := r.Finish(); err != nil {
			t.Fatalf("%x: skipped but not read: %v", b, err)
		}
		if got, err := w.Result(); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%x: written again as %x, %v", b, got, err)
		}
		if err := oracle.Wellformed(b); err != nil {
			t.Fatalf("%x: taken, but the oracle says %v", b, err)
		}
		if err := leniently(b); err != nil {
			t.Fatalf("%x: taken strictly, refused leniently: %v", b, err)
		}
	})
}

// FuzzLenient: the lenient reader and the oracle agree on what is well-formed, up to our limits.
func FuzzLenient(f *testing.F) {
	seeds(f)
	mode, err := oracle.DecOptions{MaxNestedLevels: 256, MaxArrayElements: 1 << 30, MaxMapPairs: 1 << 30}.DecMode()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, want := leniently(b), mode.Wellformed(b)
		switch {
		case got == nil && want != nil:
			t.Fatalf("%x: taken, but the oracle says %v", b, want)
		case got != nil && want == nil && !errors.Is(got, cbor.ErrUTF8) && !errors.Is(got, cbor.ErrDepth):
			t.Fatalf("%x: refused (%v), but the oracle takes it", b, got)
		}
	})
}
