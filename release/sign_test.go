package release_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	oracle "github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"

	"unbrick/flash"
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
	got, id, err := release.Parse(signed)
	if err != nil || got != m || !bytes.Equal(id[:], kid(makerKey())) {
		t.Errorf("parsed %+v of key %v, %v", got, id, err)
	}
}

func TestGoCoseVerifiesOurs(t *testing.T) {
	m := soundManifest()
	signed := must(release.Sign(&m, makerKey()))
	var message cose.Sign1Message
	if err := message.UnmarshalCBOR(signed); err != nil {
		t.Fatal(err)
	}
	verifier := must(cose.NewVerifier(cose.AlgorithmEdDSA, public(makerKey())))
	if err := message.Verify([]byte("unbrick release v1"), verifier); err != nil {
		t.Error(err)
	}
	if err := message.Verify(nil, verifier); err == nil {
		t.Error("verifies without its external data")
	}
	var payload map[uint64]any
	if err := oracle.Unmarshal(message.Payload, &payload); err != nil {
		t.Fatal(err)
	}
	if payload[1] != "0001" || payload[3] != uint64(7) || len(payload) != 8 {
		t.Errorf("payload %v", payload)
	}
}

func TestWeVerifyGoCose(t *testing.T) {
	m := soundManifest()
	payload := map[uint64]any{
		1: m.Model, 2: m.Version, 3: m.Order, 4: m.Counter, 5: m.Size, 6: m.Digest[:], 7: m.LeafSize, 8: m.Root[:],
	}
	mode := must(oracle.CoreDetEncOptions().EncMode())
	message := cose.Sign1Message{
		Headers: cose.Headers{Protected: cose.ProtectedHeader{
			cose.HeaderLabelAlgorithm:   cose.AlgorithmEdDSA,
			cose.HeaderLabelContentType: release.ContentType,
			cose.HeaderLabelKeyID:       kid(makerKey()),
		}},
		Payload: must(mode.Marshal(payload)),
	}
	signer := must(cose.NewSigner(cose.AlgorithmEdDSA, makerKey()))
	if err := message.Sign(nil, []byte("unbrick release v1"), signer); err != nil {
		t.Fatal(err)
	}
	signed := must(message.MarshalCBOR())
	if got, err := release.Verify(signed, []ed25519.PublicKey{public(makerKey())}); err != nil || got != m {
		t.Errorf("got %+v, %v", got, err)
	}
	if ours := must(release.Sign(&m, makerKey())); !bytes.Equal(ours, signed) {
		t.Errorf("ours   %x\ntheirs %x", ours, signed)
	}
}

func TestNoBitMayChange(t *testing.T) {
	m := soundManifest()
	signed := must(release.Sign(&m, makerKey()))
	keys := []ed25519.PublicKey{public(otherKey()), public(makerKey())}
	if _, err := release.Verify(signed, keys); err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(signed) {
		b := bytes.Clone(signed)
		b[bit/8] ^= 1 << (bit % 8)
		if _, err := release.Verify(b, keys); err == nil {
			t.Errorf("accepted with bit %d of byte %d changed", bit%8, bit/8)
		}
	}
	for n := range signed {
		if _, err := release.Verify(signed[:n], keys); !errors.Is(err, release.ErrManifest) {
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
		if _, err := release.Verify(signed, c.keys); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	var unknown *release.UnknownKeyError
	_, err := release.Verify(signed, nil)
	if !errors.As(err, &unknown) || unknown.ID != release.IDOf(public(makerKey())) {
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

// TestVerifyAllocatesLittle: two texts and the signed structure, which crypto/ed25519 lets escape.
func TestVerifyAllocatesLittle(t *testing.T) {
	m := soundManifest()
	signed := must(release.Sign(&m, makerKey()))
	keys := []ed25519.PublicKey{public(makerKey())}
	if n := testing.AllocsPerRun(50, func() {
		if _, err := release.Verify(signed, keys); err != nil {
			t.Error(err)
		}
	}); n > 3 {
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

// FuzzParse: what is taken is written again byte for byte.
func FuzzParse(f *testing.F) {
	for _, v := range manifestVectors() {
		f.Add(v.payload)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, id, err := release.Parse(b)
		if err != nil {
			if m != (release.Manifest{}) || id != (release.KeyID{}) {
				t.Error("a refused manifest was returned")
			}
			return
		}
		if len(b) > release.MaxManifest {
			t.Errorf("%d bytes taken", len(b))
		}
		signature := b[len(b)-ed25519.SignatureSize:]
		again := must(release.Sign(&m, makerKey()))
		again = bytes.Replace(again, kid(makerKey()), id[:], 1)
		copy(again[len(again)-len(signature):], signature)
		if !bytes.Equal(again, b) {
			t.Errorf("took    %s\nwritten %s", hex.EncodeToString(b), hex.EncodeToString(again))
		}
	})
}
