package release_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"unbrick/internal/cbor"
	"unbrick/internal/vectors"
	"unbrick/release"
)

func soundFresh() release.Fresh {
	return release.Fresh{
		Subject: must(release.SubjectOf("0001", "S-17")), Nonce: [16]byte{15: 9}, Statement: 3, Era: 1, Order: 7, Image: release.Digest{1}, Reason: 6, Time: 1_796_000_000,
	}
}

func freshFields() []field {
	f := soundFresh()
	return []field{
		{1, byteString(f.Subject[:])}, {2, byteString(f.Nonce[:])}, {3, number(3)}, {4, number(1)}, {5, number(7)}, {6, byteString(f.Image[:])}, {7, number(6)}, {8, number(f.Time)},
	}
}

// sign1 builds COSE_Sign1 without the code under test.
func sign1(tag uint64, protected, unprotected, payload []byte, external string, key ed25519.PrivateKey) []byte {
	w := cbor.Appending(nil)
	w.Array(4)
	w.Text("Signature1")
	w.Bytes(protected)
	w.Bytes([]byte(external))
	w.Bytes(payload)
	signature := ed25519.Sign(key, must(w.Result()))
	w = cbor.Appending(nil)
	if tag != 0 {
		w.Tag(tag)
	}
	w.Array(4)
	w.Bytes(protected)
	w.Raw(unprotected)
	w.Bytes(payload)
	w.Bytes(signature)
	return must(w.Result())
}

// freshHeader is the protected header {1: alg, 3: content type, 4: kid}.
func freshHeader(alg int64, contentType string, kid []byte) []byte {
	w := cbor.Appending(nil)
	w.Map(3)
	w.Uint(1)
	w.Int(alg)
	w.Uint(3)
	w.Text(contentType)
	w.Uint(4)
	w.Bytes(kid)
	return must(w.Result())
}

func freshWords(f *release.Fresh) [][2]string {
	return [][2]string{
		{"subject", release.Hex(f.Subject)}, {"nonce", hex.EncodeToString(f.Nonce[:])}, {"statement version", fmt.Sprint(f.Statement)}, {"era", fmt.Sprint(f.Era)},
		{"order", fmt.Sprint(f.Order)}, {"image", release.Hex(f.Image)}, {"reason", fmt.Sprint(f.Reason)}, {"time", fmt.Sprint(f.Time)},
	}
}

func checkFresh(t *testing.T, v *vector) {
	want, ok := outcomes[v.Get("expect")]
	if !ok {
		t.Fatalf("expects %q", v.Get("expect"))
	}
	f, err := release.VerifyFresh(v.Payload, keysOf(t, v, "online keys"))
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Fatalf("got %v, want %v", err, want)
	}
	if want != nil {
		if f != (release.Fresh{}) {
			t.Error("a refused statement was returned")
		}
		return
	}
	for _, w := range freshWords(&f) {
		if w[1] != v.Get(w[0]) {
			t.Errorf("%s is %q, want %q", w[0], w[1], v.Get(w[0]))
		}
	}
	if model := v.Get("model"); model != "" {
		if d, err := release.SubjectOf(model, v.Get("serial")); err != nil || d != f.Subject {
			t.Errorf("subject of %q and %q is %x, %v", model, v.Get("serial"), d, err)
		}
	}
	if again, err := release.SignFresh(&f, ed25519.NewKeyFromSeed(v.Hex(t, "private seed"))); err != nil || !bytes.Equal(again, v.Payload) {
		t.Errorf("signed again as %x, %v", again, err)
	}
}

