package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair makes a certificate that signed itself, and its key, in PEM.
func pair(t *testing.T, serial int64, ends time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{host}, NotBefore: ends.Add(-24 * time.Hour), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, x, x, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFiles: a pair is taken when both files are there, and until then the one before it stays; what is wrong is told once.
func TestFiles(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	cert1, key1 := pair(t, 1, now.Add(time.Hour))
	cert2, key2 := pair(t, 2, now.Add(time.Hour))
	cert3, key3 := pair(t, 3, now.Add(-time.Hour))
	write(t, cert, cert1)
	write(t, key, key1)
	var told bytes.Buffer
	f, err := Open(cert, key, slog.New(slog.NewTextHandler(&told, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	shows := func(serial int64, lines int, words string) {
		t.Helper()
		for range 20 { // connections
			got, err := f.Config().GetCertificate(&tls.ClientHelloInfo{})
			if err != nil || got.Leaf.SerialNumber.Int64() != serial {
				t.Fatalf("%v, %v, want certificate %d", got.Leaf.SerialNumber, err, serial)
			}
			now = now.Add(lookEvery)
		}
		if n := strings.Count(told.String(), "\n"); n != lines || !strings.Contains(told.String(), words) {
			t.Errorf("%d lines, want %d with %q: %s", n, lines, words, &told)
		}
		told.Reset()
	}
	shows(1, 0, "")
	write(t, cert, cert2)
	shows(1, 1, "do not go together")
	write(t, key, key2)
	shows(2, 1, "new certificate")
	write(t, key, []byte("nonsense"))
	shows(2, 1, "do not go together")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	shows(2, 1, "no such file")
	write(t, key, make([]byte, maxFile+1))
	shows(2, 1, "more than")
	write(t, key, key2)
	shows(2, 0, "")
	write(t, cert, cert3)
	write(t, key, key3)
	shows(3, 2, "does not count at this time")
	write(t, key, key2)
	if _, err := Open(cert, key, f.log, f.now); err == nil || !strings.Contains(err.Error(), cert) || !strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "\n") {
		t.Errorf("a certificate that does not fit its key: %v", err)
	}
}
