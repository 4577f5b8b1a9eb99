package view

import (
	"maps"
	"strings"
	"testing"

	"unbrick/webui/fleetdata"
	"unbrick/webui/view/viewtest"

	"github.com/vugu/vugu"
)

// Answers to the changes of accounts.
const (
	madeToken = `{"id":"5t6u7v8w","account":"ci","note":"","made":"2026-11-22T14:04:00Z","text":"ubk_5t6u7v8w_0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjk"}`
	lastAdmin = `{"error":"nobody would be left who may administer the server: give another account the role admin, and a token, first","code":"last-admin"}`
)

// as is a server's answers to who may these.
func as(account, roles, models string) map[string]string {
	table := maps.Clone(fleetAnswers)
	table["/api/whoami"] = `{"account":"` + account + `","roles":[` + roles + `],"models":[` + models + `]}`
	return table
}

// typed types into the field with an id.
func typed(r *Root, id, text string) {
	found := false
	walk(r, func(n *vugu.VGNode) {
		for _, a := range n.Attr {
			if n.Data == "input" && a.Key == "id" && a.Val == id {
				found = true
				n.DOMEventHandlerSpecList[0].Func(&viewtest.Event{Value: text})
			}
		}
	})
	if _, ok := any(r).(vugu.Builder); ok && !found {
		panic("no field " + id)
	}
}

// valueOf is the first property that the page sets of the field with an id, as JSON.
func valueOf(r *Root, id string) (value string) {
	walk(r, func(n *vugu.VGNode) {
		for _, a := range n.Attr {
			if a.Key == "id" && a.Val == id && len(n.Prop) > 0 {
				value = string(n.Prop[0].JSONVal)
			}
		}
	})
	return value
}

// submit submits the form of a class.
func submit(r *Root, class string) {
	var handlers []func(vugu.DOMEvent)
	walk(r, func(n *vugu.VGNode) {
		if n.Data == "form" && len(n.Attr) > 0 && n.Attr[0].Val == class {
			handlers = append(handlers, n.DOMEventHandlerSpecList[0].Func)
		}
	})
	if _, ok := any(r).(vugu.Builder); !ok {
		return
	}
	e := &viewtest.Event{}
	handlers[0](e)
	if !e.Prevented {
		panic("the browser sends the form itself")
	}
}

// replied answers the last question, which is a change, and all that follow from what is asked then.
func (w *world) replied(status int, body string) {
	done := w.answers[len(w.answers)-1]
	w.answers = nil
	done(status, []byte(body))
	w.answer(fleetAnswers)
}

// then does more to a page that is signed in.
func then(do func(r *Root, w *world)) func(*Root, *world) {
	return func(r *Root, w *world) {
		signedIn(fleetAnswers)(r, w)
		do(r, w)
	}
}

