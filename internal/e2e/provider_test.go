package e2e

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"unbrick/internal/oidctest"
	"unbrick/server/form"
	"unbrick/server/provider"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// persons are who may sign in at the provider.
func persons() map[string]oidctest.Person {
	return map[string]oidctest.Person{"ada": {Subject: "42", Groups: []string{"dev", "ops"}}, "bob": {Subject: "43", Groups: []string{"lamps"}},
		"eve": {Subject: "44", Groups: []string{"guests"}}}
}

// startProvided runs a provider that is none of ours, and a server with a demo at which its persons may sign in. The server is on
// localhost and the provider at 127.0.0.1: for a browser these are two sites.
func startProvided(t *testing.T) (*site, *oidctest.Provider) {
	t.Helper()
	secret, cert := filepath.Join(t.TempDir(), "secret"), filepath.Join(t.TempDir(), "provider.pem")
	if err := os.WriteFile(secret, []byte(oidctest.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", cert)
	for range 5 {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at := free.Addr().String()
		_, port, _ := net.SplitHostPort(at)
		url := "http://localhost:" + port
		p, err := oidctest.New(url+provider.BackPath, persons())
		free.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
		if err := os.WriteFile(cert, block, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := tryServe(program(t), t.TempDir(), "--demo", "--addr", at, "--oidc-issuer", p.URL, "--oidc-client", oidctest.Client,
			"--oidc-secret-file", secret, "--oidc-url", url, "--oidc-scope", "groups", "--oidc-roles", "ops=view,operate",
			"--oidc-roles", "lamps=publish/0001")
		if err == nil {
			s.tells(t)
			t.Cleanup(s.stop)
			s.URL = url
			return s, p
		}
		t.Log(err)
		if !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	t.Fatal("no server with an identity provider")
	return nil, nil
}

// cookies are what the browser has for an address, by name.
func (p *screen) cookies(url string) map[string]*network.Cookie {
	p.t.Helper()
	got, err := chromedp.Call(p.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{url}})
	if err != nil {
		p.t.Fatal(err)
	}
	all := map[string]*network.Cookie{}
	for _, c := range got.Cookies {
		all[c.Name] = c
	}
	return all
}

// has demands of the browser one cookie alone, which no script can read, and of another site's requests no more than same lets through.
func (p *screen) has(url, name string, same network.CookieSameSite) {
	p.t.Helper()
	all := p.cookies(url)
	if c := all[name]; len(all) != 1 || c == nil || !c.HTTPOnly || c.SameSite != same || c.Domain != "localhost" || c.Path != "/" || c.Session {
		b, _ := json.Marshal(all)
		p.t.Errorf("the browser has the cookies %s; one was expected: %s, HttpOnly, SameSite=%s, of localhost and / alone, with an end", b, name, same)
	}
	if seen := p.text(`location.origin === ` + fmt.Sprintf("%q", url) + ` ? document.cookie : ""`); seen != "" {
		p.t.Errorf("a script sees the cookie %s", seen)
	}
}

// goesTo presses the link by which a person signs in, and waits for the provider's form.
func (p *screen) goesTo(s *site, at *oidctest.Provider) {
	p.t.Helper()
	p.says("Sign in with " + strings.TrimPrefix(at.URL, "https://"))
	if n := len(p.cookies(s.URL)); n != 0 {
		p.t.Errorf("%d cookies though nobody signs in", n)
	}
	p.do(chromedp.Click(fmt.Sprintf(`a[href=%q]`, s.URL+provider.BeginPath)))
	p.until(fmt.Sprintf(`document.title === 'Who is it?' && location.origin === %q`, at.URL))
	p.has(s.URL, "unbrick-begun", network.CookieSameSiteLax)
}

// tabs are the parts of Fleet that the page shows.
func (p *screen) tabs() string {
	p.t.Helper()
	return p.text(`[...document.querySelectorAll('.subtabs a')].map(a => a.innerText).join(', ')`)
}

// called is the account of the person whom the provider calls so; empty: there is none.
func called(t *testing.T, s *site, name string) form.Account {
	t.Helper()
	var list form.Accounts
	fetch(t, s.URL+"/api/accounts", &list)
	i := slices.IndexFunc(list.Accounts, func(a form.Account) bool { return a.Called == name })
	if i < 0 {
		return form.Account{}
	}
	return list.Accounts[i]
}

// TestFleetByRealProvider: persons press the link on the Fleet page, say at the provider who they are, and are led back: to the parts of
// Fleet that their groups allow, or to one sentence that says why not. The browser, which no one of ours made, keeps the cookies as they
// are meant: what began elsewhere ends here, and nothing of another site goes with a login.
func TestFleetByRealProvider(t *testing.T) {
	s, at := startProvided(t)
	p := openPage(t, "about:blank")
	if _, err := chromedp.Call(p.ctx, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.Navigate(s.URL + "/#fleet"))

	p.goesTo(s, at)
	p.shot("provider-asks")
	p.press("Cancel") // goesTo demands that no cookie is left
	p.says("The identity provider refused the sign-in.")
	p.says("Sign in to the fleet.")
	p.shot("provider-cancelled")

	p.goesTo(s, at)
	p.into(`[name=name]`)
	p.keys("ada" + kb.Enter)
	p.until(`document.querySelector('table.devices tbody a')`)
	p.shot("provider-signed-in")
	ada := called(t, s, "ada")
	if who := p.text(`document.querySelector('.subtabs .who span').innerText`); ada.Name == "" || who != ada.Name || ada.Issuer != at.URL || ada.Subject != "42" {
		t.Errorf("the page says that %q is signed in; the server knows %+v", who, ada)
	}
	if got := p.tabs(); got != "Devices, Releases, Log, Diagnostic file" {
		t.Errorf("roles view and operate see %s", got)
	}
	p.has(s.URL, "unbrick", network.CookieSameSiteStrict)
	p.do(chromedp.Reload())
	p.until(`document.querySelector('table.devices tbody a')`)
	p.press("Sign out")
	p.says("Sign in to the fleet.")

	p.goesTo(s, at)
	p.into(`[name=name]`)
	p.keys("bob")
	p.press("Continue")
	p.until(`document.querySelector('table.releases')`)
	if got := p.tabs(); got != "Releases, Log, Diagnostic file" {
		t.Errorf("role publish sees %s", got)
	}
	p.says("This account offers and withholds releases of model 0001 alone.")
	p.press("Sign out")
	p.says("Sign in to the fleet.")

	p.goesTo(s, at)
	p.into(`[name=name]`)
	p.keys("eve" + kb.Enter)
	p.says("You are in no group that may anything here.")
	if eve := called(t, s, "eve"); eve.Name != "" || len(p.cookies(s.URL)) != 0 {
		t.Errorf("who is in no group is %+v, and has %d cookies", eve, len(p.cookies(s.URL)))
	}
}
