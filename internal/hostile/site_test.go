package hostile

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	modelID    = "0001"
	serverName = "updates.example"
	token      = "the operator's token of this test"
	fromHeader = "Unbrick-Test-From" // which the proxy takes for the client's address
)

// site is a server, in a process of its own.
type site struct {
	testing.TB
	url string
	pid int
	log *tail
}

// tail is the end of a log, and how long all of it was.
type tail struct {
	mu   sync.Mutex
	kept []byte
	all  int
}

func (l *tail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all += len(b)
	l.kept = append(l.kept, b...)
	l.kept = l.kept[max(0, len(l.kept)-8<<10):]
	return len(b), nil
}

// serve builds the program and runs its server behind a proxy, as operating.md has it.
func serve(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "unbrick")
	if out, err := exec.Command("go", "build", "-trimpath", "-o", program, "unbrick/cmd/unbrick").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	cmd := exec.Command(program, "serve", "--addr", "127.0.0.1:0", "--proxied", "--name", serverName, "--data", filepath.Join(dir, "data"))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "UNBRICK_TOKEN="+token, "GOMEMLIMIT=")
	s := &site{TB: t, log: &tail{}}
	cmd.Stderr = s.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.pid = cmd.Process.Pid
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v:\n%s", err, s.log.kept)
		} else if t.Failed() {
			t.Logf("the end of the server's log:\n%s", s.log.kept)
		}
	})
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if _, at, ok := strings.Cut(lines.Text(), "serves "); ok {
			s.url = at
			go io.Copy(io.Discard, stdout)
			return s
		}
	}
	t.Fatalf("the server did not start:\n%s", s.log.kept)
	return nil
}

// peak is the most memory that the server had, in bytes; 0 where the system does not tell.
func (s *site) peak() int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			n, err := strconv.Atoi(strings.Fields(string(rest))[0])
			if err != nil {
				return 0
			}
			return n << 10
		}
	}
	return 0
}

// proxy is a reverse proxy in front of the server. Who comes says himself from which address, which is what a test wants of it.
type proxy struct{ *httptest.Server }

func newProxy(t *testing.T, s *site) *proxy {
	to, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(&httputil.ReverseProxy{
		FlushInterval: -1,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 256},
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		Rewrite: func(q *httputil.ProxyRequest) {
			q.SetURL(to)
			q.Out.Host = q.In.Host
			q.Out.Header.Set("X-Forwarded-For", q.In.Header.Get(fromHeader))
			q.Out.Header.Del(fromHeader)
		}})
	t.Cleanup(web.Close)
	return &proxy{web}
}

// client comes from an address, and finds the proxy under every name.
func (p *proxy) client(from string) *http.Client {
	return &http.Client{Transport: &comes{from, p.dialing()}}
}

func (p *proxy) dialing() *http.Transport {
	at := strings.TrimPrefix(p.URL, "http://")
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, at)
	}}
}

// comes adds to requests where they come from.
type comes struct {
	from string
	*http.Transport
}

// RoundTrip implements http.RoundTripper.
func (c *comes) RoundTrip(q *http.Request) (*http.Response, error) {
	q = q.Clone(q.Context())
	q.Header.Set(fromHeader, c.from)
	return c.Transport.RoundTrip(q)
}
