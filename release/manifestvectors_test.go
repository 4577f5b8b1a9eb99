package release_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"unbrick/flash"
	"unbrick/internal/cbor"
	"unbrick/internal/vectors"
	"unbrick/release"
)

// keysOf returns the public keys that a vector's header names, separated by spaces.
func keysOf(t *testing.T, v *vector, name string) []ed25519.PublicKey {
	t.Helper()
	var keys []ed25519.PublicKey
	for _, word := range strings.Fields(v.Get(name)) {
		key, err := hex.DecodeString(word)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		keys = append(keys, key)
	}
	return keys
}

// manifestWords are the fields of a manifest as vectors have them.
func manifestWords(m *release.Manifest) [][2]string {
	return [][2]string{
		{"model", m.Model}, {"version", m.Version}, {"order", fmt.Sprint(m.Order)}, {"counter", fmt.Sprint(m.Counter)}, {"size", fmt.Sprint(m.Size)},
		{"digest", release.Hex(m.Digest)}, {"leaf size", fmt.Sprint(m.LeafSize)}, {"root", release.Hex(m.Root)}, {"era", fmt.Sprint(m.Era)},
		{"least statement version", fmt.Sprint(m.Least)}, {"day", fmt.Sprint(m.Day)}, {"note", m.Note}, {"digest of the long note", release.Hex(m.LongNote)},
		{"family", m.Family}, {"chip", m.Chip},
	}
}

func checkManifest(t *testing.T, v *vector) {
	want, ok := outcomes[v.Get("expect")]
	if !ok {
		t.Fatalf("expects %q", v.Get("expect"))
	}
	m, err := release.Verify(v.Payload, keysOf(t, v, "public keys"), int(v.Number(t, "threshold")))
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Fatalf("got %v, want %v", err, want)
	}
	if want != nil {
		if m != (release.Manifest{}) {
			t.Error("a refused manifest was returned")
		}
		return
	}
	for _, w := range manifestWords(&m) {
		if w[1] != v.Get(w[0]) {
			t.Errorf("%s is %q, want %q", w[0], w[1], v.Get(w[0]))
		}
	}
	var keys []ed25519.PrivateKey
	for _, seed := range keysOf(t, v, "private seeds") {
		keys = append(keys, ed25519.NewKeyFromSeed(seed))
	}
	if again, err := release.Sign(&m, keys...); err != nil || !bytes.Equal(again, v.Payload) {
		t.Errorf("signed again as %x, %v", again, err)
	}
}

func checkFile(t *testing.T, v *vector) {
	want, ok := outcomes[v.Get("expect")]
	if !ok {
		t.Fatalf("expects %q", v.Get("expect"))
	}
	f, err := release.SplitFile(v.Payload)
	if err == nil {
		var m release.Manifest
		if m, err = release.Verify(f.Signed, keysOf(t, v, "public keys"), 1); err == nil {
			err = m.CheckImage(f.Image)
		}
	}
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("got %v, want %v", err, want)
	}
	if err == nil && !bytes.Equal(release.AppendFile(nil, &f), v.Payload) {
		t.Error("written again it is another file")
	}
}

func hexOf(keys ...ed25519.PrivateKey) string {
	words := make([]string, len(keys))
	for i, key := range keys {
		words[i] = hex.EncodeToString(public(key))
	}
	return strings.Join(words, " ")
}

func seedsOf(keys ...ed25519.PrivateKey) string {
	words := make([]string, len(keys))
	for i, key := range keys {
		words[i] = hex.EncodeToString(key.Seed())
	}
	return strings.Join(words, " ")
}

