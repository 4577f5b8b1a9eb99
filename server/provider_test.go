package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"unbrick/server/form"
	"unbrick/server/provider"
	"unbrick/server/storage"
)

// idp is an identity provider, stricter than most: it gives its word only to whom it should, and once. lie spoils one thing of it.
type idp struct {
	*httptest.Server
	t        *testing.T
	key      *ecdsa.PrivateKey
	now      func() time.Time
	released chan struct{} // ends answers that are slow

	mu     sync.Mutex
	lie    string
	claims map[string]any        // of the person who is there
	codes  map[string]url.Values // of authorization requests
	asked  int                   // for what it says of itself
	serial int
}

func newIDP(t *testing.T, now func() time.Time) *idp {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{t: t, key: key, now: now, codes: map[string]url.Values{}, released: make(chan struct{}),
		claims: map[string]any{"sub": "42", "groups": []string{"dev", "ops"}, "preferred_username": "ada"}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.configuration)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /keys", p.keys)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	t.Cleanup(func() { close(p.released) })
	return p
}

func (p *idp) lies(what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lie == what
}

func (p *idp) tell(lie string, claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lie = lie
	if claims != nil {
		p.claims = claims
	}
}

func (p *idp) configuration(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked++
	p.mu.Unlock()
	issuer, keys := p.URL, p.URL+"/keys"
	switch {
	case p.lies("down"):
		w.WriteHeader(http.StatusBadGateway)
		return
	case p.lies("bad JSON"):
		w.Write([]byte(`{"issuer": `))
		return
	case p.lies("huge"):
		w.Write([]byte(`{"issuer": "` + strings.Repeat("x", 1<<20) + `"}`))
		return
	case p.lies("slow"):
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush()
		<-p.released
		return
	case p.lies("other issuer"):
		issuer = "https://elsewhere.example"
	case p.lies("keys in the clear"):
		keys = "http://elsewhere.example/keys"
	case p.lies("led elsewhere"):
		http.Redirect(w, r, "/keys", http.StatusFound)
		return
	}
	p.write(w, map[string]any{"issuer": issuer, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": keys, "id_token_signing_alg_values_supported": []string{"ES256"}})
}

func (p *idp) write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Error(err)
	}
}

// authorize is the person's own Yes.
func (p *idp) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("response_type") != "code" || q.Get("client_id") != "unbrick" || q.Get("code_challenge_method") != "S256" ||
		q.Get("nonce") == "" || q.Get("state") == "" || !strings.Contains(q.Get("scope"), "openid") || back.Path != provider.BackPath {
		p.t.Errorf("asked for %s", q)
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	out := url.Values{"state": {q.Get("state")}}
	if p.lies("denied") {
		out.Set("error", "access_denied")
	} else {
		p.mu.Lock()
		p.serial++
		code := fmt.Sprint("code", p.serial)
		p.codes[code] = q
		p.mu.Unlock()
		out.Set("code", code)
	}
	back.RawQuery = out.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	p.mu.Lock()
	q, claims := p.codes[r.PostFormValue("code")], map[string]any{}
	delete(p.codes, r.PostFormValue("code"))
	for name, v := range p.claims {
		claims[name] = v
	}
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if q == nil || id != "unbrick" || secret != "s3cret" || q.Get("redirect_uri") != r.PostFormValue("redirect_uri") ||
		q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		w.WriteHeader(http.StatusBadRequest)
		p.write(w, map[string]string{"error": "invalid_grant"})
		return
	}
	switch {
	case p.lies("no token"):
		p.write(w, map[string]any{"access_token": "x", "token_type": "Bearer"})
		return
	case p.lies("token not JSON"):
		w.Write([]byte("<html>"))
		return
	}
	now := p.now()
	set := func(name string, v any) {
		if _, said := claims[name]; !said {
			claims[name] = v
		}
	}
	set("iss", p.URL)
	set("aud", "unbrick")
	set("nonce", q.Get("nonce"))
	set("iat", now.Unix())
	set("exp", now.Add(time.Minute).Unix())
	p.write(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": p.sign(claims)})
}