func freshVectors() []vector {
	var all []vector
	const contentType = "application/vnd.unbrick.fresh+cbor"
	add := func(name, expect, comment string, signed []byte) {
		all = append(all, vectors.New("fresh-"+name, [][2]string{{"kind", "fresh"}, {"comment", comment}, {"online keys", hexOf(makerKey())}, {"expect", expect}}, signed))
	}
	good := func(name, comment, model, serial string, f release.Fresh) {
		header := [][2]string{{"kind", "fresh"}, {"comment", comment}, {"private seed", seedsOf(makerKey())}, {"online keys", hexOf(makerKey())}, {"expect", "accepted"}, {"model", model}, {"serial", serial}}
		all = append(all, vectors.New("fresh-"+name, append(header, freshWords(&f)...), must(release.SignFresh(&f, makerKey()))))
	}
	good("sound", "the worked example of docs/release.md", "0001", "S-17", soundFresh())
	good("least", "everything as small as it may be", "", "", release.Fresh{})
	most := release.Fresh{
		Subject: must(release.SubjectOf(strings.Repeat("m", 32), "")), Nonce: [16]byte(bytes.Repeat([]byte{0xff}, 16)), Statement: 1<<32 - 1, Era: 1<<16 - 1,
		Order: release.MaxNumber, Image: release.Digest(bytes.Repeat([]byte{0xff}, 32)), Reason: 255, Time: release.MaxNumber,
	}
	good("most", "everything as large as it may be, for a model at large", strings.Repeat("m", 32), "", most)

	header, sound := freshHeader(-8, contentType, kid(makerKey())), encode(freshFields())
	empty := []byte{0xa0}
	const external = "unbrick fresh v1"
	add("wrong-signature", "bad signature", "signed with another key than the one named", sign1(18, header, empty, sound, external, otherKey()))
	add("other-external-data", "bad signature", "signed for another use", sign1(18, header, empty, sound, "unbrick trust v1", makerKey()))
	add("unknown-key", "unknown key", "rightly signed with a key that is not trusted", sign1(18, freshHeader(-8, contentType, kid(otherKey())), empty, sound, external, otherKey()))
	bad := func(name, comment string, signed []byte) { add(name, "malformed freshness", comment, signed) }
	bad("untagged", "no tag 18", sign1(0, header, empty, sound, external, makerKey()))
	bad("other-tag", "tag 98 (COSE_Sign)", sign1(98, header, empty, sound, external, makerKey()))
	bad("other-algorithm", "algorithm -7 (ES256)", sign1(18, freshHeader(-7, contentType, kid(makerKey())), empty, sound, external, makerKey()))
	bad("other-content-type", "the content type of a trust statement", sign1(18, freshHeader(-8, release.TrustContentType, kid(makerKey())), empty, sound, external, makerKey()))
	bad("short-kid", "key identifier of 7 bytes", sign1(18, freshHeader(-8, contentType, kid(makerKey())[:7]), empty, sound, external, makerKey()))
	bad("unprotected", "an unprotected header that is not empty", sign1(18, header, []byte{0xa1, 0x04, 0x41, 0x01}, sound, external, makerKey()))
	payload := func(name, comment string, p []byte) {
		bad(name, comment, sign1(18, header, empty, p, external, makerKey()))
	}
	with := func(key uint64, value []byte) []byte {
		f := freshFields()
		f[key-1].value = value
		return encode(f)
	}
	f := freshFields()
	payload("missing-key", "no time", encode(f[:7]))
	payload("more-keys", "an unknown key 9", encode(append(freshFields(), field{9, number(0)})))
	payload("order-of-keys", "keys 1 and 2 exchanged", encode(append([]field{f[1], f[0]}, f[2:]...)))
	payload("payload-tail", "one byte behind the payload map", append(encode(f), 0))
	payload("subject-short", "a subject of 31 bytes", with(1, byteString(make([]byte, 31))))
	payload("nonce-short", "a number of 15 bytes", with(2, byteString(make([]byte, 15))))
	payload("statement-33-bits", "statement version 2^32", with(3, number(1<<32)))
	payload("era-17-bits", "era 2^16", with(4, number(1<<16)))
	payload("order-54-bits", "order 2^53", with(5, number(1<<53)))
	payload("image-empty", "an empty image digest", with(6, byteString(nil)))
	payload("reason-256", "reason 256", with(7, number(256)))
	payload("time-54-bits", "time 2^53", with(8, number(1<<53)))
	payload("time-negative", "time -1", with(8, []byte{0x20}))
	payload("long-head", "order 7 in two bytes", with(5, []byte{0x18, 7}))
	payload("oversize", "more than 256 bytes", with(6, byteString(make([]byte, 160))))
	signed := all[0].Payload
	bad("trailing-byte", "one byte behind the statement", append(bytes.Clone(signed), 0))
	bad("truncated", "the last byte is missing", signed[:len(signed)-1])
	bad("empty", "nothing at all", nil)
	return all
}

func soundReceipt() release.Receipt {
	return release.Receipt{
		Model: "0001", Serial: "S-17", Nonce: [16]byte{15: 9}, State: 1, Why: 2, Match: 1, From: release.Digest{1}, To: release.Digest{2}, Sequence: 12, Operations: 345, Failures: 6, Statement: 3,
	}
}

func receiptWords(v *release.Receipt) [][2]string {
	return [][2]string{
		{"model", v.Model}, {"serial", v.Serial}, {"nonce", hex.EncodeToString(v.Nonce[:])}, {"state", fmt.Sprint(v.State)}, {"why", fmt.Sprint(v.Why)}, {"match", fmt.Sprint(v.Match)},
		{"image From", release.Hex(v.From)}, {"image To", release.Hex(v.To)}, {"sequence", fmt.Sprint(v.Sequence)}, {"operations", fmt.Sprint(v.Operations)},
		{"failures", fmt.Sprint(v.Failures)}, {"statement version", fmt.Sprint(v.Statement)},
	}
}

