package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"unbrick/internal/browsertest"
)

// What the page says of a browser's storage.
const (
	saysNothingKept = "This browser keeps nothing for this page."
	saysNoMore      = "This browser does not keep what this page gives it."
	saysLost        = "Some of what this browser kept for this page was damaged and is gone."
)

// front is a server before a site that puts a script before the worker's, in which the page's own storage is used.
func front(t *testing.T, s *site, prelude string) (address string) {
	t.Helper()
	back, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(q *httputil.ProxyRequest) {
		q.SetURL(back)
		if q.Out.Header.Get("Origin") != "" {
			q.Out.Header.Set("Origin", s.URL)
		}
	}}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !strings.HasSuffix(q.URL.Path, "/worker.js") {
			proxy.ServeHTTP(w, q)
			return
		}
		a, err := http.Get(s.URL + "/worker.js?" + q.URL.RawQuery)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer a.Body.Close()
		w.Header().Set("Content-Type", "text/javascript")
		w.Write([]byte(prelude + "\n"))
		if _, err := io.Copy(w, a.Body); err != nil {
			t.Log(err)
		}
	}))
	t.Cleanup(web.Close)
	return web.URL
}

// restoresInTheLab breaks a device of the Lab and brings it back.
func (p *screen) restoresInTheLab() {
	p.t.Helper()
	p.eval(`location.hash = '#lab'`)
	p.press("Make a device")
	p.says("Running release 1.")
	p.choose("pace", "as fast as it goes")
	p.enter("cut-n", "100")
	p.press("Arm")
	p.press("Update over the air")
	p.press("Switch it on")
	p.says("Bricked")
	p.press("Restore over the cable")
	p.says("Running release 2.")
}

// forbid are getters that throw, as those of a browser do that keeps nothing for a page.
const forbid = `for (const [where, name] of [[self, 'indexedDB'], [self, 'localStorage'], [self, 'sessionStorage'], [self, 'caches'],
	[navigator, 'serviceWorker'], [navigator, 'storage']])
	if (name in where) Object.defineProperty(where, name, { get() { throw new DOMException('Access is denied for this document.', 'SecurityError'); } });
navigator.locks.request = async () => { throw new DOMException('Access to the Locks API is denied in this context.', 'SecurityError'); };`

// shelves makes the page's database as the page does, with records of the test's.
const shelves = `const r = indexedDB.open('unbrick', 1);
	r.onupgradeneeded = () => { const d = r.result; d.createObjectStore('contents'); d.createObjectStore('info').createIndex('Parent', 'Parent');
		const i = r.transaction.objectStore('info'), c = r.transaction.objectStore('contents'), file = { Mode: 0o644, ModTime: 0, Size: 64 };
		const folder = { Mode: 0x80000000 + 0o755, ModTime: 0, Size: 0 };
		i.put(folder, '.'); i.put({ ...folder, Parent: '.' }, 'apparatus'); i.put({ ...folder, Parent: '.' }, 'releases');
		RECORDS }; r.onsuccess = () => r.result.close();`

// TestBrowserStorage opens the real page in a browser whose storage is missing, forbidden, stuck, of another version, full,
// failing and half written. The page says what is not remembered, and a device is restored each time.
func TestBrowserStorage(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	s := startServer(t, "--demo")
	for _, test := range []struct {
		name, worker, document, says string
		quota                        float64
	}{
		{name: "none", worker: `Object.defineProperty(self, 'indexedDB', { value: undefined });`, says: saysNothingKept},
		{name: "forbidden", worker: forbid, document: forbid, says: saysNothingKept},
		{name: "does not open", worker: `IDBFactory.prototype.open = () => { throw new DOMException('Internal error.', 'UnknownError'); };`, says: saysNothingKept},
		{name: "never answers", document: `const r = indexedDB.open('unbrick', 1); r.onsuccess = () => { self.held = r.result; indexedDB.deleteDatabase('unbrick'); };`, says: saysNothingKept},
		{name: "newer", document: `const r = indexedDB.open('unbrick', 7); r.onsuccess = () => r.result.close();`, says: saysNothingKept},
		{name: "older", document: `const r = indexedDB.open('unbrick', 1); r.onsuccess = () => r.result.close();`, says: saysNothingKept},
		{name: "full", quota: 1, says: saysNo(saysNothingKept, saysNoMore)},
		{name: "fails in a write", worker: `const put = IDBObjectStore.prototype.put; let n = 0;
			IDBObjectStore.prototype.put = function(...a) { const r = put.apply(this, a); if (++n > 8) this.transaction.abort(); return r; };`, says: saysNoMore},
		{name: "half written", document: strings.Replace(shelves, "RECORDS", `i.put({ ...file, Parent: 'apparatus' }, 'apparatus/jobs.blob');`, 1), says: saysLost},
		{name: "damaged", document: strings.Replace(shelves, "RECORDS", `i.put({ ...file, Parent: 'apparatus' }, 'apparatus/jobs.blob'); c.put(new Uint8Array(64), 'apparatus/jobs.blob');`, 1), says: saysLost},
		{name: "records of another shape", document: strings.Replace(shelves, "RECORDS", `i.put({ Parent: 'apparatus' }, 'apparatus/jobs.blob'); i.put({ Parent: 'releases' }, 'releases/x'); c.put('text', 'apparatus/jobs.blob');`, 1), says: saysNo(saysLost, saysNothingKept)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // some wait for a storage that does not answer
			address := front(t, s, test.worker)
			ctx := shared.Tab(t)
			p := &screen{t: t, ctx: ctx}
			p.do(chromedp.EmulateViewport(1280, 1330))
			if test.document != "" {
				if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: test.document}); err != nil {
					t.Fatal(err)
				}
			}
			if test.quota > 0 {
				if _, err := chromedp.Call(ctx, storage.OverrideQuotaForOrigin, storage.OverrideQuotaForOriginParams{Origin: address, QuotaSize: &test.quota}); err != nil {
					t.Fatal(err)
				}
			}
			p.do(chromedp.Navigate(address))
			p.until(`document.body.innerText.includes('Connect your device') && /` + test.says + `/.test(document.body.innerText)`)
			p.shot("storage-" + strings.ReplaceAll(test.name, " ", "-"))
			p.restoresInTheLab()
		})
	}
}

// saysNo is either of two, where browsers differ in the moment at which they refuse.
func saysNo(a, b string) string { return a + "|" + b }

// TestSiteDataForbidden switches site data off in the browser's own settings.
func TestSiteDataForbidden(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	profile := t.TempDir()
	if err := os.MkdirAll(filepath.Join(profile, "Default"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profile, "Default", "Preferences"), []byte(`{"profile":{"default_content_setting_values":{"cookies":2}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, "--demo")
	p := &screen{t: t, ctx: browsertest.Tab(t, chromedp.UserDataDir(profile))}
	p.do(chromedp.EmulateViewport(1280, 1330))
	p.do(chromedp.Navigate(s.URL))
	p.until(`(() => { try { return !localStorage } catch { return true } })()`) // else the test tests nothing
	p.says("Connect your device")
	p.says(saysNothingKept)
	p.shot("storage-settings")
	p.restoresInTheLab()
}
