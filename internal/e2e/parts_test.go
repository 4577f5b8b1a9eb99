package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// gate is a server before another one, which holds back or refuses one file.
type gate struct {
	URL  string
	open func() // ends it
}

// gateBefore stands before a server. Answers for file wait until the gate is open; with refuse they are an error until then.
func gateBefore(t *testing.T, server, file string, refuse bool) *gate {
	t.Helper()
	to, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(q *httputil.ProxyRequest) {
		q.SetURL(to)
		if q.Out.Header.Get("Origin") != "" {
			q.Out.Header.Set("Origin", server)
		}
	}}
	opened := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, file) {
			if refuse {
				select {
				case <-opened:
				default:
					http.Error(w, "not now", http.StatusServiceUnavailable)
					return
				}
			}
			select {
			case <-opened:
			case <-r.Context().Done():
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	g := &gate{URL: web.URL, open: sync.OnceFunc(func() { close(opened) })}
	t.Cleanup(web.Close)
	t.Cleanup(web.CloseClientConnections)
	t.Cleanup(g.open)
	return g
}

// before lets a script run in a page before its own.
func (p *screen) before(script string) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
		p.t.Fatal(err)
	}
}

// emptyTab is a tab with a page that has not been opened.
func emptyTab(t *testing.T) *screen {
	t.Helper()
	p := &screen{t: t, ctx: shared.Tab(t)}
	p.do(chromedp.EmulateViewport(1280, 1330))
	return p
}

// TestChooserClosedEarly closes the chooser without a choice before the program is there: Connect is as it was, and opens it again;
// when the program has come, nothing has happened.
func TestChooserClosedEarly(t *testing.T) {
	g := gateBefore(t, startServer(t, "--demo").URL, "/dist/app.wasm", false)
	p := emptyTab(t)
	p.before(`self.choosers = 0; navigator.serial.requestPort = async () => { self.choosers++; throw new DOMException('No port selected by the user.', 'NotFoundError'); };`)
	p.do(chromedp.Navigate(g.URL))
	for n := range 2 {
		p.press("Connect your device")
		p.until("self.choosers === " + string(rune('1'+n)))
	}
	p.until(`[...document.querySelectorAll('button')].some(b => !b.disabled && b.innerText.trim() === 'Connect your device')`)
	p.shot("shell")
	g.open()
	p.until(`document.documentElement.classList.contains('ready')`)
	p.says("Your browser will ask which device to use.")
	p.until(`self.choosers === 2`)
}

// TestProgramMissing: a program that cannot be loaded is told in words; the Lab's is missed by nobody but the Lab.
func TestProgramMissing(t *testing.T) {
	s := startServer(t, "--demo")
	t.Run("page", func(t *testing.T) {
		p := openPage(t, gateBefore(t, s.URL, "/dist/app.wasm", true).URL)
		p.says("The page could not be loaded.")
		p.says("Nothing was written to any device.")
	})
	t.Run("lab", func(t *testing.T) {
		p := openPage(t, gateBefore(t, s.URL, "/dist/lab.wasm", true).URL+"/#lab")
		p.says("The Lab could not be loaded.")
		p.says("Nothing else has stopped.")
		p.shot("lab-missing")
		p.eval(`location.hash = 'restore'`)
		p.until(`[...document.querySelectorAll('button')].some(b => !b.disabled && b.innerText.trim() === 'Connect your device')`)
	})
}

// keepsAll sets keeps when the browser has the Lab's program and a release of each of the demo's models.
const keepsAll = `(async () => {
	const once = q => new Promise((done, fail) => { q.onsuccess = () => done(q.result); q.onerror = fail; });
	const db = await once(indexedDB.open('unbrick'));
	const all = async () => (await once(db.transaction('contents').objectStore('contents').getAllKeys())).filter(k => /^releases[/].*[.]unbrick$/.test(k)).length > 2
		&& await caches.match('dist/lab.wasm?v=' + UNBRICK.version);
	while (!await all()) await new Promise(done => setTimeout(done, 50));
	db.close();
	self.keeps = true;
})()`

// TestLabFirstOpenedOffline: who has only seen Restore has the Lab as well when the server is gone.
func TestLabFirstOpenedOffline(t *testing.T) {
	s := startServer(t, "--demo")
	p := openPage(t, s.URL)
	p.says("Your browser will ask which device to use.")
	p.eval(keepsAll)
	p.until(`self.keeps && navigator.serviceWorker.controller`)
	s.kill()
	p.do(chromedp.Reload())
	p.says("The server does not answer. Releases stored here still work.")
	p.eval(`location.hash = 'lab'`)
	p.says("No device has been made yet.")
	p.until(`document.querySelectorAll('select option, input[type=radio]').length > 1`) // models, out of what the engine keeps
}

// TestTwoTabsWithTheLab: the tab that has the work has both engines; when it ends the other has them, and the Lab's device as it was.
func TestTwoTabsWithTheLab(t *testing.T) {
	s := startServer(t, "--demo")
	hold := emptyTab(t) // keeps the browser's storage while the others come and go
	tab := func(path string) (*screen, func()) {
		ctx, leave := chromedp.NewContext(hold.ctx)
		t.Cleanup(leave)
		p := &screen{t: t, ctx: ctx}
		p.do(chromedp.EmulateViewport(1280, 1330))
		p.do(chromedp.Navigate(s.URL + path))
		return p, leave
	}
	first, leave := tab("/#lab")
	first.press("Make a device")
	first.says("Running release 1.")
	first.until(`document.querySelector('.panel[data-kept=true]')`)
	second, _ := tab("/#lab")
	second.says("Unbrick is open in another tab.")
	second.eval(`location.hash = 'restore'`)
	second.says("Unbrick is open in another tab.")
	second.eval(`location.hash = 'lab'`)
	leave()
	second.says("Running release 1.")
	second.eval(`location.hash = 'restore'`)
	second.says("Connect your device")
}