func (p *idp) sign(claims map[string]any) string {
	b, err := json.Marshal(claims)
	if err != nil {
		p.t.Error(err)
	}
	key, alg := p.key, "ES256"
	if p.lies("other key") {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			p.t.Error(err)
		}
	}
	if p.lies("alg none") {
		alg = "none"
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+alg+`","kid":"1"}`)) + "." + base64.RawURLEncoding.EncodeToString(b)
	if alg == "none" {
		return text + "."
	}
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		p.t.Error(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (p *idp) keys(w http.ResponseWriter, _ *http.Request) {
	point, err := p.key.PublicKey.Bytes() // 4, X, Y
	if err != nil {
		p.t.Error(err)
	}
	x, y := base64.RawURLEncoding.EncodeToString(point[1:33]), base64.RawURLEncoding.EncodeToString(point[33:])
	p.write(w, map[string]any{"keys": []any{map[string]string{"kty": "EC", "crv": "P-256", "kid": "1", "alg": "ES256", "use": "sig", "x": x, "y": y}}})
}

// person is a browser: it follows, and keeps cookies.
type person struct {
	*http.Client
	rig *rig
}

func (r *rig) person() *person {
	r.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.Fatal(err)
	}
	return &person{&http.Client{Jar: jar}, r}
}

// signIn goes the whole way, and returns the screen of the page that it ends at.
func (p *person) signIn() string {
	p.rig.Helper()
	a, err := p.Get(p.rig.web.URL + provider.BeginPath)
	if err != nil {
		p.rig.Fatal(err)
	}
	a.Body.Close()
	return a.Request.URL.Fragment
}

// who is whom the server sees in a request of the page.
func (p *person) who() form.Who {
	p.rig.Helper()
	a, err := p.Get(p.rig.web.URL + "/api/whoami")
	if err != nil {
		p.rig.Fatal(err)
	}
	defer a.Body.Close()
	var v form.Who
	if err := json.NewDecoder(a.Body).Decode(&v); err != nil {
		p.rig.Fatal(err)
	}
	return v
}

// provided is a rig with an identity provider.
func provided(t *testing.T, grants ...provider.Grant) (*rig, *idp) {
	t.Helper()
	web := httptest.NewUnstartedServer(nil)
	r := &rig{}
	p := newIDP(t, func() time.Time { return r.now() })
	if grants == nil {
		grants = []provider.Grant{{Group: "root", Roles: storage.Admin}, {Group: "ops", Roles: storage.View | storage.Operate},
			{Group: "ci", Roles: storage.Publish, Models: []string{"0001"}}}
	}
	r = providedAt(t, web, &provider.Config{Issuer: p.URL, Client: "unbrick", Secret: "s3cret", Groups: "groups", Grants: grants,
		Patience: 300 * time.Millisecond})
	return r, p
}

// providedAt is a rig with an identity provider, at an address that was known before.
func providedAt(t *testing.T, web *httptest.Server, o *provider.Config) *rig {
	t.Helper()
	o.URL = "http://" + web.Listener.Addr().String()
	r := newServer(t, func(c *Config) {
		c.OIDC, c.Page = o, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	})
	web.Config.Handler = r.s.Handler()
	web.Start()
	t.Cleanup(web.Close)
	r.web = web
	r.describe()
	return r
}