// accountScenes are the states of the screens of accounts, and what the others show to who may less.
func accountScenes() []scene {
	person := "#fleet-account/oidc-4f6q2zt1m8k3y7v5b9wd"
	return []scene{
		{"fleet-accounts", "#fleet-accounts", signedIn(fleetAnswers), "Accounts", "New account",
			[]string{"environment", "operate, publish, admin", "models 0001, 0002", "2 tokens", "Ada Lovelace", "oidc-4f6q2zt1m8k3y7v5b9wd", "the identity provider", "Barred", `href="#fleet-account/ci"`}},
		{"fleet-account", "#fleet-account/ci", signedIn(fleetAnswers), "ci", "Make a token",
			[]string{"Known by 2 tokens.", "4e5f6g7h", "pipeline of the lamp", "never", "ended", "Days until it ends", "Remove the account", "Counts at once, for all its tokens."}},
		{"fleet-account-new", "#fleet-account/new", then(func(r *Root, w *world) { r.fleet.Client.Tokens = nil }), "new", "Make a token", []string{"It has no token. Nobody comes in under it before you make one."}},
		{"fleet-account-self", "#fleet-account/eve", signedIn(fleetAnswers), "eve", "Make a token",
			[]string{"This is the account that you are signed in with.", "You are signed out by a change, and sign in again."}},
		{"fleet-account-made", "#fleet-account/ci", then(func(r *Root, w *world) {
			submit(r, "token")
			w.replied(201, madeToken)
		}), "ci", "Copy", []string{"Copy the token now.", "ubk_5t6u7v8w_0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjk", "It is not shown again", "I have kept it"}},
		{"fleet-account-days", "#fleet-account/ci", then(func(r *Root, w *world) {
			typed(r, "token-days", "1.5")
			submit(r, "token")
		}), "ci", "Make a token", []string{"Days are a whole number from 1 to 36\u202f500, or nothing.", `aria-invalid="true"`}},
		{"fleet-account-full", "#fleet-account/ci", then(func(r *Root, w *world) {
			submit(r, "token")
			w.replied(507, `{"error":"there are as many as there may be: remove one first","code":"full"}`)
		}), "ci", "Make a token", []string{"The server refused: there are as many as there may be: remove one first."}},
		{"fleet-account-lost", "#fleet-account/ci", then(func(r *Root, w *world) {
			submit(r, "token")
			w.replied(0, "")
		}), "ci", "Make a token", []string{"A token that stands in the list now has been seen by nobody: remove it, and make another."}},
		{"fleet-account-last", "#fleet-account/eve", then(func(r *Root, w *world) {
			press(r, "admin")
			submit(r, "rights")
			w.replied(409, lastAdmin)
		}), "eve", "Make a token", []string{"The server refused: nobody would be left who may administer the server: give another account the role admin"}},
		{"fleet-account-removing", "#fleet-account/ci", then(func(r *Root, w *world) { press(r, "Remove the account") }), "ci", "Make a token",
			[]string{"Remove account ci? Its 2 tokens end at once: who uses them is refused. Its pages are signed out. What it did stays in the log.", "Keep it"}},
		{"fleet-account-kept", "#fleet-account/eve", then(func(r *Root, w *world) {
			press(r, "Remove the account")
			press(r, "Remove the account")
			w.replied(409, lastAdmin)
		}), "eve", "Make a token", []string{"The server refused: nobody would be left"}},
		{"fleet-token-removing", "#fleet-account/ci", then(func(r *Root, w *world) { press(r, "Remove") }), "ci", "Make a token",
			[]string{"Remove token 4e5f6g7h? Who uses it is refused at once, and pages that signed in with it are signed out."}},
		{"fleet-account-own", "#fleet-account/environment", signedIn(fleetAnswers), "environment", "", []string{"Nobody changes it here.", "UNBRICK_TOKEN"}},
		{"fleet-account-person", person, signedIn(fleetAnswers), "Ada Lovelace", "", []string{"5f3c19aa-0b1e", "https://id.example/realms/works", "view, operate", "model 0001", "Its groups at the identity provider say what it may", "Bar"}},
		{"fleet-account-barring", person, then(func(r *Root, w *world) { press(r, "Bar") }), "Ada Lovelace", "",
			[]string{"Bar Ada Lovelace? The account is signed out at once, and does not sign in before somebody frees it.", "Leave it as it is"}},
		{"fleet-account-barred", "#fleet-account/oidc-9s8r7q6p5n4m3k2j1h0g", signedIn(fleetAnswers), "Mallory", "", []string{"Barred: it does not sign in before it is freed.", "Free", "nothing"}},
		{"fleet-account-none", "#fleet-account/nobody", signedIn(fleetAnswers), "nobody", "", []string{"There is no account of this name."}},
		{"fleet-new-account", "#fleet-new-account", signedIn(fleetAnswers), "New account", "Make the account", []string{"Name", "the role for CI", "Left empty: all models.", "Then make a token for it"}},
		{"fleet-new-account-taken", "#fleet-new-account", then(func(r *Root, w *world) {
			typed(r, "account-name", "ci")
			press(r, "view")
			submit(r, "rights")
			w.replied(409, `{"error":"there is an account ci already: choose another name","code":"conflict"}`)
		}), "New account", "Make the account", []string{"The server refused: there is an account ci already: choose another name."}},
		{"fleet-new-account-name", "#fleet-new-account", then(func(r *Root, w *world) {
			typed(r, "account-name", "a b")
			submit(r, "rights")
		}), "New account", "Make the account", []string{"A name has 1 to 32 letters and digits", `aria-invalid="true"`}},
		{"fleet-as-ci", "#fleet", signedIn(as("ci", `"publish"`, `"0001"`)), "Releases", "", []string{"This account offers and withholds releases of model 0001 alone.", "Withhold"}},
		{"fleet-as-bound", "#fleet", signedIn(as("ann", `"view"`, `"0001","0002"`)), "Devices of model 0001.", "", []string{"A17-004219", "Model 0002"}},
		{"fleet-as-viewer", "#fleet-releases", signedIn(as("ann", `"view"`, "")), "Releases", "", []string{"To offer or to withhold a release needs role publish, which this account does not have."}},
		{"fleet-as-viewer-device", "#fleet-device/0001/A17-004212", signedIn(as("ann", `"view"`, "")), "A17-004212", "", []string{"To offer a release to it again needs role operate, which this account does not have."}},
		{"fleet-as-admin", "#fleet", signedIn(as("root", `"admin"`, "")), "Accounts", "New account", []string{"environment"}},
		{"fleet-denied", "#fleet-accounts", signedIn(as("ci", `"publish"`, `"0001"`)), "This account does not administer.", "", []string{"Account ci may publish. Accounts and tokens are for role admin."}},
		{"fleet-denied-device", "#fleet-device/0001/A17-004212", signedIn(as("ci", `"publish"`, `"0001"`)), "This account does not see devices.", "", []string{"Devices are for roles view and operate."}},
		{"fleet-nothing", "#fleet", signedIn(map[string]string{"/api/releases": `{"releases":[]}`, "/api/summary": `{"devices":0}`, "/api/devices": `{"devices":[]}`, "/api/whoami": `{"account":"ann","roles":["view"]}`}),
			"No device has called yet.", "", []string{"Nothing is published yet, either."}},
	}
}

