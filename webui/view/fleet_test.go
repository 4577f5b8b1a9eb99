package view

import (
	"net/url"
	"strings"
	"testing"

	"unbrick/webui/fleetdata"
)

// fleetAnswers is what a server says, in the shape of its HTTP API.
var fleetAnswers = map[string]string{
	"/api/summary": `{"devices":1219,"groups":{"restoration":2,"needs-cable":1,"silent":12,"running":1202},"strangers":{"pending":2,"second-key":1,"unsigned":9},"releases":[
		{"model":"0001","version":"2.4.1","image":"9c41","installed":105,"confirmed":98,"known":true},
		{"model":"0001","version":"2.3.0","image":"77aa","installed":1097,"confirmed":1097,"known":true}]}`,
	"/api/devices": `{"total":1219,"next":"c2","devices":[
		{"model":"0001","serial":"A17-004219","group":"restoration","last_seen":"2026-11-22T14:00:00Z","release":{"version":"2.3.0","confirmed":true},"target":{"version":"2.4.1","image":"9c41"}},
		{"model":"0002","serial":"B02-000117","group":"needs-cable","last_seen":"2026-11-22T11:00:00Z","release":{"version":"1.9.2","confirmed":true},"needs":98304,"workspace":65536},
		{"model":"0001","serial":"A17-004222","group":"held-back","last_seen":"2026-11-22T13:00:00Z","release":{"version":"2.3.0","confirmed":true}},
		{"model":"0001","serial":"A17-003970","group":"silent","last_seen":"2026-11-14T11:00:00Z","release":{"version":"2.3.0","confirmed":true}},
		{"model":"0001","serial":"A17-004402","group":"receiving","last_seen":"2026-11-22T14:03:58Z","release":{"version":"2.3.0","confirmed":true},"target":{"version":"2.4.1"},"progress":{"sent":49152,"size":62311}},
		{"model":"0001","serial":"A17-004401","group":"rewriting","last_seen":"2026-11-22T14:03:58Z","release":{"version":"2.3.0","confirmed":true},"target":{"version":"2.4.1"}},
		{"model":"0001","serial":"A17-004212","group":"running","last_seen":"2026-11-22T14:02:00Z","key":"aa","conflict":"2026-11-22T14:00:00Z","release":{"version":"2.4.1"},"restored":"2026-11-22T14:01:00Z"},
		{"model":"0001","serial":"A17-004213","group":"running","key":"bb","last_seen":"2026-11-22T14:02:00Z","release":{"version":"2.4.1","confirmed":true}}]}`,
	"/api/devices/0001/A17-004212": `{"model":"0001","serial":"A17-004212","group":"running","last_seen":"2026-11-22T14:02:00Z","workspace":155648,"kinds":["delta","full"],
		"release":{"version":"2.4.1","image":"9c41e07b5d2200000000","confirmed":true},"model_name":"Field terminal","geometry":"4KiB*256",
		"attempts":[{"image":"9c41","version":"2.4.1","failures":3,"held":true}],
		"history":[
			{"at":"2026-11-22T14:01:00Z","kind":"restored","source":"reporter","to":"2.4.1","detail":{"sectors":42,"sent":38912,"full":950272}},
			{"at":"2026-11-22T13:40:00Z","kind":"found","source":"reporter","detail":{"why":"interrupted"}},
			{"at":"2026-11-22T13:39:00Z","kind":"offer","source":"server","from":"2.3.0","to":"2.4.1","detail":{"kind":"delta","size":62311,"needs":81920}},
			{"at":"2026-08-03T09:00:00Z","kind":"installed","source":"device","from":"2.2.7","to":"2.3.0"},
			{"at":"2026-02-12T09:00:00Z","kind":"first-seen","source":"server","to":"2.2.7"}]}`,
	"/api/strangers": `{"strangers":[
		{"model":"0001","serial":"A17-005001","key":"1a2b3c4d5e6f70811a2b3c4d5e6f70821a2b3c4d5e6f70831a2b3c4d5e6f7084","standing":"pending","address":"192.0.2.7","first":"2026-11-22T13:00:00Z","last":"2026-11-22T14:03:00Z","sessions":3,"release":{"version":"2.4.1","image":"9c41"},"workspace":155648},
		{"model":"0001","serial":"A17-004212","key":"8899aabbccddeeff8899aabbccddeef08899aabbccddeef18899aabbccddeef2","standing":"second-key","address":"2001:db8:12:3400::/64","first":"2026-11-22T13:00:00Z","last":"2026-11-22T14:01:00Z","sessions":1,"release":{"version":"2.3.0"}},
		{"model":"0001","serial":"A17-004213","key":"77","standing":"other-name","name":"updates.elsewhere.example","address":"198.51.100.9","first":"2026-11-22T13:00:00Z","last":"2026-11-22T13:30:00Z","sessions":1,"release":{"version":"2.3.0"}},
		{"model":"0002","serial":"DEMO-0009","key":"","standing":"unsigned","address":"example","first":"2026-11-20T13:00:00Z","last":"2026-11-21T13:30:00Z","sessions":40,"release":{"version":"1"}}],"next":"9"}`,
	"/api/models": `{"models":[{"id":"0001","name":"Field terminal","enrolment":"approve"},{"id":"0002","name":"Thermometer","enrolment":"list"},{"id":"0003","name":"Gateway","enrolment":"open"}],"next":""}`,
	"/api/devices/0001/A17-004213": `{"model":"0001","serial":"A17-004213","group":"running","last_seen":"2026-11-22T14:02:00Z","release":{"version":"2.4.1","confirmed":true},
		"key":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","conflict":"2026-11-22T14:00:00Z",
		"device_keys":[{"key":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","state":"enrolled","since":"2026-08-03T09:00:00Z"},
			{"key":"ffeeddccbbaa99880011223344556677ffeeddccbbaa99880011223344556677","state":"barred","since":"2026-08-03T09:00:00Z"}],
		"strangers":[{"model":"0001","serial":"A17-004213","key":"8899aabbccddeeff8899aabbccddeef08899aabbccddeef18899aabbccddeef2","standing":"second-key","address":"192.0.2.7","last":"2026-11-22T14:01:00Z","sessions":1,"release":{"version":"2.3.0"}},
			{"model":"0001","serial":"A17-004213","key":"ffeeddccbbaa99880011223344556677ffeeddccbbaa99880011223344556677","standing":"barred-key","address":"192.0.2.8","last":"2026-11-22T13:01:00Z","sessions":2,"release":{"version":"2.3.0"}},
			{"model":"0001","serial":"A17-004213","key":"","standing":"unsigned","address":"192.0.2.9","last":"2026-11-21T13:01:00Z","sessions":7,"release":{"version":""}}],
		"history":[{"at":"2026-11-22T14:00:00Z","kind":"conflict","source":"server","detail":{"record":7,"before":19}},
			{"at":"2026-11-21T14:00:00Z","kind":"conflict","source":"server","detail":{"peers":["192.0.2.7","192.0.2.8"]}},
			{"at":"2026-08-03T09:00:00Z","kind":"proven","source":"device","to":"2.4.1","detail":{"key":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}}]}`,
	"/api/devices/0001/A17-005001/keys": `{"device_keys":[],"strangers":[{"model":"0001","serial":"A17-005001","key":"1a2b3c4d5e6f70811a2b3c4d5e6f70821a2b3c4d5e6f70831a2b3c4d5e6f7084","standing":"pending","address":"192.0.2.7","last":"2026-11-22T14:03:00Z","sessions":3,"release":{"version":"2.4.1"}}]}`,
	"/api/audit": `{"acts":[
		{"n":7,"at":"2026-11-22T13:58:03Z","account":"night","token":"0a1b2c3d","address":"192.0.2.7","act":"release.state","object":"0001/9c41","before":"offered","after":"withheld","result":"done","hash":"aa"},
		{"n":6,"at":"2026-11-22T13:57:00Z","account":"ci","token":"4e5f6g7h","address":"198.51.100.4","act":"device.remove","object":"0001/A-1","before":"","after":"","result":"forbidden","hash":"bb"},
		{"n":5,"at":"2026-11-21T03:12:00Z","account":"","token":"","address":"203.0.113.9","act":"token.try","object":"12 wrong or ended","before":"","after":"","result":"wrong-token","hash":"cc"},
		{"n":4,"at":"2026-11-20T10:00:00Z","account":"ci","token":"4e5f6g7h","address":"198.51.100.4","act":"release.publish","object":"0001/2.5.0","before":"","after":"order 5","result":"done","hash":"dd"}],"next":"4"}`,
	"/api/accounts": `{"accounts":[{"name":"ci","roles":["publish"],"models":["0001","0002"],"made":"2026-10-01T08:00:00Z","tokens":2},
		{"name":"environment","roles":["operate","publish","admin"],"models":[],"made":"2026-09-01T08:00:00Z","tokens":1},
		{"name":"eve","roles":["view","operate","publish","admin"],"models":[],"made":"2026-09-02T08:00:00Z","tokens":1},
		{"name":"new","roles":["view"],"models":[],"made":"2026-11-22T13:00:00Z","tokens":0},
		{"name":"oidc-4f6q2zt1m8k3y7v5b9wd","roles":["view","operate"],"models":["0001"],"made":"2026-10-02T08:00:00Z","tokens":0,"issuer":"https://id.example/realms/works","subject":"5f3c19aa-0b1e","called":"Ada Lovelace"},
		{"name":"oidc-9s8r7q6p5n4m3k2j1h0g","roles":[],"models":[],"made":"2026-10-03T08:00:00Z","tokens":0,"issuer":"https://id.example/realms/works","subject":"77","called":"Mallory","barred":true}],"next":""}`,
	"/api/tokens": `{"tokens":[{"id":"4e5f6g7h","account":"ci","note":"pipeline of the lamp, with a note that says more than a line of a phone has room for","made":"2026-11-01T08:00:00Z","ends":"2027-01-30T08:00:00Z","used":"2026-11-22T13:00:00Z"},
		{"id":"0a1b2c3d","account":"ci","note":"","made":"2026-10-01T08:00:00Z"},
		{"id":"1z2y3x4w","account":"ci","note":"of the tests","made":"2026-10-01T08:00:00Z","ends":"2026-11-01T08:00:00Z","ended":true}],"next":""}`,
	"/api/releases": `{"releases":[
		{"model":"0001","version":"2.5.0","image":"aa","keys":["7f3a91c205060708"],"state":"withheld","size":956416,"published":"2026-11-20T10:00:00Z","installed":0,"confirmed":0},
		{"model":"0001","version":"2.4.1","image":"9c41","keys":["7f3a91c205060708"],"state":"offered","size":950272,"published":"2026-11-03T10:00:00Z","installed":105,"confirmed":98,"rollout":{"failed":1,"lost":1,"strangers":3}},
		{"model":"0001","version":"2.2.8","image":"bb","keys":["7f3a91c205060708"],"state":"withdrawn","size":943104,"published":"2026-09-03T10:00:00Z","installed":0,"confirmed":0}]}`,
}

