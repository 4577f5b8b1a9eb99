package view

import (
	"maps"
	"strings"
	"testing"

	"unbrick/webui/fleetdata"
)

// Keys of the strangers in fleetAnswers, as the page shows them whole.
const (
	pendingKey = "1a2b3c4d 5e6f7081 1a2b3c4d 5e6f7082 1a2b3c4d 5e6f7083 1a2b3c4d 5e6f7084"
	secondKey  = "8899aabb ccddeeff 8899aabb ccddeef0 8899aabb ccddeef1 8899aabb ccddeef2"
)

// but is a server that answers as fleetAnswers do, but for one address.
func but(path, body string) map[string]string {
	table := maps.Clone(fleetAnswers)
	table[path] = body
	return table
}

// identityScenes are the states of what Fleet shows of who is believed.
func identityScenes() []scene {
	const list, known, unknown = "#fleet-strangers", "#fleet-device/0001/A17-004213", "#fleet-device/0001/A17-005001"
	return []scene{
		{"fleet-strangers", list, signedIn(fleetAnswers), "Who is not proven", "", []string{"A17-005001", "Waits for approval", "1a2b3c4d 5e6f7081", "192.0.2.7", "2.4.1",
			"Has another key", "Spoke to another name, updates.elsewhere.example", "Signs nothing", "0002, example", "Nobody spoke.", "Show more", "Choose a model to forget those of it.", `href="#fleet-device/0001/A17-005001"`}},
		{"fleet-strangers-approving", list, then(func(r *Root, w *world) { press(r, "Approve") }), "Who is not proven", "",
			[]string{"Approve device A17-005001 of model 0001 with the key " + pendingKey + "? Compare the key first: anybody can speak under a free serial. From its next session on, what it signs is the device’s word.", "Leave it"}},
		{"fleet-strangers-refused", list, then(func(r *Root, w *world) {
			press(r, "Approve")
			press(r, "Approve")
			w.replied(409, `{"error":"the key is that of device B of model 0001","code":"device-key"}`)
		}), "Who is not proven", "", []string{"The server refused: the key is that of device B of model 0001."}},
		{"fleet-strangers-forgetting", list, then(func(r *Root, w *world) {
			r.fleet.Client.ListStrangers(fleetdata.Among{Model: "0001"})
			w.answer(fleetAnswers)
			press(r, "Forget all of model 0001")
		}), "Who is not proven", "", []string{"Forget everybody who spoke as model 0001 and is not proven, whatever is chosen above?", "Keep them"}},
		{"fleet-strangers-none", list, signedIn(but("/api/strangers", `{"strangers":[]}`)), "Who is not proven", "", []string{"Nobody"}},
		{"fleet-strangers-viewer", list, signedIn(as("ann", `"view"`, "")), "Who is not proven", "", []string{"To approve a device, or to forget who is not proven, needs role operate"}},
		{"fleet-only-strangers", "#fleet", signedIn(but("/api/summary", `{"devices":0,"strangers":{"pending":1}}`)), "No device is proven yet.", "Look who spoke", nil},
		{"fleet-conflict", known, signedIn(fleetAnswers), "A17-004213", "", []string{"two seem to have its key, so it is not counted", "There is only one", "Its key", "01234567 89abcdef …", "What it signs is the device’s word.",
			"A barred key", "Has another key", "This is its new board", "Its old board is back", "Signs nothing", "Forget who is not proven", "fell from 19 to 7", "from 192.0.2.7 and 192.0.2.8", "It signed with key 01234567 89abcdef for the first time."}},
		{"fleet-conflict-ending", known, then(func(r *Root, w *world) { press(r, "There is only one") }), "A17-004213", "", []string{"Count device A17-004213 again? That also ends what keeps releases and update files from it", "Leave it out"}},
		{"fleet-rekeying", known, then(func(r *Root, w *world) { press(r, "This is its new board") }), "A17-004213", "",
			[]string{"Give device A17-004213 of model 0001 the key " + secondKey + "? The one that it has, 01234567 89abcdef …, is barred"}},
		{"fleet-conflict-viewer", known, signedIn(as("ann", `"view"`, "")), "A17-004213", "", []string{"needs role operate, which this account does not have"}},
		{"fleet-unproven", unknown, signedIn(fleetAnswers), "A17-005001", "", []string{"Nobody who spoke under this serial is proven to be its device.", "It has no key", "Waits for approval", "Approve",
			"from 192.0.2.7, 3 times, and says that it runs 2.4.1."}},
		{"fleet-enrolling", "#fleet-releases", then(func(r *Root, w *world) { press(r, "Lists alone") }), "Releases", "", []string{"How devices are enrolled", "By approval", "Whoever comes first", "3 not proven say that it failed: not counted",
			"Change how devices of model 0001 are enrolled? Only a list that was imported names devices"}},
	}
}

