package static_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"

	"unbrick/internal/browsertest"
	"unbrick/static"

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
	if got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(() => { try { window.eval("1"); return "evaluated"; } catch (e) { return e.name; } })()`)); err != nil || got != "EvalError" {
		t.Errorf("eval: got %q, %v, want EvalError", got, err)
	}
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
