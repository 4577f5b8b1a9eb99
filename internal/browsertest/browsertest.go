// Package browsertest runs tests in a real browser: a tab that forwards its console to the test's log,
// and Go tests of browser-only packages with a server of the caller's beside them, which nothing that
// runs inside the browser could be.
package browsertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Patience bounds every wait for the browser. Machines that run this are slow now and then.
const Patience = 90 * time.Second

// Tab starts a browser of its own and returns the context of its one tab. Without a browser the test is
// skipped, and fails where CI is set. more are options of the browser.
func Tab(t testing.TB, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	ctx, end := start(t, more)
	t.Cleanup(end)
	follow(t, ctx, end)
	return ctx
}

// A Browser is one for many tests: each gets a tab whose storage, workers and permissions are its own. To start a browser
// takes as long as most of these tests. The zero Browser starts when it is first needed.
type Browser struct {
	mu  sync.Mutex
	ctx context.Context
	end context.CancelFunc
}

// Tab opens a tab until the test ends. One test at a time calls it.
func (b *Browser) Tab(t testing.TB) context.Context {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ctx == nil || b.ctx.Err() != nil { // a browser may have ended under a test
		b.ctx, b.end = start(t, nil)
	}
	ctx, leave := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(leave)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	follow(t, ctx, leave)
	return ctx
}

// Close ends the browser.
func (b *Browser) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.end != nil {
		b.end()
	}
}

// start starts a browser.
func start(t testing.TB, more []chromedp.ExecAllocatorOption) (context.Context, context.CancelFunc) {
	t.Helper()
	if !installed() {
		if os.Getenv("CI") != "" {
			t.Fatal("no Chromium: .ci/browser installs one")
		}
		t.Skip("no Chromium found")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	alloc, end := chromedp.NewExecAllocator(context.Background(), append(opts, more...)...)
	ctx, leave := chromedp.NewContext(alloc)
	if err := chromedp.Do(ctx); err != nil {
		end()
		t.Fatalf("start the browser: %v", err)
	}
	return ctx, func() { leave(); end() }
}

// follow forwards a tab's console to the test's log until the test ends.
func follow(t testing.TB, ctx context.Context, leave context.CancelFunc) {
	console := chromedp.Console(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m, err := range console {
			if err != nil {
				return
			}
			if m.Text != "" {
				t.Logf("console %s: %s", m.Type, m.Text)
			}
		}
	}()
	t.Cleanup(func() { leave(); <-done }) // before the test's log is closed
}

func installed() bool {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if _, err := exec.LookPath(name); err == nil {
			return true
		}
	}
	return false
}

// Until evaluates an expression until it is true.
func Until(t testing.TB, ctx context.Context, expression string) {
	t.Helper()
	deadline := time.Now().Add(Patience)
	tick := time.NewTicker(50 * time.Millisecond) // a page has no channel to wait on
	defer tick.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if ok {
			return
		}
		if time.Now().After(deadline) {
			text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText.slice(0, 2000) : ""`))
			focus, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.activeElement ? document.activeElement.cloneNode().outerHTML + " " + (document.activeElement.value ?? "") : ""`))
			t.Fatalf("waited for %s in vain (%v); the focus is on %s; the page says:\n%s", expression, err, focus, text)
		}
		<-tick.C
	}
}

// Go builds the tests of a package for the browser and runs them, or with such args its benchmarks, there. The mux may serve what they
// need; env is their environment, in which {host} stands for the server's host and port.
func Go(t testing.TB, pkg string, mux *http.ServeMux, env map[string]string, args ...string) {
	t.Helper()
	GoIn(t, func(string) context.Context { return Tab(t) }, pkg, mux, env, args...)
}

// GoIn is Go in a tab of the caller's, which it starts when the server's origin is known.
func GoIn(t testing.TB, tab func(origin string) context.Context, pkg string, mux *http.ServeMux, env map[string]string, args ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "test.wasm")
	build := exec.Command("go", "test", "-c", "-o", file, pkg)
	build.Env = append(build.Environ(), "GOOS=js", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the tests of %s: %v\n%s", pkg, err, out)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	serve := func(path, name, kind string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			http.ServeFile(w, r, name)
		})
	}
	serve("/wasm_exec.js", filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"), "text/javascript")
	serve("/test.wasm", file, "application/wasm")
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	var settings strings.Builder
	for k, v := range env {
		v = strings.ReplaceAll(v, "{host}", strings.TrimPrefix(web.URL, "http://"))
		fmt.Fprintf(&settings, "go.env[%s] = %s;", strconv.Quote(k), strconv.Quote(v))
	}
	words := `"test"`
	for _, a := range args {
		words += ", " + strconv.Quote(a)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, page, words, settings.String())
	})
	ctx := tab(web.URL)
	if err := chromedp.Do(ctx, chromedp.Navigate(web.URL)); err != nil {
		t.Fatal(err)
	}
	Until(t, ctx, `"code" in window`)
	code, err := chromedp.Run(ctx, chromedp.Evaluate[string](`String(window.code)`))
	if err != nil || code != "0" {
		t.Errorf("tests of %s in the browser ended with %s, %v", pkg, code, err)
	}
}

// page runs a test binary and leaves its exit code in window.code.
const page = `<!doctype html><meta charset="utf-8"><title>tests</title><script src="wasm_exec.js"></script><script>
const go = new Go(); go.argv = [%s]; %s let code = 0; go.exit = n => { code = n; };
WebAssembly.instantiateStreaming(fetch("test.wasm"), go.importObject)
	.then(r => go.run(r.instance)).then(() => { window.code = code; }, e => { window.code = String(e); });
</script>`