func checkReceipt(t *testing.T, v *vector) {
	want, ok := outcomes[v.Get("expect")]
	if !ok {
		t.Fatalf("expects %q", v.Get("expect"))
	}
	got, err := release.VerifyReceipt(v.Payload, v.Hex(t, "signature"), v.Hex(t, "device key"))
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Fatalf("got %v, want %v", err, want)
	}
	if want != nil {
		if got != (release.Receipt{}) {
			t.Error("a refused receipt was returned")
		}
		return
	}
	for _, w := range receiptWords(&got) {
		if w[1] != v.Get(w[0]) {
			t.Errorf("%s is %q, want %q", w[0], w[1], v.Get(w[0]))
		}
	}
	if again, err := release.AppendReceipt(nil, &got); err != nil || !bytes.Equal(again, v.Payload) {
		t.Errorf("written again as %x, %v", again, err)
	}
}

func receiptVectors() []vector {
	var all []vector
	add := func(name, expect, comment string, words [][2]string, receipt, message []byte) {
		signature := ed25519.Sign(makerKey(), message)
		header := [][2]string{{"kind", "receipt"}, {"comment", comment}, {"device key", hexOf(makerKey())}, {"signature", hex.EncodeToString(signature)}, {"expect", expect}}
		all = append(all, vectors.New("receipt-"+name, append(header, words...), receipt))
	}
	const prefix = "unbrick receipt v1\x00"
	signed := func(b []byte) []byte { return append([]byte(prefix), b...) }
	good := func(name, comment string, v release.Receipt) {
		b := must(release.AppendReceipt(nil, &v))
		add(name, "accepted", comment, receiptWords(&v), b, signed(b))
	}
	good("sound", "the worked example of docs/release.md", soundReceipt())
	good("least", "everything as small as it may be", release.Receipt{Model: "m", Serial: "s"})
	full := release.Digest(bytes.Repeat([]byte{0xff}, 32))
	good("most", "everything as large as it may be", release.Receipt{
		Model: strings.Repeat("m", 32), Serial: strings.Repeat("s", 32), Nonce: [16]byte(full[:]), State: 255, Why: 255, Match: 255, From: full, To: full,
		Sequence: 1<<32 - 1, Operations: 1<<32 - 1, Failures: 1<<32 - 1, Statement: 1<<32 - 1,
	})
	items := func() [][]byte {
		v := soundReceipt()
		return [][]byte{
			text(v.Model), text(v.Serial), byteString(v.Nonce[:]), number(1), number(2), number(1), byteString(v.From[:]), byteString(v.To[:]),
			number(12), number(345), number(6), number(3),
		}
	}
	sound := list(items()...)
	add("unsigned-use", "bad signature", "signed without the words before it", nil, sound, sound)
	add("other-use", "bad signature", "signed for another use", nil, sound, append([]byte("unbrick hello v2\x00"), sound...))
	other := bytes.Clone(sound)
	other[len(other)-1] = 4
	add("changed", "bad signature", "another statement version than was signed", nil, other, signed(sound))
	bad := func(name, comment string, b []byte) { add(name, "malformed receipt", comment, nil, b, signed(b)) }
	with := func(at int, item []byte) []byte { i := items(); i[at] = item; return list(i...) }
	bad("eleven", "an item less", list(items()[:11]...))
	bad("thirteen", "an item more", list(append(items(), number(0))...))
	bad("model", "a model that is no identifier", with(0, text("")))
	bad("serial", "a serial that is no identifier", with(1, text("S 17")))
	bad("nonce", "a number of 15 bytes", with(2, byteString(make([]byte, 15))))
	bad("state", "state 256", with(3, number(256)))
	bad("why", "why 256", with(4, number(256)))
	bad("match", "match 256", with(5, number(256)))
	bad("image-a", "an image digest of 31 bytes", with(6, byteString(make([]byte, 31))))
	bad("image-b", "an empty image digest", with(7, byteString(nil)))
	for i, name := range []string{"sequence", "operations", "failures", "statement"} {
		bad(name, name+" 2^32", with(8+i, number(1<<32)))
	}
	bad("long-head", "state 1 in two bytes", with(3, []byte{0x18, 1}))
	bad("trailing-byte", "one byte behind the receipt", append(bytes.Clone(sound), 0))
	bad("truncated", "the last byte is missing", sound[:len(sound)-1])
	bad("oversize", "more than 192 bytes", with(7, byteString(make([]byte, 160))))
	bad("empty", "nothing at all", nil)
	return all
}
