package main

import (
	"crypto/tls"
	"log/slog"
	"net/url"
	"path/filepath"
	"regexp"
	"time"

	"unbrick/server/certificate"

	"github.com/spf13/pflag"
)

// tlsFlags say where certificates come from.
type tlsFlags struct {
	cert, key        string
	hosts            []string
	directory, roots string
}

func (f *tlsFlags) declare(set *pflag.FlagSet) {
	set.StringVar(&f.cert, "tls-cert", "", "PEM `file` with the certificate and its chain; read again when it changed")
	set.StringVar(&f.key, "tls-key", "", "PEM `file` with its key")
	set.StringArrayVar(&f.hosts, "acme", nil, "`host` to get a certificate for from a certificate authority (repeatable)")
	set.StringVar(&f.directory, "acme-directory", "", "`URL` of the authority's directory (Let's Encrypt's)")
	set.StringVar(&f.roots, "acme-roots", "", "PEM `file` with the roots that vouch for the directory (the system's)")
}

// dialName is a name under which devices dial a server, also one of a local network.
var dialName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[0-9]*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// hostName is a name that an authority gives certificates for.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)

// check refuses words that do not go together.
func (f *tlsFlags) check() error {
	switch {
	case (f.cert == "") != (f.key == ""):
		return usageError("--tls-cert and --tls-key are given together")
	case f.cert != "" && len(f.hosts) > 0:
		return usageError("certificates come from --tls-cert and --tls-key or from --acme, not from both")
	case len(f.hosts) == 0 && (f.directory != "" || f.roots != ""):
		return usageError("--acme-directory and --acme-roots say who is asked for certificates of --acme HOST, which is missing")
	}
	for _, host := range f.hosts {
		if !hostName.MatchString(host) {
			return usageError("--acme %q is no name of a host in small letters, such as updates.example", host)
		}
	}
	if u, err := url.Parse(f.directory); f.directory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return usageError("--acme-directory %q is no https address", f.directory)
	}
	return nil
}

// config is nil if there is no TLS.
func (f *tlsFlags) config(data string, logger *slog.Logger) (*tls.Config, error) {
	if f.cert != "" {
		files, err := certificate.Open(f.cert, f.key, logger, time.Now)
		if err != nil {
			return nil, err
		}
		return files.Config(), nil
	}
	if len(f.hosts) == 0 {
		return nil, nil
	}
	a := certificate.Authority{Hosts: f.hosts, Directory: f.directory, Folder: filepath.Join(data, "acme"), Log: logger}
	if f.roots != "" {
		pool, err := certificate.Roots(f.roots)
		if err != nil {
			return nil, err
		}
		a.Roots = pool
	}
	return a.Config(), nil
}
