package static_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"unbrick/internal/browsertest"
	"unbrick/static"

	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// page serves the built page, and 404 for everything of the API, until it is switched off.
func page(t *testing.T) (url string, off *atomic.Bool) {
	t.Helper()
	if !static.Built() {
		if os.Getenv("CI") != "" {
			t.Fatal("the page is not built: go run ./internal/buildpage")
		}
		t.Skip("the page is not built: go run ./internal/buildpage")
	}
	off = new(atomic.Bool)
	h := static.Handler()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if off.Load() {
			c, _, err := http.NewResponseController(w).Hijack() // as a server that is gone
			if err == nil {
				c.Close()
			}
			return
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	return web.URL, off
}

// The whole chain: shell, scripts under the policy, program, worker, first state.
func TestPageStarts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	url, off := page(t)
	ctx := browsertest.Tab(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	browsertest.Until(t, ctx, `document.documentElement.classList.contains("ready")`)
	browsertest.Until(t, ctx, `[...document.querySelectorAll("button.primary")].some(b => !b.disabled && b.innerText === "Connect your device")`)
	// What the protocol of this test evaluates may evaluate more; a timer is the page's own.
	const tries = `setTimeout(() => { let r = "evaluated"; try { window.eval("1"); } catch (e) { r = e.name; } document.documentElement.dataset.evaluates = r; })`
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](tries)); err != nil {
		t.Fatal(err)
	}
	browsertest.Until(t, ctx, `document.documentElement.dataset.evaluates === "EvalError"`)
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(`a[href="#lab"]`))); err != nil {
		t.Fatal(err)
	}
	browsertest.Until(t, ctx, `document.querySelector(".screen.lab h1") !== null`)

	// Once its service worker has everything, the page works without its server.
	browsertest.Until(t, ctx, `navigator.serviceWorker.controller !== null`)
	off.Store(true)
	if err := chromedp.Do(ctx, chromedp.Navigate(url+"/#lab")); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Reload()); err != nil {
		t.Fatal(err)
	}
	browsertest.Until(t, ctx, `document.documentElement.classList.contains("ready") && document.querySelector(".screen.lab h1") !== null`)
}

// TestShellSaysWhatCannotBe holds the program back: what a browser or an address cannot do is said before it comes, with what
// works all the same.
func TestShellSaysWhatCannotBe(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	hold := make(chan struct{})
	h := static.Handler()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".wasm") {
			select {
			case <-hold:
			case <-r.Context().Done():
			}
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	t.Cleanup(func() { close(hold) })
	ctx := browsertest.Tab(t)
	for _, c := range []struct{ before, says string }{
		{`delete Navigator.prototype.serial`, "This browser cannot use a cable."},
		{`Object.defineProperty(self, "isSecureContext", { value: false })`, "This address is not protected."},
		{``, "Bring your device back."},
	} {
		added, err := chromedp.Call(ctx, devtools.AddScriptToEvaluateOnNewDocument, devtools.AddScriptToEvaluateOnNewDocumentParams{Source: c.before})
		if err != nil {
			t.Fatal(err)
		}
		if err := chromedp.Do(ctx, chromedp.Navigate(web.URL)); err != nil {
			t.Fatal(err)
		}
		browsertest.Until(t, ctx, `document.querySelector("#page h1").innerText === `+strconv.Quote(c.says)+` && document.title.startsWith(`+strconv.Quote(strings.TrimSuffix(c.says, "."))+`)`)
		ready, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.documentElement.classList.contains("ready")`))
		if err != nil || ready {
			t.Fatalf("the program has come: %v", err)
		}
		browsertest.Until(t, ctx, `document.querySelector(".foot").innerText.includes("without a network") === self.isSecureContext`)
		if c.before != "" {
			browsertest.Until(t, ctx, `["#lab", "#fleet"].every(to => document.querySelector("#page .aside a[href='" + to + "']")) && !document.querySelector("#page button")`)
		}
		if _, err := chromedp.Call(ctx, devtools.RemoveScriptToEvaluateOnNewDocument, devtools.RemoveScriptToEvaluateOnNewDocumentParams(added)); err != nil {
			t.Fatal(err)
		}
	}
}

// A defect of ours must not leave a dead page without a word.
func TestPageSaysThatItHasStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	url, _ := page(t)
	ctx := browsertest.Tab(t)
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	browsertest.Until(t, ctx, `document.documentElement.classList.contains("ready")`)
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`(unbrick.halt("ended", "test"), true)`)); err != nil {
		t.Fatal(err)
	}
	browsertest.Until(t, ctx, `!document.getElementById("halt").hidden && document.getElementById("halt").innerText.includes("The page has stopped.")`)
}
