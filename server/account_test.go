package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"unbrick/release"
	"unbrick/server/account"
	"unbrick/server/form"
	"unbrick/server/storage"
)

// account makes an account with a token that never ends, and returns the token.
func (r *rig) account(name, roles string, models ...string) string {
	r.Helper()
	r.must(200, "PUT", "/api/accounts/"+name, asJSON(r, map[string]any{"roles": strings.Split(roles, ","), "models": models}))
	return decode[form.NewToken](r, r.must(201, "POST", "/api/accounts/"+name+"/tokens", []byte(`{"note":"of the tests"}`))).Text
}

// signIn signs a page in with a token, and returns its cookie as a browser sends it.
func (r *rig) signIn(token string) string {
	r.Helper()
	a, b := r.do("POST", "/api/login", asJSON(r, map[string]string{"token": token}), "Authorization", "")
	if a.StatusCode != 200 || len(a.Cookies()) != 1 {
		r.Fatalf("%s %s", a.Status, b)
	}
	c := a.Cookies()[0]
	return c.Name + "=" + c.Value
}

// mays says which roles each endpoint takes, as docs/operating.md has it: v(iew), o(perate), p(ublish), a(dmin); * is anybody.
var mays = map[string]string{
	"GET /api/whoami": "*", "POST /api/login": "*", "DELETE /api/login": "*", "POST /api/reports": "*", "POST /api/reports/nonce": "*", "GET /api/demo": "*", "GET /api/openapi.json": "*",
	"GET /api/models": "*", "GET /api/models/{id}": "*", "GET /api/models/{id}/keys": "*", "PUT /api/models/{id}": "p", "DELETE /api/models/{id}": "p", "DELETE /api/models/{id}/keys/{key}": "p", "DELETE /api/releases/{image}": "p",
	"DELETE /api/files/{id}": "p", "DELETE /api/devices": "o", "PUT /api/models/{id}/prefer": "p",
	"GET /api/releases": "*", "POST /api/releases": "p", "GET /api/releases/{image}/file": "*", "PUT /api/releases/{image}/state": "p",
	"PUT /api/releases/{image}/rollout": "op", "GET /api/files": "vop", "PUT /api/files/{id}/state": "p",
	"GET /api/summary": "vo", "GET /api/devices": "vo", "GET /api/devices/{model}/{serial}": "vo", "GET /api/devices/{model}/{serial}/history": "vo",
	"POST /api/devices/{model}/{serial}/hold": "o", "POST /api/devices/{model}/{serial}/free": "o", "DELETE /api/devices/{model}/{serial}": "o",
	"GET /api/devices/{model}/{serial}/keys": "vo", "POST /api/devices/{model}/{serial}/approve": "o", "POST /api/devices/{model}/{serial}/rekey": "o",
	"POST /api/keys": "o", "PUT /api/models/{id}/enrolment": "a", "GET /api/strangers": "vo", "DELETE /api/strangers": "o",
	"GET /api/accounts": "a", "PUT /api/accounts/{account}": "a", "DELETE /api/accounts/{account}": "a", "PUT /api/accounts/{account}/barred": "a", "GET /api/tokens": "a",
	"POST /api/accounts/{account}/tokens": "a", "DELETE /api/tokens/{token}": "a", "GET /api/audit": "vopa", "DELETE /api/audit": "a",
}

