//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// settings are the lines KEY=VALUE of a systemd unit.
func settings(t *testing.T, name string) (text string, all map[string][]string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	all = map[string][]string{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		key, value, is := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#' || line[0] == '[':
		case !is:
			t.Errorf("%s: no setting: %s", name, line)
		default:
			all[key] = append(all[key], value)
		}
	}
	return string(b), all
}

// accepted fails if the command does not take the words of a line.
func accepted(t *testing.T, line []string) {
	t.Helper()
	c, rest, err := newRoot().Find(line)
	if err != nil || c.Name() == "unbrick" {
		t.Fatalf("%q: %v", line, err)
	}
	if err := c.ParseFlags(rest); err != nil {
		t.Errorf("%q: %v", line, err)
	}
	if err := c.ValidateArgs(c.Flags().Args()); err != nil {
		t.Errorf("%q: %v", line, err)
	}
}

// TestUnit: systemd's own tools take the unit and find it closed, and the server runs in what the unit leaves it, as far as that can be had
// without systemd: as nobody, without a right and without the way to one, with nothing to write to but its data and its socket.
func TestUnit(t *testing.T) {
	text, unit := settings(t, "../../deploy/unbrick.service")
	for key, want := range map[string]string{"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "CapabilityBoundingSet": "",
		"StateDirectory": "unbrick", "RuntimeDirectory": "unbrick"} {
		if !slices.Equal(unit[key], []string{want}) {
			t.Errorf("%s=%q, want %q", key, unit[key], want)
		}
	}
	if len(unit["ExecStart"]) != 1 {
		t.Fatalf("ExecStart: %q", unit["ExecStart"])
	}
	for line := range strings.Lines(text) { // the one in the comment, too
		if _, start, is := strings.Cut(line, "ExecStart=/usr/local/bin/unbrick "); is {
			accepted(t, strings.Fields(start))
		}
	}
	t.Run("systemd", func(t *testing.T) {
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			t.Skip("not tried: this machine has no systemd-analyze")
		}
		copied := filepath.Join(t.TempDir(), "unbrick.service")
		if err := os.WriteFile(copied, []byte(strings.Replace(text, "\nExecStart=/usr/local/bin/unbrick", "\nExecStart=/bin/true", 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"verify", copied}, {"security", "--offline=true", "--threshold=20", copied}} {
			out, err := exec.Command("systemd-analyze", args...).CombinedOutput()
			if err != nil || args[0] == "verify" && len(out) > 0 {
				t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
			}
		}
	})
	t.Run("runs", func(t *testing.T) { confined(t, strings.Fields(unit["ExecStart"][0])[1:]) })
}

// cell makes everything read-only but two folders, gives up every right, and becomes the server.
const cell = `set -e
mount --bind / / && mount -o remount,ro,bind /
for d in "$1" "$2"; do mount --bind "$d" "$d" && mount -o remount,rw,bind "$d"; done
for d in / /usr /etc /tmp; do if touch "$d/.probe" 2>/dev/null; then echo "$d can be written"; exit 1; fi; done
shift 2
exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "$@"`

func confined(t *testing.T, args []string) {
	for _, tool := range []string{"unshare", "setpriv", "mount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("not tried: this machine has no %s", tool)
		}
	}
	if os.Getuid() != 0 || exec.Command("unshare", "--mount", "true").Run() != nil {
		t.Skip("not tried: it needs root and namespaces")
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	state, runtime, token, program := filepath.Join(dir, "state"), filepath.Join(dir, "run"), filepath.Join(dir, "token"), filepath.Join(dir, "unbrick")
	for _, folder := range []string{filepath.Join(state, "unbrick"), filepath.Join(runtime, "unbrick")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(folder, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(token, []byte("token of this test\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, b, 0o755); err != nil {
		t.Fatal(err)
	}
	line := []string{"--mount", "--propagation", "private", "sh", "-c", cell, "sh", filepath.Join(state, "unbrick"), filepath.Join(runtime, "unbrick"), program}
	for _, arg := range args {
		arg = strings.NewReplacer("%S", state, "%t", runtime, "%d", dir).Replace(arg)
		line = append(line, strings.Replace(arg, "127.0.0.1:8080", "127.0.0.1:0", 1))
	}
	c := exec.Command("unshare", line...)
	var out bytes.Buffer
	c.Stdout, c.Stderr, c.Env, c.Dir = &out, &out, []string{"PATH=" + os.Getenv("PATH"), asCommand + "=1"}, "/"
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	t.Setenv("UNBRICK_TOKEN", "token of this test")
	socket := "unix:" + filepath.Join(runtime, "unbrick", "admin")
	if code, _, why := execute(t, "ready", "--wait", "20s", "--server", socket); code != exitOK {
		c.Process.Kill()
		c.Wait()
		t.Fatalf("%s; it says: %s", why, &out)
	}
	must(t, exitOK, "model", "put", "0001", "--flash", "256KiB", "--ram", "256KiB", "--server", socket)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Uid:\t65534\t65534\t65534\t65534", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"} {
		if !bytes.Contains(status, []byte(want)) {
			t.Errorf("it runs otherwise than the unit says: no %q in\n%s", want, status)
		}
	}
	c.Process.Kill()
	c.Wait()
}

// TestContainerfile: what is in the container file are words that the command takes, and its own tools take the file where they are there.
func TestContainerfile(t *testing.T) {
	b, err := os.ReadFile("../../deploy/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if word, rest, is := strings.Cut(strings.TrimSpace(line), " "); is && word != "#" {
			said[word] = rest
		}
	}
	if said["FROM"] != "scratch" || !strings.HasPrefix(said["USER"], "65532") || said["ENTRYPOINT"] != `["/unbrick"]` {
		t.Errorf("%q", said)
	}
	list := func(text string) []string {
		return strings.FieldsFunc(strings.Trim(text, "[]"), func(c rune) bool { return strings.ContainsRune(`", `, c) })
	}
	accepted(t, list(said["CMD"]))
	_, check, _ := strings.Cut(said["HEALTHCHECK"], "CMD ")
	words := list(check)
	if len(words) == 0 || words[0] != "/unbrick" {
		t.Fatalf("health: %q", said["HEALTHCHECK"])
	}
	accepted(t, words[1:])
	if at := slices.Index(list(said["CMD"]), "--admin-addr"); at < 0 || words[len(words)-1] != "http://"+list(said["CMD"])[at+1] {
		t.Errorf("health is asked at %q, which is not the operators' address", words[len(words)-1])
	}
	for _, tool := range []string{"buildah", "podman", "docker"} {
		if exec.Command(tool, "info").Run() != nil {
			continue
		}
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "bin", "unbrick"), []byte("stands for it"), 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(tool, "build", "-f", "../../deploy/Containerfile", dir).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", tool, err, out)
		}
		return
	}
	t.Log("not tried: this machine builds no containers")
}
