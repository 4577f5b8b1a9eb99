package static

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/andybalholm/brotli"
)

// CSP is the Content-Security-Policy of every answer. Scripts come from this server only; compiling
// WebAssembly is allowed, eval is not. Elements carry computed widths in style attributes, which is why
// those, and only those, may be inline.
const CSP = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; style-src-attr 'unsafe-inline'; " +
	"img-src 'self' data:; connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const (
	cacheForever = "public, max-age=31536000, immutable" // the address names the build
	cacheAsk     = "no-cache"                            // kept, but asked about each time
)

// types gives the content type by ending; what is not here is not served.
var types = map[string]string{
	".html":        "text/html; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".webmanifest": "application/manifest+json",
	".wasm":        "application/wasm",
}

// asset is one file ready to be sent.
type asset struct {
	body []byte
	etag string
}

// handler serves the embedded files. It is safe for concurrent use.
type handler struct {
	assets map[string]asset // by path without the leading slash
	packed map[string]packed
}

// packed is a program in brotli.
type packed struct {
	asset
	plain func() ([]byte, error)
}

// Handler serves the page at the root of its host, with content types, entity tags, cache rules and the
// security headers that the page needs. It answers GET and HEAD. The path of a screen, such as /lab, leads to the screen; any other
// path is 404. Every address in an answer is relative, so that a proxy may put the page below a path of its own.
func Handler() http.Handler { return newHandler(files) }

func newHandler(from fs.FS) *handler {
	h := &handler{assets: make(map[string]asset), packed: make(map[string]packed)}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		a := asset{body: b, etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
		if short, ok := strings.CutSuffix(name, packing); ok {
			h.packed[short] = packed{a, sync.OnceValues(func() ([]byte, error) { return io.ReadAll(brotli.NewReader(bytes.NewReader(b))) })}
		} else if types[path.Ext(name)] != "" {
			h.assets[name] = a
		}
		return nil
	})
	if err != nil {
		panic("static: embedded files cannot be read: " + err.Error())
	}
	return h
}

// Secure sets the headers that every answer of the server may carry.
func Secure(h http.Header) {
	h.Set("Content-Security-Policy", CSP)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "serial=(self), screen-wake-lock=(self), camera=(), microphone=(), geolocation=(), usb=()")
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	Secure(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = "index.html"
	}
	a, err := h.find(name, w.Header(), r)
	if err != nil {
		elsewhere(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Type", types[path.Ext(name)])
	header.Set("ETag", a.etag)
	header.Set("Cache-Control", cacheAsk)
	if r.URL.Query().Get("v") != "" {
		header.Set("Cache-Control", cacheForever)
	}
	header.Set("Content-Length", strconv.Itoa(len(a.body))) // of what is packed nobody else says it
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(a.body))
}

// find returns what to send for a name. A program travels in brotli to whoever takes it.
func (h *handler) find(name string, header http.Header, r *http.Request) (asset, error) {
	p, ok := h.packed[name]
	if !ok {
		a, ok := h.assets[name]
		if !ok {
			return asset{}, fs.ErrNotExist
		}
		return a, nil
	}
	header.Set("Vary", "Accept-Encoding")
	if accepts(r.Header.Get("Accept-Encoding"), "br") {
		header.Set("Content-Encoding", "br")
		return p.asset, nil
	}
	b, err := p.plain()
	if err != nil {
		return asset{}, err
	}
	return asset{body: b, etag: strings.TrimSuffix(p.etag, `"`) + `-plain"`}, nil
}

// elsewhere answers for a path that is no file: it leads to a screen, or shows the way.
func elsewhere(w http.ResponseWriter, r *http.Request) {
	name := strings.Trim(r.URL.EscapedPath(), "/")
	up := "./"
	if n := strings.Count(r.URL.EscapedPath(), "/") - 1; n > 0 {
		up = strings.Repeat("../", n)
	}
	w.Header().Set("Cache-Control", cacheAsk)
	if isScreen(name) {
		w.Header().Set("Location", up+"#"+name)
		w.WriteHeader(http.StatusFound)
		return
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", types[".html"])
	w.WriteHeader(http.StatusNotFound)
	if r.Method == http.MethodGet {
		io.WriteString(w, strings.ReplaceAll(nothing, "{up}", up))
	}
}

// isScreen says whether the page has a screen of this name: what it shows for the fragment.
func isScreen(name string) bool {
	switch name {
	case "restore", "lab", "fleet", "fleet-releases", "fleet-log", "fleet-accounts", "fleet-diagnostic":
		return true
	}
	for _, prefix := range []string{"lab/replay/", "fleet-device/"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
			return true
		}
	}
	return false
}

// nothing is what people see at an address that leads nowhere.
const nothing = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Nothing here · Unbrick</title>
<link rel="stylesheet" href="{up}app.css">
<link rel="icon" href="{up}icon.svg" type="image/svg+xml">
</head>
<body>
<div class="page">
<header class="top">
<a class="mark" href="{up}#restore"><span>Unbrick</span></a>
<nav class="tabs" aria-label="Screens"><a href="{up}#restore">Restore</a><a href="{up}#lab">Lab</a><a href="{up}#fleet">Fleet</a></nav>
</header>
<main id="main"><section class="screen"><div class="pane">
<h1>There is nothing at this address.</h1>
<p class="lead">To bring a device back, open <a href="{up}#restore">Restore</a>. To try it without a device, open the <a href="{up}#lab">Lab</a>. To see your devices, open the <a href="{up}#fleet">Fleet</a>.</p>
</div></section></main>
</div>
</body>
</html>
`

// accepts tells whether an Accept-Encoding header takes the coding; a weight of zero refuses it.
func accepts(header, coding string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q=")
		if !ok {
			return true
		}
		weight, err := strconv.ParseFloat(q, 64)
		return err == nil && weight > 0
	}
	return false
}
