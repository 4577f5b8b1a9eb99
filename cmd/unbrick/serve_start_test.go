package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// content is what a folder holds, by path.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestDemoKeepsToItsFolder: the demo touches no folder that has something of its own, and nothing real comes into a demo's.
func TestDemoKeepsToItsFolder(t *testing.T) {
	t.Setenv("UNBRICK_TOKEN", "token of this test")
	mine := t.TempDir()
	s := startServe(t, "--data", mine)
	must(t, exitOK, "model", "put", "0001", "--server", s.url, "--flash", "256KiB", "--ram", "256KiB", "--name", "Mine")
	s.stop()
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "letter.txt"), []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := func(dir string, want string, args ...string) {
		t.Helper()
		before := content(t, dir)
		out := must(t, exitFailed, append([]string{"serve", "--addr", "127.0.0.1:0", "--data", dir}, args...)...)
		for _, words := range []string{dir, want, "nothing was changed", "--data"} {
			if !strings.Contains(out, words) {
				t.Errorf("%q is not in %q", words, out)
			}
		}
		if after := content(t, dir); len(after) != len(before) {
			t.Errorf("%d files became %d", len(before), len(after))
		} else {
			for name := range before {
				if before[name] != after[name] {
					t.Errorf("%s was changed", name)
				}
			}
		}
	}
	refused(mine, "not empty", "--demo")
	refused(other, "not empty", "--demo")

	own := filepath.Join(t.TempDir(), "new")
	startServe(t, "--demo", "--data", own).stop()
	startServe(t, "--demo", "--data", own).stop() // again
	refused(own, "--demo")
}

// TestStartThatFailsMakesNoToken: the token of a first start that fails is not made, and the next start shows one.
func TestStartThatFailsMakesNoToken(t *testing.T) {
	t.Setenv("UNBRICK_TOKEN", "")
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	taken := busy.Addr().String()
	data := filepath.Join(t.TempDir(), "data")
	for _, c := range []struct {
		code int
		args []string
		want []string
	}{
		{exitFailed, []string{"--addr", taken}, []string{taken, "address already in use", "Nothing was changed", "--addr"}},
		{exitFailed, []string{"--addr", "127.0.0.1:0", "--admin-addr", taken}, []string{taken, "address already in use", "Nothing was changed", "--admin-addr"}},
		{exitUsage, []string{"--addr", "foo"}, []string{`--addr "foo"`, "HOST:PORT"}},
		{exitUsage, []string{"--addr", "127.0.0.1:99999"}, []string{"--addr", "HOST:PORT"}},
		{exitUsage, []string{"--addr", "127.0.0.1:0", "--admin-addr", "8081"}, []string{`--admin-addr "8081"`, "HOST:PORT"}},
		{exitFailed, []string{"--addr", "192.0.2.1:8080"}, []string{"192.0.2.1:8080", "this computer does not have it", "--addr"}},
	} {
		out := must(t, c.code, append([]string{"serve", "--data", data}, c.args...)...)
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%v: %q is not in %q", c.args, want, out)
			}
		}
		if strings.Count(out, "\n") != 1 {
			t.Errorf("%v: more than one line: %s", c.args, out)
		}
		if _, err := os.Stat(data); err == nil {
			t.Fatalf("%v: the data folder was made", c.args)
		}
	}
	var log bytes.Buffer
	if code := run(t.Context(), []string{"serve", "--addr", "127.0.0.1:0", "--data", data}, deafWriter{}, &log); code != exitFailed || !strings.Contains(log.String(), "token") {
		t.Errorf("a token that nobody could read: exit code %d, %s", code, &log)
	}
	s := startServe(t, "--data", data)
	if s.token == "" || !whoami(t, s.url, s.token) {
		t.Errorf("the first start that works shows no token: %s", s.greeting)
	}
}

type deafWriter struct{}

func (deafWriter) Write([]byte) (int, error) { return 0, errors.New("nobody reads") }

// TestServeTellsOfTheNetwork: an address that others reach is warned of, once and with a way out; what is printed can be used.
func TestServeTellsOfTheNetwork(t *testing.T) {
	t.Setenv("UNBRICK_TOKEN", "token of this test")
	for _, c := range []struct {
		args        []string
		clear, name bool // it is warned of tokens in the clear, of the name that is missing
	}{
		{[]string{"--addr", "127.0.0.1:0"}, false, false},
		{[]string{"--addr", "[::]:0"}, true, true},
		{[]string{"--addr", ":0"}, true, true},
		{[]string{"--addr", "0.0.0.0:0"}, true, true},
		{[]string{"--addr", "0.0.0.0:0", "--name", "updates.example"}, true, false},
		{[]string{"--addr", "0.0.0.0:0", "--proxied"}, false, true},
		{[]string{"--addr", "127.0.0.1:0", "--proxied", "--name", "192.0.2.1"}, false, false},
		{[]string{"--addr", "127.0.0.1:0", "--admin-addr", "0.0.0.0:0"}, true, false},
		{[]string{"--addr", "127.0.0.1:0", "--admin-addr", "unix:" + filepath.Join(t.TempDir(), "s")}, false, false},
	} {
		s := startServe(t, append([]string{"--data", t.TempDir()}, c.args...)...) // asks at the address that is printed
		if strings.Contains(s.greeting, "http://[::]") || strings.Contains(s.greeting, "http://0.0.0.0") {
			t.Errorf("%v: an address that nobody can use: %s", c.args, s.greeting)
		}
		for words, want := range map[string]bool{"cross the network in the clear. Say": c.clear, "no --name says": c.name} {
			if n := strings.Count(s.greeting, "Warning: "); strings.Contains(s.greeting, words) != want || n > 2 {
				t.Errorf("%v: %q wanted %t: %s", c.args, words, want, s.greeting)
			}
		}
		s.stop()
	}
}
