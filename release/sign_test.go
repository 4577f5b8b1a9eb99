package release_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	oracle "github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	"unbrick/flash"
	"unbrick/internal/vectors"
	"unbrick/release"
)

func TestSignIsTheOneShape(t *testing.T) {
	m := soundManifest()
	signed, err := release.Sign(&m, makerKey())
	if err != nil {
		t.Fatal(err)
	}
	e := newEnvelope(encode(fields()))
	if want := e.build(); !bytes.Equal(signed, want) {
		t.Errorf("got %x\nwant %x", signed, want)
	}
	got, signers, err := release.Parse(signed)
	if ids := signers.IDs(); err != nil || got != m || len(ids) != 1 || !bytes.Equal(ids[0][:], kid(makerKey())) {
		t.Errorf("parsed %+v of keys %v, %v", got, signers, err)
	}
}

func TestGoCoseVerifiesOurs(t *testing.T) {
	m := soundManifest()
	keys := ascending(makerKey(), otherKey())
	signed := must(release.Sign(&m, keys[1], keys[0]))
	var message cose.SignMessage
	if err := message.UnmarshalCBOR(signed); err != nil {
		t.Fatal(err)
	}
	first, second := must(cose.NewVerifier(cose.AlgorithmEdDSA, public(keys[0]))), must(cose.NewVerifier(cose.AlgorithmEdDSA, public(keys[1])))
	if err := message.Verify([]byte("unbrick release v2"), first, second); err != nil {
		t.Error(err)
	}
	if err := message.Verify([]byte("unbrick release v2"), second, first); err == nil {
		t.Error("verifies with the keys exchanged")
	}
	if err := message.Verify(nil, first, second); err == nil {
		t.Error("verifies without its external data")
	}
	var payload map[uint64]any
	if err := oracle.Unmarshal(message.Payload, &payload); err != nil {
		t.Fatal(err)
	}
	if payload[1] != "0001" || payload[3] != uint64(7) || payload[12] != m.Note || len(payload) != 15 {
		t.Errorf("payload %v", payload)
	}
}

// goCose signs a payload as another implementation does.
func goCose(t *testing.T, payload map[uint64]any, contentType, external string, keys ...ed25519.PrivateKey) []byte {
	t.Helper()
	mode := must(oracle.CoreDetEncOptions().EncMode())
	message := cose.SignMessage{
		Headers: cose.Headers{Protected: cose.ProtectedHeader{cose.HeaderLabelContentType: contentType}},
		Payload: must(mode.Marshal(payload)),
	}
	var signers []cose.Signer
	for _, key := range ascending(keys...) {
		message.Signatures = append(message.Signatures, &cose.Signature{Headers: cose.Headers{Protected: cose.ProtectedHeader{
			cose.HeaderLabelAlgorithm: cose.AlgorithmEdDSA, cose.HeaderLabelKeyID: kid(key),
		}}})
		signers = append(signers, must(cose.NewSigner(cose.AlgorithmEdDSA, key)))
	}
	if err := message.Sign(rand.Reader, []byte(external), signers...); err != nil {
		t.Fatal(err)
	}
	return must(message.MarshalCBOR())
}

func TestWeVerifyGoCose(t *testing.T) {
	m := soundManifest()
	payload := map[uint64]any{
		1: m.Model, 2: m.Version, 3: m.Order, 4: m.Counter, 5: m.Size, 6: m.Digest[:], 7: m.LeafSize, 8: m.Root[:],
		9: m.Era, 10: m.Least, 11: m.Day, 12: m.Note, 13: m.LongNote[:], 14: m.Family, 15: m.Chip,
	}
	signed := goCose(t, payload, release.ContentType, "unbrick release v2", makerKey(), otherKey())
	if got, err := release.Verify(signed, []ed25519.PublicKey{public(makerKey()), public(otherKey())}, 2); err != nil || got != m {
		t.Errorf("got %+v, %v", got, err)
	}
	if ours := must(release.Sign(&m, makerKey(), otherKey())); !bytes.Equal(ours, signed) {
		t.Errorf("ours   %x\ntheirs %x", ours, signed)
	}
}

