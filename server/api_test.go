package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"unbrick/internal/cbor"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/fleet"
	"unbrick/server/form"
	"unbrick/server/storage"
)

func TestToken(t *testing.T) {
	r := newRig(t)
	for _, test := range []struct {
		name, method, path, header string
		want                       int
	}{
		{"right", "GET", "/api/devices", "Bearer " + testToken, 200}, {"lower case scheme", "GET", "/api/devices", "bearer " + testToken, 200},
		{"missing", "GET", "/api/devices", "", 401}, {"wrong", "GET", "/api/devices", "Bearer x", 401}, {"beginning of it", "GET", "/api/devices", "Bearer " + testToken[:8], 401},
		{"other scheme", "GET", "/api/devices", "Basic " + testToken, 401}, {"other scheme where none is needed", "GET", "/api/releases", "Basic dXNlcjpzZWNyZXQ=", 200},
		{"no word behind the scheme", "GET", "/api/releases", "Bearer", 200}, {"only spaces behind the scheme", "GET", "/api/releases", "Bearer   ", 200}, {"spaces around", "GET", "/api/devices", "  BEARER   " + testToken + " ", 200},
		{"scheme that begins alike", "GET", "/api/releases", "Bearers " + testToken, 200}, {"scheme that begins alike where one is needed", "GET", "/api/devices", "Bearers " + testToken, 401},
		{"wrong where none is needed", "GET", "/api/releases", "Bearer x", 401},
		{"none where none is needed", "GET", "/api/releases", "", 200}, {"publishing", "POST", "/api/releases", "", 401}, {"model", "PUT", "/api/models/0001", "", 401},
		{"state", "PUT", "/api/releases/" + strings.Repeat("0", 64) + "/state", "", 401}, {"summary", "GET", "/api/summary", "", 401}, {"device", "GET", "/api/devices/0001/A", "", 401},
		{"history", "GET", "/api/devices/0001/A/history", "", 401}, {"hold", "POST", "/api/devices/0001/A/hold", "", 401}, {"free", "POST", "/api/devices/0001/A/free", "", 401},
		{"unknown address", "GET", "/api/nothing", "", 404}, {"wrong method", "DELETE", "/api/releases", "", 405},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := r.do(test.method, test.path, nil, "Authorization", test.header)
			if a.StatusCode != test.want {
				t.Fatalf("%s %s, want %d", a.Status, b, test.want)
			}
			if test.want >= 400 {
				if e := decode[map[string]string](r, b); e["error"] == "" || e["code"] == "" {
					t.Fatalf("no words in %s", b)
				}
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
				if got := a.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
	who := decode[map[string]any](r, r.must(200, "GET", "/api/whoami", nil))
	if who["account"] != "environment" || who["demo"] != false {
		t.Fatalf("whoami %v", who)
	}
}

// TestWrongMethod: an address that takes other methods says so, and which, whoever asks.
func TestWrongMethod(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Page = http.NotFoundHandler() })
	for _, c := range []struct{ method, path, allow string }{
		{"DELETE", "/api/releases", "GET, HEAD, POST"}, {"POST", "/api/models/0001", "GET, HEAD, PUT, DELETE"}, {"PUT", "/api/devices/0001/A", "GET, HEAD, DELETE"}, {"GET", "/api/reports", "POST"},
		{"HEAD", "/api/devices/0001/A/hold", "POST"}, {"PROPFIND", "/api/whoami", "GET, HEAD"}, {"POST", "/link", "GET, HEAD"}, {"PUT", "/metrics", "GET, HEAD"}, {"DELETE", "/healthz", "GET, HEAD"},
	} {
		a, b := r.do(c.method, c.path, nil, "Authorization", "")
		if a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %s %s, allowed %q, want %q", c.method, c.path, a.Status, b, a.Header.Get("Allow"), c.allow)
		}
	}
	for _, c := range []struct{ method, path string }{{"DELETE", "/api/nothing"}, {"GET", "/api/"}, {"PUT", "/somewhere"}} {
		if a, b := r.do(c.method, c.path, nil, "Authorization", ""); a.StatusCode != http.StatusNotFound || a.Header.Get("Allow") != "" {
			t.Errorf("%s %s: %s %s, allowed %q", c.method, c.path, a.Status, b, a.Header.Get("Allow"))
		}
	}
}

