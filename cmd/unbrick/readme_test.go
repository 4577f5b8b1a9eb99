//go:build linux

package main

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The README's first update and first restoration are files, run here as they stand by a shell of their own with the
// program as it is built. Any command that fails ends the shell.
func TestReadmeRuns(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "unbrick"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, name := range []string{"first-update.sh", "first-restoration.sh"} {
		b, err := os.ReadFile(filepath.Join(root, "docs", "start", name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(readme), indented(string(b))) {
			t.Errorf("README.md does not show %s as it stands", name)
		}
		script.Write(b)
	}
	// The device starts by itself after the repair and says so to the server; then both are ended.
	script.WriteString("until grep -q 'serial=S2 .*release=2' server.log; do sleep 0.1; done\nkill $device $server\nwait\ncat device.log\n")
	free, err := net.Listen("tcp", "127.0.0.1:0") // not the usual port: somebody may be using it
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()

	shell := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script.String())
	shell.Dir = t.TempDir()
	shell.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "UNBRICK_ADDR="+addr, "UNBRICK_SERVER=http://"+addr)
	var out bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &out
	// A shell that ends early leaves server and device behind: they end with the group, and their output is not waited for.
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.WaitDelay = time.Second
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	err = shell.Wait()
	_ = syscall.Kill(-shell.Process.Pid, syscall.SIGKILL)
	said := out.String()
	for _, want := range []string{"published release 1 of model 0001", "running release 1", "running release 2", "\nrestoration mode\n", "Found model 0001", "Restored. It runs release 2", "stays up until", "S20", "running release 2"} {
		_, rest, found := strings.Cut(said, want)
		if !found {
			t.Errorf("%q does not come in its turn", want)
			break
		}
		said = rest
	}
	if err != nil || t.Failed() {
		log, _ := os.ReadFile(filepath.Join(shell.Dir, "server.log"))
		t.Fatalf("%v\n%s\n%s", err, out.String(), log)
	}
}

// indented is text as a block of Markdown.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
	return b.String()
}
