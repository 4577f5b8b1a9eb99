package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/offer"
)

// serving is a server that was started by the command, in this process.
type serving struct {
	logged               *words
	url, token, greeting string
	stop                 func() int
}

// words collects what a command prints, and tells when a line has come.
type words struct {
	mu   sync.Mutex
	b    bytes.Buffer
	line chan struct{}
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b.Write(p)
	select {
	case w.line <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// await waits until what was printed has text in it.
func (w *words) await(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(w.String(), text) {
		select {
		case <-w.line:
		case <-t.Context().Done():
			t.Fatalf("%q was not printed: %s", text, w)
		}
	}
}

// startServe runs `unbrick serve` until the test ends or stop is called.
func startServe(t *testing.T, args ...string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out := &words{line: make(chan struct{}, 1)}
	logged := &words{line: make(chan struct{}, 1)}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"serve", "--addr", "127.0.0.1:0", "--drain", "1s"}, args...), out, logged)
	}()
	s := &serving{logged: logged, stop: sync.OnceValue(func() int { cancel(); return <-code })}
	t.Cleanup(func() { s.stop() })
	operators := ""
	for s.url == "" {
		select {
		case <-out.line:
		case c := <-code:
			code <- c
			t.Fatalf("serve ended with %d: %s", c, logged)
		}
		for line := range strings.Lines(out.String()) {
			if _, url, ok := strings.Cut(line, "Operators come to "); ok {
				operators = strings.TrimSpace(url)
			}
			if _, url, ok := strings.Cut(line, "serves "); ok {
				s.url = strings.TrimSpace(url)
			}
		}
	}
	if at := cmp.Or(operators, s.url); !strings.HasPrefix(at, "https:") { // whose certificate is the test's own
		must(t, exitOK, "ready", "--wait", "0", "--server", at)
	}
	s.greeting = out.String()
	if _, token, ok := strings.Cut(s.greeting, "once: "); ok {
		s.token, _, _ = strings.Cut(token, "\n")
	}
	return s
}

// execute runs one command line and returns its code and what it printed.
func execute(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(context.Background(), args, &o, &e)
	return code, o.String(), e.String()
}