// TestListsArePagedAlike: every list gives all its entries once, whatever the length of its pages, and refuses what is no cursor of it.
func TestListsArePagedAlike(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 20_000))
	for i := range 5 {
		if _, err := r.store.WantFile(t.Context(), storage.FileKey{Model: "0001", To: one.Digest, Step: uint32(i + 1), Creator: "none"}, r.now()); err != nil {
			t.Fatal(err)
		}
		if err := r.store.TrustKey(t.Context(), "0001", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i)}, 32)).Public().(ed25519.PublicKey), r.now()); i < 2 && err != nil {
			t.Fatal(err)
		}
		m := r.model
		m.ID = fmt.Sprintf("000%d", i+2)
		r.must(200, "PUT", "/api/models/"+m.ID, m.Append(nil), "Content-Type", cborType)
		r.publish(fmt.Sprint(i+2), uint64(i+2), image(uint64(i+2), 20_000))
		r.session(r.hello(fmt.Sprintf("A-%d", i), one))
	}
	for path, key := range map[string]string{"/api/models": "models", "/api/models/0001/keys": "keys", "/api/releases": "releases", "/api/devices": "devices",
		"/api/devices/0001/A-1/history": "history", "/api/files": "files"} {
		var whole []any
		for limit := 7; limit > 0; limit-- {
			var list []any
			pages, cursor := 0, ""
			for pages == 0 || cursor != "" {
				v := decode[map[string]any](r, r.must(200, "GET", fmt.Sprintf("%s?limit=%d&cursor=%s", path, limit, url.QueryEscape(cursor)), nil))
				list = append(list, v[key].([]any)...)
				cursor, pages = v["next"].(string), pages+1
			}
			if whole == nil {
				whole = list
			}
			if want := max(1, (len(whole)+limit-1)/limit); len(whole) == 0 || !reflect.DeepEqual(list, whole) || pages != want {
				t.Errorf("%s, limit %d: %d entries in %d pages, want %d in %d", path, limit, len(list), pages, len(whole), want)
			}
		}
		for _, bad := range []string{"limit=501", "limit=0", "limit=-1", "limit=x", "cursor=none%20of%20it", "cursor=-1"} {
			r.must(400, "GET", path+"?"+bad, nil)
		}
	}
}

func TestPublish(t *testing.T) {
	r := newRig(t)
	img := image(1, 20_000)
	good := r.file(r.key, "1", 1, img)
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{6}, ed25519.SeedSize))
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	parts, err := release.SplitFile(good)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Clone(parts.Signed)
	forged[len(forged)-1] ^= 1
	r.model.ID = "0099"
	foreign := r.file(r.key, "1", 1, img)
	r.model.ID = "0001"
	for _, test := range []struct {
		name   string
		body   []byte
		key    string
		status int
		code   string
	}{
		{"no release file", []byte("\x7fELF and more"), r.pub(r.key), 400, "malformed"},
		{"empty", nil, r.pub(r.key), 400, "malformed"},
		{"truncated", good[:50], r.pub(r.key), 400, "malformed"},
		{"image of another", flipped, r.pub(r.key), 400, "wrong-image"},
		{"signature", release.AppendFile(nil, &release.File{Signed: forged, Image: img}), r.pub(r.key), 403, "signature"},
		{"no key with the first", good, "", 400, "no-key"},
		{"key that did not sign", good, r.pub(other), 400, "no-key"},
		{"no base64", good, "???", 400, "no-key"},
		{"unknown model", foreign, r.pub(r.key), 404, "unknown-model"},
		{"good", good, r.pub(r.key), 201, ""},
		{"good again", good, "", 200, ""},
		{"version again", r.file(r.key, "1", 2, image(2, 100)), "", 409, "conflict"},
		{"order again", r.file(r.key, "2", 1, image(2, 100)), "", 409, "conflict"},
		{"image again, older", r.file(r.key, "0", 0, img), "", 409, "conflict"},
		{"another key", r.file(other, "2", 2, image(2, 100)), r.pub(other), 403, "unknown-key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := r.do("POST", "/api/releases", test.body, "Unbrick-Public-Key", test.key)
			e := decode[map[string]any](r, b)
			if code, _ := e["code"].(string); a.StatusCode != test.status || code != test.code {
				t.Fatalf("%s %s, want %d %q", a.Status, b, test.status, test.code)
			}
		})
	}
	second := r.file(other, "2", 2, image(2, 100))
	r.must(201, "POST", "/api/releases?trust=1", second, "Unbrick-Public-Key", r.pub(other))
	keys, err := r.store.Keys(context.Background(), "0001")
	if err != nil || len(keys) != 2 {
		t.Fatalf("%d keys, %v, want 2", len(keys), err)
	}
}