// TestEveryRouteByRole: every address, asked by every role, with a token, as a page, with both, and from another site's page.
func TestEveryRouteByRole(t *testing.T) {
	r := newRig(t)
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	tokens, cookies := map[string]string{}, map[string]string{}
	for _, role := range []string{"view", "operate", "publish", "admin"} {
		tokens[role] = r.account(role, role)
	}
	n := 0
	for path, methods := range d.Paths {
		for method := range methods {
			method = strings.ToUpper(method)
			if !strings.HasPrefix(path, "/api/") {
				continue
			}
			may, there := mays[method+" "+path]
			if !there {
				t.Errorf("%s %s: nobody says who may", method, path)
			}
			address := strings.NewReplacer("{id}", "1", "{model}", "0001", "{serial}", "A", "{image}", strings.Repeat("0", 64), "{account}", "nobody",
				"{token}", "00000000", "{key}", "0000000000000000").Replace(path)
			ask := func(header ...string) (int, string) {
				n++
				a, b := r.do(method, address, nil, append([]string{"Authorization", ""}, header...)...)
				code := ""
				if a.StatusCode >= 400 {
					code = decode[form.Problem](r, b).Code
				}
				return a.StatusCode, code
			}
			if status, code := ask(); (status == 401) != (may != "*") || status == 401 && code != "no-token" {
				t.Errorf("%s %s as a stranger: %d %s, may %q", method, path, status, code, may)
			}
			for role, token := range tokens {
				cookies[role] = r.signIn(token) // DELETE /api/login ends it
				wanted := may == "*" || strings.Contains(may, role[:1])
				for way, header := range map[string][]string{"token": {"Authorization", "Bearer " + token}, "page": {"Cookie", cookies[role], "Sec-Fetch-Site", "same-origin"}} {
					if status, code := ask(header...); status == 401 || (code == "forbidden") == wanted {
						t.Errorf("%s %s by %s, %s: %d %s, may %q", method, path, role, way, status, code, may)
					}
				}
				if path != form.Tell.Path && path != form.DrawNonce.Path {
					cookies[role] = r.signIn(token)
					if status, code := ask("Authorization", "Bearer "+token, "Cookie", cookies[role]); status != 400 || code != "two-identities" {
						t.Errorf("%s %s by %s, twice: %d %s", method, path, role, status, code)
					}
				}
				status, code := ask("Cookie", cookies[role], "Sec-Fetch-Site", "cross-site", "Origin", "https://elsewhere.example")
				if method != "GET" && (status != 403 || code != "cross-origin") {
					t.Errorf("%s %s by %s from elsewhere: %d %s", method, path, role, status, code)
				}
			}
		}
	}
	t.Logf("%d requests", n)
}

func TestLogin(t *testing.T) {
	r := newRig(t)
	token := r.account("eve", "view")
	whose := func(cookie string) string {
		t.Helper()
		return decode[form.Who](r, r.must(200, "GET", "/api/whoami", nil, "Authorization", "", "Cookie", cookie)).Account
	}
	// Over a network in the clear a page gets no cookie; on the machine itself it does; over TLS only one that stays there.
	for _, at := range []struct {
		host, origin, cookie string
		status               int
	}{
		{"127.0.0.1:8080", "", "unbrick=; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict", 200}, {"localhost", "http://localhost", "unbrick=; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict", 200},
		{"updates.example", "https://updates.example", "__Host-unbrick=; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Strict", 200},
		{"192.168.1.7", "http://192.168.1.7", "", 403}, {"updates.example", "", "", 403}, {"127.0.0.1.example", "", "", 403},
	} {
		q := httptest.NewRequest("POST", "http://"+at.host+"/api/login", strings.NewReader(`{"token":"`+token+`"}`))
		if at.origin != "" {
			q.Header.Set("Origin", at.origin)
		}
		w := httptest.NewRecorder()
		r.s.Handler().ServeHTTP(w, q)
		r.held(q, w.Result(), w.Body.Bytes())
		got := ""
		if c := w.Result().Cookies(); len(c) == 1 {
			got = strings.Replace(c[0].String(), c[0].Value, "", 1)
		}
		if w.Code != at.status || got != at.cookie {
			t.Errorf("%+v: %d %s", at, w.Code, got)
		}
	}
	cookie := r.signIn(token)
	if whose(cookie) != "eve" || whose("unbrick=x") != "" || whose("") != "" {
		t.Error("a cookie is not its account's")
	}
	for range 3 { // seen again and again it stays
		r.later(11 * time.Hour)
		if whose(cookie) != "eve" {
			t.Fatal("a page that is used was signed out")
		}
	}
	r.later(12*time.Hour + time.Minute)
	if whose(cookie) != "" {
		t.Error("a page that nobody used for 12 hours is signed in")
	}
	cookie = r.signIn(token)
	for range 16 {
		r.later(11 * time.Hour)
		whose(cookie)
	}
	if whose(cookie) != "" {
		t.Error("a page is signed in for more than 7 days")
	}
	for what, end := range map[string]func(cookie string){
		"signed out":              func(c string) { r.must(204, "DELETE", "/api/login", nil, "Authorization", "", "Cookie", c) },
		"its account has changed": func(string) { r.account("eve", "operate") },
		"its token was removed": func(string) {
			r.must(204, "DELETE", "/api/tokens/"+token[4:12], nil)
			token = r.account("eve", "view")
		},
	} {
		cookie := r.signIn(token)
		end(cookie)
		if whose(cookie) != "" {
			t.Errorf("%s: the page is signed in", what)
		}
	}
	r.must(401, "POST", "/api/login", []byte(`{"token":"x"}`), "Authorization", "")
}