// tabsOf are the tabs of Fleet.
func tabsOf(r *Root) string {
	var names []string
	walk(r, func(n *vugu.VGNode) {
		for _, a := range n.Attr {
			if n.Data == "a" && a.Key == "href" && n.Parent != nil && n.Parent.Data == "nav" && len(n.Parent.Attr) > 0 && n.Parent.Attr[0].Val == "subtabs" {
				names = append(names, a.Val)
			}
		}
	})
	return strings.Join(names, " ")
}

// TestTabsByRole: who may not see a part has no tab of it, and nothing of it is asked.
func TestTabsByRole(t *testing.T) {
	for roles, want := range map[string]string{
		`"view"`:            "#fleet #fleet-releases #fleet-log #fleet-diagnostic",
		`"operate"`:         "#fleet #fleet-releases #fleet-log #fleet-diagnostic",
		`"publish"`:         "#fleet-releases #fleet-log #fleet-diagnostic",
		`"admin"`:           "#fleet-releases #fleet-log #fleet-accounts #fleet-diagnostic",
		`"publish","admin"`: "#fleet-releases #fleet-log #fleet-accounts #fleet-diagnostic",
		`"view","admin"`:    "#fleet #fleet-releases #fleet-log #fleet-accounts #fleet-diagnostic",
	} {
		for _, path := range []string{"#fleet", "#fleet-accounts", "#fleet-account/ci", "#fleet-new-account", "#fleet-device/0001/A17-004212", "#fleet-log"} {
			w := &world{}
			r := New(w.hooks())
			r.SetPath(path)
			signedIn(as("ann", roles, ""))(r, w)
			render(t, r)
			if got := tabsOf(r); got != want {
				t.Errorf("%s at %s: %s, want %s", roles, path, got, want)
			}
			for _, q := range w.requests {
				for area, role := range map[string]string{"/api/accounts": "admin", "/api/tokens": "admin", "/api/devices": "view operate", "/api/summary": "view operate"} {
					may := false
					for _, r := range strings.Fields(role) {
						may = may || strings.Contains(roles, r)
					}
					if strings.HasPrefix(q.Path, area) && !may {
						t.Errorf("%s at %s asks %s", roles, path, q.Path)
					}
				}
			}
		}
	}
}

// TestButtonsByRole: who may not change a release, or a device, has no button for it.
func TestButtonsByRole(t *testing.T) {
	for _, test := range []struct {
		roles, models    string
		releases, device bool
	}{
		{`"view"`, "", false, false}, {`"operate"`, "", false, true}, {`"publish","view"`, "", true, false}, {`"view","operate","publish"`, "", true, true},
		{`"view","operate","publish"`, `"0001"`, true, true}, {`"view","operate","publish"`, `"0002"`, false, false}, {`"admin","view"`, "", false, false},
	} {
		w := &world{}
		r := New(w.hooks())
		r.SetPath("#fleet-releases")
		table := as("ann", test.roles, test.models)
		signedIn(table)(r, w)
		if got := strings.Contains(text(render(t, r)), "Withhold"); got != test.releases {
			t.Errorf("%s on %s changes releases: %v", test.roles, test.models, got)
		}
		r.SetPath("#fleet-device/0001/A17-004212")
		w.answer(table)
		if page := text(render(t, r)); strings.Contains(page, "Offer 2.4.1 again") != test.device || !strings.Contains(page, "Restored over the cable") {
			t.Errorf("%s on %s changes a device: %v", test.roles, test.models, !test.device)
		}
	}
}