func TestCounterMustNotFall(t *testing.T) {
	r := newRig(t)
	area := r.model.Layout.Software()
	publish := func(order, counter uint64, want int) {
		t.Helper()
		img := image(order, 500)
		m, err := release.Describe("0001", string(rune('a'+order)), order, counter, img, &area)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := release.Sign(&m, r.key)
		if err != nil {
			t.Fatal(err)
		}
		r.must(want, "POST", "/api/releases", release.AppendFile(nil, &release.File{Signed: signed, Image: img}), "Unbrick-Public-Key", r.pub(r.key))
	}
	publish(5, 5, 201)
	publish(6, 4, 409)
	publish(4, 6, 409)
	publish(6, 5, 201)
}

func TestWrongTreeIsRefused(t *testing.T) {
	r := newRig(t)
	img := image(1, 9000)
	area := r.model.Layout.Software()
	m, err := release.Describe("0001", "1", 1, 0, img, &area)
	if err != nil {
		t.Fatal(err)
	}
	m.Root[0] ^= 1
	signed, err := release.Sign(&m, r.key)
	if err != nil {
		t.Fatal(err)
	}
	r.must(400, "POST", "/api/releases", release.AppendFile(nil, &release.File{Signed: signed, Image: img}), "Unbrick-Public-Key", r.pub(r.key))
}

func TestModelRules(t *testing.T) {
	r := newRig(t)
	record := r.model.Append(nil)
	r.must(415, "PUT", "/api/models/0001", record)
	r.must(400, "PUT", "/api/models/0002", record, "Content-Type", cborType)
	r.must(400, "PUT", "/api/models/0001", record[:9], "Content-Type", cborType)
	r.must(413, "PUT", "/api/models/0001", make([]byte, model.MaxEncoded+1), "Content-Type", cborType)
	r.must(404, "GET", "/api/models/0077", nil)
	r.publish("1", 1, image(1, 150_000))
	small := r.model
	small.Layout.Geometry.Runs[0].Count = 32
	r.must(409, "PUT", "/api/models/0001", small.Append(nil), "Content-Type", cborType)
}

func TestListsInCBOR(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 20_000))
	b := r.must(200, "GET", "/api/models", nil, "Accept", cborType)
	c := cbor.NewReader(b)
	if n := c.Array(); n != 1 {
		t.Fatalf("%d models", n)
	}
	m, err := model.Decode(c.Bytes())
	if err != nil || c.Finish() != nil || m.ID != "0001" {
		t.Fatalf("model %+v, %v, %v", m, err, c.Finish())
	}
	if got := r.must(200, "GET", "/api/models/0001", nil, "Accept", cborType); !bytes.Equal(got, r.model.Append(nil)) {
		t.Fatal("the record came back changed")
	}
	c = cbor.NewReader(r.must(200, "GET", "/api/models/0001/keys", nil, "Accept", cborType, "Authorization", ""))
	if n := c.Array(); n != 1 || !bytes.Equal(c.Bytes(), r.key.Public().(ed25519.PublicKey)) || c.Finish() != nil {
		t.Fatalf("%d keys, %v", n, c.Err())
	}
	r.must(404, "GET", "/api/models/0077/keys", nil)
	c = cbor.NewReader(r.must(200, "GET", "/api/releases?model=0001", nil, "Accept", "text/html, application/cbor;q=0.9"))
	if c.Array() != 1 || c.Array() != 3 || c.Text() != "offered" || c.Uint() == 0 {
		t.Fatalf("list of releases: %v", c.Err())
	}
	manifest, _, err := release.Parse(c.Bytes())
	if err != nil || c.Finish() != nil || manifest != one {
		t.Fatalf("manifest %+v, %v, %v", manifest, err, c.Finish())
	}
}

