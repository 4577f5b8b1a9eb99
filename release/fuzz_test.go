package release_test

import (
	"bytes"
	"testing"

	"unbrick/internal/cbor"
	"unbrick/release"
)

// FuzzParse: what is taken is written again byte for byte.
func FuzzParse(f *testing.F) {
	for _, v := range manifestVectors() {
		f.Add(v.Payload)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, signers, err := release.Parse(b)
		if err != nil {
			if m != (release.Manifest{}) || signers != (release.Signers{}) {
				t.Error("a refused manifest was returned")
			}
			return
		}
		if len(b) > release.MaxManifest {
			t.Errorf("%d bytes taken", len(b))
		}
		compareButSigners(t, b, must(release.Sign(&m, makerKey())), &signers)
	})
}

// FuzzParseStatement: as FuzzParse.
func FuzzParseStatement(f *testing.F) {
	for _, v := range statementVectors() {
		f.Add(v.Payload)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, signers, err := release.ParseStatement(b)
		if err != nil {
			return
		}
		if len(b) > release.MaxStatement {
			t.Errorf("%d bytes taken", len(b))
		}
		compareButSigners(t, b, must(release.SignStatement(&s, makerKey())), &signers)
	})
}

// compareButSigners: took is again, but for who signed: again has the one signature of makerKey.
func compareButSigners(t *testing.T, took, again []byte, signers *release.Signers) {
	t.Helper()
	body := len(again) - 1 - 1 - 14 - 1 - 66
	if len(took) < body || !bytes.Equal(took[:body], again[:body]) {
		t.Errorf("took    %x\nwritten %x", took, again)
		return
	}
	w := cbor.Appending(nil)
	w.Array(len(signers.IDs()))
	rest := took[body+1:]
	for _, id := range signers.IDs() {
		w.Array(3)
		w.Bytes(signerHeader(-8, id[:]))
		w.Map(0)
		if len(rest) < 82 {
			t.Errorf("%d bytes for a signature", len(rest))
			return
		}
		w.Bytes(rest[18:82])
		rest = rest[82:]
	}
	if tail := must(w.Result()); !bytes.Equal(took[body:], tail) {
		t.Errorf("signatures %x, written %x", took[body:], tail)
	}
}

// FuzzParseFresh: as FuzzParse.
func FuzzParseFresh(f *testing.F) {
	for _, v := range freshVectors() {
		f.Add(v.Payload)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, id, err := release.ParseFresh(b)
		if err != nil {
			return
		}
		again := must(release.SignFresh(&v, makerKey()))
		again = bytes.Replace(again, kid(makerKey()), id[:], 1)
		copy(again[len(again)-64:], b[len(b)-64:])
		if !bytes.Equal(again, b) {
			t.Errorf("took    %x\nwritten %x", b, again)
		}
	})
}

// FuzzParseReceipt: as FuzzParse.
func FuzzParseReceipt(f *testing.F) {
	for _, v := range receiptVectors() {
		f.Add(v.Payload)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := release.ParseReceipt(b)
		if err != nil {
			return
		}
		if again := must(release.AppendReceipt(nil, &v)); !bytes.Equal(again, b) {
			t.Errorf("took %x, written %x", b, again)
		}
	})
}
