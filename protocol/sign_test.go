package protocol

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The key, nonce and host of the vectors.
const (
	signSeed = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	signHost = "updates.example"
)

var signNonce = Nonce(digest(7))

// signedHello is the hello of docs/protocol.md's example, signed.
func signedHello(t *testing.T, host string) []byte {
	t.Helper()
	key := ed25519.NewKeyFromSeed(unhex(t, signSeed))
	h := *examples()["hello"].(*Hello)
	h.Device = key.Public().(ed25519.PublicKey)
	h.Fresh = bytes.Repeat([]byte{5}, freshSize)
	signed, err := h.AppendSigned(nil, &signNonce, host)
	if err != nil {
		t.Fatal(err)
	}
	h.Signature = ed25519.Sign(key, signed)
	msg, err := h.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// TestSigned: each vector of testdata/signed is a hello, the nonce and host that a server holds against it, and what comes of it.
func TestSigned(t *testing.T) {
	good := signedHello(t, signHost)
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	other := signNonce
	other[31] ^= 1
	unsigned, err := examples()["hello"].Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	half := append(bytes.Clone(good[:len(good)-signatureItem]), 0x40)
	for _, v := range []struct {
		name, why string
		msg       []byte
		nonce     Nonce
		host      string
		want      error
	}{
		{"good", "signed by its device key", good, signNonce, signHost, nil},
		{"good-address", "an address is a name, too", signedHello(t, "2001:db8::7"), signNonce, "2001:db8::7", nil},
		{"no-key", "no device key, so no signature", unsigned, signNonce, signHost, ErrUnsigned},
		{"other-host", "signed for the name of another server", good, signNonce, "updates.test", ErrForged},
		{"other-nonce", "signed over the nonce of another connection", good, other, signHost, ErrForged},
		{"other-serial", "one bit of the serial changed", flip(bytes.Index(good, []byte("S-17")) + 3), signNonce, signHost, ErrForged},
		{"other-key", "one bit of the device key changed", flip(len(good) - signatureItem - 18), signNonce, signHost, ErrForged},
		{"other-signature", "one bit of the signature changed", flip(len(good) - 40), signNonce, signHost, ErrForged},
		{"key-without-signature", "a device key, and no signature", half, signNonce, signHost, ErrMalformed},
		{"host-upper-case", "the server's name is not in lower case", good, signNonce, "Updates.example", ErrHost},
		{"host-with-port", "the server's name has a port", good, signNonce, "updates.example:443", ErrHost},
		{"host-empty", "no name", good, signNonce, "", ErrHost},
	} {
		t.Run(v.name, func(t *testing.T) {
			word := map[error]string{nil: "good", ErrUnsigned: "unsigned", ErrForged: "refused", ErrMalformed: "malformed", ErrHost: "no host"}[v.want]
			header := "signature: " + word + "\nwhy: " + v.why + "\nseed: " + signSeed + "\nnonce: " + hex.EncodeToString(v.nonce[:]) + "\nhost: " + v.host
			msg := vector(t, filepath.Join("signed", v.name), header, v.msg)
			if !bytes.Equal(msg, v.msg) {
				t.Errorf("the file has %x, want %x", msg, v.msg)
			}
			if err := VerifyHello(msg, &v.nonce, v.host); !errors.Is(err, v.want) || v.want == nil && err != nil {
				t.Errorf("%v, want %v", err, v.want)
			}
		})
	}
}

// TestEveryBitIsSigned: no bit of a proven hello, of its nonce or of its host can change.
func TestEveryBitIsSigned(t *testing.T) {
	good := signedHello(t, signHost)
	for i := range good {
		for bit := range 8 {
			b := bytes.Clone(good)
			b[i] ^= 1 << bit
			if err := VerifyHello(b, &signNonce, signHost); err == nil {
				t.Fatalf("bit %d of byte %d does not matter", bit, i)
			}
		}
	}
	for i := range signNonce {
		n := signNonce
		n[i] ^= 0x10
		if err := VerifyHello(good, &n, signHost); !errors.Is(err, ErrForged) {
			t.Fatalf("byte %d of the nonce: %v", i, err)
		}
	}
}

// TestAppendSigned: what is signed is the law's four parts, behind whatever the caller has in front of it.
func TestAppendSigned(t *testing.T) {
	h := *examples()["hello"].(*Hello)
	h.Device = bytes.Repeat([]byte{3}, deviceSize)
	got, err := h.AppendSigned([]byte("front"), &signNonce, signHost)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(signHost))
	h.Signature = make([]byte, ed25519.SignatureSize)
	msg, err := h.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "front" + "unbrick hello v2\x00" + string(signNonce[:]) + string(sum[:]) + string(msg[:len(msg)-66])
	if string(got) != want {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	for _, host := range []string{"", "A.example", "a.example:80", "[::1]", "a.example.", "a b", "\u00e4.example", "a/b", "u@a", strings.Repeat("x", 254)} {
		if _, err := h.AppendSigned(nil, &signNonce, host); !errors.Is(err, ErrHost) {
			t.Errorf("host %q: %v", host, err)
		}
	}
}

func TestHostOf(t *testing.T) {
	for authority, want := range map[string]string{
		"Updates.Example": "updates.example", "updates.example:8080": "updates.example", "updates.example.": "updates.example", "updates.example.:443": "updates.example",
		"[2001:DB8::7]:443": "2001:db8::7", "[::1]": "::1", "127.0.0.1:80": "127.0.0.1", "localhost": "localhost", "": "",
	} {
		if got := HostOf(authority); got != want {
			t.Errorf("%q: got %q, want %q", authority, got, want)
		}
	}
}

// TestDocumentExample: the example of docs/protocol.md is the hello of testdata/signed/good.txt, byte for byte, and what it says
// of the signed bytes is so.
func TestDocumentExample(t *testing.T) {
	page, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "## A hello in bytes")
	if !ok {
		t.Fatal("no section with the example")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var got []byte
	for _, line := range regexp.MustCompile(`(?m)^    ((?:[0-9a-f]{2} ?)+)  `).FindAllStringSubmatch(section, -1) {
		got = append(got, unhex(t, strings.ReplaceAll(line[1], " ", ""))...)
	}
	if want := signedHello(t, signHost); !bytes.Equal(got, want) {
		t.Errorf("the document has\n%x, want\n%x", got, want)
	}
	sum := sha256.Sum256([]byte(signHost))
	for _, want := range []string{signSeed, hex.EncodeToString(sum[:]), "`" + signHost + "`"} {
		if !strings.Contains(section, want) {
			t.Errorf("the document does not name %s", want)
		}
	}
}

// BenchmarkHello is what a hello without a key costs: encoded by the device, decoded by the server.
func BenchmarkHello(b *testing.B) {
	h := examples()["hello-report"]
	buf := make([]byte, 0, MaxHello)
	var back Hello
	b.ReportAllocs()
	for b.Loop() {
		msg, err := h.Append(buf)
		if err != nil || back.Decode(msg) != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyHello is what the signature costs besides.
func BenchmarkVerifyHello(b *testing.B) {
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	h := *examples()["hello"].(*Hello)
	h.Device = key.Public().(ed25519.PublicKey)
	signed, err := h.AppendSigned(nil, &signNonce, signHost)
	if err != nil {
		b.Fatal(err)
	}
	h.Signature = ed25519.Sign(key, signed)
	msg, err := h.Append(nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := VerifyHello(msg, &signNonce, signHost); err != nil {
			b.Fatal(err)
		}
	}
}

// seeds are the refused vectors and those of signatures.
func seeds(f *testing.F) (all [][]byte) {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no vectors: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		_, payload, _ := strings.Cut(string(text), "\n\n")
		if b, err := hex.DecodeString(strings.ReplaceAll(payload, "\n", "")); err == nil {
			all = append(all, b)
		}
	}
	return all
}

func FuzzVerifyHello(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b, signHost)
	}
	f.Fuzz(func(t *testing.T, msg []byte, host string) {
		err := VerifyHello(msg, &signNonce, host)
		var h Hello
		if h.Decode(msg) != nil {
			if err == nil {
				t.Fatalf("verified, and no hello: %x", msg)
			}
			return
		}
		if !isHost(host) {
			return
		}
		signed, e := h.AppendSigned(nil, &signNonce, host)
		if e != nil {
			t.Fatalf("taken, and cannot be signed: %v", e)
		}
		if len(h.Device) > 0 && ed25519.Verify(h.Device, signed, h.Signature) != (err == nil) {
			t.Fatalf("what the device signs and what the server verifies differ: %v", err)
		}
	})
}