func manifestVectors() []vector {
	var all []vector
	few := func(name, expect, comment string, need int, signed []byte, trusted ...ed25519.PrivateKey) {
		all = append(all, vectors.New("manifest-"+name, [][2]string{
			{"kind", "manifest"}, {"comment", comment}, {"public keys", hexOf(trusted...)}, {"threshold", fmt.Sprint(need)}, {"expect", expect},
		}, signed))
	}
	add := func(name, expect, comment string, signed []byte) { few(name, expect, comment, 1, signed, makerKey()) }
	good := func(name, comment string, m release.Manifest, need int, trusted []ed25519.PrivateKey, keys ...ed25519.PrivateKey) {
		header := [][2]string{
			{"kind", "manifest"}, {"comment", comment}, {"private seeds", seedsOf(keys...)}, {"public keys", hexOf(trusted...)},
			{"threshold", fmt.Sprint(need)}, {"expect", "accepted"},
		}
		all = append(all, vectors.New("manifest-"+name, append(header, manifestWords(&m)...), must(release.Sign(&m, keys...))))
	}
	maker := []ed25519.PrivateKey{makerKey()}
	accepted := func(name, comment string, m release.Manifest) { good(name, comment, m, 1, maker, makerKey()) }
	accepted("sound", "the worked example of docs/release.md", soundManifest())
	least := release.Manifest{Model: "m", Version: "v", Size: 1, LeafSize: release.MinLeaf}
	accepted("least", "every number as small as it may be, digests of zeros", least)
	most := release.Manifest{
		Model: strings.Repeat("m", 32), Version: strings.Repeat("\u20ac", 10) + "10", Order: release.MaxNumber, Counter: release.MaxNumber,
		Size: release.MaxImage, LeafSize: release.MaxLeaf, Digest: release.Digest(bytes.Repeat([]byte{0xff}, 32)), Era: 1<<16 - 1, Least: 1<<32 - 1, Day: 1<<32 - 1,
		Note: strings.Repeat("\u20ac", 53) + "1", LongNote: release.Digest{31: 1}, Family: strings.Repeat("f", 16), Chip: strings.Repeat("c", 16),
	}
	words := soundManifest()
	words.Model, words.Version = "Hub-2.b_C", "\u00dcbung 2 \u03b2 \u0416 \u7b2c\u4e8c\u7248 \U0001f680"
	accepted("words", "letters of several scripts in the version", words)
	four := []ed25519.PrivateKey{makerKey(), otherKey(), thirdKey(), fourthKey()}
	good("most", "every number and text as large as it may be, and four signatures", most, 4, four, four...)
	good("two-of-three", "signed by two of three trusted keys, and both must sign", soundManifest(), 2, four[:3], makerKey(), thirdKey())
	good("foreign-beside", "signed by a trusted key, and by one that is not known", soundManifest(), 1, maker, makerKey(), otherKey())
	family := soundManifest()
	family.Family, family.Chip = "hub", "STM32F4.1"
	accepted("family", "for a chip of a device with several parts", family)
	family.Chip = ""
	accepted("family-any-chip", "for every chip of a family", family)

	bad := func(name, comment string, change func(e *envelope)) {
		e := newEnvelope(encode(fields()))
		change(&e)
		add(name, "malformed", comment, e.build())
	}
	payload := func(name, comment string, p []byte) {
		bad(name, comment, func(e *envelope) { e.payload = p })
	}

	e := newEnvelope(encode(fields()))
	e.signers[0].key = otherKey()
	add("wrong-signature", "bad signature", "signed with another key than the one named", e.build())
	e = newEnvelope(encode(fields()))
	e.external = "unbrick release v1"
	add("other-external-data", "bad signature", "signed for another use", e.build())
	e = newEnvelope(encode(fields()))
	changed := bytes.Replace(e.build(), []byte("1.4.0"), []byte("1.4.1"), 1)
	add("changed-version", "bad signature", "one byte of the payload changed after signing", changed)
	e = newEnvelope(encode(fields()))
	e.context = "Signature1"
	add("other-context", "bad signature", "signed as COSE_Sign1 is", e.build())
	e = newEnvelope(encode(fields()), otherKey())
	add("unknown-key", "unknown key", "rightly signed with a key that is not trusted", e.build())
	e = newEnvelope(encode(fields()), otherKey(), thirdKey())
	add("unknown-keys", "unknown key", "rightly signed with two keys that are not trusted", e.build())
	e = newEnvelope(encode(fields()))
	few("one-of-two", "too few signatures", "signed by one of the two that must", 2, e.build(), makerKey(), otherKey())
	e = newEnvelope(encode(fields()), makerKey(), thirdKey())
	few("one-and-a-foreign", "too few signatures", "signed by one of the two that must, and by one that is not known", 2, e.build(), makerKey(), otherKey())
	e = newEnvelope(encode(fields()), makerKey(), otherKey(), thirdKey())
	for i := range e.signers {
		if bytes.Equal(e.signers[i].key, otherKey()) {
			e.signers[i].key = fourthKey()
		}
	}
	few("one-of-three-wrong", "bad signature", "two that must have signed, and the third key's signature is wrong", 2, e.build(), makerKey(), otherKey(), thirdKey())

	bad("untagged", "no tag 98", func(e *envelope) { e.tag = 0 })
	bad("other-tag", "tag 18 (COSE_Sign1)", func(e *envelope) { e.tag = 18 })
	bad("trailing-byte", "one byte behind the manifest", func(e *envelope) { e.tail = []byte{0} })
	bad("unprotected", "an unprotected header that is not empty", func(e *envelope) { e.unprotected = []byte{0xa1, 0x04, 0x41, 0x01} })
	header := func(h []byte) func(e *envelope) { return func(e *envelope) { e.signers[0].protected = h } }
	bad("signer-unprotected", "an unprotected header of a signature that is not empty", func(e *envelope) { e.signers[0].unprotected = []byte{0xa1, 0x04, 0x41, 0x01} })
	bad("other-algorithm", "algorithm -7 (ES256)", header(signerHeader(-7, kid(makerKey()))))
	bad("other-content-type", "another content type", func(e *envelope) { e.protected = contentHeader("application/cbor") })
	bad("content-type-1", "the content type of version 1", func(e *envelope) { e.protected = contentHeader("application/vnd.unbrick.manifest+cbor") })
	bad("short-kid", "key identifier of 7 bytes", header(signerHeader(-8, kid(makerKey())[:7])))
	bad("long-kid", "key identifier of 9 bytes", header(signerHeader(-8, append(kid(makerKey()), 0))))
	bad("header-twice", "a second, repeated protected header", func(e *envelope) {
		e.protected = append(bytes.Replace(e.protected, []byte{0xa1}, []byte{0xa2}, 1), 0x03, 0x60)
	})
	bad("no-signature", "nobody signed", func(e *envelope) { e.signers = nil })
	bad("signature-twice", "two signatures by one key", func(e *envelope) { e.signers = append(e.signers, e.signers[0]) })
	bad("signatures-descending", "two signatures in the wrong order", func(e *envelope) {
		e.signers = append(e.signers, signedBy(otherKey()))
		if bytes.Compare(kid(makerKey()), kid(otherKey())) < 0 {
			e.signers[0], e.signers[1] = e.signers[1], e.signers[0]
		}
	})
	bad("five-signatures", "a fifth signature", func(e *envelope) {
		five := newEnvelope(e.payload, makerKey(), otherKey(), thirdKey(), fourthKey(), ed25519.NewKeyFromSeed(make([]byte, 32)))
		e.signers = five.signers
	})
	bad("no-protected", "an empty protected header", func(e *envelope) { e.protected = nil })
	bad("oversize", "more than 832 bytes", func(e *envelope) { e.payload = with(2, text(strings.Repeat("9", 832))) })

	f := fields()
	payload("missing-key", "no chip", encode(f[:14]))
	payload("more-keys", "an unknown key 16", encode(append(fields(), field{16, number(0)})))
	payload("key-twice", "key 14 in place of key 15", encode(append(fields()[:14], fields()[13])))
	payload("order-of-keys", "keys 1 and 2 exchanged", encode(append([]field{f[1], f[0]}, f[2:]...)))
	payload("long-number", "order 7 in two bytes", with(3, []byte{0x18, 7}))
	payload("long-head", "length of the digest in three bytes", with(6, append([]byte{0x59, 0, 32}, make([]byte, 32)...)))
	payload("indefinite-text", "version in chunks", with(2, []byte{0x7f, 0x61, '1', 0xff}))
	payload("payload-tail", "one byte behind the payload map", append(encode(fields()), 0))
	payload("text-for-number", "order is a text", with(3, text("7")))
	payload("negative-order", "order is -1", with(3, []byte{0x20}))
	payload("order-54-bits", "order of 2^53", with(3, number(release.MaxNumber+1)))
	payload("counter-54-bits", "counter of 2^53", with(4, number(release.MaxNumber+1)))
	payload("era-17-bits", "era of 2^16", with(9, number(1<<16)))
	payload("least-33-bits", "least statement version of 2^32", with(10, number(1<<32)))
	payload("day-33-bits", "day of 2^32", with(11, number(1<<32)))
	payload("long-note-digest-zero", "digest of the long note of 32 zeros", with(13, byteString(make([]byte, 32))))
	payload("long-note-digest-short", "digest of the long note of 31 bytes", with(13, byteString(bytes.Repeat([]byte{1}, 31))))
	payload("long-note-digest-null", "null for the digest of the long note", with(13, []byte{0xf6}))
	payload("note-161", "a note of 161 bytes", with(12, text(strings.Repeat("n", 161))))
	payload("note-line-end", "a line end in the note", with(12, text("a\nb")))
	payload("chip-alone", "a chip without a family", with(15, text("c")))
	payload("long-family", "a family of 17 bytes", with(14, text(strings.Repeat("f", 17))))
	payload("space-in-family", "a family that is no identifier", with(14, text("a b")))
	f = fields()
	f[13].value, f[14].value = text("f"), text(strings.Repeat("c", 17))
	payload("long-chip", "a chip of 17 bytes", encode(f))
	f[14].value = text("c/d")
	payload("slash-in-chip", "a chip that is no identifier", encode(f))
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

	bad("short-signature", "signature of 63 bytes", func(e *envelope) { e.signers[0].cut = 1 })
	sound := newEnvelope(encode(fields()))
	w := cbor.Appending(nil)
	w.Tag(98)
	w.Array(4)
	w.Bytes(sound.protected)
	w.Map(0)
	w.Null()
	w.Raw(sound.build()[bytes.Index(sound.build(), sound.payload)+len(sound.payload):])
	add("detached", "malformed", "payload left out", must(w.Result()))
	add("truncated", "malformed", "the last byte is missing", sound.build()[:len(sound.build())-1])
	add("empty", "malformed", "nothing at all", nil)
	return all
}