// TestWrongTokens: whoever tries is stopped, and nobody else; of all that was tried one row a minute is told.
func TestWrongTokens(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Proxied = true })
	try := func(token, from string) int {
		a, _ := r.do("GET", "/api/devices", nil, "Authorization", "Bearer "+token, "X-Forwarded-For", from)
		return a.StatusCode
	}
	for i := range 10 {
		if got := try(fmt.Sprint("wrong ", i), "192.0.2.1"); got != 401 {
			t.Fatalf("try %d: %d", i, got)
		}
	}
	if try("wrong", "192.0.2.1") != 429 || try(testToken, "192.0.2.1") != 429 {
		t.Error("the eleventh try is looked at")
	}
	if try(testToken, "192.0.2.2") != 200 {
		t.Error("others are stopped")
	}
	r.later(time.Minute)
	if try(testToken, "192.0.2.1") != 200 {
		t.Error("it is stopped for ever")
	}
	try("wrong", "192.0.2.1")
	acts := decode[form.Acts](r, r.must(200, "GET", "/api/audit?oldest=true", nil, "X-Forwarded-For", "192.0.2.3")).Acts
	acts = slices.DeleteFunc(acts, func(a form.Act) bool { return a.Name != "token.try" })
	if len(acts) != 2 || acts[0].Object != "1 wrong or ended" || acts[1].Object != "10 wrong or ended" || acts[1].Address != "192.0.2.1" {
		t.Errorf("told: %+v", acts)
	}
}

func TestAccounts(t *testing.T) {
	r := newRig(t)
	r.account("ci", "publish", "0002", "0001", "0001")
	list := decode[form.Accounts](r, r.must(200, "GET", "/api/accounts", nil)).Accounts
	if len(list) != 2 || list[0].Name != "ci" || list[0].Tokens != 1 || !slices.Equal(list[0].Models, []string{"0001", "0002"}) || list[1].Name != "environment" {
		t.Errorf("%+v", list)
	}
	tokens := decode[form.Tokens](r, r.must(200, "GET", "/api/tokens?account=ci", nil)).Tokens
	if len(tokens) != 1 || tokens[0].Note != "of the tests" || tokens[0].Used != nil || tokens[0].Ended {
		t.Errorf("%+v", tokens)
	}
	for _, bad := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"PUT", "/api/accounts/x", `{"roles":[]}`, 400, "malformed"}, {"PUT", "/api/accounts/x", `{"roles":["root"]}`, 400, "malformed"},
		{"PUT", "/api/accounts/x", `{"roles":["view"],"models":["a/b"]}`, 400, "malformed"}, {"PUT", "/api/accounts/a%20b", `{"roles":["view"]}`, 400, "malformed"},
		{"PUT", "/api/accounts/environment", `{"roles":["view"]}`, 409, "conflict"}, {"POST", "/api/accounts/environment/tokens", `{}`, 409, "conflict"},
		{"DELETE", "/api/tokens/" + r.ownToken(), "", 409, "conflict"}, {"PUT", "/api/accounts/x", `{"roles":["admin"],"models":["0001"]}`, 400, "malformed"},
		{"POST", "/api/accounts/nobody/tokens", `{}`, 404, "not-found"}, {"POST", "/api/accounts/ci/tokens", `{"note":"` + strings.Repeat("x", 161) + `"}`, 400, "malformed"},
		{"POST", "/api/accounts/ci/tokens", `{"ends":"1970-01-01T00:00:00Z"}`, 400, "malformed"}, {"DELETE", "/api/accounts/nobody", "", 404, "not-found"},
		{"DELETE", "/api/tokens/nothing", "", 404, "not-found"}, {"DELETE", "/api/accounts/environment", "", 409, "conflict"},
		{"PUT", "/api/accounts/ci", `{"roles":["view"],"new":true}`, 409, "conflict"},
		{"DELETE", "/api/audit", "", 400, "malformed"}, {"DELETE", "/api/audit?before=99", "", 404, "not-found"}, {"DELETE", "/api/audit?before=1", "", 400, "malformed"},
	} {
		a, b := r.do(bad.method, bad.path, []byte(bad.body))
		if e := decode[form.Problem](r, b); a.StatusCode != bad.status || e.Code != bad.code {
			t.Errorf("%s %s %s: %s %+v", bad.method, bad.path, bad.body, a.Status, e)
		}
	}
	// One that shall be new leaves who is there as he is; of a new name it is made.
	if ci := decode[form.Accounts](r, r.must(200, "GET", "/api/accounts", nil)).Accounts[0]; ci.Name != "ci" || !slices.Equal(ci.Roles, []string{"publish"}) {
		t.Errorf("ci after somebody wanted it anew: %+v", ci)
	}
	r.must(200, "PUT", "/api/accounts/fresh", []byte(`{"roles":["view"],"new":true}`))
	r.must(200, "PUT", "/api/accounts/fresh", []byte(`{"roles":["operate"]}`))
	r.must(204, "DELETE", "/api/accounts/fresh", nil)
	text := decode[form.NewToken](r, r.must(201, "POST", "/api/accounts/ci/tokens", []byte(`{}`))).Text
	for _, wrong := range []string{text[:len(text)-1], text + "0", text[:12] + strings.Repeat("0", len(text)-12), strings.ToUpper(text)} {
		r.must(401, "GET", "/api/files?model=0001", nil, "Authorization", "Bearer "+wrong) // whoever knows its ID does not know it
	}
	r.must(200, "GET", "/api/files?model=0001", nil, "Authorization", "Bearer "+text)
	for i := 2; i < storage.MaxTokens; i++ {
		r.must(201, "POST", "/api/accounts/ci/tokens", []byte(`{}`))
	}
	r.must(507, "POST", "/api/accounts/ci/tokens", []byte(`{}`))
	// One admin cannot remove itself; two can remove one another.
	root := r.account("root", "admin")
	if err := r.store.DeleteAccount(context.Background(), "environment", r.now()); err != nil { // as a start without its token does
		t.Fatal(err)
	}
	for _, last := range []string{"/api/accounts/root", "/api/tokens/" + root[4:12]} {
		r.must(409, "DELETE", last, nil, "Authorization", "Bearer "+root)
	}
	r.must(409, "PUT", "/api/accounts/root", []byte(`{"roles":["view"]}`), "Authorization", "Bearer "+root)
	r.must(204, "DELETE", "/api/accounts/ci", nil, "Authorization", "Bearer "+root)
}

