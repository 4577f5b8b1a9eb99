package release_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"unbrick/internal/cbor"
	"unbrick/internal/vectors"
	"unbrick/release"
)

func list(items ...[]byte) []byte {
	w := cbor.Appending(nil)
	w.Array(len(items))
	for _, i := range items {
		w.Raw(i)
	}
	return must(w.Result())
}

// releaseKeys are three keys that sign releases: both uses, and one for each.
func releaseKeys() []release.ReleaseKey {
	keys := []release.ReleaseKey{
		{Public: [32]byte(public(makerKey())), Uses: release.Install | release.Run},
		{Public: [32]byte(public(thirdKey())), Uses: release.Install},
		{Public: [32]byte(public(fourthKey())), Uses: release.Run},
	}
	slices.SortFunc(keys, func(a, b release.ReleaseKey) int { return bytes.Compare(a.Public[:], b.Public[:]) })
	return keys
}

// soundStatement retires otherKey; rootKeys sign it.
func soundStatement() *release.Statement {
	return &release.Statement{
		Model: "0001", Version: 3, Era: 1, Least: release.Floor{Era: 1, Counter: 2}, MaxOrder: 900, MaxCounter: 90,
		Retired: []release.KeyID{release.KeyID(kid(otherKey()))}, Threshold: 2, Keys: releaseKeys(), Online: [][32]byte{{7}}, Until: 22000,
		Name: "Example Works", Site: "https://example.com/", Support: "help@example.com",
	}
}

// rootKeys are the key slots of the device that reads statements; two of them must sign. The last is retired by the sound statement.
func rootKeys() []ed25519.PrivateKey {
	return []ed25519.PrivateKey{makerKey(), thirdKey(), otherKey()}
}

func keyItem(k release.ReleaseKey) []byte {
	return list(byteString(k.Public[:]), number(uint64(k.Uses)))
}

func statementFields() []field {
	s := soundStatement()
	var keys [][]byte
	for _, k := range s.Keys {
		keys = append(keys, keyItem(k))
	}
	return []field{
		{1, text(s.Model)}, {2, number(3)}, {3, number(1)}, {4, list(number(1), number(2))}, {5, list(number(900), number(90))},
		{6, list(byteString(s.Retired[0][:]))}, {7, number(2)}, {8, list(keys...)}, {9, list(byteString(s.Online[0][:]))}, {10, number(22000)},
		{11, text(s.Name)}, {12, text(s.Site)}, {13, text(s.Support)},
	}
}

func statementWith(key uint64, value []byte) []byte {
	f := statementFields()
	f[key-1].value = value
	return encode(f)
}

func newStatementEnvelope(payload []byte, keys ...ed25519.PrivateKey) envelope {
	e := newEnvelope(payload, keys...)
	e.protected, e.external = contentHeader("application/vnd.unbrick.trust+cbor"), "unbrick trust v1"
	return e
}

func statementWords(s *release.Statement) [][2]string {
	var retired, keys, online []string
	for _, id := range s.Retired {
		retired = append(retired, id.String())
	}
	for _, k := range s.Keys {
		keys = append(keys, fmt.Sprintf("%x/%d", k.Public, k.Uses))
	}
	for _, k := range s.Online {
		online = append(online, hex.EncodeToString(k[:]))
	}
	return [][2]string{
		{"model", s.Model}, {"version", fmt.Sprint(s.Version)}, {"era", fmt.Sprint(s.Era)}, {"least era", fmt.Sprint(s.Least.Era)},
		{"least counter", fmt.Sprint(s.Least.Counter)}, {"highest order", fmt.Sprint(s.MaxOrder)}, {"highest counter", fmt.Sprint(s.MaxCounter)},
		{"retired", strings.Join(retired, " ")}, {"threshold of releases", fmt.Sprint(s.Threshold)}, {"release keys", strings.Join(keys, " ")},
		{"online keys", strings.Join(online, " ")}, {"until", fmt.Sprint(s.Until)}, {"name", s.Name}, {"site", s.Site}, {"support", s.Support},
	}
}

func checkStatement(t *testing.T, v *vector) {
	want, ok := outcomes[v.Get("expect")]
	if !ok {
		t.Fatalf("expects %q", v.Get("expect"))
	}
	s, err := release.VerifyStatement(v.Payload, keysOf(t, v, "key slots"), int(v.Number(t, "threshold")))
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Fatalf("got %v, want %v", err, want)
	}
	if want != nil {
		if s.Version != 0 || s.Keys != nil {
			t.Error("a refused statement was returned")
		}
		return
	}
	for _, w := range statementWords(&s) {
		if w[1] != v.Get(w[0]) {
			t.Errorf("%s is %q, want %q", w[0], w[1], v.Get(w[0]))
		}
	}
	var keys []ed25519.PrivateKey
	for _, seed := range keysOf(t, v, "private seeds") {
		keys = append(keys, ed25519.NewKeyFromSeed(seed))
	}
	if again, err := release.SignStatement(&s, keys...); err != nil || !bytes.Equal(again, v.Payload) {
		t.Errorf("signed again as %x, %v", again, err)
	}
}