func TestTrustStatementAgainstGoCose(t *testing.T) {
	s := soundStatement()
	var keys []any
	for _, k := range s.Keys {
		keys = append(keys, []any{k.Public[:], uint8(k.Uses)})
	}
	payload := map[uint64]any{
		1: s.Model, 2: s.Version, 3: s.Era, 4: []any{s.Least.Era, s.Least.Counter}, 5: []any{s.MaxOrder, s.MaxCounter}, 6: []any{s.Retired[0][:]},
		7: s.Threshold, 8: keys, 9: []any{s.Online[0][:]}, 10: s.Until, 11: s.Name, 12: s.Site, 13: s.Support,
	}
	theirs := goCose(t, payload, release.TrustContentType, "unbrick trust v1", makerKey(), thirdKey())
	if ours := must(release.SignStatement(s, makerKey(), thirdKey())); !bytes.Equal(ours, theirs) {
		t.Errorf("ours   %x\ntheirs %x", ours, theirs)
	}
}

func TestFreshAgainstGoCose(t *testing.T) {
	f := soundFresh()
	payload := map[uint64]any{1: f.Subject[:], 2: f.Nonce[:], 3: f.Statement, 4: f.Era, 5: f.Order, 6: f.Image[:], 7: f.Reason, 8: f.Time}
	message := cose.Sign1Message{
		Headers: cose.Headers{Protected: cose.ProtectedHeader{
			cose.HeaderLabelAlgorithm: cose.AlgorithmEdDSA, cose.HeaderLabelContentType: release.FreshContentType, cose.HeaderLabelKeyID: kid(makerKey()),
		}},
		Payload: must(must(oracle.CoreDetEncOptions().EncMode()).Marshal(payload)),
	}
	if err := message.Sign(nil, []byte("unbrick fresh v1"), must(cose.NewSigner(cose.AlgorithmEdDSA, makerKey()))); err != nil {
		t.Fatal(err)
	}
	theirs := must(message.MarshalCBOR())
	if ours := must(release.SignFresh(&f, makerKey())); !bytes.Equal(ours, theirs) {
		t.Errorf("ours   %x\ntheirs %x", ours, theirs)
	}
	subject := must(oracle.Marshal([]string{"0001", "S-17"}))
	if f.Subject != sha256.Sum256(subject) {
		t.Errorf("subject is %x", f.Subject)
	}
}

// TestAddSignatures: signers at two machines make the same bytes as at one, and never a fifth.
func TestAddSignatures(t *testing.T) {
	m := soundManifest()
	all := []ed25519.PrivateKey{makerKey(), otherKey(), thirdKey(), fourthKey()}
	want := must(release.Sign(&m, all...))
	signed := must(release.Sign(&m, all[2]))
	for _, key := range all {
		signed = must(release.AddSignatures(signed, key))
	}
	if !bytes.Equal(signed, want) {
		t.Errorf("got  %x\nwant %x", signed, want)
	}
	fifth := ed25519.NewKeyFromSeed(make([]byte, 32))
	if _, err := release.AddSignatures(signed, fifth); !errors.Is(err, release.ErrManySigners) {
		t.Errorf("a fifth: %v", err)
	}
	if _, err := release.Sign(&m, append(all, fifth)...); !errors.Is(err, release.ErrManySigners) {
		t.Errorf("five at once: %v", err)
	}
	if _, err := release.AddSignatures(signed[:9], makerKey()); !errors.Is(err, release.ErrManifest) {
		t.Errorf("no manifest: %v", err)
	}
	if _, err := release.Sign(&m); !errors.Is(err, release.ErrKey) {
		t.Errorf("nobody: %v", err)
	}
}