func (r *rig) ownToken() string {
	r.Helper()
	all, err := r.store.Tokens(context.Background(), "environment")
	if err != nil || len(all) != 1 {
		r.Fatal(all, err)
	}
	return all[0].ID
}

// TestAccountGoesDuringUpload: what an account may no longer do when its upload is whole is not done.
func TestAccountGoesDuringUpload(t *testing.T) {
	r := newRig(t)
	r.publish("1", 1, image(1, 20_000))
	file := r.file(r.key, "2", 2, image(2, 20_000))
	for what, end := range map[string]func(token string){
		"account removed": func(string) { r.must(204, "DELETE", "/api/accounts/ci", nil) },
		"token removed":   func(token string) { r.must(204, "DELETE", "/api/tokens/"+token[4:12], nil) },
		"role taken":      func(string) { r.must(200, "PUT", "/api/accounts/ci", []byte(`{"roles":["view"]}`)) },
	} {
		token := r.account("ci", "publish")
		if a := r.upload(token, file, func() { end(token) }); a.StatusCode != 401 && a.StatusCode != 403 {
			t.Errorf("%s: %s", what, a.Status)
		}
	}
	if all := decode[form.Releases](r, r.must(200, "GET", "/api/releases", nil)).Releases; len(all) != 1 {
		t.Errorf("published: %+v", all)
	}
}

