package cbor_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"unbrick/internal/cbor"
	"unbrick/internal/vectors"
)

// The examples of RFC 8949 appendix A. "=" marks the ones that are deterministic and of the kinds we
// speak: the strict reader takes those and no other.
var appendixA = []string{
	"=00", "=01", "=0a", "=17", "=1818", "=1819", "=1864", "=1903e8", "=1a000f4240", "=1b000000e8d4a51000",
	"=1bffffffffffffffff", "=c249010000000000000000", "=3bffffffffffffffff", "=c349010000000000000000",
	"=20", "=29", "=3863", "=3903e7",
	"f90000", "f98000", "f93c00", "fb3ff199999999999a", "f93e00", "f97bff", "fa47c35000", "fa7f7fffff",
	"fb7e37e43c8800759c", "f90001", "f90400", "f9c400", "fbc010666666666666", "f97c00", "f97e00", "f9fc00",
	"fa7f800000", "fa7fc00000", "faff800000", "fb7ff0000000000000", "fb7ff8000000000000", "fbfff0000000000000",
	"=f4", "=f5", "=f6", "f7", "f0", "f8ff",
	"=c074323031332d30332d32315432303a30343a30305a", "=c11a514b67b0", "c1fb41d452d9e8000000", "=d74401020304",
	"=d818456449455446", "=d82076687474703a2f2f7777772e6578616d706c652e636f6d",
	"=40", "=4401020304", "=60", "=6161", "=6449455446", "=62225c", "=62c3bc", "=63e6b0b4", "=64f0908591",
	"=80", "=83010203", "=8301820203820405",
	"=98190102030405060708090a0b0c0d0e0f101112131415161718181819",
	"=a0", "=a201020304", "=a26161016162820203", "=826161a161626163", "=a56161614161626142616361436164614461656145",
	"5f42010243030405ff", "7f657374726561646d696e67ff", "9fff", "9f018202039f0405ffff", "9f01820203820405ff",
	"83018202039f0405ff", "83019f0203ff820405", "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
	"bf61610161629f0203ffff", "826161bf61626163ff", "bf6346756ef563416d7421ff",
}

func TestAppendixA(t *testing.T) {
	for _, v := range appendixA {
		strict := v[0] == '='
		if strict {
			v = v[1:]
		}
		b := vectors.Unhex(t, v)
		if err := leniently(b); err != nil {
			t.Errorf("%s: lenient reader: %v", v, err)
		}
		err := strictly(b)
		if (err == nil) != strict {
			t.Errorf("%s: strict reader says %v, want acceptance to be %v", v, err, strict)
		}
		if !strict {
			continue
		}
		w := cbor.Appending(nil)
		copyItem(cbor.NewReader(b), w)
		if got, err := w.Result(); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%s: written again as %x, %v", v, got, err)
		}
		for n := range b {
			if err := leniently(b[:n]); !errors.Is(err, cbor.ErrTruncated) {
				t.Errorf("%s cut to %d bytes: %v", v, n, err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	deep := append(bytes.Repeat([]byte{0x81}, cbor.MaxDepth+1), 0)
	for _, c := range []struct {
		name, in string
		lenient  bool // the lenient reader refuses it as well
		err      error
	}{
		{"one byte where none is needed", "1817", false, cbor.ErrShortest},
		{"two bytes where one is enough", "1900ff", false, cbor.ErrShortest},
		{"four bytes where two are enough", "1a0000ffff", false, cbor.ErrShortest},
		{"eight bytes where four are enough", "1b00000000ffffffff", false, cbor.ErrShortest},
		{"long length of a string", "580161", false, cbor.ErrShortest},
		{"long tag", "d81200", false, cbor.ErrShortest},
		{"keys out of order", "a202000100", false, cbor.ErrOrder},
		{"a key twice", "a201000100", false, cbor.ErrOrder},
		{"a short key behind a long one", "a218180017f6", false, cbor.ErrOrder},
		{"keys out of order, deep inside", "8181a202000100", false, cbor.ErrOrder},
		{"reserved head", "1c", true, cbor.ErrReserved},
		{"reserved head of a map", "be", true, cbor.ErrReserved},
		{"break alone", "ff", true, cbor.ErrReserved},
		{"break inside a definite array", "81ff", true, cbor.ErrReserved},
		{"simple value in the wrong form", "f818", true, cbor.ErrReserved},
		{"text that is not UTF-8", "61ff", true, cbor.ErrUTF8},
		{"surrogate in a text", "63eda080", true, cbor.ErrUTF8},
		{"array longer than the input", "9affffffff00", true, cbor.ErrTruncated},
		{"array of 2^64-1", "9bffffffffffffffff00", true, cbor.ErrTruncated},
		{"map that cannot fit", "a200f6", true, cbor.ErrTruncated},
		{"bytes of 2^64-1", "5bffffffffffffffff00", true, cbor.ErrTruncated},
		{"trailing byte", "0000", true, cbor.ErrTrailing},
		{"nothing", "", true, cbor.ErrTruncated},
		{"too deep", hex.EncodeToString(deep), true, cbor.ErrDepth},
	} {
		b := vectors.Unhex(t, c.in)
		if err := strictly(b); !errors.Is(err, c.err) {
			t.Errorf("%s: strict reader says %v, want %v", c.name, err, c.err)
		}
		err := leniently(b)
		if c.lenient && !errors.Is(err, c.err) || !c.lenient && err != nil {
			t.Errorf("%s: lenient reader says %v", c.name, err)
		}
	}
	for _, in := range []string{"1f", "3f", "df00", "bf01ff", "7f4100ff", "7f7f6100ffff"} {
		if err := leniently(vectors.Unhex(t, in)); err == nil {
			t.Errorf("lenient reader takes %s", in)
		}
	}
	if err := leniently(deep[1:]); err != nil {
		t.Errorf("nesting of MaxDepth: %v", err)
	}
}
