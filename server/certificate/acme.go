package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// Authority is a certificate authority that is asked for certificates.
type Authority struct {
	Hosts     []string       // the only ones that certificates are asked for
	Directory string         // its URL; empty: Let's Encrypt's
	Roots     *x509.CertPool // that vouch for it; nil: the system's
	Folder    string         // where accounts, keys and certificates are kept, for this process's user alone
	Log       *slog.Logger
}

const tellEvery = 10 * time.Minute // the same trouble is told so often at most

// Config is for a listener that shows certificates of the authority, and answers its challenges: it must be the one that is reached as port
// 443 of each host. The first handshake for a host asks, and waits for it.
func (a *Authority) Config() *tls.Config {
	m := &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(a.Folder), HostPolicy: autocert.HostWhitelist(a.Hosts...),
		Client: &acme.Client{DirectoryURL: a.Directory, UserAgent: "unbrick"}}
	if a.Directory == "" {
		m.Client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	if a.Roots != nil {
		m.Client.HTTPClient = &http.Client{Timeout: time.Minute,
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.Roots, MinVersion: tls.VersionTLS12}}}
	}
	var mu sync.Mutex
	told := map[string]time.Time{} // of each host
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1", acme.ALPNProto},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			pair, err := m.GetCertificate(hello)
			if err == nil || !slices.Contains(a.Hosts, hello.ServerName) || errors.Is(err, context.Canceled) {
				return pair, err // what strangers ask for besides is their trouble
			}
			mu.Lock()
			defer mu.Unlock()
			if at := told[hello.ServerName]; time.Since(at) >= tellEvery {
				told[hello.ServerName] = time.Now()
				a.Log.Error("no certificate", "host", hello.ServerName, "error", err)
			}
			return nil, err
		}}
}