// TestStarts: whatever became of accounts, a start lets the machine's owner in, and nobody else into more than he had.
func TestStarts(t *testing.T) {
	ctx := context.Background()
	for what, prepare := range map[string]func(r *rig){
		"empty":                      func(*rig) {},
		"admin may little":           func(r *rig) { r.account("admin", "view") },
		"admin has all ended tokens": func(r *rig) { r.account("admin", "view"); r.fill("admin") },
		"there are as many as may be": func(r *rig) {
			for i := 0; ; i++ {
				if a, _ := r.do("PUT", fmt.Sprintf("/api/accounts/a%d", i), []byte(`{"roles":["view"]}`)); a.StatusCode == 507 {
					return
				}
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			r := newServer(t)
			prepare(r)
			shown, keep, err := account.Start(ctx, r.store, "", r.now())
			if err != nil || shown == "" || keep == nil {
				t.Fatalf("no token: %q, %v", shown, err)
			}
			if err := keep(ctx); err != nil {
				t.Fatal(err)
			}
			tokens, err := r.store.Tokens(ctx, "admin")
			if err != nil || len(tokens) != 1 {
				t.Errorf("admin has tokens %+v, %v", tokens, err)
			}
			r.must(200, "GET", "/api/accounts?limit=1", nil, "Authorization", "Bearer "+shown)
			r.must(401, "GET", "/api/accounts", nil) // the environment's token is said no more
			if _, _, err := account.Start(ctx, r.store, testToken, r.now()); err != nil {
				t.Fatal(err)
			}
			r.must(200, "GET", "/api/accounts?limit=1", nil)
			if _, _, err := account.Start(ctx, r.store, shown, r.now()); !errors.Is(err, account.ErrMade) {
				t.Errorf("started with a token that was made here: %v", err)
			}
		})
	}
}

// fill gives an account as many tokens as there may be, all of which have ended.
func (r *rig) fill(name string) {
	r.Helper()
	for {
		err := r.store.AddToken(context.Background(), account.Make(name, "", r.now(), r.now().Add(-time.Hour)).Token)
		if errors.Is(err, storage.ErrTooMany) {
			return
		} else if err != nil {
			r.Fatal(err)
		}
	}
}

// TestBoundToModels: an account that is bound to models sees and changes those only.
func TestBoundToModels(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 20_000))
	other := r.model
	other.ID = "0002"
	r.must(200, "PUT", "/api/models/0002", other.Append(nil), "Content-Type", cborType)
	two := release.Hex(sha256.Sum256([]byte("no image")))
	bearer := "Bearer " + r.account("ci", "operate,publish", "0002")
	for _, test := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/api/devices", "", 403}, {"GET", "/api/devices?model=0001", "", 403}, {"GET", "/api/devices?model=0002", "", 200}, {"GET", "/api/summary", "", 403},
		{"GET", "/api/devices/0001/A", "", 403}, {"GET", "/api/devices/0002/A", "", 404}, {"DELETE", "/api/devices/0001/A", "", 403},
		{"PUT", "/api/releases/" + release.Hex(one.Digest) + "/state", `{"model":"0001","state":"withheld"}`, 403},
		{"PUT", "/api/releases/" + two + "/state", `{"model":"0002","state":"withheld"}`, 404}, {"PUT", "/api/models/0001/prefer", `{"kind":"delta"}`, 403},
		{"PUT", "/api/models/0002/prefer", `{"kind":"delta"}`, 200}, {"GET", "/api/files", "", 403}, {"PUT", "/api/files/1/state", `{"state":"barred"}`, 403},
		{"DELETE", "/api/releases/" + release.Hex(one.Digest) + "?model=0001", "", 403}, {"DELETE", "/api/releases/" + release.Hex(one.Digest), "", 403}, {"DELETE", "/api/releases/" + two + "?model=0002", "", 404},
		{"DELETE", "/api/models/0001", "", 403}, {"DELETE", "/api/models/0001/keys/" + r.kid.String(), "", 403}, {"DELETE", "/api/models/0002/keys/" + r.kid.String(), "", 404},
		{"DELETE", "/api/devices?model=0001", "", 403}, {"DELETE", "/api/devices", "", 403}, {"DELETE", "/api/devices?model=0002", "", 200}, {"DELETE", "/api/files/1", "", 403},
		{"GET", "/api/accounts", "", 403}, {"GET", "/api/releases", "", 200},
	} {
		if a, b := r.do(test.method, test.path, []byte(test.body), "Authorization", bearer); a.StatusCode != test.status {
			t.Errorf("%s %s: %s %s", test.method, test.path, a.Status, b)
		}
	}
	file := r.file(r.key, "2", 2, image(2, 20_000))
	a, b := r.do("POST", "/api/releases", file, "Authorization", bearer)
	if e := decode[form.Problem](r, b); a.StatusCode != 403 || e.Code != "other-model" {
		t.Errorf("publishing for another model: %s %s", a.Status, b)
	}
	for _, v := range decode[form.Releases](r, r.must(200, "GET", "/api/releases", nil, "Authorization", bearer)).Releases {
		if v.Installed != nil || v.Rollout != nil {
			t.Errorf("of another model it sees %+v", v)
		}
	}
}