func TestReleaseFile(t *testing.T) {
	r := newRig(t)
	img := image(1, 20_000)
	one := r.publish("1", 1, img)
	path := "/api/releases/" + release.Hex(one.Digest) + "/file"
	a, b := r.do("GET", path, nil, "Authorization", "")
	if a.StatusCode != 200 || !bytes.Equal(b, r.file(r.key, "1", 1, img)) {
		t.Fatalf("%s with %d bytes", a.Status, len(b))
	}
	r.must(304, "GET", path, nil, "If-None-Match", a.Header.Get("ETag"))
	r.must(400, "GET", "/api/releases/zz/file", nil)
	r.must(404, "GET", "/api/releases/"+strings.Repeat("0", 64)+"/file", nil)
	state := "/api/releases/" + release.Hex(one.Digest) + "/state"
	r.must(400, "PUT", state, []byte(`{"model":"0001","state":"lost"}`))
	r.must(400, "PUT", state, []byte(`{"model":"0001","state":"withdrawn","more":1}`))
	r.must(200, "PUT", state, []byte(`{"model":"0001","state":"withdrawn"}`))
	r.must(410, "GET", path, nil, "Authorization", "")
	r.must(200, "GET", path, nil)
	if list := decode[form.Releases](r, r.must(200, "GET", "/api/releases", nil, "Authorization", "")); len(list.Releases) != 0 {
		t.Fatal("a withdrawn release is listed for strangers")
	}
	c := cbor.NewReader(r.must(200, "GET", "/api/releases", nil, "Authorization", "", "Accept", cborType))
	if c.Array() != 1 || c.Array() != 3 || c.Text() != "withdrawn" {
		t.Fatal("the page, which may have it still, is not told that it was withdrawn")
	}
}

func TestWithheldRelease(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one, two := r.publish("1", 1, a), r.publish("2", 2, next(a, 2))
	r.must(200, "PUT", "/api/releases/"+release.Hex(two.Digest)+"/state", []byte(`{"model":"0001","state":"withheld"}`))
	if info := r.session(r.hello("A-1", one)); info.Reason != protocol.ReasonUpToDate {
		t.Fatalf("info %+v, want up to date", info)
	}
	r.must(200, "PUT", "/api/releases/"+release.Hex(two.Digest)+"/state", []byte(`{"model":"0001","state":"offered"}`))
	if info := r.session(r.hello("A-1", one)); info.Kind != protocol.KindDelta {
		t.Fatalf("info %+v, want the delta", info)
	}
}

