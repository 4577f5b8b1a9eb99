package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// token is the operator's token of every server that the tests start.
const token = "0123456789abcdef0123456789abcdef01234567"

// programPath is the built program. The first test that needs it builds it.
var programPath = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "unbrick")
	cmd := exec.Command("go", "build", "-o", path, "unbrick/cmd/unbrick")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return path, nil
})

var scratch string

// throughSerial counts the devices that were brought back through the browser's own serial stack.
var throughSerial atomic.Int64

// tally says how many there were, and writes the number into the file that UNBRICK_COUNT names.
func tally() {
	n := throughSerial.Load()
	if n > 0 {
		fmt.Printf("restorations through navigator.serial: %d\n", n)
	}
	if file := os.Getenv("UNBRICK_COUNT"); file != "" {
		if err := os.WriteFile(file, fmt.Appendf(nil, "%d\n", n), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "unbrick-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		scratch = dir
		code := m.Run()
		shared.Close()
		closeSurgery()
		common.close()
		tally()
		return code
	}())
}

// closeSurgery ends what only some systems have: the browser with a cable.
var closeSurgery = func() {}

func program(t *testing.T) string {
	t.Helper()
	path, err := programPath()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// site is a running server.
type site struct {
	URL string
	cmd *exec.Cmd
	log *tail
}

// startServer runs `unbrick serve` with args on a free port until the test ends.
func startServer(t *testing.T, args ...string) *site {
	t.Helper()
	return startProgram(t, program(t), args...)
}

func startProgram(t testing.TB, path string, args ...string) *site {
	t.Helper()
	s := serve(t, path, t.TempDir(), args...)
	s.tells(t)
	t.Cleanup(s.stop)
	return s
}

// serve runs `unbrick serve` of a program in a folder until it is stopped.
func serve(t testing.TB, path, dir string, args ...string) *site {
	t.Helper()
	s, err := tryServe(path, dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tryServe is serve that may fail, as it does where an address is taken.
func tryServe(path, dir string, args ...string) (*site, error) {
	args = append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "UNBRICK_TOKEN="+token)
	s := &site{cmd: cmd, log: &tail{}}
	cmd.Stderr = s.log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if _, url, ok := strings.Cut(lines.Text(), "serves "); ok {
			s.URL = url
			go io.Copy(io.Discard, stdout)
			return s, nil
		}
	}
	s.stop()
	return nil, fmt.Errorf("the server did not start:\n%s", s.log.String())
}

// tells adds the server's log to that of a test that fails.
func (s *site) tells(t testing.TB) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("server log:\n%s", s.log.String())
		}
	})
}

// stop ends the server as an operator does, and waits for it. A second call does nothing.
func (s *site) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
}

// kill ends the server as a crash does.
func (s *site) kill() {
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// fetch asks a server as the operator, and decodes its answer.
func fetch(t *testing.T, url string, v any) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+token)
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK || json.Unmarshal(b, v) != nil {
		t.Fatalf("%s: %s, %v, %s", url, a.Status, err, b)
	}
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buf.Len() > 1<<18 {
		l.buf.Next(l.buf.Len() - 1<<17)
	}
	return l.buf.Write(p)
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// outcome is what one run of the program came to.
type outcome struct {
	code           int
	stdout, stderr string
}

// last decodes the last line of standard output.
func (o *outcome) last(t *testing.T, v any) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), v); err != nil {
		t.Fatalf("last line: %v\nstdout: %s\nstderr: %s", err, o.stdout, o.stderr)
	}
}

// shell runs commands against one server, in one folder.
type shell struct {
	dir      string
	url      string
	stranger bool // it has no token
}

func newShell(t *testing.T, s *site) *shell {
	t.Helper()
	return &shell{dir: t.TempDir(), url: s.URL}
}

func (s *shell) command(t *testing.T, ctx context.Context, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(ctx, program(t), args...)
	cmd.Dir = s.dir
	has := token
	if s.stranger {
		has = ""
	}
	cmd.Env = append(os.Environ(), "UNBRICK_SERVER="+s.url, "UNBRICK_TOKEN="+has)
	return cmd
}

// run runs the program to its end.
func (s *shell) run(t *testing.T, args ...string) *outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := s.command(t, ctx, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	o := &outcome{stdout: out.String(), stderr: errOut.String()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		o.code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return o
}

// must runs the program and requires an exit code.
func (s *shell) must(t *testing.T, code int, args ...string) *outcome {
	t.Helper()
	o := s.run(t, args...)
	if o.code != code {
		t.Fatalf("unbrick %s: exit code %d, want %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), o.code, code, o.stdout, o.stderr)
	}
	return o
}

// write puts a file into the shell's folder.
func (s *shell) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *shell) read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
