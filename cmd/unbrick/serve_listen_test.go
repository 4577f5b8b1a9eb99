package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestServeOperators: the commands of operators work at their listener, by TCP and by a socket, and are told at the other one where to go.
func TestServeOperators(t *testing.T) {
	t.Setenv("UNBRICK_TOKEN", "token of this test")
	socket := filepath.Join(t.TempDir(), "s")
	for _, at := range []string{"127.0.0.1:0", socketPrefix + socket, socketPrefix + socket} {
		if strings.HasPrefix(at, socketPrefix) { // a server that was killed has left its socket
			l, err := net.Listen("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			l.(*net.UnixListener).SetUnlinkOnClose(false)
			l.Close()
		}
		s := startServe(t, "--data", t.TempDir(), "--admin-addr", at)
		_, own, ok := strings.Cut(s.greeting, "Operators come to ")
		if own, _, _ = strings.Cut(own, "\n"); !ok {
			t.Fatalf("no address for operators in %q", s.greeting)
		}
		must(t, exitOK, "account", "put", "ci", "--role", "publish", "--server", own)
		must(t, exitOK, "model", "put", "0001", "--flash", "256KiB", "--ram", "256KiB", "--server", own)
		if out := must(t, exitFailed, "account", "list", "--server", s.url); !strings.Contains(out, "--admin-addr") {
			t.Errorf("at the public listener: %s", out)
		}
		must(t, exitOK, "ready", "--server", own)
		if out := must(t, exitFailed, "ready", "--wait", "1m", "--server", s.url); strings.Contains(out, "not ready after") ||
			!strings.Contains(out, s.url) || !strings.Contains(out, "--admin-addr") || strings.Count(out, "\n") != 1 {
			t.Errorf("ready at the public listener: %s", out)
		}
		if out := must(t, exitOK, "model", "list", "--server", s.url); !strings.Contains(out, "0001") {
			t.Errorf("what everybody may read, at the public listener: %s", out)
		}
		if strings.HasPrefix(at, socketPrefix) {
			if out := must(t, exitFailed, "serve", "--addr", "127.0.0.1:0", "--admin-addr", at, "--data", t.TempDir()); !strings.Contains(out, "another program") {
				t.Errorf("a socket that is in use: %s", out)
			}
			if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o660 {
				t.Errorf("%v, %v", info, err)
			}
		}
		s.stop()
	}
	missing := socketPrefix + filepath.Join(t.TempDir(), "no", "s")
	if out := must(t, exitFailed, "serve", "--addr", "127.0.0.1:0", "--admin-addr", missing, "--data", t.TempDir()); !strings.Contains(out, "no such file") || strings.Count(out, "\n") != 1 {
		t.Errorf("a socket in no folder: %s", out)
	}
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T, dir, name string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, x, x, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(leaf)
	return cert, key, pool
}

// TestServeTLS: the server speaks TLS by itself, a page's login cookie then stays on it, browsers are told to come by TLS from then on,
// and a pair that does not fit is no start.
func TestServeTLS(t *testing.T) {
	t.Setenv("UNBRICK_TOKEN", "token of this test")
	dir := t.TempDir()
	cert, key, pool := selfSigned(t, dir, "one")
	_, other, _ := selfSigned(t, dir, "two")
	s := startServe(t, "--data", t.TempDir(), "--tls-cert", cert, "--tls-key", key, "--admin-addr", "127.0.0.1:0")
	if !strings.HasPrefix(s.url, "https://") || strings.Contains(s.greeting, "Warning") || !strings.Contains(s.greeting, "Operators come to http://") {
		t.Errorf("%s", s.greeting)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	a, err := client.Get(s.url + "/api/whoami")
	if err != nil || a.Header.Get("Strict-Transport-Security") != "max-age=31536000" || a.ProtoMajor != 1 {
		t.Fatalf("%v, %v", a, err)
	}
	a.Body.Close()
	if c, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		c.Close()
		t.Error("TLS 1.1 is spoken")
	}
	s.stop()

	s = startServe(t, "--data", t.TempDir(), "--tls-cert", cert, "--tls-key", key)
	a, err = client.Post(s.url+"/api/login", "application/json", strings.NewReader(`{"token":"token of this test"}`))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(a.Body)
	a.Body.Close()
	if c := a.Cookies(); len(c) != 1 || c[0].Name != "__Host-unbrick" || !c[0].Secure {
		t.Errorf("%s %s: %v", a.Status, b, c)
	}
	s.stop()

	s = startServe(t, "--data", t.TempDir())
	if a, err := http.Get(s.url + "/api/whoami"); err != nil || a.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("in the clear: %v, %v", a, err)
	}
	out := must(t, exitFailed, "serve", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--tls-cert", cert, "--tls-key", other)
	if !strings.Contains(out, "do not go together") || !strings.Contains(out, other) || strings.Count(out, "\n") != 1 {
		t.Errorf("a certificate that does not fit its key: %s", out)
	}
}
