package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	maxFile   = 1 << 20 // bytes of a file of certificates or of a key
	lookEvery = time.Second
)

// Files are a certificate with its chain, and its key, in PEM.
type Files struct {
	Cert, Key string
	log       *slog.Logger
	now       func() time.Time

	mu         sync.Mutex
	looked     time.Time
	bytes      [2][]byte // of the files when they were looked at last
	pair       *tls.Certificate
	complained string // the trouble that was told last
}

// Open reads a pair of files, or says in one sentence why they are none.
func Open(cert, key string, logger *slog.Logger, now func() time.Time) (*Files, error) {
	f := &Files{Cert: cert, Key: key, log: logger, now: now}
	if err := f.read(); err != nil {
		return nil, err
	}
	f.looked = now()
	f.warn()
	return f, nil
}

// Config is for a listener that shows the pair as it is in the files. A pair that does not fit, such as one of which only one file has
// been replaced yet, is told once, and the one before it stays.
func (f *Files) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.get(), nil }}
}

// get is the pair, looked at once in lookEvery at most.
func (f *Files) get() *tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if now.Sub(f.looked).Abs() < lookEvery {
		return f.pair
	}
	f.looked = now
	was := f.pair
	err := f.read()
	switch {
	case err != nil && err.Error() != f.complained:
		f.complained = err.Error()
		f.log.Error("new certificate is not taken, the one before it stays", "error", err)
	case err == nil && f.pair != was:
		f.complained = ""
		f.log.Info("new certificate", "ends", f.pair.Leaf.NotAfter)
		f.warn()
	}
	return f.pair
}

// read takes the pair from the files, if they changed.
func (f *Files) read() error {
	var read [2][]byte
	for i, name := range []string{f.Cert, f.Key} {
		b, err := readFile(name)
		if err != nil {
			return err
		}
		read[i] = b
	}
	if f.pair != nil && bytes.Equal(read[0], f.bytes[0]) && bytes.Equal(read[1], f.bytes[1]) {
		return nil
	}
	pair, err := tls.X509KeyPair(read[0], read[1])
	if err != nil {
		return fmt.Errorf("the certificate in %s and the key in %s do not go together: %s", f.Cert, f.Key,
			strings.TrimPrefix(err.Error(), "tls: "))
	}
	f.pair, f.bytes = &pair, read
	return nil
}

// warn tells of a certificate that browsers will not take now.
func (f *Files) warn() {
	if now, leaf := f.now(), f.pair.Leaf; now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		f.log.Warn("the certificate does not count at this time: browsers and devices will refuse it", "begins", leaf.NotBefore,
			"ends", leaf.NotAfter, "now", now)
	}
}

func readFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	return b, err
}

// Roots are the certificates in a PEM file.
func Roots(name string) (*x509.CertPool, error) {
	b, err := readFile(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, errors.New(name + " holds no certificate in PEM")
	}
	return pool, nil
}