// TestBoundAccountSeesItsDevices: the server lists devices for an account that is bound to models only by model, and gives it no sum.
func TestBoundAccountSeesItsDevices(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#fleet")
	table := as("ann", `"view"`, `"0002","0001"`)
	signedIn(table)(r, w)
	lists := func() (all []string) {
		for _, q := range w.requests {
			if strings.HasPrefix(q.Path, "/api/devices") || q.Path == "/api/summary" {
				all = append(all, q.Path)
			}
		}
		return all
	}
	if got := strings.Join(lists(), " "); got != "/api/devices?limit=50&search=&model=0002" {
		t.Fatalf("asks %s", got)
	}
	r.fleet.Client.MoreDevices()
	w.answer(table)
	r.fleet.Client.ListOf("0001")
	if page := render(t, r); !strings.Contains(page, "Devices of model 0001.") || !strings.Contains(page, "Searching") {
		t.Error("the search loses its place while the other model is asked for")
	}
	w.answer(table)
	r.fleet.Client.ListOf("0009")
	w.answer(table)
	if got := strings.Join(lists()[1:], " "); got != "/api/devices?limit=50&search=&cursor=c2&model=0002 /api/devices?limit=50&search=&model=0001 "+
		"/api/devices?limit=50&search=&model=0002" {
		t.Errorf("asks %s", got)
	}
}

// TestAnotherTabSignsIn: the cookie is that of all tabs. What this one shows follows it.
func TestAnotherTabSignsIn(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#fleet-account/ci")
	signedIn(fleetAnswers)(r, w)
	submit(r, "token")
	w.replied(201, madeToken)
	r.fleet.Client.Ask()
	w.answer(as("ann", `"view"`, ""))
	page := render(t, r)
	if c := r.fleet.Client; c.Who != "ann" || w.signed != "ann" || len(c.Accounts) != 0 || strings.Contains(page, "ubk_") || !strings.Contains(page, "This account does not administer.") {
		t.Errorf("another account has the cookie: %+v", c)
	}
	r.fleet.Client.Ask()
	w.answer(as("bob", `"view"`, ""))
	if c := r.fleet.Client; c.Who != "bob" || w.signed != "bob" {
		t.Errorf("another account of the same rights has the cookie: %+v", c)
	}
	r.fleet.Client.Ask()
	w.answer(map[string]string{"/api/whoami": `{"account":""}`})
	if c := r.fleet.Client; c.Who != "" || w.signed != "" || c.Phase != fleetdata.SignedOut {
		t.Errorf("nobody has the cookie: %+v", c)
	}
}

// TestNextAccountBeginsAtDevices: what one account was shown in the place of devices is not what the next one begins with.
func TestNextAccountBeginsAtDevices(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#fleet")
	signedIn(as("ci", `"publish"`, ""))(r, w)
	c := r.fleet.Client
	if c.View != fleetdata.ViewReleases {
		t.Fatalf("begins at %d", c.View)
	}
	c.Ask()
	w.answer(map[string]string{"/api/whoami": `{"account":""}`})
	c.SignIn("", "right", func() {})
	w.replied(200, `{"account":"eve","roles":["view"]}`)
	if c.View != fleetdata.ViewDevices || len(c.Devices) == 0 {
		t.Errorf("begins at %d", c.View)
	}
}

// TestTypedTokenIsForgotten: a token that was typed is gone from the page when its form is.
func TestTypedTokenIsForgotten(t *testing.T) {
	for name, leave := range map[string]func(*Root, *world){
		"another screen": func(r *Root, _ *world) { r.SetPath("#lab") },
		"signed in": func(r *Root, w *world) {
			submit(r, "signin")
			w.replied(200, `{"account":"eve","roles":["view"]}`)
			render(t, r)
			r.fleet.Client.SignOut()
		},
	} {
		w := &world{}
		r := New(w.hooks())
		r.SetPath("#fleet")
		typed(r, "token", "secret")
		r.fleet.Client.Ask() // the form stays, and what was typed
		if render(t, r); valueOf(r, "token") != `"secret"` {
			t.Errorf("%s: what is typed is not kept: %s", name, valueOf(r, "token"))
		}
		leave(r, w)
		r.SetPath("#fleet")
		if render(t, r); valueOf(r, "token") != `""` {
			t.Errorf("%s: the form comes back with %s", name, valueOf(r, "token"))
		}
	}
}

