package provider

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"unbrick/server/access"
	"unbrick/server/storage"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Refusal is why somebody was not signed in. Each is one word, which the page has a sentence for.
type Refusal string

// The refusals.
const (
	Down      Refusal = "down"            // the provider does not answer, or too slowly
	TooLong   Refusal = "too-long"        // its answer is longer than may be
	Nonsense  Refusal = "nonsense"        // its answer is none of OpenID Connect
	Denied    Refusal = "denied"          // it refused: the person, or this server
	Stale     Refusal = "stale"           // the sign-in did not begin in this browser, or too long ago, or was done already
	Issuer    Refusal = "wrong-issuer"    // it is another provider than the one that was asked for
	Audience  Refusal = "wrong-audience"  // its word is meant for another program
	Signature Refusal = "wrong-signature" // its word is not signed, or by a key that it does not have
	Expired   Refusal = "expired"         // its word has expired
	Nonce     Refusal = "wrong-nonce"     // its word answers another sign-in
	NoGroups  Refusal = "no-groups"       // it says nothing of groups
	BadGroups Refusal = "bad-groups"      // what it says of groups is no list of names
)

func (r Refusal) Error() string { return "sign-in by the identity provider: " + string(r) }

// Times.
const (
	patience = 10 * time.Second // for one answer
	keeps    = 10 * time.Minute // what it says of itself
	again    = 5 * time.Second  // after it did not answer, before it is asked again
	pending  = 10 * time.Minute // a sign-in, from its begin
)

// Grant says what the persons of a group may.
type Grant struct {
	Group  string
	Roles  storage.Roles
	Models []string
}

// Config is what a Provider is made of.
type Config struct {
	Issuer, Client, Secret string
	Groups                 string   // name of the claim
	Scopes                 []string // to ask for besides openid and profile
	Grants                 []Grant  // the first whose group a person is in says what the person may
	URL                    string   // where browsers reach this server
	Now                    func() time.Time
	Passed                 func() time.Duration // since any moment, never falling
	Log                    *slog.Logger
	Patience               time.Duration     // for one answer; 0: 10 s
	Transport              http.RoundTripper // by which it is asked; nil: http.DefaultTransport
}

// Provider is one identity provider. It may be used concurrently.
type Provider struct {
	cfg  Config
	key  []byte // of this process: what begins here ends here
	told *access.Limiter

	mu      sync.Mutex
	found   *oidc.Provider
	style   oauth2.AuthStyle
	asked   time.Duration // by cfg.Passed, when found was
	failed  error         // of the last time it was asked, at failedAt
	retried time.Duration
	used    map[[32]byte]time.Time // sign-ins that were done
}

// New returns a provider, which is not asked anything yet.
func New(cfg *Config) (*Provider, error) {
	p := &Provider{cfg: *cfg, key: make([]byte, 32), told: access.NewLimiter(1./6, 10, cfg.Passed), used: map[[32]byte]time.Time{}}
	rand.Read(p.key)
	if p.cfg.Patience == 0 {
		p.cfg.Patience = patience
	}
	if p.cfg.Transport == nil {
		p.cfg.Transport = http.DefaultTransport
	}
	for _, at := range []string{cfg.Issuer, cfg.URL} {
		if err := Safe(at); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Safe refuses an address that secrets would reach in the clear: https it must be, or on this machine.
func Safe(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%q is no address such as https://id.example", address)
	case u.Scheme == "https" || u.Scheme == "http" && onMachine(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%q: https it must be, since secrets go there", address)
}

func onMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Host names the provider for people.
func (p *Provider) Host() string {
	_, rest, _ := strings.Cut(p.cfg.Issuer, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// Issuer is whose word counts here.
func (p *Provider) Issuer() string { return p.cfg.Issuer }

// Begun is where a browser begins to sign in.
func (p *Provider) Begun() string { return p.cfg.URL + BeginPath }

// Page is where a browser sees the page's screen of this name.
func (p *Provider) Page(screen string) string { return p.cfg.URL + "/#" + screen }

// Secure reports whether browsers come over TLS.
func (p *Provider) Secure() bool { return strings.HasPrefix(p.cfg.URL, "https:") }

// discover returns what the provider says of itself. It is asked at most once at a time, and not again at once after it failed.
func (p *Provider) discover() (*oidc.Provider, oauth2.AuthStyle, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.cfg.Passed()
	switch {
	case p.found != nil && now-p.asked < keeps:
		return p.found, p.style, nil
	case p.failed != nil && now-p.retried < again:
		return nil, 0, p.failed
	}
	found, style, err := p.ask()
	p.failed, p.retried = err, p.cfg.Passed()
	if err == nil {
		p.found, p.style, p.asked = found, style, p.retried
	}
	return found, style, err
}

// ask asks the provider what it is.
func (p *Provider) ask() (*oidc.Provider, oauth2.AuthStyle, error) {
	ctx, seen := p.watched(context.Background())
	found, err := oidc.NewProvider(ctx, p.cfg.Issuer)
	if err != nil {
		var other *oidc.IssuerMismatchError
		if errors.As(err, &other) {
			return nil, 0, p.say(Issuer, err)
		}
		return nil, 0, p.say(seen.or(Nonsense), err)
	}
	var says struct {
		Keys    string   `json:"jwks_uri"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := found.Claims(&says); err != nil {
		return nil, 0, p.say(Nonsense, err)
	}
	at := found.Endpoint()
	for _, address := range []string{at.AuthURL, at.TokenURL, says.Keys} {
		if err := safeQuery(address); err != nil {
			return nil, 0, p.say(Nonsense, err)
		}
	}
	style := oauth2.AuthStyleInHeader // what OpenID Connect means where nothing is said
	for _, m := range says.Methods {
		if m == "client_secret_basic" {
			return found, oauth2.AuthStyleInHeader, nil
		} else if m == "client_secret_post" {
			style = oauth2.AuthStyleInParams
		}
	}
	return found, style, nil
}

// safeQuery is Safe of an address that may have a query.
func safeQuery(address string) error {
	bare, _, _ := strings.Cut(address, "?")
	return Safe(bare)
}

// say logs what is wrong, ten at once and ten a minute, and returns its word.
func (p *Provider) say(r Refusal, err error) Refusal {
	if _, some := p.told.Allow(""); some {
		text := err.Error()
		p.cfg.Log.Warn("identity provider", "issuer", p.cfg.Issuer, "refusal", string(r), "error", text[:min(len(text), 500)])
	}
	return r
}

// watched is a context whose requests are bounded, and what was seen of them.
func (p *Provider) watched(ctx context.Context) (context.Context, *sight) {
	seen := &sight{}
	return oidc.ClientContext(ctx, &http.Client{Timeout: p.cfg.Patience, Transport: &bounded{p.cfg.Transport, seen},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}), seen
}