func TestFleet(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 20_000))
	for _, serial := range []string{"A-1", "A-2", "B-3.x_y"} {
		r.session(r.hello(serial, one))
	}
	type page struct {
		Devices []struct {
			Serial, Group string
			Release       struct {
				Version string
				Known   bool
			}
		}
		Total int
		Next  string
	}
	seen := 0
	for cursor, first := "", true; first || cursor != ""; first = false {
		p := decode[page](r, r.must(200, "GET", "/api/devices?limit=2&cursor="+cursor, nil))
		if p.Total != 3 || len(p.Devices) == 0 || !p.Devices[0].Release.Known || p.Devices[0].Group != "running" {
			t.Fatalf("page %+v", p)
		}
		seen += len(p.Devices)
		cursor = p.Next
	}
	if seen != 3 {
		t.Fatalf("%d devices on all pages", seen)
	}
	for path, want := range map[string]int{"search=a-": 2, "search=%3C%26%3E": 0, "search=3.X": 1, "search=running": 3, "search=silent": 0, "group=running&search=b": 1, "model=0002": 0, "image=" + release.Hex(one.Digest): 3} {
		if p := decode[page](r, r.must(200, "GET", "/api/devices?"+path, nil)); p.Total != want || len(p.Devices) != want {
			t.Errorf("%s: %d devices, want %d", path, p.Total, want)
		}
	}
	for _, path := range []string{"limit=0", "limit=x", "group=none", "image=1", "cursor=1", "search=" + strings.Repeat("x", 65)} {
		r.must(400, "GET", "/api/devices?"+path, nil)
	}
	d := decode[struct {
		Serial  string
		Model   string `json:"model_name"`
		History []struct{ Kind, Source string }
	}](r, r.must(200, "GET", "/api/devices/0001/B-3.x_y", nil))
	if d.Serial != "B-3.x_y" || d.Model != "Test" || len(d.History) != 1 || d.History[0].Kind != "first-seen" {
		t.Fatalf("device %+v", d)
	}
	r.must(404, "GET", "/api/devices/0001/none", nil)
	r.must(404, "GET", "/api/devices/0001/none/history", nil)
	for _, bad := range []string{"%2E%2E", "A1%20", "a%2Fb", "%C3%A4", "-1", strings.Repeat("x", 33)} {
		for _, path := range []string{"/api/devices/0001/" + bad, "/api/devices/0001/" + bad + "/history", "/api/devices/" + bad + "/A-1", "/api/models/" + bad, "/api/releases?model=" + bad, "/api/devices?model=" + bad} {
			r.must(400, "GET", path, nil)
		}
	}
	r.later(25 * time.Hour)
	sum := decode[struct {
		Devices int
		Groups  map[string]int
	}](r, r.must(200, "GET", "/api/summary", nil))
	if sum.Devices != 3 || sum.Groups["silent"] != 3 || len(sum.Groups) != int(storage.Groups) {
		t.Fatalf("summary %+v", sum)
	}
}

func TestHold(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one, two := r.publish("1", 1, a), r.publish("2", 2, next(a, 2))
	r.session(r.hello("A-1", one))
	body := []byte(`{"image":"` + release.Hex(two.Digest) + `"}`)
	r.must(404, "POST", "/api/devices/0001/none/hold", body)
	r.must(400, "POST", "/api/devices/0001/A-1/hold", []byte(`{}`))
	r.must(404, "POST", "/api/devices/0001/A-1/hold", []byte(`{"image":"`+strings.Repeat("0", 64)+`"}`))
	r.must(200, "POST", "/api/devices/0001/A-1/hold", body)
	if info := r.session(r.hello("A-1", one)); info.Reason != protocol.ReasonHeld {
		t.Fatalf("info %+v, want held", info)
	}
	r.must(200, "POST", "/api/devices/0001/A-1/free", body)
	if info := r.session(r.hello("A-1", one)); info.Kind != protocol.KindDelta {
		t.Fatalf("info %+v, want the delta", info)
	}
	r.history("A-1", "first-seen offer held freed")
}

func reportOf(serial string, o fleet.Outcome, image storage.Digest) *fleet.Report {
	return &fleet.Report{ID: [16]byte{byte(o), serial[0]}, Model: "0001", Serial: serial, Outcome: o, From: "1", Version: "2", Image: image, Sectors: 42, Sent: 38_000, Full: 900_000, Milliseconds: 8600, Baud: 115200, Via: "page"}
}