func fileVectors() []vector {
	var all []vector
	image := exampleImage(700)
	area := flash.Geometry{Runs: []flash.Run{{Size: 256, Count: 4}}}
	m := must(release.Describe("0001", "2", 2, 0, image, &area))
	m.LongNote = release.LongNoteDigest([]byte(longNote))
	f := release.File{Signed: must(release.Sign(&m, makerKey())), LongNote: []byte(longNote), Image: image}
	sound := release.AppendFile(nil, &f)
	add := func(name, expect, comment string, file []byte) {
		all = append(all, vectors.New("file-"+name, [][2]string{
			{"kind", "file"}, {"comment", comment}, {"public keys", hexOf(makerKey())}, {"expect", expect},
		}, file))
	}
	change := func(at int, b byte) []byte {
		f := bytes.Clone(sound)
		f[at] ^= b
		return f
	}
	noted := func(note string) []byte { // a file with this long note, whose digest is right
		m, f := m, f
		m.LongNote, f.LongNote = release.LongNoteDigest([]byte(note)), []byte(note)
		f.Signed = must(release.Sign(&m, makerKey()))
		return release.AppendFile(nil, &f)
	}
	add("sound", "accepted", "the worked example of docs/release.md: an image of 700 bytes in leaves of 256", sound)
	add("no-note", "accepted", "without a long note", noted(""))
	add("long-note", "accepted", "a long note of 16384 bytes", noted(strings.Repeat("\u20ac12345678901\n\n", 1024)))
	with := f
	with.Statement = must(release.SignStatement(soundStatement(), makerKey()))
	add("statement", "accepted", "with a trust statement", release.AppendFile(nil, &with))
	add("magic", "malformed file", "one bit of the magic is wrong", change(7, 1))
	add("version-1", "malformed file", "the magic of version 1", change(7, '1'^'2'))
	add("truncated", "malformed file", "the last byte of the image is missing", sound[:len(sound)-1])
	add("trailing-byte", "malformed file", "one byte behind the image", append(bytes.Clone(sound), 0))
	add("manifest-length", "malformed file", "the manifest's length is one too many", change(12, sound[12]^(sound[12]+1)))
	add("huge-manifest", "malformed file", "a manifest of 2^31 bytes and more", change(15, 0x80))
	add("no-manifest", "malformed file", "no manifest", release.AppendFile(nil, &release.File{LongNote: f.LongNote, Image: image}))
	add("huge-statement", "malformed file", "a trust statement of 961 bytes", release.AppendFile(nil, &release.File{Statement: make([]byte, release.MaxStatement+1), Signed: f.Signed, LongNote: f.LongNote, Image: image}))
	add("huge-note", "malformed file", "a long note of 16385 bytes", noted(strings.Repeat("n", release.MaxLongNote+1)))
	add("head-only", "malformed file", "nothing behind the magic", sound[:8])
	add("other-note", "malformed file", "one bit of the long note is wrong", change(bytes.Index(sound, []byte(longNote)), 0x20))
	add("note-left-out", "malformed file", "a digest of a long note, and no long note", release.AppendFile(nil, &release.File{Signed: f.Signed, Image: image}))
	m.LongNote = release.Digest{}
	add("note-unsigned", "malformed file", "a long note whose digest the manifest does not have", release.AppendFile(nil, &release.File{Signed: must(release.Sign(&m, makerKey())), LongNote: f.LongNote, Image: image}))
	add("note-tab", "malformed file", "a tab in the long note", noted("a\tb\n"))
	add("note-return", "malformed file", "a carriage return in the long note", noted("a\r\n"))
	add("note-not-utf-8", "malformed file", "a long note that is not UTF-8", noted("a\xff\n"))
	add("wrong-image", "wrong image", "the last bit of the image is wrong", change(len(sound)-1, 1))
	return all
}
