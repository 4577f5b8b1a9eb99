package static

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

// built is a page with its program, and bare one without.
func built(t *testing.T) *handler {
	t.Helper()
	var packed bytes.Buffer
	w := brotli.NewWriter(&packed)
	if _, err := io.WriteString(w, "the program"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return newHandler(fstest.MapFS{
		"index.html":       {Data: []byte("<!doctype html>")},
		"app.css":          {Data: []byte("body{}")},
		"dist/placeholder": {Data: []byte("words")},
		"dist/packed.txt":  {Data: []byte("digest")},
		program:            {Data: packed.Bytes()},
	})
}

func get(h http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestElsewhere: the path of a screen opens it, below any path that a proxy has put before it; every other path says so, with the way back.
func TestElsewhere(t *testing.T) {
	h := built(t)
	base, err := url.Parse("https://example.com/ub/")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/lab": "#lab", "/fleet": "#fleet", "/restore": "#restore", "/lab/": "#lab", "/fleet/": "#fleet", "/fleet-releases": "#fleet-releases", "/fleet-diagnostic": "#fleet-diagnostic",
		"/lab/replay/a1b2": "#lab/replay/a1b2", "/fleet-device/0001/A-1": "#fleet-device/0001/A-1", "/lab?x=1": "#lab", "/lab/replay/a%20b": "#lab/replay/a%20b",
	} {
		r := get(h, "GET", path)
		seen, err := base.Parse(strings.TrimPrefix(path, "/"))
		if err != nil {
			t.Fatal(err)
		}
		to, err := seen.Parse(r.Header.Get("Location"))
		if r.StatusCode != 302 || err != nil || to.String() != base.String()+want {
			t.Errorf("%s: %s, leads to %s (%v)", path, r.Status, to, err)
		}
	}
	for _, path := range []string{"/labs", "/fleet/more", "/restore.html", "/fleet-device/", "/lab/replay/", "/a/b/c", "/a/", "/<script>", "/x%0d%0aSet-Cookie=a"} {
		r := get(h, "GET", path, "Accept", "text/html,*/*;q=0.8")
		text := body(t, r)
		if r.StatusCode != 404 || r.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(text, "There is nothing at this address.") || strings.Contains(text, "<script") {
			t.Errorf("%s: %s, %s", path, r.Status, text)
		}
		seen, err := base.Parse(strings.TrimPrefix(path, "/"))
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(text, -1) {
			if to, err := seen.Parse(link[1]); err != nil || to.Path != "/ub/" && to.Path != "/ub/app.css" && to.Path != "/ub/icon.svg" {
				t.Errorf("%s: link to %v", path, to)
			}
		}
	}
}

func TestHandler(t *testing.T) {
	h := built(t)
	for _, c := range []struct {
		name, method, path string
		header             []string
		status             int
		body, kind, coding string
	}{
		{"shell", "GET", "/", nil, 200, "<!doctype html>", "text/html; charset=utf-8", ""},
		{"shell by name", "GET", "/index.html", nil, 200, "<!doctype html>", "text/html; charset=utf-8", ""},
		{"head", "HEAD", "/app.css", nil, 200, "", "text/css; charset=utf-8", ""},
		{"program in brotli", "GET", "/dist/app.wasm", []string{"Accept-Encoding", "gzip, br;q=0.8"}, 200, string(h.packed["dist/app.wasm"].body), "application/wasm", "br"},
		{"program for old clients", "GET", "/dist/app.wasm", []string{"Accept-Encoding", "gzip"}, 200, "the program", "application/wasm", ""},
		{"brotli refused", "GET", "/dist/app.wasm", []string{"Accept-Encoding", "br;q=0"}, 200, "the program", "application/wasm", ""},
		{"packed file is not named", "GET", "/dist/app.wasm.br", nil, 404, "not found\n", "", ""},
		{"no type, not served", "GET", "/dist/placeholder", nil, 404, "not found\n", "", ""},
		{"no folder list", "GET", "/dist/", nil, 404, "not found\n", "", ""},
		{"no way up", "GET", "/../static.go", nil, 404, "not found\n", "", ""},
		{"no other method", "POST", "/", nil, 405, "method not allowed\n", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := get(h, c.method, c.path, c.header...)
			if r.StatusCode != c.status {
				t.Fatalf("status: got %d, want %d", r.StatusCode, c.status)
			}
			if got := body(t, r); got != c.body {
				t.Errorf("body: got %q, want %q", got, c.body)
			}
			if got := r.Header.Get("Content-Type"); c.kind != "" && got != c.kind {
				t.Errorf("type: got %q, want %q", got, c.kind)
			}
			if got := r.Header.Get("Content-Encoding"); got != c.coding {
				t.Errorf("coding: got %q, want %q", got, c.coding)
			}
			if got := r.Header.Get("Content-Security-Policy"); got != CSP {
				t.Errorf("policy: got %q", got)
			}
		})
	}
}