// TestAccountIsMade: what is sent, where the page goes, and where the focus is.
func TestAccountIsMade(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#fleet-new-account")
	signedIn(fleetAnswers)(r, w)
	if render(t, r); len(w.answers) != 0 {
		t.Fatal("unanswered")
	}
	typed(r, "account-name", " night ")
	press(r, "view")
	press(r, "operate")
	press(r, "view")
	press(r, "view")
	typed(r, "account-models", " 0002, 0001;0003 ")
	r.fleet.Client.Ask() // what is not sent yet stays
	w.answer(fleetAnswers)
	if render(t, r); valueOf(r, "account-name") != `" night "` || valueOf(r, "role-operate") != "true" {
		t.Error("what was typed is gone when the page asks anew")
	}
	submit(r, "rights")
	q := w.requests[len(w.requests)-1]
	if q.Method != "PUT" || q.Path != "/api/accounts/night" || q.Body["new"] != true || !same(q.Body["roles"], "operate", "view") || !same(q.Body["models"], "0002", "0001", "0003") {
		t.Fatalf("sent %+v", q)
	}
	asked := len(w.requests)
	submit(r, "rights") // pressed twice
	if len(w.requests) != asked {
		t.Error("sent twice")
	}
	w.replied(200, `{"name":"night","roles":["view","operate"],"models":["0001","0002","0003"],"made":"2026-11-22T14:04:00Z","tokens":0}`)
	if w.path != "#fleet-account/night" || r.toast != "Account night is made." {
		t.Errorf("then at %q, says %q", w.path, r.toast)
	}
	r.SetPath("#fleet-new-account")
	if render(t, r); valueOf(r, "account-name") != `""` || valueOf(r, "account-models") != `""` || valueOf(r, "role-operate") != "false" {
		t.Error("the form for the next one knows the last one")
	}
}

// same compares a list of a request.
func same(list any, want ...string) bool {
	all, is := list.([]any)
	if !is || len(all) != len(want) {
		return false
	}
	for i := range all {
		if all[i] != want[i] {
			return false
		}
	}
	return true
}

// TestRightsAreChanged: an account's form follows the server until somebody changes it, and sends nothing that was not changed.
func TestRightsAreChanged(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#fleet-account/ci")
	signedIn(fleetAnswers)(r, w)
	if render(t, r); valueOf(r, "account-models") != `"0001 0002"` || valueOf(r, "role-publish") != "true" || valueOf(r, "role-admin") != "false" {
		t.Error("what it may does not stand in the form")
	}
	asked := len(w.requests)
	submit(r, "rights")
	if len(w.requests) != asked || r.toast != "Nothing was changed." {
		t.Errorf("what was not changed is sent: %q", r.toast)
	}
	press(r, "operate")
	typed(r, "account-models", "")
	r.fleet.Client.Ask()
	w.answer(fleetAnswers)
	if render(t, r); valueOf(r, "account-models") != `""` || valueOf(r, "role-operate") != "true" {
		t.Error("what was changed is gone when the page asks anew")
	}
	submit(r, "rights")
	q := w.requests[len(w.requests)-1]
	if q.Method != "PUT" || q.Path != "/api/accounts/ci" || q.Body["new"] != nil || !same(q.Body["roles"], "publish", "operate") || !same(q.Body["models"]) {
		t.Fatalf("sent %+v", q)
	}
	w.replied(200, `{"name":"ci","roles":["operate","publish"],"models":[],"made":"2026-10-01T08:00:00Z","tokens":2}`)
	if r.toast != "Saved." {
		t.Errorf("says %q", r.toast)
	}
}

