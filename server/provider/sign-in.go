package provider

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"unbrick/limits"
	"unbrick/release"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Addresses to which browsers go.
const (
	BeginPath = "/login/provider"
	BackPath  = "/login/back"
)

// Names of the cookie of a sign-in that has begun: those of a login have reasons that hold here, too. It comes back from the
// provider's site, so it is Lax, which lets it through when a person is led here, and in no other request of a foreign page.
const (
	secureCookie = "__Host-unbrick-begun"
	plainCookie  = "unbrick-begun"
)

// maxUsed is how many sign-ins that were done are remembered; older ones the provider knows: a code counts once.
const maxUsed = 10_000

// Person is who signed in.
type Person struct {
	Subject, Called string
	Grant           Grant // the zero value: no group of the person may anything
}

// derive makes a secret of a sign-in.
func (p *Provider) derive(what, begun string) string {
	h := hmac.New(sha256.New, p.key)
	h.Write([]byte(what + " " + begun))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func (p *Provider) oauth(at oauth2.Endpoint, style oauth2.AuthStyle) *oauth2.Config {
	at.AuthStyle = style
	return &oauth2.Config{ClientID: p.cfg.Client, ClientSecret: p.cfg.Secret, Endpoint: at, RedirectURL: p.cfg.URL + BackPath,
		Scopes: append([]string{oidc.ScopeOpenID, "profile"}, p.cfg.Scopes...)}
}

// Begin begins a sign-in: the browser gets the cookie and goes to the address.
func (p *Provider) Begin() (address string, c *http.Cookie, err error) {
	found, style, err := p.discover()
	if err != nil {
		return "", nil, err
	}
	random := make([]byte, 32)
	rand.Read(random)
	begun := strconv.FormatInt(p.cfg.Now().Unix(), 10) + "-" + hex.EncodeToString(random)
	address = p.oauth(found.Endpoint(), style).AuthCodeURL(p.derive("state", begun), oidc.Nonce(p.derive("nonce", begun)),
		oauth2.S256ChallengeOption(p.derive("verifier", begun)))
	return address, p.cookie(begun, int(pending/time.Second)), nil
}

// Gone takes the cookie of a sign-in from the browser.
func (p *Provider) Gone() *http.Cookie { return p.cookie("", -1) }

func (p *Provider) cookie(value string, age int) *http.Cookie {
	name := plainCookie
	if p.Secure() {
		name = secureCookie
	}
	return &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: p.Secure(), SameSite: http.SameSiteLaxMode}
}

// End says who came back from the provider. What counts is done once.
func (p *Provider) End(r *http.Request) (Person, error) {
	q := r.URL.Query()
	begun, err := p.begun(r, q.Get("state"))
	if err != nil {
		return Person{}, err
	}
	if q.Has("error") {
		return Person{}, p.say(Denied, errors.New(release.Clean(q.Get("error")+" "+q.Get("error_description"), 200)))
	}
	word, err := p.exchange(r.Context(), q.Get("code"), begun)
	if err != nil {
		return Person{}, err
	}
	if subtle.ConstantTimeCompare([]byte(word.Nonce), []byte(p.derive("nonce", begun))) != 1 {
		return Person{}, p.say(Nonce, errors.New("the nonce is another"))
	}
	person, err := p.person(word)
	if err != nil {
		return Person{}, err
	}
	if !p.use(begun) {
		return Person{}, Stale
	}
	return person, nil
}

// begun is the sign-in that a browser's cookie is of, if the state that came back is its own.
func (p *Provider) begun(r *http.Request, state string) (string, error) {
	c, err := r.Cookie(p.cookie("", 0).Name)
	if err != nil || subtle.ConstantTimeCompare([]byte(state), []byte(p.derive("state", c.Value))) != 1 {
		return "", Stale
	}
	text, _, _ := strings.Cut(c.Value, "-")
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil || p.cfg.Now().Sub(time.Unix(at, 0)).Abs() >= pending {
		return "", Stale
	}
	return c.Value, nil
}

// use notes that a sign-in was done, and reports whether this is the first time.
func (p *Provider) use(begun string) bool {
	id, now := sha256.Sum256([]byte(begun)), p.cfg.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, was := p.used[id]; was {
		return false
	}
	if len(p.used) >= maxUsed {
		for id, at := range p.used {
			if now.Sub(at).Abs() >= pending || len(p.used) >= maxUsed {
				delete(p.used, id)
			}
		}
	}
	p.used[id] = now
	return true
}

// exchange gets the provider's word for a code, and verifies it.
func (p *Provider) exchange(ctx context.Context, code, begun string) (*oidc.IDToken, error) {
	found, style, err := p.discover()
	if err != nil {
		return nil, err
	}
	ctx, seen := p.watched(ctx)
	token, err := p.oauth(found.Endpoint(), style).Exchange(ctx, code, oauth2.VerifierOption(p.derive("verifier", begun)))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.ErrorCode != "" {
			return nil, p.say(Denied, err)
		}
		return nil, p.say(seen.or(Nonsense), err)
	}
	raw, is := token.Extra("id_token").(string)
	if !is {
		return nil, p.say(Nonsense, errors.New("the answer has no id_token"))
	}
	// Keys are asked for anew: one that the provider took back counts no more.
	word, err := found.VerifierContext(ctx, &oidc.Config{ClientID: p.cfg.Client, Now: p.cfg.Now}).Verify(ctx, raw)
	if err != nil {
		return nil, p.say(seen.or(p.why(raw, err)), err)
	}
	return word, nil
}

// why chooses the word for what was not verified. Nothing that is read here is believed.
func (p *Provider) why(raw string, err error) Refusal {
	var expired *oidc.TokenExpiredError
	if errors.As(err, &expired) {
		return Expired
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return Nonsense
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	var says struct {
		Issuer   string `json:"iss"`
		Audience any    `json:"aud"`
	}
	if err != nil || json.Unmarshal(b, &says) != nil {
		return Nonsense
	}
	list, _ := says.Audience.([]any)
	switch {
	case says.Issuer != p.cfg.Issuer:
		return Issuer
	case says.Audience != p.cfg.Client && !slices.Contains(list, any(p.cfg.Client)):
		return Audience
	}
	return Signature
}

// person reads whom the provider's word is of.
func (p *Provider) person(word *oidc.IDToken) (Person, error) {
	claims := map[string]json.RawMessage{}
	if err := word.Claims(&claims); err != nil || word.Subject == "" || len(word.Subject) > limits.Subject {
		return Person{}, p.say(Nonsense, errors.New("the word is of nobody"))
	}
	said, there := claims[p.cfg.Groups]
	if !there {
		return Person{}, p.say(NoGroups, errors.New("the claim "+p.cfg.Groups+" is missing"))
	}
	var groups []string
	if err := json.Unmarshal(said, &groups); err != nil || groups == nil {
		return Person{}, p.say(BadGroups, errors.New("the claim "+p.cfg.Groups+" is no list of names"))
	}
	v := Person{Subject: word.Subject}
	for _, name := range []string{"preferred_username", "name"} {
		var text string
		if json.Unmarshal(claims[name], &text) == nil && v.Called == "" {
			v.Called = release.Clean(text, limits.Called)
		}
	}
	for _, g := range p.cfg.Grants {
		if slices.Contains(groups, g.Group) {
			v.Grant = g
			break
		}
	}
	return v, nil
}