func TestProvider(t *testing.T) {
	r, p := provided(t)
	if v := r.person().who(); v.Account != "" || v.Provider == nil || v.Provider.Host != strings.TrimPrefix(p.URL, "http://") ||
		v.Provider.URL != r.web.URL+provider.BeginPath {
		t.Errorf("a stranger is told %+v", v)
	}
	ada := r.person()
	if at := ada.signIn(); at != "fleet-signed-in" {
		t.Fatalf("ended at %q", at)
	}
	v := ada.who()
	if fmt.Sprint(v.Roles) != "[view operate]" || !strings.HasPrefix(v.Account, "oidc-") {
		t.Errorf("%+v", v)
	}
	list := decode[form.Accounts](r, r.must(200, "GET", "/api/accounts", nil)).Accounts
	if len(list) != 2 || list[1].Name != v.Account || list[1].Issuer != p.URL || list[1].Subject != "42" || list[1].Called != "ada" || list[1].Tokens != 0 {
		t.Errorf("%+v", list)
	}
	// A second browser, another name: the same account, whose first page stays.
	second := r.person()
	if at := second.signIn(); at != "fleet-signed-in" || second.who().Account != v.Account || ada.who().Account != v.Account {
		t.Errorf("signed in twice: %q, %+v", at, second.who())
	}
	// Another person of the same name and mail is another account.
	p.tell("", map[string]any{"sub": "43", "groups": []string{"ci"}, "preferred_username": "ada"})
	eve := r.person()
	if eve.signIn(); eve.who().Account == v.Account || fmt.Sprint(eve.who().Roles, eve.who().Models) != "[publish] [0001]" {
		t.Errorf("%+v", eve.who())
	}
	// Groups count at each sign-in, and what they took away is gone at once.
	p.tell("", map[string]any{"sub": "42", "groups": []string{"dev"}, "preferred_username": "ada"})
	if at := second.signIn(); at != "fleet-refused/no-role" || second.who().Account != "" || ada.who().Account != "" {
		t.Errorf("without a group: %q, %+v", at, ada.who())
	}
	p.tell("", map[string]any{"sub": "44", "groups": []string{}})
	if at := r.person().signIn(); at != "fleet-refused/no-role" {
		t.Errorf("in no group: %q", at)
	}
	if n := len(decode[form.Accounts](r, r.must(200, "GET", "/api/accounts", nil)).Accounts); n != 3 {
		t.Errorf("%d accounts: who may nothing leaves one", n)
	}
	text := ""
	for _, a := range decode[form.Acts](r, r.must(200, "GET", "/api/audit?limit=100&oldest=true", nil)).Acts {
		text += fmt.Sprintf("%s %s %s: %s -> %s: %s\n", a.Account, a.Name, a.Object, a.Before, a.After, a.Result)
	}
	is := v.Account + ": ada, 42 of " + p.URL
	for _, want := range []string{v.Account + " account.put " + is + ":  -> view,operate: done", v.Account + " login.begin ada:  -> : done",
		v.Account + " account.put " + is + ": view,operate -> : done", " login.begin " + is + ":  -> : no-role"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log has no %q:\n%s", want, text)
		}
	}
}

// TestProviderBars: an operator keeps a person out, and nobody gives a person what its groups do not.
func TestProviderBars(t *testing.T) {
	r, p := provided(t)
	ada := r.person()
	ada.signIn()
	name := ada.who().Account
	r.must(409, "PUT", "/api/accounts/"+name, []byte(`{"roles":["admin"]}`))
	r.must(409, "PUT", "/api/accounts/oidc-made-by-hand", []byte(`{"roles":["admin"]}`))
	r.must(409, "POST", "/api/accounts/"+name+"/tokens", []byte(`{}`))
	r.must(409, "PUT", "/api/accounts/environment/barred", []byte(`{"barred":true}`))
	r.must(404, "PUT", "/api/accounts/oidc-nobody/barred", []byte(`{"barred":true}`))
	r.must(200, "PUT", "/api/accounts/"+name+"/barred", []byte(`{"barred":true}`))
	if at := ada.signIn(); ada.who().Account != "" || at != "fleet-refused/barred" {
		t.Errorf("barred: %q %+v", at, ada.who())
	}
	p.tell("", map[string]any{"sub": "42", "groups": []string{"root"}})
	if at := ada.signIn(); at != "fleet-refused/barred" {
		t.Errorf("barred, with other groups: %q", at)
	}
	r.must(200, "PUT", "/api/accounts/"+name+"/barred", []byte(`{"barred":false}`))
	if at := ada.signIn(); at != "fleet-signed-in" || fmt.Sprint(ada.who().Roles) != "[admin]" {
		t.Errorf("let in again: %q %+v", at, ada.who())
	}
	// A person does not count as the last who may administer: the provider may be away tomorrow.
	token := r.account("other", "admin")
	r.must(204, "DELETE", "/api/accounts/other", nil)
	r.must(401, "GET", "/api/accounts", nil, "Authorization", "Bearer "+token)
	r.must(204, "DELETE", "/api/accounts/"+name, nil)
	if ada.who().Account != "" {
		t.Error("removed, and signed in")
	}
	ada.signIn()
	for range 2 {
		r.later(7 * time.Hour)
		ada.who()
	}
	if ada.who().Account != "" {
		t.Error("a person is signed in for more than 12 hours")
	}
}