// TestFleetByProvider: a browser that an identity provider led back is signed in, or told why not; who signed out stays out.
func TestFleetByProvider(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#fleet-refused/no-groups")
	w.answers[0](200, []byte(`{"account":"","roles":[],"models":[],"version":"1","demo":false,"provider":{"host":"id.example","url":"https://updates.example/login/provider"}}`))
	page := render(t, r)
	for _, want := range []string{`href="https://updates.example/login/provider"`, "Sign in with id.example", "does not say which groups you are in"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	w = &world{}
	r = New(w.hooks())
	r.SetPath("#fleet-signed-in")
	w.answers[0](200, []byte(`{"account":"oidc-x","roles":["view"],"models":[],"version":"1","demo":false}`))
	if c := r.fleet.Client; c.Who != "oidc-x" || w.signed != "oidc-x" || len(w.requests) < 3 {
		t.Errorf("led back, and not signed in: %+v", c)
	}
	r.fleet.Client.SignOut()
	asked := len(w.requests)
	r.SetPath("#fleet")
	if c := r.fleet.Client; c.Who != "" || len(w.requests) != asked {
		t.Errorf("signed out, and %+v", c)
	}
	c := r.fleet.Client
	c.SignIn("", "ended", func() {})
	w.answers[len(w.answers)-1](401, []byte(`{"error":"this token has ended","code":"ended-token"}`))
	if !c.Ended || c.Wrong || !strings.Contains(render(t, r), "This token has ended.") {
		t.Errorf("%+v", c)
	}
}

func TestFleetSignIn(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#fleet")
	if len(w.requests) != 1 || w.requests[0].Path != "/api/whoami" {
		t.Fatalf("asked %v before anybody signed in", w.requests)
	}
	c := r.fleet.Client
	failed := 0
	try := func(account, token string) { c.SignIn(account, token, func() { failed++ }) }
	for i, typed := range []string{"", " \n", "sec\nret", "s\u00e4cret"} {
		if try("", typed); failed != i+1 || !c.Wrong || len(w.requests) != 1 {
			t.Errorf("%q is sent as a token", typed)
		}
	}
	try("", "  secret\n")
	if len(w.requests) != 2 || w.requests[1].Method != "POST" || w.requests[1].Path != "/api/login" || w.requests[1].Body["token"] != "secret" {
		t.Fatalf("requests %v", w.requests)
	}
	try("", "pressed twice")
	if len(w.requests) != 2 || c.Phase != fleetdata.SignedOut || !strings.Contains(render(t, r), "Sign in to the fleet.") {
		t.Errorf("the form does not stand while the server is asked: %v, %v", w.requests, c.Phase)
	}
	w.answers[1](401, []byte(`{"error":"this token is not known here","code":"wrong-token"}`))
	if w.signed != "" || !c.Wrong || c.Phase != fleetdata.SignedOut || failed != 5 {
		t.Errorf("signed in with a wrong token: %+v", c)
	}
	asked := len(w.requests)
	if c.Ask(); len(w.requests) != asked {
		t.Error("asks on without a login")
	}
	for status, body := range map[int]string{0: "", 502: "<html>", 429: `{"error":"too many wrong tokens","code":"too-many"}`, 403: `{"error":"no TLS","code":"no-tls"}`} {
		failed = 0
		try("", "right")
		w.answers[len(w.answers)-1](status, []byte(body))
		page := render(t, r)
		if want := map[bool]string{true: "The server refused: ", false: "The server does not answer. Try again in a moment."}[body != "" && status != 502]; failed != 1 ||
			!strings.Contains(page, want) || !strings.Contains(page, "Sign in to the fleet.") {
			t.Errorf("status %d: %+v, and not %q beside the form", status, c, want)
		}
	}
	try(" ci ", "right")
	w.answers[len(w.answers)-1](200, []byte(`{"account":"eve","roles":["view"],"models":["0001"],"version":"1","demo":false}`))
	if w.signed != "eve" || c.Who != "eve" || c.Phase != fleetdata.Known || len(c.Roles) != 1 || len(c.Models) != 1 {
		t.Errorf("not signed in: %+v, requests %v", c, w.requests)
	}
	if page := render(t, r); !strings.Contains(page, "This token is of account eve.") {
		t.Error("the token of another account than was said is taken without a word")
	}
	late := w.answers[len(w.answers)-1]
	c.SignOut()
	if last := w.requests[len(w.requests)-1]; w.signed != "" || c.Who != "" || len(c.Roles) != 0 || last.Method != "DELETE" || last.Path != "/api/login" {
		t.Errorf("signed out: %+v, last %v", c, last)
	}
	before := *c
	late(200, []byte(fleetAnswers["/api/devices"])) // the answer to a question of before
	if c.Phase != before.Phase || c.Total != 0 {
		t.Error("an answer for the signed-out operator was shown")
	}
}

// What is not our server's answer is told as that, at once, with a way on; nobody waits for ever.
func TestFleetTellsAStrangersAnswer(t *testing.T) {
	for _, test := range []struct {
		status  int
		body    string
		heading string
		words   string
	}{
		{404, "404 page not found\n", "This is not the server’s answer.", "status 404"},
		{404, "<html><h1>Not Found</h1></html>", "This is not the server’s answer.", "/api"},
		{200, "<html><h1>Sign in</h1></html>", "This is not the server’s answer.", "status 200"},
		{200, "", "This is not the server’s answer.", "status 200"},
		{401, "<html>who are you</html>", "This is not the server’s answer.", "status 401"},
		{403, "forbidden", "This is not the server’s answer.", "status 403"},
		{405, "", "This is not the server’s answer.", "status 405"},
		{429, `{"error":"too many requests, come again later","code":"too-many"}`, "The server refused.", "too many requests"},
		{404, `{"error":"there is nothing at this address","code":"not-found"}`, "The server refused.", "nothing at this address"},
		{502, "<html>Bad Gateway</html>", "The server does not answer.", "asks again"},
		{0, "", "The server does not answer.", "asks again"},
	} {
		for _, path := range []string{"#fleet", "#fleet-releases", "#fleet-device/0001/A"} {
			w := &world{}
			r := New(w.hooks())
			r.SetSigned("eve")
			r.SetPath(path)
			for _, done := range w.answers {
				done(test.status, []byte(test.body))
			}
			text := render(t, r)
			if !strings.Contains(text, test.heading) || !strings.Contains(text, test.words) || strings.Contains(text, "One moment") {
				t.Errorf("%s, status %d, %q: the page shows %s", path, test.status, test.body, text)
			}
			if r.fleet.Client.Who == "" || r.fleet.Client.Phase == fleetdata.SignedOut {
				t.Errorf("%s, status %d: signed out", path, test.status)
			}
			w.answers = nil
			w.timers[len(w.timers)-1]()
			w.answer(map[string]string{"/api/releases": `{}`, "/api/summary": `{}`, "/api/models": `{}`, "/api/devices": `{}`, "/api/devices/0001/A": `{}`})
			if r.fleet.Client.Phase != fleetdata.Known {
				t.Errorf("%s, status %d: the page does not find back", path, test.status)
			}
		}
	}
}

func TestFleetAnswersAreForTheScreenThatAsked(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetSigned("eve")
	r.SetPath("#fleet-device/0001/A")
	w.answers[0](200, []byte(whoEve))
	old := w.answers[1:]
	w.answers = nil
	r.SetPath("#fleet-device/0001/B")
	for _, done := range old {
		done(200, []byte(`{"model":"0001","serial":"A","release":{"version":"9"}}`))
	}
	if r.fleet.Client.Detail.Device.Serial == "A" {
		t.Error("the history of A stands under the name of B")
	}
}

// That the server does not know a device stays said, in whatever order its answers come.
func TestUnknownDeviceInAnyOrder(t *testing.T) {
	for _, last := range []string{"/api/releases", "/api/models", "/api/devices/0001/A"} {
		w := &world{}
		r := New(w.hooks())
		r.SetSigned("eve")
		r.SetPath("#fleet-device/0001/A")
		w.answers[0](200, []byte(whoEve))
		answer := func(path string) {
			for i, q := range w.requests {
				switch {
				case q.Path != path:
				case !strings.HasPrefix(path, "/api/devices"):
					w.answers[i](200, []byte(fleetAnswers[path]))
				default:
					w.answers[i](404, []byte(`{"error":"no such device","code":"not-found"}`))
				}
			}
		}
		for _, q := range w.requests {
			if q.Path != last {
				answer(q.Path)
			}
		}
		answer(last)
		if !r.fleet.Client.Missing || r.fleet.Client.Phase != fleetdata.Known {
			t.Errorf("%s came last: %+v", last, r.fleet.Client)
		}
	}
}

func TestFleetRefreshEndsWithTheScreen(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetSigned("eve")
	r.SetPath("#fleet")
	asked := len(w.requests)
	w.timers[0]()
	if len(w.requests) == asked {
		t.Error("did not ask again")
	}
	r.SetPath("#lab")
	asked = len(w.requests)
	for _, f := range w.timers {
		f()
	}
	if len(w.requests) != asked {
		t.Error("asks on although nobody looks")
	}
}

func TestFleetSet(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#fleet-releases")
	signedIn(fleetAnswers)(r, w)
	press(r, "Withhold")
	press(r, "Withhold")
	q := w.requests[len(w.requests)-1]
	if q.Method != "PUT" || q.Path != "/api/releases/9c41/state" || q.Body["state"] != "withheld" || q.Body["model"] != "0001" {
		t.Errorf("request %+v %s", q, q.Body)
	}
}

// A server of another age, or a stranger in its place, costs fields and never the page.
func TestFleetTakesAnyAnswer(t *testing.T) {
	for _, body := range []string{"", "null", "[]", "{", `{"devices":7,"groups":[],"releases":{}}`, `{"devices":[1,{"release":3,"attempts":[null],"kinds":[1]}],"history":[{"detail":[]}]}`, `{"devices":-1e300}`} {
		table := map[string]string{"/api/releases": body, "/api/models": body, "/api/strangers": body, "/api/summary": body, "/api/devices": body, "/api/devices/0001/A": body}
		for _, path := range []string{"#fleet", "#fleet-releases", "#fleet-strangers", "#fleet-device/0001/A"} {
			w := &world{}
			r := New(w.hooks())
			r.SetPath(path)
			signedIn(table)(r, w)
			render(t, r)
		}
	}
}

func TestDevicePathSurvives(t *testing.T) {
	for _, serial := range []string{"A17-004212", "a.b_c-9", "0"} {
		w := &world{}
		r := New(w.hooks())
		r.SetSigned("eve")
		r.SetPath(fleetdata.DevicePath("0001", serial))
		if r.fleet.Client.Serial != serial || r.fleet.Client.View != fleetdata.ViewDevice {
			t.Errorf("serial %q became %q", serial, r.fleet.Client.Serial)
		}
	}
	for _, bad := range []string{"", ".", "..", "a%2Fb", "a/b", "a b", "A1%20", "ä", "-1", strings.Repeat("a", 33)} {
		w := &world{}
		r := New(w.hooks())
		r.SetSigned("eve")
		r.SetPath(fleetdata.DevicePath("0001", bad))
		if r.fleet.Client.View != fleetdata.ViewDevices || r.fleet.Client.Serial != "" {
			t.Errorf("%q is taken for a serial", bad)
		}
	}
}

func TestSearchIsOneValue(t *testing.T) {
	for _, text := range []string{"A17-004212", "a/b", "ä#?%", "..", "a b+c&d=e"} {
		if back, err := url.QueryUnescape(fleetdata.Escape(text)); err != nil || back != text {
			t.Errorf("search %q is %q in a query", text, back)
		}
	}
}