// TestWhoIsNotProvenIsApproved: what is sent, for whom, once; and where the focus goes.
func TestWhoIsNotProvenIsApproved(t *testing.T) {
	for _, test := range []struct{ path, button, act, key string }{
		{"#fleet-strangers", "Approve", "/api/devices/0001/A17-005001/approve", pendingKey},
		{"#fleet-device/0001/A17-005001", "Approve", "/api/devices/0001/A17-005001/approve", pendingKey},
		{"#fleet-device/0001/A17-004213", "This is its new board", "/api/devices/0001/A17-004213/rekey", secondKey},
	} {
		w := &world{}
		r := New(w.hooks())
		r.SetPath(test.path)
		signedIn(fleetAnswers)(r, w)
		render(t, r)
		asked := len(w.requests)
		press(r, test.button)
		if len(w.requests) != asked {
			t.Errorf("%s: sent before it was asked", test.path)
		}
		press(r, test.button)
		q := w.requests[len(w.requests)-1]
		if q.Method != "POST" || q.Path != test.act || q.Body["key"] != strings.ReplaceAll(test.key, " ", "") {
			t.Fatalf("%s: sent %+v", test.path, q)
		}
		w.replied(200, `{"device_keys":[{"key":"aa","state":"enrolled","since":"2026-11-22T14:04:00Z"}],"strangers":[]}`)
		if !strings.Contains(r.toast, "It is proven from its next session on.") {
			t.Errorf("%s: says %q", test.path, r.toast)
		}
	}
}

// TestWhoMayDecide: who may not operate on a model has no button there, and an admin alone says how devices are enrolled.
func TestWhoMayDecide(t *testing.T) {
	for _, test := range []struct {
		path, roles, models string
		want                []string
	}{
		{"#fleet-strangers", `"operate"`, "", []string{"Approve</span>"}},
		{"#fleet-strangers", `"operate"`, `"0001"`, []string{"Approve</span>", "Forget all of model 0001"}},
		{"#fleet-strangers", `"operate"`, `"0002"`, []string{"Forget all of model 0002"}},
		{"#fleet-strangers", `"view"`, "", nil},
		{"#fleet-device/0001/A17-004213", `"operate"`, "", []string{"There is only one", "This is its new board", "Its old board is back", "Forget who is not proven"}},
		{"#fleet-device/0001/A17-004213", `"operate"`, `"0002"`, nil},
		{"#fleet-device/0001/A17-004213", `"view","admin"`, "", nil},
		{"#fleet-releases", `"operate","publish"`, "", nil},
		{"#fleet-releases", `"admin"`, "", []string{"First comes", "Lists alone", "Approve each"}},
	} {
		w := &world{}
		r := New(w.hooks())
		r.SetPath(test.path)
		signedIn(as("ann", test.roles, test.models))(r, w)
		page := render(t, r)
		for _, label := range []string{"Approve</span>", "Forget all of model 0001", "Forget all of model 0002", "There is only one", "This is its new board", "Its old board is back",
			"Forget who is not proven", "First comes", "Lists alone", "Approve each"} {
			want := strings.Contains(strings.Join(test.want, "|"), label)
			if got := strings.Contains(page, label); got != want {
				t.Errorf("%s for %s on %q: button %q is there: %v", test.path, test.roles, test.models, label, got)
			}
		}
	}
}

// TestStrangersAreListed: what is asked for, as they are chosen, and what of a bound account's.
func TestStrangersAreListed(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#fleet-strangers")
	signedIn(fleetAnswers)(r, w)
	c := r.fleet.Client
	c.NextStrangers()
	w.answer(fleetAnswers)
	if len(c.Others) != 8 {
		t.Errorf("%d are listed behind two pages of four", len(c.Others))
	}
	c.ListStrangers(fleetdata.Among{Model: "0002", Standing: "pending", Search: "a&"})
	if len(c.Others) != 0 {
		t.Error("those of before stand under another choice")
	}
	w.answer(fleetAnswers)
	c.ForgetStrangers("0002", "", func() {})
	w.replied(200, `{"removed":4}`)
	w.answers = nil
	r.SetSigned("")
	signedIn(as("ann", `"operate"`, `"0001","0003"`))(r, w)
	c.Ask()
	w.answer(as("ann", `"operate"`, `"0001","0003"`))
	c.ListStrangers(fleetdata.Among{Model: "0003"})
	var got []string
	for _, q := range w.requests {
		if path := q.Method + " " + q.Path; strings.Contains(path, "/api/strangers") && (len(got) == 0 || got[len(got)-1] != path) {
			got = append(got, path)
		}
	}
	want := []string{"GET /api/strangers?limit=50", "GET /api/strangers?limit=50&cursor=9", "GET /api/strangers?limit=50&model=0002&standing=pending&search=a%26",
		"DELETE /api/strangers?model=0002", "GET /api/strangers?limit=50&model=0002&standing=pending&search=a%26",
		"GET /api/strangers?limit=50&model=0001", "GET /api/strangers?limit=50&model=0003"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("asks\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