// TestProviderAnswersNonsense: one clear word each; nothing is lost, and who has a token gets in all the while.
func TestProviderAnswersNonsense(t *testing.T) {
	me := func(more ...any) map[string]any {
		claims := map[string]any{"sub": "42", "groups": []string{"ops"}}
		for i := 0; i < len(more); i += 2 {
			claims[more[i].(string)] = more[i+1]
		}
		return claims
	}
	without := func(name string) map[string]any { c := me(); delete(c, name); return c }
	r, p := provided(t)
	for _, bad := range []struct {
		lie, word string
		claims    map[string]any
	}{
		{"down", "down", nil}, {"bad JSON", "nonsense", nil}, {"huge", "too-long", nil}, {"slow", "down", nil}, {"other issuer", "wrong-issuer", nil},
		{"keys in the clear", "nonsense", nil}, {"led elsewhere", "nonsense", nil}, {"denied", "denied", nil},
		{"no token", "nonsense", nil}, {"token not JSON", "nonsense", nil}, {"alg none", "wrong-signature", nil}, {"other key", "wrong-signature", nil},
		{"", "wrong-issuer", me("iss", "https://elsewhere.example")}, {"", "wrong-audience", me("aud", "another")},
		{"", "wrong-audience", me("aud", []string{"another"})}, {"", "expired", me("exp", 1_000_000_000)}, {"", "wrong-nonce", me("nonce", "x")},
		{"", "wrong-nonce", me("nonce", "")}, {"", "no-groups", without("groups")}, {"", "bad-groups", me("groups", "ops")},
		{"", "bad-groups", me("groups", []any{"ops", 1})}, {"", "bad-groups", me("groups", nil)}, {"", "nonsense", me("sub", "")},
		{"", "nonsense", me("sub", strings.Repeat("x", 256))},
	} {
		r.later(11 * time.Minute) // what the provider says of itself is asked for anew
		p.tell(bad.lie, me())
		if bad.claims != nil {
			p.tell(bad.lie, bad.claims)
		}
		ada := r.person()
		if at := ada.signIn(); at != "fleet-refused/"+bad.word || ada.who().Account != "" {
			t.Errorf("%s %v: ended at %q", bad.lie, bad.claims, at)
		}
		r.must(200, "GET", "/api/devices", nil)
	}
	p.tell("", me())
	r.later(time.Minute)
	if at := r.person().signIn(); at != "fleet-signed-in" {
		t.Errorf("all is right again: %q", at)
	}
	if n := len(decode[form.Accounts](r, r.must(200, "GET", "/api/accounts", nil)).Accounts); n != 2 {
		t.Errorf("%d accounts", n)
	}
}