func statementVectors() []vector {
	var all []vector
	slots := hexOf(rootKeys()...)
	add := func(name, expect, comment string, need int, signed []byte) {
		all = append(all, vectors.New("trust-"+name, [][2]string{
			{"kind", "trust"}, {"comment", comment}, {"key slots", slots}, {"threshold", fmt.Sprint(need)}, {"expect", expect},
		}, signed))
	}
	good := func(name, comment string, s *release.Statement, need int, keys ...ed25519.PrivateKey) {
		header := [][2]string{
			{"kind", "trust"}, {"comment", comment}, {"private seeds", seedsOf(keys...)}, {"key slots", slots}, {"threshold", fmt.Sprint(need)}, {"expect", "accepted"},
		}
		all = append(all, vectors.New("trust-"+name, append(header, statementWords(s)...), must(release.SignStatement(s, keys...))))
	}
	good("sound", "the worked example of docs/release.md", soundStatement(), 2, makerKey(), thirdKey())
	good("retired-beside", "signed by the retired key too, which does not count", soundStatement(), 2, rootKeys()...)
	least := &release.Statement{Version: 1, Threshold: 1, Keys: []release.ReleaseKey{{Uses: release.Install | release.Run}}, Name: "n"}
	good("least", "everything as small as it may be", least, 1, makerKey())
	most := &release.Statement{
		Model: strings.Repeat("m", 32), Version: 1<<32 - 1, Era: 1<<16 - 1, Least: release.Floor{Era: 1<<16 - 1, Counter: release.MaxNumber},
		MaxOrder: release.MaxNumber, MaxCounter: release.MaxNumber, Retired: []release.KeyID{{1}, {2}, {3}}, Threshold: 4, Online: [][32]byte{{1}, {2}},
		Until: 1<<32 - 1, Name: strings.Repeat("\u20ac", 10) + "10", Site: strings.Repeat("s", 64), Support: strings.Repeat("@", 64),
	}
	for i := range release.MaxReleaseKeys {
		most.Keys = append(most.Keys, release.ReleaseKey{Public: [32]byte{byte(i)}, Uses: release.Install | release.Run})
	}
	good("most", "everything as large as it may be, and four signatures", most, 3, append(rootKeys(), fourthKey())...)

	both := []ed25519.PrivateKey{makerKey(), thirdKey()}
	sound := encode(statementFields())
	e := newStatementEnvelope(sound, makerKey())
	add("one-of-two", "too few signatures", "signed by one of the two that must", 2, e.build())
	e = newStatementEnvelope(sound, makerKey(), otherKey())
	add("one-and-the-retired", "too few signatures", "signed by one, and by the key that it retires", 2, e.build())
	e = newStatementEnvelope(sound, otherKey())
	add("only-the-retired", "unknown key", "signed by the key that it retires", 1, e.build())
	e = newStatementEnvelope(sound, fourthKey())
	add("unknown-key", "unknown key", "signed by a key that is not in a slot", 1, e.build())
	e = newStatementEnvelope(sound, both...)
	e.signers[0].key = fourthKey()
	add("wrong-signature", "bad signature", "one of two signatures is not its key's", 1, e.build())
	e = newStatementEnvelope(sound, both...)
	e.external = "unbrick release v2"
	add("other-external-data", "bad signature", "signed for another use", 2, e.build())
	e = newStatementEnvelope(sound, both...)
	add("retires-too-many", "retires too many", "two key slots are left, and three must sign", 3, e.build())

	bad := func(name, comment string, change func(e *envelope)) {
		e := newStatementEnvelope(encode(statementFields()), both...)
		change(&e)
		add(name, "malformed statement", comment, 2, e.build())
	}
	payload := func(name, comment string, p []byte) { bad(name, comment, func(e *envelope) { e.payload = p }) }
	bad("manifest", "the content type of a manifest", func(e *envelope) { e.protected = contentHeader(release.ContentType) })
	bad("untagged", "no tag 98", func(e *envelope) { e.tag = 0 })
	bad("trailing-byte", "one byte behind the statement", func(e *envelope) { e.tail = []byte{0} })
	bad("no-signature", "nobody signed", func(e *envelope) { e.signers = nil })
	bad("oversize", "more than 960 bytes", func(e *envelope) { e.payload = statementWith(11, text(strings.Repeat("n", 960))) })
	f := statementFields()
	payload("missing-key", "no support", encode(f[:12]))
	payload("more-keys", "an unknown key 14", encode(append(statementFields(), field{14, number(0)})))
	payload("order-of-keys", "keys 1 and 2 exchanged", encode(append([]field{f[1], f[0]}, f[2:]...)))
	payload("payload-tail", "one byte behind the payload map", append(encode(f), 0))
	payload("model", "a model that is no identifier", statementWith(1, text("..")))
	payload("model-long", "a model of 33 bytes", statementWith(1, text(strings.Repeat("m", 33))))
	payload("version-0", "version 0", statementWith(2, number(0)))
	payload("version-33-bits", "version 2^32", statementWith(2, number(1<<32)))
	payload("era-17-bits", "era 2^16", statementWith(3, number(1<<16)))
	payload("least-one", "least without a counter", statementWith(4, list(number(1))))
	payload("least-three", "a third number in least", statementWith(4, list(number(1), number(2), number(3))))
	payload("least-era", "least of era 2^16", statementWith(4, list(number(1<<16), number(2))))
	payload("least-counter", "least counter of 2^53", statementWith(4, list(number(1), number(1<<53))))
	payload("ceiling-order", "highest order of 2^53", statementWith(5, list(number(1<<53), number(90))))
	payload("ceiling-counter", "highest counter of 2^53", statementWith(5, list(number(900), number(1<<53))))
	id := func(n byte) []byte { return byteString([]byte{n, 0, 0, 0, 0, 0, 0, 0}) }
	payload("retired-four", "four retired keys", statementWith(6, list(id(1), id(2), id(3), id(4))))
	payload("retired-descending", "retired keys in the wrong order", statementWith(6, list(id(2), id(1))))
	payload("retired-twice", "a retired key twice", statementWith(6, list(id(1), id(1))))
	payload("retired-short", "a retired key of 7 bytes", statementWith(6, list(byteString(make([]byte, 7)))))
	payload("threshold-0", "nobody has to sign", statementWith(7, number(0)))
	payload("threshold-3", "three must sign, and two may for each use", statementWith(7, number(3)))
	payload("threshold-5", "five must sign", statementWith(7, number(5)))
	key := func(n, uses byte) []byte {
		return keyItem(release.ReleaseKey{Public: [32]byte{n}, Uses: release.Use(uses)})
	}
	payload("keys-none", "no release key", statementWith(8, list()))
	payload("keys-seven", "seven release keys", statementWith(8, list(key(1, 3), key(2, 3), key(3, 3), key(4, 3), key(5, 3), key(6, 3), key(7, 3))))
	payload("keys-descending", "release keys in the wrong order", statementWith(8, list(key(2, 3), key(1, 3))))
	payload("keys-twice", "a release key twice", statementWith(8, list(key(1, 3), key(1, 3), key(2, 3))))
	payload("uses-0", "a release key without a use", statementWith(8, list(key(1, 3), key(2, 3), key(3, 0))))
	payload("uses-4", "a use that is not known", statementWith(8, list(key(1, 3), key(2, 3), key(3, 4))))
	payload("uses-256", "a use of 256", statementWith(8, list(key(1, 3), key(2, 3), list(byteString(make([]byte, 32)), []byte{0x19, 1, 0}))))
	payload("no-install", "one key signs what is installed, two must", statementWith(8, list(key(1, 3), key(2, 2), key(3, 2))))
	payload("no-run", "one key signs what runs, two must", statementWith(8, list(key(1, 3), key(2, 1), key(3, 1))))
	payload("key-short", "a release key of 31 bytes", statementWith(8, list(list(byteString(make([]byte, 31)), number(3)))))
	online := func(n byte) []byte { return byteString(append([]byte{n}, make([]byte, 31)...)) }
	payload("online-three", "three online keys", statementWith(9, list(online(1), online(2), online(3))))
	payload("online-descending", "online keys in the wrong order", statementWith(9, list(online(2), online(1))))
	payload("online-twice", "an online key twice", statementWith(9, list(online(1), online(1))))
	payload("until-33-bits", "until day 2^32", statementWith(10, number(1<<32)))
	payload("name-empty", "no name", statementWith(11, text("")))
	payload("name-long", "a name of 33 bytes", statementWith(11, text(strings.Repeat("n", 33))))
	payload("name-control", "a line end in the name", statementWith(11, text("a\nb")))
	payload("site-long", "a site of 65 bytes", statementWith(12, text(strings.Repeat("s", 65))))
	payload("site-not-ascii", "a site with a letter that is not ASCII", statementWith(12, text("ex\u00e4mple.com")))
	payload("support-space", "a space at the end of support", statementWith(13, text("help ")))
	add("truncated", "malformed statement", "the last byte is missing", 2, all[0].Payload[:len(all[0].Payload)-1])
	add("empty", "malformed statement", "nothing at all", 2, nil)
	return all
}