// TestHaltByOperate: who operates may stop a rollout, and nothing else of it.
func TestHaltByOperate(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	r.publish("1", 1, a)
	two := r.staged("2", 2, next(a, 2), "25%,100%@24h", "")
	path, bearer := "/api/releases/"+release.Hex(two.Digest)+"/rollout", "Bearer "+r.account("night", "operate")
	for _, body := range []string{`"halt":false`, `"limit":7`, `"halt":true,"limit":7`, `"phases":""`} {
		r.must(403, "PUT", path, []byte(`{"model":"0001",`+body+`}`), "Authorization", bearer)
	}
	v := decode[form.Release](r, r.must(200, "PUT", path, []byte(`{"model":"0001","halt":true}`), "Authorization", bearer))
	if v.Rollout == nil || v.Rollout.Halted == nil {
		t.Errorf("%+v", v.Rollout)
	}
}

// TestAuditLog: what accounts did and were refused stands in the log, and what the log says is chained.
func TestAuditLog(t *testing.T) {
	r := newRig(t)
	a := r.publish("1", 1, image(1, 20_000))
	watcher := r.account("watcher", "view")
	path := "/api/releases/" + release.Hex(a.Digest) + "/state"
	r.must(200, "PUT", path, []byte(`{"model":"0001","state":"withheld"}`))
	r.must(403, "PUT", path, []byte(`{"model":"0001","state":"offered"}`), "Authorization", "Bearer "+watcher)
	r.must(404, "POST", "/api/devices/0001/A/hold", []byte(`{"image":"`+release.Hex(a.Digest)+`"}`))
	r.must(401, "PUT", path, []byte(`{"model":"0001","state":"offered"}`), "Authorization", "")
	r.signIn(watcher)
	acts := decode[form.Acts](r, r.must(200, "GET", "/api/audit?limit=500&oldest=true", nil)).Acts
	var said []string
	var before storage.Digest
	for _, v := range acts {
		said = append(said, fmt.Sprintf("%s %s %s: %s -> %s: %s", v.Account, v.Name, v.Object, v.Before, v.After, v.Result))
		row := storage.Row{N: v.N, Act: storage.Act{At: v.At, Account: v.Account, Token: v.Token, Address: v.Address, Name: v.Name, Object: v.Object,
			Before: v.Before, After: v.After, Result: v.Result}}
		if before = row.Chain(before); release.Hex(before) != v.Hash {
			t.Errorf("row %d does not follow the one before", v.N)
		}
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{
		"environment model.put 0001:  -> record " + release.ShortHex(sha256.Sum256(r.model.Append(nil))) + ": done",
		"environment release.publish 0001/1:  -> order 1, image " + release.Hex(a.Digest) + ": done",
		"environment key.register 0001:  -> " + r.kid.String() + ": done",
		"environment account.put watcher:  -> view: done", "environment release.state 0001/" + release.Hex(a.Digest) + ": offered -> withheld: done",
		"watcher release.state " + release.Hex(a.Digest) + ":  -> : forbidden", "watcher login.begin :  -> : done",
		"environment device.hold 0001/A:  -> 1: not-found",
	} {
		if !slices.Contains(said, want) {
			t.Errorf("no row says %q in\n%s", want, text)
		}
	}
	if newest := decode[form.Acts](r, r.must(200, "GET", "/api/audit?limit=2", nil)); len(newest.Acts) != 2 || newest.Acts[0] != acts[len(acts)-1] || newest.Next == "" {
		t.Errorf("the newest: %+v", newest)
	}
	r.must(404, "DELETE", "/api/tokens/"+watcher, nil) // the whole token where its ID belongs
	r.must(403, "PUT", "/api/models/%1b%5B2J%0aFAKE%09row/prefer", []byte(`{"kind":"delta"}`), "Authorization", "Bearer "+watcher)
	for _, v := range decode[form.Acts](r, r.must(200, "GET", "/api/audit?limit=2", nil)).Acts {
		text += v.Object
		if strings.ContainsFunc(v.Object, func(c rune) bool { return c < ' ' }) {
			t.Errorf("the log holds %q", v.Object)
		}
	}
	if strings.Contains(text, watcher[12:]) {
		t.Error("the log holds a token")
	}
	own := decode[form.Acts](r, r.must(200, "GET", "/api/audit", nil, "Authorization", "Bearer "+watcher)).Acts
	if len(own) == 0 || slices.ContainsFunc(own, func(v form.Act) bool { return v.Account != "watcher" }) {
		t.Errorf("its own acts: %+v", own)
	}
	r.must(403, "GET", "/api/audit?account=environment", nil, "Authorization", "Bearer "+watcher)
	r.must(204, "DELETE", "/api/audit?before=3", nil)
	if left := decode[form.Acts](r, r.must(200, "GET", "/api/audit?oldest=true", nil)).Acts; left[0].N != 2 || left[0].Name != storage.Pruned || left[0].Hash != acts[1].Hash {
		t.Errorf("pruned: %+v", left[0])
	}
}

// TestTokenEndsDuringUpload: who was right when the upload began is right at its end, and not again.
func TestTokenEndsDuringUpload(t *testing.T) {
	r := newRig(t)
	r.publish("1", 1, image(1, 20_000))
	r.account("ci", "publish")
	ends := r.now().Add(time.Minute)
	token := decode[form.NewToken](r, r.must(201, "POST", "/api/accounts/ci/tokens", asJSON(r, map[string]any{"note": "", "ends": ends}))).Text
	file := r.file(r.key, "2", 2, image(2, 20_000))
	if a := r.upload(token, file, func() { r.later(time.Hour) }); a.StatusCode != 201 {
		t.Errorf("%s", a.Status)
	}
	again, b := r.do("POST", "/api/releases", file, "Authorization", "Bearer "+token)
	if e := decode[form.Problem](r, b); again.StatusCode != 401 || e.Code != "ended-token" {
		t.Errorf("%s %+v", again.Status, e)
	}
}

// upload publishes a file, and lets something happen when the server has begun to read it.
func (r *rig) upload(token string, file []byte, meanwhile func()) *http.Response {
	r.Helper()
	body, w := io.Pipe()
	q, err := http.NewRequestWithContext(context.Background(), "POST", r.web.URL+"/api/releases", body)
	if err != nil {
		r.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+token)
	q.Header.Set("Content-Type", "application/octet-stream")
	q.Header.Set("Expect", "100-continue") // nothing of the body is taken before the server reads it, which knows by then who asks
	go func() {
		w.Write(file[:1000])
		meanwhile()
		w.Write(file[1000:])
		w.Close()
	}()
	patient := &http.Transport{ExpectContinueTimeout: time.Hour}
	defer patient.CloseIdleConnections()
	a, err := patient.RoundTrip(q)
	if err != nil {
		r.Fatal(err)
	}
	a.Body.Close()
	return a
}

// TestClocksThatLie: whatever the clock says, tokens without an end let their account in.
func TestClocksThatLie(t *testing.T) {
	r := newRig(t)
	ending := decode[form.NewToken](r, func() []byte {
		r.account("ci", "view")
		return r.must(201, "POST", "/api/accounts/ci/tokens", asJSON(r, map[string]any{"ends": r.now().Add(time.Hour)}))
	}()).Text
	cookie := r.signIn(ending)
	for _, year := range []int{1970, 2100} {
		r.set.Store(int64(time.Until(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))))
		r.must(200, "GET", "/api/devices", nil)
		if who := decode[form.Who](r, r.must(200, "GET", "/api/whoami", nil, "Authorization", "", "Cookie", cookie)); who.Account != "" {
			t.Errorf("%d: a login of today counts", year)
		}
		if a, _ := r.do("GET", "/api/devices", nil, "Authorization", "Bearer "+ending); (a.StatusCode == 200) != (year == 1970) {
			t.Errorf("%d: %s", year, a.Status)
		}
	}
	r.set.Store(0)
	if who := decode[form.Who](r, r.must(200, "GET", "/api/whoami", nil, "Authorization", "", "Cookie", cookie)); who.Account != "ci" {
		t.Error("the clock is right again, and the page signed out")
	}
}

// asJSON is a body.
func asJSON(r *rig, v any) []byte {
	r.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		r.Fatal(err)
	}
	return b
}
