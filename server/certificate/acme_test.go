package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"
)

const host = "updates.example"

// names is a DNS server that has every name here.
func names(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg)
		a.SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			a.Answer = append(a.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)})
		}
		w.WriteMsg(a)
	})}
	go s.ActivateAndServe()
	t.Cleanup(func() { s.Shutdown() })
	return l.Addr().String()
}

// authority is Pebble, the test server of the ACME protocol's makers, which checks as a real one does and comes back over tls-alpn-01 to
// port. It returns its directory, the roots that vouch for that, and the roots of what it signs.
func authority(t *testing.T, port int) (directory string, vouch, signs *x509.CertPool) {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	logger, memory := log.New(io.Discard, "", 0), db.NewMemoryStore()
	issuer := ca.New(logger, memory, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "of the test"}})
	front := wfe.New(logger, memory, va.New(logger, 1, port, true, names(t), memory), issuer, []string{"pebble.example"}, true, false, 0, 0)
	web := httptest.NewUnstartedServer(front.Handler())
	web.Config.ErrorLog = logger
	web.StartTLS()
	t.Cleanup(web.Close)
	vouch, signs = x509.NewCertPool(), x509.NewCertPool()
	vouch.AddCert(web.Certificate())
	signs.AddCert(issuer.GetRootCert(0).Cert)
	return web.URL + wfe.DirectoryPath, vouch, signs
}

// listen serves with the authority's certificates what comes to a free port.
func listen(t *testing.T) (net.Listener, int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, l.Addr().(*net.TCPAddr).Port
}

func serveTLS(t *testing.T, l net.Listener, config *tls.Config) {
	web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) }),
		ErrorLog: log.New(io.Discard, "", 0)}
	go web.Serve(tls.NewListener(l, config))
	t.Cleanup(func() { web.Close() })
}

// TestAuthority: a certificate is got over the one listener, kept for this user alone, used again by the next start, and got for no
// other host.
func TestAuthority(t *testing.T) {
	l, port := listen(t)
	directory, vouch, signs := authority(t, port)
	var told bytes.Buffer
	folder := filepath.Join(t.TempDir(), "acme")
	a := &Authority{Hosts: []string{host}, Directory: directory, Roots: vouch, Folder: folder, Log: slog.New(slog.NewTextHandler(&told, nil))}
	serveTLS(t, l, a.Config())
	dial := func(name string, change ...func(*tls.Config)) (*x509.Certificate, error) {
		config := &tls.Config{ServerName: name, RootCAs: signs}
		for _, c := range change {
			c(config)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", l.Addr().String())
		if err != nil {
			return nil, err
		}
		defer c.Close()
		return c.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
	}
	first, err := dial(host)
	if err != nil {
		t.Fatalf("%v; told: %s", err, &told)
	}
	for _, name := range []string{"elsewhere.example", "", "x." + host} {
		if _, err := dial(name); err == nil {
			t.Errorf("a certificate for %q", name)
		}
	}
	if _, err := dial(host, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11; c.MinVersion = tls.VersionTLS10 }); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if told.Len() > 0 {
		t.Errorf("strangers' hosts are told: %s", &told)
	}
	files := 0
	filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			t.Fatal(err)
		}
		info, err := d.Info()
		if err != nil {
			t.Fatal(err)
		}
		if !d.IsDir() {
			files++
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %s", path, info.Mode())
		}
		return nil
	})
	if files < 2 {
		t.Errorf("%d files are kept", files)
	}
	l.Close()
	// The next start asks nobody.
	l, _ = listen(t)
	again := &Authority{Hosts: []string{host}, Directory: "https://127.0.0.1:1/", Roots: vouch, Folder: folder, Log: a.Log}
	serveTLS(t, l, again.Config())
	if second, err := dial(host); err != nil || !second.Equal(first) {
		t.Errorf("after a new start: %v; told: %s", err, &told)
	}
}

// TestAuthorityRefuses: what the authority cannot check it does not sign, and the operator is told so once.
func TestAuthorityRefuses(t *testing.T) {
	l, _ := listen(t)
	other, port := listen(t) // what the authority reaches is not this server
	go func() {
		for c, err := other.Accept(); err == nil; c, err = other.Accept() {
			c.Close()
		}
	}()
	directory, vouch, _ := authority(t, port)
	var told bytes.Buffer
	a := &Authority{Hosts: []string{host}, Directory: directory, Roots: vouch, Folder: t.TempDir(), Log: slog.New(slog.NewTextHandler(&told, nil))}
	config := a.Config()
	serveTLS(t, l, config)
	for range 5 {
		if c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: host, InsecureSkipVerify: true}); err == nil {
			c.Close()
			t.Error("a certificate that nobody could check")
		}
	}
	l.Close()
	if n := strings.Count(told.String(), "no certificate"); n != 1 || !strings.Contains(told.String(), host) {
		t.Errorf("told %d times: %s", n, &told)
	}
}