func TestCaching(t *testing.T) {
	h := built(t)
	first := get(h, "GET", "/app.css")
	tag := first.Header.Get("ETag")
	if got := first.Header.Get("Cache-Control"); got != cacheAsk {
		t.Errorf("without a version: got %q, want %q", got, cacheAsk)
	}
	if again := get(h, "GET", "/app.css", "If-None-Match", `"other", W/`+tag); again.StatusCode != 304 {
		t.Errorf("known tag: got %d, want 304", again.StatusCode)
	}
	if other := get(h, "GET", "/app.css", "If-None-Match", `"other"`); other.StatusCode != 200 {
		t.Errorf("other tag: got %d, want 200", other.StatusCode)
	}
	named := get(h, "GET", "/dist/app.wasm?v=1", "Accept-Encoding", "br")
	if got := named.Header.Get("Cache-Control"); got != cacheForever {
		t.Errorf("with a version: got %q, want %q", got, cacheForever)
	}
	plain := get(h, "GET", "/dist/app.wasm")
	if plain.Header.Get("ETag") == named.Header.Get("ETag") {
		t.Error("both forms of the program have the same tag")
	}
	if got, want := named.Header.Get("Content-Length"), len(h.packed["dist/app.wasm"].body); got != strconv.Itoa(want) {
		t.Errorf("length of the packed program: got %q, want %d", got, want)
	}
	if part := get(h, "GET", "/app.css", "Range", "bytes=0-2"); part.StatusCode != 206 || part.Header.Get("Content-Length") != "3" {
		t.Errorf("three bytes: got %d with length %q", part.StatusCode, part.Header.Get("Content-Length"))
	}
	if got := named.Header.Get("Vary"); got != "Accept-Encoding" {
		t.Errorf("vary: got %q", got)
	}
}

func TestWithoutTheProgram(t *testing.T) {
	h := newHandler(fstest.MapFS{"index.html": {Data: []byte("shell")}})
	if r := get(h, "GET", "/"); r.StatusCode != 200 {
		t.Errorf("shell: got %d, want 200", r.StatusCode)
	}
	if r := get(h, "GET", "/dist/app.wasm"); r.StatusCode != 404 {
		t.Errorf("program: got %d, want 404", r.StatusCode)
	}
}

// The policy must refuse inline code, so the shell may hold none.
func TestShellObeysThePolicy(t *testing.T) {
	b, err := files.ReadFile("index.html")
	if err != nil {
		t.Fatal(err)
	}
	shell := string(b)
	for _, never := range []string{"<style", " style=", "javascript:", " onclick=", " onload=", " onsubmit=", "http://", "https://"} {
		if strings.Contains(shell, never) {
			t.Errorf("index.html holds %q", never)
		}
	}
	if n := strings.Count(shell, "<script"); n != 1 || !strings.Contains(shell, `<script src="boot.js" defer></script>`) {
		t.Errorf("index.html holds %d scripts, want boot.js alone", n)
	}
	if strings.Contains(CSP, "'unsafe-eval'") || strings.Contains(strings.ReplaceAll(CSP, "style-src-attr 'unsafe-inline'", ""), "unsafe-inline") {
		t.Errorf("policy is too wide: %s", CSP)
	}
}