// TestMergeSignatures: what two machines signed apart becomes what both had signed at one, the later signature of a key stands, and
// nothing else can be merged.
func TestMergeSignatures(t *testing.T) {
	m := soundManifest()
	both := must(release.Sign(&m, makerKey(), thirdKey()))
	one, two := must(release.Sign(&m, makerKey())), must(release.Sign(&m, thirdKey()))
	check := func(signed, more, want []byte, by ...ed25519.PrivateKey) {
		t.Helper()
		var ids []release.KeyID
		for _, key := range by {
			ids = append(ids, release.IDOf(public(key)))
		}
		got, added, err := release.MergeSignatures(signed, more)
		if err != nil || !bytes.Equal(got, want) || added != release.NewSigners(ids...) {
			t.Errorf("got  %x by %v, %v\nwant %x", got, added, err, want)
		}
	}
	check(one, two, both, thirdKey())
	check(two, one, both, makerKey())
	check(one, both, both, thirdKey())
	check(both, one, both)
	check(both, both, both)
	damaged := bytes.Clone(one)
	damaged[len(damaged)-1] ^= 1
	check(damaged, one, one, makerKey())
	other := m
	other.Note = "other words"
	for want, more := range map[error][]byte{
		release.ErrPayload: must(release.Sign(&other, thirdKey())), release.ErrManifest: two[1:],
		release.ErrManySigners: must(release.Sign(&m, makerKey(), otherKey(), thirdKey(), ed25519.NewKeyFromSeed(make([]byte, 32)))),
	} {
		if _, _, err := release.MergeSignatures(must(release.Sign(&m, makerKey(), fourthKey())), more); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if _, _, err := release.MergeSignatures(one[:9], two); !errors.Is(err, release.ErrManifest) {
		t.Errorf("into no manifest: %v", err)
	}
}

func TestNoBitMayChange(t *testing.T) {
	m := soundManifest()
	signed := must(release.Sign(&m, makerKey(), otherKey()))
	keys := []ed25519.PublicKey{public(otherKey()), public(makerKey())}
	if _, err := release.Verify(signed, keys, 2); err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(signed) {
		b := bytes.Clone(signed)
		b[bit/8] ^= 1 << (bit % 8)
		if _, err := release.Verify(b, keys, 2); err == nil {
			t.Errorf("accepted with bit %d of byte %d changed", bit%8, bit/8)
		}
	}
	for n := range signed {
		if _, err := release.Verify(signed[:n], keys, 1); !errors.Is(err, release.ErrManifest) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestKeysOfTheVerifier(t *testing.T) {
	m := soundManifest()
	signed := must(release.Sign(&m, makerKey()))
	for _, c := range []struct {
		name string
		keys []ed25519.PublicKey
		want error
	}{
		{"none", nil, release.ErrUnknownKey},
		{"another", []ed25519.PublicKey{public(otherKey())}, release.ErrUnknownKey},
		{"empty slots before", []ed25519.PublicKey{nil, {}, public(makerKey())}, nil},
		{"too short", []ed25519.PublicKey{public(makerKey())[:31]}, release.ErrUnknownKey},
		{"in the fourth slot", []ed25519.PublicKey{nil, public(otherKey()), nil, public(makerKey())}, nil},
	} {
		if _, err := release.Verify(signed, c.keys, 1); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	var unknown *release.UnknownKeyError
	_, err := release.Verify(signed, nil, 1)
	if !errors.As(err, &unknown) || unknown.Signers.String() != release.IDOf(public(makerKey())).String() {
		t.Errorf("unknown key is %v", err)
	}
}

func TestSignRefuses(t *testing.T) {
	for name, change := range map[string]func(m *release.Manifest){
		"no model":   func(m *release.Manifest) { m.Model = "" },
		"no version": func(m *release.Manifest) { m.Version = "" },
		"long":       func(m *release.Manifest) { m.Version = strings.Repeat("x", 33) },
		"control":    func(m *release.Manifest) { m.Model = "a\x7fb" },
		"no UTF-8":   func(m *release.Manifest) { m.Model = "a\xc0b" },
		"size":       func(m *release.Manifest) { m.Size = 0 },
		"leaf":       func(m *release.Manifest) { m.LeafSize = 300 },
	} {
		m := soundManifest()
		change(&m)
		if b, err := release.Sign(&m, makerKey()); !errors.Is(err, release.ErrManifest) {
			t.Errorf("%s: %x, %v", name, b, err)
		}
	}
	m := soundManifest()
	if _, err := release.Sign(&m, makerKey()[:32]); !errors.Is(err, release.ErrKey) {
		t.Errorf("half a key: %v", err)
	}
}

// TestVerifyAllocatesLittle: three texts and the signed structure, which crypto/ed25519 lets escape.
func TestVerifyAllocatesLittle(t *testing.T) {
	m := soundManifest()
	signed := must(release.Sign(&m, makerKey()))
	keys := []ed25519.PublicKey{public(makerKey())}
	if n := testing.AllocsPerRun(50, func() {
		if _, err := release.Verify(signed, keys, 1); err != nil {
			t.Error(err)
		}
	}); n > 4 {
		t.Errorf("%v allocations", n)
	}
}

func TestDescribe(t *testing.T) {
	area := flash.Geometry{Runs: []flash.Run{{Size: 1024, Count: 8}}}
	image := exampleImage(5000)
	m, err := release.Describe("0001", "3", 3, 1, image, &area)
	if err != nil {
		t.Fatal(err)
	}
	if m.LeafSize != 1024 || m.Leaves() != 5 || m.Size != 5000 || m.Order != 3 || m.Counter != 1 {
		t.Errorf("%+v", m)
	}
	if err := m.CheckImage(image); err != nil {
		t.Error(err)
	}
	if got := release.Root(release.AppendLeaves(nil, image, 1024)); got != m.Root {
		t.Errorf("root %x", m.Root)
	}
	for i := range m.Digest {
		damaged := m
		damaged.Digest[i] ^= 1
		damaged.Root[i] ^= 1
		for _, err := range []error{damaged.CheckImage(image), damaged.CheckTree(image)} {
			words := strings.Fields(fmt.Sprint(err))
			if got, want := strings.TrimSuffix(words[len(words)-4], ","), words[len(words)-1]; !errors.Is(err, release.ErrImage) || got == want {
				t.Errorf("byte %d of a digest is damaged: %v", i, err)
			}
		}
	}
	image[4999]++
	if err := m.CheckImage(image); !errors.Is(err, release.ErrImage) {
		t.Errorf("changed image: %v", err)
	}
	if err := m.CheckImage(image[:4999]); !errors.Is(err, release.ErrImage) {
		t.Errorf("shorter image: %v", err)
	}
	for name, n := range map[string]int{"empty": 0, "larger than the area": 8193} {
		if _, err := release.Describe("0001", "3", 3, 1, make([]byte, n), &area); !errors.Is(err, release.ErrImage) {
			t.Errorf("%s image: %v", name, err)
		}
	}
	tiny := flash.Geometry{Runs: []flash.Run{{Size: 128, Count: 64}}}
	if _, err := release.Describe("0001", "3", 3, 1, image, &tiny); !errors.Is(err, release.ErrManifest) {
		t.Errorf("sectors below the smallest leaf: %v", err)
	}
}

func TestHex(t *testing.T) {
	d := release.Digest{0xab, 0xcd, 31: 0x01}
	s := release.Hex(d)
	if got, err := release.ParseHex(s); err != nil || got != d {
		t.Errorf("got %x, %v", got, err)
	}
	if got := release.ShortHex(d); got != "abcd00000000" {
		t.Errorf("short %q", got)
	}
	for _, bad := range []string{"", s[1:], s + "0", strings.ToUpper(s), "g" + s[1:]} {
		if _, err := release.ParseHex(bad); err == nil {
			t.Errorf("%q taken", bad)
		}
	}
	if got := (release.KeyID{0xde, 0xad}).String(); got != "dead000000000000" {
		t.Errorf("key %q", got)
	}
}

// TestTheLargestFit: the limits hold what the fields can take, with little to spare.
func TestTheLargestFit(t *testing.T) {
	for name, limit := range map[string]int{"manifest-most": release.MaxManifest, "trust-most": release.MaxStatement, "fresh-most": release.MaxFresh, "receipt-most": release.MaxReceipt} {
		v := vectors.Read(t, "testdata/"+name+".vec")
		if n := len(v.Payload); n > limit || n < limit*9/10 {
			t.Errorf("%s has %d bytes, the limit is %d", name, n, limit)
		}
	}
}