func must(t *testing.T, want int, args ...string) string {
	t.Helper()
	code, out, errOut := execute(t, args...)
	if code != want {
		t.Fatalf("unbrick %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, want, out, errOut)
	}
	return out + errOut
}

// TestTokenIsShownOnce: the first start shows one, which lasts; that of the environment counts as long as the server is started with it,
// and a new one replaces it.
func TestTokenIsShownOnce(t *testing.T) {
	t.Setenv("UNBRICK_TOKEN", "")
	data := t.TempDir()
	first := startServe(t, "--data", data)
	if len(first.token) < 32 {
		t.Fatalf("no token in %q", first.greeting)
	}
	if who := whoami(t, first.url, first.token); !who {
		t.Fatal("the shown token is not an admin's")
	}
	if code := first.stop(); code != exitOK {
		t.Fatalf("exit code %d after a signal", code)
	}
	second := startServe(t, "--data", data)
	if second.token != "" || !whoami(t, second.url, first.token) {
		t.Fatalf("second start: %q, token still known: %v", second.greeting, whoami(t, second.url, first.token))
	}
	second.stop()
	t.Setenv("UNBRICK_TOKEN", "a token of my own")
	third := startServe(t, "--data", data)
	if third.token != "" || !whoami(t, third.url, "a token of my own") || !whoami(t, third.url, first.token) {
		t.Fatal("UNBRICK_TOKEN is not known beside the token of account admin")
	}
	third.stop()
	t.Setenv("UNBRICK_TOKEN", "another token of my own")
	fourth := startServe(t, "--data", data)
	if !whoami(t, fourth.url, "another token of my own") || whoami(t, fourth.url, "a token of my own") {
		t.Fatal("the environment has two tokens")
	}
	fourth.stop()
	t.Setenv("UNBRICK_TOKEN", "")
	fifth := startServe(t, "--data", data)
	if fifth.token != "" || whoami(t, fifth.url, "another token of my own") || !whoami(t, fifth.url, first.token) {
		t.Fatal("the environment's token outlives it")
	}
	fifth.stop()
	all, err := os.ReadFile(filepath.Join(data, "unbrick.db"))
	if err != nil || bytes.Contains(all, []byte(first.token)) || bytes.Contains(all, []byte("a token of my own")) {
		t.Fatalf("a token stands in the database, %v", err)
	}
}

func whoami(t *testing.T, url, token string) (admin bool) {
	t.Helper()
	q, err := http.NewRequest("GET", url+"/api/whoami", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+token)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	var who form.Who
	b, err := io.ReadAll(a.Body)
	if err != nil || json.Unmarshal(b, &who) != nil {
		t.Fatalf("whoami: %s, %v", b, err)
	}
	return slices.Contains(who.Roles, "admin")
}

// TestServeBrokenFolder: the command says what is wrong with its folder, and what to do; what it can serve all the same it tells the log.
func TestServeBrokenFolder(t *testing.T) {
	t.Setenv("UNBRICK_TOKEN", "")
	data := t.TempDir()
	s := startServe(t, "--data", data)
	s.stop()
	stray := filepath.Join(data, "blobs", strings.Repeat("ab", 32))
	if err := os.WriteFile(stray, []byte("of another catalogue"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = startServe(t, "--data", data)
	if s.stop(); !strings.Contains(s.logged.String(), "named by no release") {
		t.Errorf("the log does not tell of the file that nothing names: %s", s.logged)
	}
	database := filepath.Join(data, "unbrick.db")
	if err := os.Truncate(database, 0); err != nil {
		t.Fatal(err)
	}
	out := must(t, exitFailed, "serve", "--addr", "127.0.0.1:0", "--data", data)
	if !strings.Contains(out, database+" is empty") || !strings.Contains(out, "put it back from a backup") {
		t.Errorf("empty database: %s", out)
	}
	if _, err := os.Stat(stray); err != nil {
		t.Errorf("the blob is gone: %v", err)
	}
}

func TestServeRefuses(t *testing.T) {
	t.Setenv("UNBRICK_TOKEN", "token of this test")
	data := t.TempDir()
	startServe(t, "--data", data)
	if out := must(t, exitFailed, "serve", "--addr", "127.0.0.1:0", "--data", data); !strings.Contains(out, "another server uses") {
		t.Errorf("second server: %s", out)
	}
	busy := startServe(t, "--data", t.TempDir())
	if out := must(t, exitFailed, "serve", "--addr", strings.TrimPrefix(busy.url, "http://"), "--data", t.TempDir()); !strings.Contains(out, "address already in use") {
		t.Errorf("busy address: %s", out)
	}
	must(t, exitUsage, "serve", "more")
	must(t, exitUsage, "serve", "--log", "xml")
	must(t, exitUsage, "serve", "--sessions", "0")
	must(t, exitUsage, "serve", "--per-address", "0")
	for _, name := range []string{"Updates.example", "updates.example:443", "updates.example.", "2001:DB8::1", "2001:db8:0::1", "[::1]", "fe80::1%eth0", "127.0.0.01", "a b"} {
		if out := must(t, exitUsage, "serve", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--name", name); !strings.Contains(out, "--name") {
			t.Errorf("name %q: %s", name, out)
		}
	}
	startServe(t, "--data", t.TempDir(), "--name", "printer", "--name", "updates.example", "--name", "2001:db8::1", "--name", "192.0.2.1", "--name", "localhost")
	if out := must(t, exitFailed, "serve", "--addr", "127.0.0.1:0", "--admin-addr", strings.TrimPrefix(busy.url, "http://"), "--data", t.TempDir()); !strings.Contains(out, "--admin-addr") {
		t.Errorf("busy address for operators: %s", out)
	}
	for _, bad := range []string{"x", "123456789012345", " \n", "0123456789abcdef\nmore"} {
		t.Setenv("UNBRICK_TOKEN", bad)
		if out := must(t, exitUsage, "serve", "--addr", "127.0.0.1:0", "--data", t.TempDir()); !strings.Contains(out, "UNBRICK_TOKEN") {
			t.Errorf("token %q: %s", bad, out)
		}
	}
	if out := must(t, exitOK, "serve", "--help"); !strings.Contains(out, "exit codes:") {
		t.Errorf("help: %s", out)
	}
}

// TestTokenFromAFile: what a file's end or a careless copy puts around the token belongs to it on no side.
func TestTokenFromAFile(t *testing.T) {
	t.Setenv("UNBRICK_TOKEN", " 0123456789abcdef\r\n")
	s := startServe(t, "--data", t.TempDir())
	if !whoami(t, s.url, "0123456789abcdef") {
		t.Error("the token of the environment is not an admin's")
	}
	model := []string{"model", "put", "0001", "--flash", "256KiB", "--ram", "256KiB", "--server", s.url}
	must(t, exitOK, model...)
	must(t, exitOK, append(model, "--token", "\t0123456789abcdef\n")...)
	if out := must(t, exitUsage, append(model, "--token", "0123456789abcdef\nHost: x")...); !strings.Contains(out, "token") {
		t.Errorf("a token that cannot be sent: %s", out)
	}
}

func TestServeDemo(t *testing.T) {
	t.Setenv("UNBRICK_TOKEN", "")
	s := startServe(t, "--demo")
	if !strings.Contains(s.greeting, "This is a demo") {
		t.Fatalf("the demo does not say so: %s", s.greeting)
	}
	a, err := http.Get(s.url + "/api/demo")
	if err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", a, err)
	}
	a.Body.Close()
}

// publisher is a folder with a key and two images, and a server that knows the model.
func publisher(t *testing.T) (s *serving, dir string) {
	t.Helper()
	t.Setenv("UNBRICK_TOKEN", "secret of the test")
	s = startServe(t, "--data", t.TempDir())
	t.Setenv("UNBRICK_SERVER", s.url)
	dir = t.TempDir()
	t.Chdir(dir)
	must(t, exitOK, "key", "new", "-o", "release.key")
	must(t, exitOK, "model", "put", "0001", "--flash", "256KiB", "--geometry", "4KiB", "--program-unit", "8", "--ram", "256KiB", "--app", "system:16KiB:9:fixed", "--settings", "calibration:8KiB", "--enrol", "open")
	for i, name := range []string{"v1.bin", "v2.bin"} {
		if err := os.WriteFile(name, bytes.Repeat([]byte{byte(i), 2, 3, 4}, 3000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s, dir
}

func TestKeyIsNeverOverwritten(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, exitOK, "key", "new", "-o", "release.key")
	info, err := os.Stat("release.key")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v: the secret is readable by others", info.Mode(), err)
	}
	before, _ := os.ReadFile("release.key")
	must(t, exitFailed, "key", "new", "-o", "release.key")
	os.Remove("release.key")
	must(t, exitFailed, "key", "new", "-o", "release.key") // the public half alone is kept too
	if _, err := os.Stat("release.key"); err == nil {
		t.Fatal("a secret without its public key was left")
	}
	if _, err := release.ParseKey(before); err != nil {
		t.Fatal(err)
	}
	must(t, exitUsage, "key")
	must(t, exitUsage, "key", "new", "-o", "a.pub")
	must(t, exitFailed, "key", "new", "-o", "no/such/folder/k.key")
}

func TestPublishCommand(t *testing.T) {
	_, _ = publisher(t)
	publish := func(args ...string) []string {
		return append([]string{"publish", "--key", "release.key", "--model", "0001", "--json"}, args...)
	}
	var first, second, again publishing
	for _, step := range []struct {
		to   *publishing
		args []string
	}{{&first, publish("--version", "1", "v1.bin")}, {&second, publish("--version", "2", "v2.bin")}, {&again, publish("--version", "1", "v1.bin")}} {
		if err := json.Unmarshal([]byte(must(t, exitOK, step.args...)), step.to); err != nil {
			t.Fatal(err)
		}
	}
	if first.Order != 1 || second.Order != 2 || !first.New || again.New || again.Order != 1 || first.Size != 12000 {
		t.Fatalf("first %+v, second %+v, again %+v", first, second, again)
	}
	for name, c := range map[string]struct {
		code int
		args []string
		want string
	}{
		"version again":  {exitFailed, publish("--version", "2", "v1.bin"), "another release"},
		"path":           {exitFailed, publish("--version", "../../x", "v1.bin"), "not a version"},
		"no such file":   {exitFailed, publish("--version", "3", "none.bin"), "no such file"},
		"unknown model":  {exitFailed, []string{"publish", "--key", "release.key", "--model", "0077", "--version", "1", "v1.bin"}, "unbrick model put"},
		"no key":         {exitUsage, []string{"publish", "--model", "0001", "--version", "1", "v1.bin"}, "--key"},
		"no file":        {exitUsage, publish("--version", "3"), "one file"},
		"key is no key":  {exitFailed, []string{"publish", "--key", "v1.bin", "--model", "0001", "--version", "3", "v2.bin"}, "v1.bin"},
		"wrong token":    {exitFailed, publish("--token", "x", "--version", "3", "v1.bin"), "token"},
		"nobody answers": {exitFailed, publish("--server", "http://127.0.0.1:1", "--version", "3", "v1.bin"), "no server answers"},
		"no address":     {exitUsage, publish("--server", "server", "--version", "3", "v1.bin"), "--server"},
		"long version":   {exitFailed, publish("--version", strings.Repeat("v", 33), "v1.bin"), "version"},
	} {
		if out := must(t, c.code, c.args...); !strings.Contains(out, c.want) {
			t.Errorf("%s: %s, want words about %q", name, out, c.want)
		}
	}
	for name, content := range map[string]string{"an ELF file": "\x7fELF\x01", "an Intel HEX file": ":00000001FF\n", "a UF2 file": "UF2\nWQ", "is empty": "", "a release file that is damaged": "UNBRICK2\x00"} {
		if err := os.WriteFile("odd.bin", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := must(t, exitFailed, publish("--version", "3", "odd.bin")...); !strings.Contains(out, name) {
			t.Errorf("%q: %s", name, out)
		}
	}
	if err := os.WriteFile("large.bin", programBytes(300<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := must(t, exitFailed, publish("--version", "3", "large.bin")...); !strings.Contains(out, "307200") {
		t.Errorf("too large: %s", out)
	}
}

func TestPublishWithAnotherKey(t *testing.T) {
	publisher(t)
	must(t, exitOK, "publish", "--key", "release.key", "--model", "0001", "--version", "1", "v1.bin")
	must(t, exitOK, "key", "new", "-o", "other.key")
	other := []string{"publish", "--key", "other.key", "--model", "0001", "--version", "2", "v2.bin"}
	if out := must(t, exitFailed, other...); !strings.Contains(out, "--trust-key") {
		t.Errorf("another key: %s", out)
	}
	must(t, exitOK, append(other, "--trust-key")...)
}

func TestPublishInTwoSteps(t *testing.T) {
	publisher(t)
	must(t, exitOK, "model", "put", "0001", "--flash", "256KiB", "--ram", "256KiB", "--app", "system:16KiB:9:fixed", "--settings", "calibration:8KiB", "-o", "0001.model")
	offline := []string{"publish", "--server", "http://127.0.0.1:1", "--key", "release.key", "--model", "0001", "--model-file", "0001.model", "--version", "7", "v1.bin", "-o", "7.release"}
	must(t, exitUsage, offline...)
	must(t, exitOK, append(offline, "--order", "7")...)
	must(t, exitFailed, "publish", "7.release") // the first under a key needs the public key
	must(t, exitOK, "publish", "--pub", "release.pub", "7.release")
	if out := must(t, exitOK, "publish", "7.release"); !strings.Contains(out, "was there already") {
		t.Errorf("again: %s", out)
	}
}

func TestModelWords(t *testing.T) {
	publisher(t)
	base := []string{"model", "put", "0002", "--flash", "256KiB", "--ram", "64KiB"}
	must(t, exitOK, append(base, "--geometry", "4KiB*16,64KiB*3", "--erased", "00", "--program-unit", "4")...)
	for _, bad := range [][]string{{"--geometry", "5KiB"}, {"--erased", "zz"}, {"--app", "x"}, {"--app", "x:70KiB:1"}, {"--app", "x:1KiB:300"}, {"--settings", "x"}, {"--settings", "x:1GiB"}, {"--boot", "3KiB"}, {"--line", "1"}, {"--blocks", "x"}} {
		must(t, exitUsage, append(base[:len(base):len(base)], bad...)...)
	}
	must(t, exitUsage, "model", "put", "0002")
	must(t, exitUsage, "model", "get", "0002")
}

func TestVersionCommand(t *testing.T) {
	bsdiff := "with bsdiff"
	if !offer.MakesBsdiff {
		bsdiff = "without bsdiff (built without cgo)"
	}
	if out := must(t, exitOK, "version"); !strings.HasPrefix(out, "unbrick ") || !strings.HasSuffix(out, ", "+bsdiff+"\n") {
		t.Fatalf("%q", out)
	}
	must(t, exitUsage, "version", "more")
}
