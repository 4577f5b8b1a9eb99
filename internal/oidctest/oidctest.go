// Package oidctest is an identity provider for tests that is none of ours: the one of github.com/zitadel/oidc, at a loopback address over
// HTTPS, with a page at which a person says who it is, or says no. It knows one program, which must come with its secret, PKCE and a nonce.
//
// Its ID tokens have the names of a person's groups, for who asks for the scope groups. Restart begins it anew with another key: what has
// begun there is forgotten, and who its persons are is not. A Provider may be used concurrently.
package oidctest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Client and Secret are those of the program that the provider knows.
const (
	Client = "unbrick"
	Secret = "s3cret"
)

// Person is who may sign in.
type Person struct {
	Subject string
	Groups  []string
}

// Provider is an identity provider that listens.
type Provider struct {
	URL string

	back string
	mu   sync.Mutex
	web  *httptest.Server
	all  map[string]Person // by the name that a person types
}

// New starts a provider, which leads persons back to the address back of the program.
func New(back string, all map[string]Person) (*Provider, error) {
	p := &Provider{back: back, all: all}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.URL = "https://" + l.Addr().String()
	return p, p.serve(l)
}

// Restart ends the provider, if it has not ended, and starts it at the same address with another key.
func (p *Provider) Restart() error {
	p.Close()
	l, err := net.Listen("tcp", strings.TrimPrefix(p.URL, "https://"))
	if err != nil {
		return err
	}
	return p.serve(l)
}

// Close ends the provider.
func (p *Provider) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.web.Close()
}

// Trusting returns a transport that takes the provider's certificate.
func (p *Provider) Trusting() http.RoundTripper {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.web.Client().Transport
}

// Certificate returns the provider's certificate, for a program that shall trust it. A Restart changes nothing of it.
func (p *Provider) Certificate() *x509.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.web.Certificate()
}

// Tell says who a person is from now on.
func (p *Provider) Tell(name string, is Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[name] = is
}

func (p *Provider) person(name string) (Person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	is, known := p.all[name]
	return is, known
}

func (p *Provider) serve(l net.Listener) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	cfg := &op.Config{CodeMethodS256: true}
	rand.Read(cfg.CryptoKey[:])
	s := &store{provider: p, key: signer{key, rand.Text()}, asked: map[string]*request{}, codes: map[string]string{}}
	o, err := op.NewProvider(cfg, s, op.StaticIssuer(p.URL))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", o)
	mux.HandleFunc("GET /login", ask)
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) { p.answer(w, r, s, o) })
	web := httptest.NewUnstartedServer(mux)
	web.Listener.Close()
	web.Listener = l
	web.StartTLS()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.web = web
	return nil
}

var page = template.Must(template.New("login").Parse(`<!doctype html><title>Who is it?</title><h1>Who is it?</h1>
<form method="post" action="/login"><input type="hidden" name="id" value="{{.}}"><input name="name" autofocus>
<button>Continue</button> <button name="no" value="1">Cancel</button></form>`))

// ask asks who a person is.
func ask(w http.ResponseWriter, r *http.Request) {
	if err := page.Execute(w, r.FormValue("id")); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// answer takes what a person says, and leads it back.
func (p *Provider) answer(w http.ResponseWriter, r *http.Request, s *store, o *op.Provider) {
	q, err := s.known(r.FormValue("id"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.FormValue("no") != "" {
		op.AuthRequestError(w, r, q, oidc.ErrAccessDenied(), o)
		return
	}
	name := r.FormValue("name")
	is, known := p.person(name)
	if !known {
		http.Error(w, fmt.Sprintf("nobody is called %q", name), http.StatusForbidden)
		return
	}
	s.done(q, name, is)
	http.Redirect(w, r, o.AuthorizationEndpoint().Absolute(p.URL)+"/callback?id="+q.id, http.StatusSeeOther)
}