// TestProviderOnceAndHere: a sign-in ends in the browser in which it began, once, and soon.
func TestProviderOnceAndHere(t *testing.T) {
	r, p := provided(t)
	ada := r.person()
	begin := func(who *person) (stopAt string) {
		who.CheckRedirect = func(q *http.Request, _ []*http.Request) error {
			if q.URL.Path == provider.BackPath {
				stopAt = q.URL.String()
				return http.ErrUseLastResponse
			}
			return nil
		}
		who.signIn()
		return stopAt
	}
	end := func(who *person, address string) string {
		t.Helper()
		a, err := who.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.Request.URL.Fragment != "" {
			return a.Request.URL.Fragment
		}
		_, screen, _ := strings.Cut(a.Header.Get("Location"), "#")
		return screen
	}
	for _, begun := range []bool{false, true} { // with a sign-in of her own, too
		eve := r.person()
		if begun {
			begin(eve)
		}
		if at := end(eve, begin(ada)); at != "fleet-refused/stale" {
			t.Errorf("in another browser, with a sign-in of its own %t: %q", begun, at)
		}
	}
	address := begin(ada)
	base, err := url.Parse(r.web.URL)
	if err != nil {
		t.Fatal(err)
	}
	cookies := ada.Jar.Cookies(base)
	r.set.Store(int64(10 * time.Minute))
	if at := end(ada, address); at != "fleet-refused/stale" {
		t.Errorf("after ten minutes: %q", at)
	}
	r.set.Store(0)
	if at := end(ada, address); at != "fleet-signed-in" {
		t.Errorf("in time: %q", at)
	}
	ada.Jar.SetCookies(base, cookies)
	p.mu.Lock()
	q, _ := url.Parse(address) // of a provider that takes a code twice
	p.codes[q.Query().Get("code")] = url.Values{"redirect_uri": {r.web.URL + provider.BackPath}}
	p.mu.Unlock()
	if at := end(ada, address); at == "fleet-signed-in" {
		t.Errorf("twice: %q", at)
	}
	if at := end(ada, r.web.URL+provider.BackPath); at != "fleet-refused/stale" {
		t.Errorf("with nothing: %q", at)
	}
}

// TestProviderIsAskedSparingly: strangers who begin to sign in do not make the server ask again and again, and a start asks nothing.
func TestProviderIsAskedSparingly(t *testing.T) {
	r, p := provided(t)
	asked := func() int { p.mu.Lock(); defer p.mu.Unlock(); return p.asked }
	if asked() != 0 {
		t.Error("asked at the start")
	}
	p.tell("down", nil)
	for range 5 {
		r.person().signIn()
	}
	if asked() != 1 {
		t.Errorf("a provider that is away was asked %d times", asked())
	}
	r.later(6 * time.Second)
	p.tell("", nil)
	for range 5 {
		if at := r.person().signIn(); at != "fleet-signed-in" {
			t.Errorf("it is back: %q", at)
		}
	}
	if asked() != 2 {
		t.Errorf("asked %d times", asked())
	}
}

// TestProviderCookies: the cookie of a sign-in that began comes back when the provider leads a person here, and that of the login,
// which is Strict, is set then.
func TestProviderCookies(t *testing.T) {
	r, p := provided(t)
	r2, _ := provider.New(&provider.Config{Issuer: p.URL, URL: "https://updates.example", Now: r.now, Passed: r.passed})
	if c := r2.Gone().String(); c != "__Host-unbrick-begun=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax" {
		t.Error(c)
	}
	ada, set := r.person(), []string{}
	ada.CheckRedirect = func(q *http.Request, _ []*http.Request) error {
		for _, c := range q.Response.Cookies() {
			set = append(set, strings.Replace(c.String(), "="+c.Value+";", "=;", 1))
		}
		return nil
	}
	ada.signIn()
	want := []string{"unbrick-begun=; Path=/; Max-Age=600; HttpOnly; SameSite=Lax", "unbrick-begun=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
		"unbrick=; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"}
	if fmt.Sprint(set) != fmt.Sprint(want) {
		t.Errorf("%q", set)
	}
}