func TestReports(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one, two := r.publish("1", 1, a), r.publish("2", 2, next(a, 2))
	r.update(r.hello("A-1", one)) // and then the power fails
	send := func(p *fleet.Report, want int) {
		t.Helper()
		b, err := p.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		r.must(want, "POST", "/api/reports", b, "Content-Type", cborType)
	}
	send(reportOf("A-1", fleet.OutcomeFound, storage.Digest{}), 202)
	if d := r.device("A-1"); d.State != storage.Restoration {
		t.Fatalf("state %s, want restoration", d.State)
	}
	send(reportOf("A-1", fleet.OutcomeRestored, two.Digest), 202)
	send(reportOf("A-1", fleet.OutcomeRestored, two.Digest), 202) // told twice
	r.session(r.hello("A-1", two))
	send(reportOf("A-1", fleet.OutcomeFound, storage.Digest{}), 202) // a repeated report changes nothing any more
	if d := r.device("A-1"); d.State != storage.Running {
		t.Fatalf("state %s after a repeated report, want running", d.State)
	}
	r.history("A-1", "first-seen offer transferred found restored installed verified confirmed")
	h, err := r.store.History(context.Background(), "0001", "A-1", 0, 10)
	if err != nil || h[3].Source != storage.ByReporter || !strings.Contains(h[3].Detail, `"sectors":42`) {
		t.Fatalf("history %+v, %v", h, err)
	}
	j := `{"id":"00112233445566778899aabbccddeeff","model":"0001","serial":"B-1","outcome":"not-restored","from":"1","version":"","image":"","why":3,"sectors_written":0,"bytes_sent":0,"bytes_received":0,"bytes_full":0,"milliseconds":1,"baud":9600,"via":"command","words":"cable out"}`
	r.must(202, "POST", "/api/reports", []byte(j), "Content-Type", jsonType)
	if d := r.device("B-1"); d.State != storage.Restoration {
		t.Fatalf("state %s, want restoration", d.State)
	}
	// A stranger's word about a device that never spoke makes no device; who asks does not learn that either.
	if b := r.must(202, "POST", "/api/reports", []byte(strings.Replace(j, "B-1", "B-2", 1)), "Content-Type", jsonType, "Authorization", ""); string(b) != "{\"accepted\":true}\n" {
		t.Fatalf("answer %s", b)
	}
	if _, err := r.store.Device(context.Background(), "0001", "B-2"); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("invented device: %v", err)
	}
	for name, bad := range map[string]string{
		"outcome": strings.Replace(j, "not-restored", "fine", 1), "id": strings.Replace(j, "0011", "00", 1), "field": strings.Replace(j, `"via"`, `"x":1,"via"`, 1),
		"via": strings.Replace(j, "command", "", 1), "control character": strings.Replace(j, "cable out", `\u001b[2J`, 1), "long words": strings.Replace(j, "cable out", strings.Repeat("x", 201), 1),
		"serial with a space behind": strings.Replace(j, "B-1", "B-1 ", 1), "serial of dots": strings.Replace(j, "B-1", "..", 1), "no serial": strings.Replace(j, "B-1", "", 1),
		"model with a slash": strings.Replace(j, "0001", "00/01", 1), "version from right to left": strings.Replace(j, `"version":""`, `"version":"1 \u05d0"`, 1),
		"trailing": j + "{}", "image": strings.Replace(j, `"image":""`, `"image":"12"`, 1),
	} {
		if a, b := r.do("POST", "/api/reports", []byte(bad), "Content-Type", jsonType); a.StatusCode != 400 {
			t.Errorf("%s: %s %s, want 400", name, a.Status, b)
		}
	}
	r.later(time.Minute) // strangers may not report faster
	r.must(404, "POST", "/api/reports", []byte(strings.Replace(j, "0001", "0099", 1)), "Content-Type", jsonType)
	r.must(415, "POST", "/api/reports", []byte(j), "Content-Type", "text/plain")
	r.must(413, "POST", "/api/reports", make([]byte, 16<<10+1), "Content-Type", jsonType)
}