// TestTokenIsShownOnce: it is on the screen until somebody has kept it, or leaves, and nowhere else.
func TestTokenIsShownOnce(t *testing.T) {
	const secret = "ubk_5t6u7v8w_0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjk"
	for what, leave := range map[string]func(r *Root, w *world){
		"kept":         func(r *Root, w *world) { press(r, "I have kept it") },
		"another part": func(r *Root, w *world) { r.SetPath("#fleet-log"); r.SetPath("#fleet-account/ci") },
		"the Lab":      func(r *Root, w *world) { r.SetPath("#lab") },
		"another":      func(r *Root, w *world) { r.SetPath("#fleet-account/new"); r.SetPath("#fleet-account/ci") },
		"signed out":   func(r *Root, w *world) { press(r, "Sign out"); r.SetPath("#fleet-account/ci") },
		"login ended": func(r *Root, w *world) {
			r.fleet.Client.Ask()
			w.answer(map[string]string{"/api/whoami": `{"account":""}`})
		},
		"token removed": func(r *Root, w *world) { r.fleet.Client.RemoveToken("5t6u7v8w", func() {}); w.replied(204, "") },
	} {
		w := &world{}
		r := New(w.hooks())
		r.SetPath("#fleet-account/ci")
		signedIn(fleetAnswers)(r, w)
		typed(r, "token-note", " pipeline ")
		typed(r, "token-days", "30")
		submit(r, "token")
		q := w.requests[len(w.requests)-1]
		if q.Method != "POST" || q.Path != "/api/accounts/ci/tokens" || q.Body["note"] != "pipeline" || q.Body["ends"] != "2026-12-22T14:04:00Z" {
			t.Fatalf("sent %+v", q)
		}
		w.replied(201, madeToken)
		if page := render(t, r); !strings.Contains(page, secret) || r.focus != "#made-h" {
			t.Fatalf("not shown, focus at %q", r.focus)
		}
		r.fleet.Client.Ask() // it stands through what the page asks by itself
		w.answer(fleetAnswers)
		w.noCopy = true
		press(r, "Copy")
		if len(w.copied) != 1 || w.copied[0] != secret || strings.HasPrefix(r.toast, "Copied") {
			t.Errorf("copied %q, says %q", w.copied, r.toast)
		}
		w.noCopy = false
		if press(r, "Copy"); r.toast != "Copied." {
			t.Errorf("says %q", r.toast)
		}
		leave(r, w)
		if page := render(t, r); strings.Contains(page, "ubk_") || r.fleet.Client.Made != nil {
			t.Errorf("%s, and the token is still there", what)
		}
	}
}

// TestTokenThatNobodySaw: who leaves before the answer is told what was made.
func TestTokenThatNobodySaw(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#fleet-account/ci")
	signedIn(fleetAnswers)(r, w)
	typed(r, "token-days", "")
	submit(r, "token")
	if q := w.requests[len(w.requests)-1]; q.Body["ends"] != nil {
		t.Errorf("without days it ends: %+v", q)
	}
	made := w.answers[len(w.answers)-1]
	r.SetPath("#fleet-log")
	made(201, []byte(madeToken))
	if r.fleet.Client.Made != nil || r.toast != "Nobody has seen the token that was made for ci. Remove it." {
		t.Errorf("says %q", r.toast)
	}
}

// TestEndings: what ends a token, an account and a person's sign-ins is asked, sent, and told; the focus goes to what is left.
func TestEndings(t *testing.T) {
	for _, test := range []struct {
		at, press, method, path, toast, focus, to string
		status                                    int
		answer                                    string
	}{
		{"ci", "Remove", "DELETE", "/api/tokens/4e5f6g7h", "Token 4e5f6g7h has ended.", "#tokens-h", "", 204, ""},
		{"ci", "Remove the account", "DELETE", "/api/accounts/ci", "Account ci is removed.", "", "#fleet-accounts", 204, ""},
		{"oidc-4f6q2zt1m8k3y7v5b9wd", "Bar", "PUT", "/api/accounts/oidc-4f6q2zt1m8k3y7v5b9wd/barred", "Barred, and signed out.", `[data-acts="account"] button`, "", 200,
			`{"name":"oidc-4f6q2zt1m8k3y7v5b9wd","issuer":"x","barred":true}`},
	} {
		w := &world{}
		r := New(w.hooks())
		r.SetPath("#fleet-account/" + test.at)
		signedIn(fleetAnswers)(r, w)
		asked := len(w.requests)
		if press(r, test.press); len(w.requests) != asked {
			t.Errorf("%s is not asked", test.press)
		}
		press(r, test.press)
		q := w.requests[len(w.requests)-1]
		if q.Method != test.method || q.Path != test.path {
			t.Fatalf("%s sends %+v", test.press, q)
		}
		w.replied(test.status, test.answer)
		if r.toast != test.toast || w.path != test.to || test.focus != "" && r.focus != test.focus {
			t.Errorf("%s: says %q, goes to %q, focus at %q", test.press, r.toast, w.path, r.focus)
		}
	}
}
