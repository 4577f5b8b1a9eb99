package release_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"

	"unbrick/release"
)

func TestKeyFilesAreWhatOtherToolsMake(t *testing.T) {
	key := makerKey()
	private := must(release.MarshalKey(key))
	want := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))})
	if !bytes.Equal(private, want) {
		t.Errorf("private key file\n%s\nwant\n%s", private, want)
	}
	if got, err := release.ParseKey(want); err != nil || !got.Equal(key) {
		t.Errorf("private key came back as %v", err)
	}
	pub := must(release.MarshalPub(public(key)))
	want = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(public(key)))})
	if !bytes.Equal(pub, want) {
		t.Errorf("public key file\n%s\nwant\n%s", pub, want)
	}
	if got, err := release.ParsePub(want); err != nil || !got.Equal(public(key)) {
		t.Errorf("public key came back as %v", err)
	}
}

func TestKeyFileRefusals(t *testing.T) {
	private, pub := must(release.MarshalKey(makerKey())), must(release.MarshalPub(public(makerKey())))
	ec := must(x509.MarshalPKCS8PrivateKey(must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))))
	for name, file := range map[string][]byte{
		"nothing":          nil,
		"public key":       pub,
		"two keys":         append(bytes.Clone(private), private...),
		"words behind":     append(bytes.Clone(private), "and more"...),
		"half":             private[:len(private)/2],
		"P-256 key":        pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: ec}),
		"PEM headers":      pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Headers: map[string]string{"a": "b"}, Bytes: must(x509.MarshalPKCS8PrivateKey(makerKey()))}),
		"larger than 4096": append(bytes.Clone(private), bytes.Repeat([]byte{'\n'}, release.MaxKeyFile)...),
	} {
		if _, err := release.ParseKey(file); !errors.Is(err, release.ErrKeyFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := release.ParsePub(private); !errors.Is(err, release.ErrKeyFile) {
		t.Errorf("private for public: %v", err)
	}
	if _, err := release.MarshalKey(makerKey()[:31]); !errors.Is(err, release.ErrKey) {
		t.Errorf("short private key: %v", err)
	}
	if _, err := release.MarshalPub(ed25519.PublicKey{1}); !errors.Is(err, release.ErrKey) {
		t.Errorf("short public key: %v", err)
	}
	// An empty line at the end is what editors add.
	if _, err := release.ParseKey(append(bytes.Clone(private), '\n')); err != nil {
		t.Errorf("empty line at the end: %v", err)
	}
}

// FuzzParsePub: what is taken means one key. The text around it may differ, as PEM allows.
func FuzzParsePub(f *testing.F) {
	f.Add(must(release.MarshalPub(public(makerKey()))))
	f.Add(must(release.MarshalKey(makerKey())))
	f.Fuzz(func(t *testing.T, file []byte) {
		key, err := release.ParsePub(file)
		if err != nil {
			return
		}
		again, err := release.ParsePub(must(release.MarshalPub(key)))
		if err != nil || !again.Equal(key) {
			t.Errorf("%x came back as %x, %v", key, again, err)
		}
	})
}

// TestDocumentShowsKeyFiles keeps the example of docs/release.md true.
func TestDocumentShowsKeyFiles(t *testing.T) {
	page, err := os.ReadFile("../docs/release.md")
	if err != nil {
		t.Fatal(err)
	}
	files := append(must(release.MarshalKey(makerKey())), must(release.MarshalPub(public(makerKey())))...)
	want := "    " + strings.ReplaceAll(strings.TrimSuffix(string(files), "\n"), "\n", "\n    ") + "\n"
	if !strings.Contains(string(page), "### Example of a key file\n") || !strings.Contains(string(page), want) {
		t.Errorf("the document does not show\n%s", want)
	}
}
