package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"unbrick/internal/oidctest"
	"unbrick/server/form"
	"unbrick/server/provider"
	"unbrick/server/storage"
)

// realProvider is a rig with an identity provider that is none of ours, over HTTPS. change, if there is one, spoils what the server knows
// of it.
func realProvider(t *testing.T, change func(*provider.Config)) (*rig, *oidctest.Provider) {
	t.Helper()
	web := httptest.NewUnstartedServer(nil)
	at := "http://" + web.Listener.Addr().String()
	p, err := oidctest.New(at+provider.BackPath, map[string]oidctest.Person{
		"ada": {Subject: "42", Groups: []string{"dev", "ops"}}, "eve": {Subject: "43", Groups: []string{"guests"}}, "bob": {Subject: "44", Groups: []string{}},
		"ann": {Subject: "45", Groups: []string{"ops", "root"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	o := &provider.Config{Issuer: p.URL, Client: oidctest.Client, Secret: oidctest.Secret, Groups: "groups", Scopes: []string{"groups"},
		Grants:    []provider.Grant{{Group: "root", Roles: storage.Admin}, {Group: "ops", Roles: storage.View | storage.Operate}},
		Transport: p.Trusting(), Patience: time.Minute}
	if change != nil {
		change(o)
	}
	return providedAt(t, web, o), p
}

// signsIn goes the whole way of a browser: to the provider, whose page is answered with says, and back. It returns the screen that it
// ends at.
func (p *person) signsIn(at *oidctest.Provider, says url.Values) string {
	p.rig.Helper()
	p.Transport = at.Trusting()
	a, err := p.Get(p.rig.web.URL + provider.BeginPath)
	if err != nil {
		p.rig.Fatal(err)
	}
	a.Body.Close()
	asks := a.Request.URL
	if asks.Path != "/login" || !strings.HasPrefix(asks.String(), at.URL) {
		return asks.Fragment // refused before it came there
	}
	says.Set("id", asks.Query().Get("id"))
	if a, err = p.PostForm(at.URL+"/login", says); err != nil {
		p.rig.Fatal(err)
	}
	a.Body.Close()
	return a.Request.URL.Fragment
}

// TestRealProvider signs persons in by a provider that others made: discovery, code with PKCE, keys and ID tokens are its own.
func TestRealProvider(t *testing.T) {
	r, p := realProvider(t, nil)
	as := func(name string) url.Values { return url.Values{"name": {name}} }
	ada := r.person()
	if at := ada.signsIn(p, as("ada")); at != "fleet-signed-in" {
		t.Fatalf("ended at %q", at)
	}
	v := ada.who()
	if fmt.Sprint(v.Roles) != "[view operate]" {
		t.Errorf("in group ops: %+v", v)
	}
	if ann := r.person(); ann.signsIn(p, as("ann")) != "fleet-signed-in" || fmt.Sprint(ann.who().Roles) != "[admin]" {
		t.Errorf("in two groups: %+v", ann.who())
	}
	for _, name := range []string{"eve", "bob"} {
		who := r.person()
		if at := who.signsIn(p, as(name)); at != "fleet-refused/no-role" || who.who().Account != "" {
			t.Errorf("%s is in no group: %q, %+v", name, at, who.who())
		}
	}
	no, here := r.person(), &url.URL{Scheme: "http", Host: r.web.Listener.Addr().String()}
	if at := no.signsIn(p, url.Values{"no": {"1"}}); at != "fleet-refused/denied" || len(no.Jar.Cookies(here)) != 0 {
		t.Errorf("said no: %q, %v", at, no.Jar.Cookies(here))
	}
	list := decode[form.Accounts](r, r.must(200, "GET", "/api/accounts", nil)).Accounts
	if len(list) != 3 || list[0].Name != "environment" {
		t.Fatalf("%+v", list)
	}
	for _, a := range list[1:] {
		if want := map[string]string{"42": "ada", "45": "ann"}[a.Subject]; a.Called != want || a.Issuer != p.URL {
			t.Errorf("%+v", a)
		}
	}
	// It begins anew with another key: its word under that counts at once, for the same person.
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	again := r.person()
	if at := again.signsIn(p, as("ada")); at != "fleet-signed-in" || again.who().Account != v.Account {
		t.Errorf("with another key: %q, %+v", at, again.who())
	}
	p.Tell("ada", oidctest.Person{Subject: "42", Groups: []string{"guests"}})
	if at := again.signsIn(p, as("ada")); at != "fleet-refused/no-role" || again.who().Account != "" || ada.who().Account != "" {
		t.Errorf("left the group: %q, %+v", at, ada.who())
	}
}

// TestRealProviderIsAway: one word while it is away, and persons get in again once it is back.
func TestRealProviderIsAway(t *testing.T) {
	r, p := realProvider(t, nil)
	ada := r.person()
	p.Close()
	if at := ada.signsIn(p, url.Values{"name": {"ada"}}); at != "fleet-refused/down" || ada.who().Account != "" {
		t.Errorf("it is away: %q, %+v", at, ada.who())
	}
	r.must(200, "GET", "/api/devices", nil)
	if err := p.Restart(); err != nil {
		t.Fatal(err)
	}
	r.later(6 * time.Second)
	if at := ada.signsIn(p, url.Values{"name": {"ada"}}); at != "fleet-signed-in" {
		t.Errorf("it is back: %q", at)
	}
}

// TestRealProviderRefuses: what is wrong between server and provider is told by one word, and signs nobody in.
func TestRealProviderRefuses(t *testing.T) {
	for _, c := range []struct {
		name, word string
		change     func(*provider.Config)
	}{
		{"the secret is another", "denied", func(c *provider.Config) { c.Secret = "another" }},
		{"groups are not asked for", "no-groups", func(c *provider.Config) { c.Scopes = nil }},
		{"its certificate is not trusted", "down", func(c *provider.Config) {
			c.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, p := realProvider(t, c.change)
			ada := r.person()
			if at := ada.signsIn(p, url.Values{"name": {"ada"}}); at != "fleet-refused/"+c.word || ada.who().Account != "" {
				t.Errorf("ended at %q, %+v", at, ada.who())
			}
		})
	}
}
