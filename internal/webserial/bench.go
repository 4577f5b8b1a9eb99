//go:build linux

package webserial

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// benchVariable names the bench folder to the shim: shim/bench.h.
const benchVariable = "UNBRICK_BENCH"

var (
	//go:embed shim/bench.h
	benchHeader []byte
	//go:embed shim/modem.c
	modemSource []byte
	//go:embed shim/udev.c
	udevSource []byte
)

// Bench is a place to plug adapters in, watched by one browser. Its methods may be called from any
// goroutine.
type Bench struct {
	dir     string // short: it holds Unix sockets, whose paths have at most 107 bytes
	library string
	browser string
}

// New builds the shim and finds a browser. The error names what the machine lacks. The caller closes
// the bench after the browser has ended.
func New() (*Bench, error) {
	if err := serialDriver(); err != nil {
		return nil, err
	}
	browser, err := findBrowser()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, fmt.Errorf("make bench: %w", err)
	}
	library, err := build(dir)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return &Bench{dir: dir, library: library, browser: browser}, nil
}

// Close takes the folder away. Ports are to be unplugged before.
func (b *Bench) Close() error { return os.RemoveAll(b.dir) }

// Need returns a bench that is closed with the test. On a machine that lacks something it skips the
// test and says what; where CI is set or UNBRICK_SERIAL is 1 that is a failure, because a suite that
// skips what it is for proves nothing.
func Need(t testing.TB) *Bench {
	t.Helper()
	b, err := New()
	if err != nil {
		if os.Getenv("CI") != "" || os.Getenv("UNBRICK_SERIAL") == "1" {
			t.Fatalf("tests on real Web Serial cannot run: %v", err)
		}
		t.Skipf("tests on real Web Serial cannot run: %v", err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// build compiles the shim into dir with the system's C compiler, or the one that CC names.
func build(dir string) (string, error) {
	names := []string{"cc", "gcc", "clang"}
	if cc := os.Getenv("CC"); cc != "" {
		names = []string{cc}
	}
	var compiler string
	for _, n := range names {
		if path, err := exec.LookPath(n); err == nil {
			compiler = path
			break
		}
	}
	if compiler == "" {
		return "", fmt.Errorf("no C compiler (%s): install gcc and libc6-dev", strings.Join(names, ", "))
	}
	sources := map[string][]byte{"bench.h": benchHeader, "modem.c": modemSource, "udev.c": udevSource}
	for name, text := range sources {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return "", fmt.Errorf("build shim: %w", err)
		}
	}
	const library = "bench.so"
	cmd := exec.Command(compiler, "-std=gnu11", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, "udev.c", "modem.c", "-ldl")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build shim with %s: %w\n%s", compiler, err, out)
	}
	return filepath.Join(dir, library), nil
}

// serialDriver checks that the kernel has a driver of type serial: the shim borrows its number.
func serialDriver() error {
	const list = "/proc/tty/drivers"
	text, err := os.ReadFile(list)
	if err != nil {
		return fmt.Errorf("list serial drivers: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 0 && f[len(f)-1] == "serial" {
			return nil
		}
	}
	return fmt.Errorf("%s has no driver of type serial: load one, for example 8250", list)
}
