package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"unbrick/server/form"
)

// knows is what the server knows of a device.
func knows(t *testing.T, sh *shell, serial string) *form.DeviceDetail {
	t.Helper()
	var d form.DeviceDetail
	fetch(t, sh.url+"/api/devices/0001/"+serial, &d)
	if len(d.History) == 0 {
		t.Fatalf("%s has no history", serial)
	}
	return &d
}

// isBricked makes a device whose key the server has, and cuts its power in the middle of its update.
func isBricked(t *testing.T, sh *shell, serial string) {
	t.Helper()
	if o := sh.run(t, append(factory(serial, serial+".flash"), "--update", "--cut-at", "200")...); o.code != exitBricked {
		t.Fatalf("the cut ends with code %d, want %d\n%s", o.code, exitBricked, o.stderr)
	}
	if d := knows(t, sh, serial); d.Key == "" || d.Group != "rewriting" || d.Restored != nil {
		t.Fatalf("before it is restored: %+v", d)
	}
}

// isBelieved demands that the server takes the restoration as the device's own word.
func isBelieved(t *testing.T, d *form.DeviceDetail, via string) {
	t.Helper()
	e := &d.History[0]
	if e.Kind != "restored" || e.Source != "device" || e.To != "2" || e.Detail["via"] != via || e.Detail["operator"] != false {
		t.Errorf("the newest line is %+v", e)
	}
	if d.Restored == nil || d.Told || d.Sessions != 1 {
		t.Errorf("restored %v, as told %v, after %d sessions", d.Restored, d.Told, d.Sessions)
	}
}

// TestReceiptByCommand: who has the cable and no right at the server restores a device, and the server believes the device that it is
// restored before it has spoken there again.
func TestReceiptByCommand(t *testing.T) {
	sh, _, _ := published(t)
	isBricked(t, sh, "R-1")
	restoreOverPTY(t, &shell{dir: sh.dir, url: sh.url, stranger: true}, "0001", "R-1.flash")
	isBelieved(t, knows(t, sh, "R-1"), "command")
	var got emulated
	sh.must(t, 0, "emulate", "--model", "0001", "--flash", "R-1.flash", "--update", "--json").last(t, &got)
	if d := knows(t, sh, "R-1"); got.Reason != "up to date" || d.Sessions != 2 || d.Release.Version != "2" || d.Group != "running" || d.Restored == nil || d.Told {
		t.Errorf("in its next session %q; %+v", got.Reason, d)
	}
}

// keeper is a server in front of the real one. Of reports it takes the receipt away, and keeps what they were.
func keeper(t *testing.T, sh *shell) (at string, reports <-chan map[string]any) {
	t.Helper()
	real, err := url.Parse(sh.url)
	if err != nil {
		t.Fatal(err)
	}
	kept := make(chan map[string]any, 1)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(real)
		if r.In.URL.Path != "/api/reports" {
			return
		}
		b, err := io.ReadAll(r.In.Body)
		var whole, bare map[string]any
		if err != nil || json.Unmarshal(b, &whole) != nil || json.Unmarshal(b, &bare) != nil {
			t.Errorf("report %q: %v", b, err)
			return
		}
		kept <- whole
		delete(bare, "receipt")
		delete(bare, "signature")
		if b, err = json.Marshal(bare); err != nil {
			t.Error(err)
		}
		r.Out.Body, r.Out.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		r.Out.Header.Set("Content-Length", strconv.Itoa(len(b)))
	}}
	web := httptest.NewServer(proxy)
	t.Cleanup(web.Close)
	return web.URL, kept
}

// tells sends a report as a stranger.
func tells(t *testing.T, sh *shell, report map[string]any) (status int, words string) {
	t.Helper()
	b, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	a, err := http.Post(sh.url+"/api/reports", form.JSON, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if b, err = io.ReadAll(a.Body); err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, string(b)
}

// TestReceiptIsWhatCounts: the report of a restoration that was one changes nothing without the device's receipt, and nothing with that
// of a false signature or with another image. The same with the receipt is believed.
func TestReceiptIsWhatCounts(t *testing.T) {
	sh, _, _ := published(t)
	isBricked(t, sh, "R-2")
	at, reports := keeper(t, sh)
	restoreOverPTY(t, &shell{dir: sh.dir, url: at, stranger: true}, "0001", "R-2.flash")
	report := <-reports
	if report["receipt"] == nil || report["signature"] == nil {
		t.Fatalf("the command sent no receipt: %v", report)
	}
	bare := knows(t, sh, "R-2")
	if e := &bare.History[0]; e.Kind != "restored" || e.Source != "reporter" || bare.Restored != nil || bare.Told || bare.Group != "rewriting" {
		t.Errorf("without its receipt the report left %+v; restored %v, as told %v, group %s", e, bare.Restored, bare.Told, bare.Group)
	}
	with := func(change string, value any) map[string]any {
		r := map[string]any{"id": strings.ToLower(fmt.Sprintf("%x", rand.Text()[:16]))}
		for name, v := range report {
			if name != "id" {
				r[name] = v
			}
		}
		if change != "" {
			r[change] = value
		}
		return r
	}
	for change, value := range map[string]any{"signature": make([]byte, 64), "image": strings.Repeat("ab", 32), "serial": "R-1"} {
		if status, words := tells(t, sh, with(change, value)); status != http.StatusForbidden || !strings.Contains(words, `"receipt"`) {
			t.Errorf("another %s: %d %s", change, status, words)
		}
	}
	if d := knows(t, sh, "R-2"); d.History[0].ID != bare.History[0].ID || d.Restored != nil {
		t.Errorf("a refused receipt left %+v", d.History[0])
	}
	if status, words := tells(t, sh, with("", nil)); status >= 300 {
		t.Errorf("with its receipt: %d %s", status, words)
	}
	isBelieved(t, knows(t, sh, "R-2"), "command")
	if status, words := tells(t, sh, with("", nil)); status != http.StatusForbidden {
		t.Errorf("the same receipt once more: %d %s", status, words)
	}
}
