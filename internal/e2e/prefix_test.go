package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// below is a reverse proxy that has put a server below /ub/, and what it was asked for.
type below struct {
	URL  string
	mu   sync.Mutex
	seen []string
}

// proxyBelow passes everything below /ub/ on, but for paths that barred names; all else is the proxy's own 404.
func proxyBelow(t *testing.T, s *site, barred string) *below {
	t.Helper()
	to, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	pass := http.StripPrefix("/ub", httputil.NewSingleHostReverseProxy(to))
	b := &below{}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		b.seen = append(b.seen, r.URL.Path)
		b.mu.Unlock()
		if rest, ok := strings.CutPrefix(r.URL.Path, "/ub/"); !ok || barred != "" && strings.HasPrefix(rest, barred) {
			http.Error(w, "<html>no such page of the proxy</html>", http.StatusNotFound)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	t.Cleanup(front.CloseClientConnections)
	b.URL = front.URL
	return b
}

// asked says whether a path that begins and ends so was asked for.
func (b *below) asked(begin, end string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.seen, func(p string) bool { return strings.HasPrefix(p, begin) && strings.HasSuffix(p, end) })
}

// TestBelowAPath is the whole page behind a proxy at /ub/: it asks for nothing beside that, and everything works there.
func TestBelowAPath(t *testing.T) {
	b := proxyBelow(t, startServer(t, "--demo"), "")
	p := openPage(t, b.URL+"/ub/lab") // the path of a screen opens it
	p.until(`location.pathname === '/ub/' && location.hash === '#lab'`)
	p.press("Make a device")
	p.says("Running release 1.")
	p.choose("pace", "as fast as it goes")
	p.press("Update over the air")
	p.says("Running release 2.")
	if !b.asked("/ub/link", "") || !b.asked("/ub/api/releases/", "/file") {
		t.Error("the link or the release file went another way")
	}
	p.eval(`location.hash = 'fleet'`)
	p.says("Sign in to the fleet.")
	p.enter("token", token)
	p.press("Sign in")
	p.until(`document.querySelector('table.devices tbody a')`)
	p.eval(`location.hash = 'restore'`)
	p.until(`document.querySelector('section.restore h1')`)
	p.eval(`navigator.serviceWorker.ready.then(r => document.documentElement.dataset.scope = r.scope)`)
	p.until(`document.documentElement.dataset.scope === location.origin + '/ub/'`)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, path := range b.seen {
		if !strings.HasPrefix(path, "/ub/") && path != "/favicon.ico" {
			t.Errorf("the page asked for %s, which is beside its own path", path)
		}
	}
}

// TestProxyWithoutTheAPI: a proxy that answers for the API in the server's place is told as that.
func TestProxyWithoutTheAPI(t *testing.T) {
	b := proxyBelow(t, startServer(t, "--demo"), "api/")
	p := openPage(t, b.URL+"/ub/fleet")
	p.says("Sign in to the fleet.")
	p.enter("token", token)
	p.press("Sign in")
	p.says("This is not the server’s answer.")
	p.says("status 404")
}