func TestReportRate(t *testing.T) {
	var passed atomic.Int64 // time is what the test says: else a slow machine would not report too often
	r := newRig(t, func(c *Config) { c.Passed = func() time.Duration { return time.Duration(passed.Load()) } })
	b, err := reportOf("A-1", fleet.OutcomeFound, storage.Digest{}).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		r.must(202, "POST", "/api/reports", b, "Content-Type", cborType)
	}
	a, _ := r.do("POST", "/api/reports", b, "Content-Type", cborType)
	if a.StatusCode != 429 || a.Header.Get("Retry-After") == "" {
		t.Fatalf("%s, want 429", a.Status)
	}
	if n := counted(r.s.metrics.Requests, "4xx"); n != 1 {
		t.Errorf("%d requests of class 4xx are counted, want this one", n)
	}
	passed.Add(int64(2 * time.Second))
	r.must(202, "POST", "/api/reports", b, "Content-Type", cborType)
}

func TestRate(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.Limits.Rate, c.Limits.Burst = 1, 3
		c.Passed = func() time.Duration { return 0 }
	})
	limited := 0
	for range 6 {
		if a, _ := r.do("GET", "/api/whoami", nil); a.StatusCode == 429 {
			limited++
		}
	}
	if limited == 0 {
		t.Fatal("no request was turned away")
	}
	r.must(200, "GET", "/healthz", nil)
	r.must(200, "GET", "/readyz", nil)
}

func TestMetrics(t *testing.T) {
	r, one, _ := newPair(t)
	r.update(r.hello("A-1", one))
	r.until("the session is counted, and gone", func() bool { return counted(r.s.metrics.Sessions, "ended") == 1 && r.s.live.Number() == 0 })
	r.must(401, "GET", "/metrics", nil, "Authorization", "")
	text := string(r.must(200, "GET", "/metrics", nil))
	for _, want := range []string{`unbrick_sessions_total{result="ended"} 1`, `unbrick_transfers_total{proven="yes",result="done"} 1`, `unbrick_infos_total{kind="delta",proven="yes"} 1`, `unbrick_hellos_total{standing="proven"} 1`,
		`unbrick_update_files_made_total{result="ready"} 1`, `unbrick_devices{group="rewriting"} 1`, "unbrick_session_seconds_count 1", "unbrick_sessions 0", `unbrick_build_info{version="test"} 1`, `unbrick_rollouts{state="halted"} 0`} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for _, name := range []string{"go_goroutines ", "go_build_info{", "process_start_time_seconds ", "process_open_fds "} {
		if !strings.Contains(text, "\n"+name) && (runtime.GOOS == "linux" || name[0] == 'g') {
			t.Errorf("no %s in\n%s", name, text)
		}
	}
	// Whatever strangers call themselves and ask for, there are no more series.
	for i := range 20 {
		h := r.hello(fmt.Sprint("B-", i), one)
		h.Release, h.Digest = fmt.Sprint("9.", i), release.Digest{byte(i + 1)}
		r.session(h)
		r.do("GET", fmt.Sprint("/api/odd-", i), nil)
	}
	before := r.series()
	for i := range 20 {
		h := r.hello(fmt.Sprint("C-", i), one)
		h.Release, h.Digest = fmt.Sprint("8.", i), release.Digest{byte(i + 1), 1}
		r.session(h)
		r.do("GET", fmt.Sprint("/api/strange-", i), nil)
	}
	if after := r.series(); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}

// series counts the lines of /metrics that are ours.
func (r *rig) series() int {
	r.Helper()
	return strings.Count(string(r.must(200, "GET", "/metrics", nil)), "\nunbrick_")
}

func TestPageAndDemoAreNotThere(t *testing.T) {
	r := newRig(t)
	r.must(404, "GET", "/api/demo", nil)
	r.must(404, "GET", "/", nil)
}

func TestFullStorage(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Store = &fullStore{c.Store} })
	a, b := r.do("POST", "/api/releases", r.file(r.key, "1", 1, image(1, 20_000)), "Unbrick-Public-Key", r.pub(r.key))
	if e := decode[map[string]string](r, b); a.StatusCode != 507 || e["code"] != "full" {
		t.Fatalf("%s %s, want 507", a.Status, b)
	}
}

// fullStore has no room for a release.
type fullStore struct{ storage.Store }

func (*fullStore) AddRelease(context.Context, storage.Release, []byte) error { return storage.ErrFull }
