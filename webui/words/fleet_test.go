package words

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"unbrick/server/form"
	"unbrick/webui/fleetdata"
)

// A repair that a page or the command reported is shown as told, until the device has said so itself.
func TestRepairIsShownAsTold(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 4, 0, 0, time.UTC)
	for _, group := range []string{"running", "rewriting", "overdue", "silent"} {
		d := form.Device{Group: group, Release: form.Running{Version: "1"}, Target: &form.Target{Version: "2"}, Restored: &now, LastSeen: now, Told: true}
		if _, words := DeviceState(&d, now); !strings.HasPrefix(words, "Restored, as told, a page or the command says so; the device "+
			"itself has not said so yet.") {
			t.Errorf("%s: %q", group, words)
		}
		d.Told = false
		if _, words := DeviceState(&d, now); strings.Contains(words, "as told") {
			t.Errorf("%s, by its own word: %q", group, words)
		}
	}
	d := form.Device{Group: "restoration", Told: true, LastSeen: now}
	if _, words := DeviceState(&d, now); !strings.HasPrefix(words, "In restoration mode") {
		t.Errorf("%q", words)
	}
	if got := asked(`{"restored_as_told":true,"group":"running"}`); !got.Detail.Device.Told {
		t.Errorf("the server's word is not heard: %+v", got.Detail)
	}
}

func TestGeometryWords(t *testing.T) {
	for list, want := range map[string]string{
		"4KiB*128": "128 sectors of 4 KiB", "16KiB*4,64KiB,128KiB*7": "4 sectors of 16 KiB, 1 of 64 KiB, 7 of 128 KiB",
		"1MiB": "1 sector of 1 MiB", "odd": "odd", "4KiB*": "4KiB*", "4KiB*x": "4KiB*x",
	} {
		if got := geometryWords(list); got != want {
			t.Errorf("%s: %q, want %q", list, got, want)
		}
	}
}

// TestFleetTellsClaimsAsClaims: what nobody proves is called so, and what nobody may overlook is said in the list and on the device.
func TestFleetTellsClaimsAsClaims(t *testing.T) {
	now := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	for _, test := range []struct{ body, want string }{
		{`{"group":"running","release":{"version":"2","confirmed":true},"conflict":"2026-11-22T14:00:00Z"}`, "two seem to have its " +
			"key, so it is not counted"},
		{`{"group":"running","release":{"version":"2"},"conflict":"2026-11-22T14:00:00Z"}`, "not confirmed yet, two seem to have " +
			"its key, so it is not counted"},
		{`{"group":"held-back","attempts":[{"held":true,"by":"operator"}]}`, "by the operator"},
		{`{"group":"held-back","attempts":[{"held":true,"by":"server","failures":3}]}`, "it says that its rewrites went wrong"},
	} {
		d := asked(test.body).Detail.Device
		row := DeviceRows([]form.Device{d}, now)[0]
		if _, words := DeviceState(&d, now); row.Small != test.want && row.Proof.Is != "Conflict, not counted" || !strings.Contains(words, test.want) {
			t.Errorf("%s: %q, and %q", test.body, row.Small, words)
		}
	}
	c := asked(`{"releases":[{"version":"1","state":"offered","damaged":true},{"version":"2","state":"offered","rollout":{"failed":3,"lost":1,"alarm":true}},
		{"version":"3","state":"offered","rollout":{"failed":3,"lost":1,"alarm":true,"halted":"2026-11-22T14:00:00Z"}},{"version":"4","state":"offered","rollout":{"failed":1}}]}`)
	for i, want := range []string{"its stored image is damaged: publish its release file again", "4 devices failed or lost: more than may be",
		"its rollout is halted", "1 device failed or lost"} {
		if row := ReleaseRows(c, now)[i]; row.Small != want {
			t.Errorf("release %s: %q, want %q", row.Version, row.Small, want)
		}
	}
	for _, test := range []struct {
		e    form.Event
		want string
	}{
		{form.Event{Kind: "held", Source: "operator"}, "By the operator"},
		{form.Event{Kind: "held", Source: "server"}, "It says that its rewrites failed"},
		{form.Event{Kind: "conflict", Detail: map[string]any{"peers": []any{"192.0.2.1", "192.0.2.2"}}}, "at the same time, from 192.0.2.1 and 192.0.2.2. It is served"},
		{form.Event{Kind: "conflict", Detail: map[string]any{"record": 0.0, "before": 19.0}}, "fell from 19 to 0: a copy of its board"},
		{form.Event{Kind: "proven", Detail: map[string]any{"key": "0123456789abcdef0123456789abcdef"}}, "with key 01234567 89abcdef for the first time"},
		{form.Event{Kind: "broken", Detail: map[string]any{"why": "the release is withdrawn"}}, "The release is withdrawn."},
	} {
		if row := eventWords(&test.e); !strings.Contains(row.Text, test.want) {
			t.Errorf("%s: %q", test.e.Kind, row.Text)
		}
	}
}

// TestHeldBackSaysWhy: a device that nothing can be made for is not told to have failed, and its history has the reason.
func TestHeldBackSaysWhy(t *testing.T) {
	failed := form.Device{Group: "held-back", Attempts: []form.Attempt{{Version: "2", Failures: 3, Held: true}}}
	if _, _, small := groupWords(&failed, time.Now()); small != "it says that its rewrites went wrong" {
		t.Errorf("failed: %q", small)
	}
	unmade := form.Device{Group: "held-back", Target: &form.Target{Version: "2"}}
	if _, _, small := groupWords(&unmade, time.Now()); small != "its history says why" {
		t.Errorf("not made: %q", small)
	}
	row := eventWords(&form.Event{Kind: "not-made", From: "1", To: "2", Detail: map[string]any{"error": "no such sector"}})
	if row.Class != "bad" || !strings.Contains(row.Head, "2") || !strings.Contains(row.Text, "no such sector") {
		t.Errorf("%+v", row)
	}
}

// A device of the demonstration is no device, and the table says so.
func TestExamplesAreMarked(t *testing.T) {
	list := []form.Device{{Model: "0001", Demo: true}, {Model: "0001"}}
	rows := DeviceRows(list, time.Time{})
	if rows[0].Model != "0001, example" || rows[1].Model != "0001" {
		t.Errorf("models %q and %q", rows[0].Model, rows[1].Model)
	}
}

// asked is a client of a server that answers every question alike.
func asked(body string) *fleetdata.Client {
	c := fleetdata.New(fleetdata.Browser{
		Fetch: func(q fleetdata.Request, done func(int, any)) {
			var answer any
			if q.Path == form.WhoAmIPath {
				done(200, map[string]any{"account": "eve", "roles": []any{"view", "operate", "publish", "admin"}})
				return
			}
			if err := json.Unmarshal([]byte(body), &answer); err != nil {
				panic(err)
			}
			done(200, answer)
		},
		After: func(time.Duration, func()) {}, Signed: func(string) {}, Say: func(string) {},
	})
	c.SetSigned("eve")
	c.Show("fleet-device/0001/A")
	return c
}
