package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unbrick/server/identity"
	"unbrick/terminal"
)

// listed reads a list of devices.
func listed(t *testing.T, name string) []identity.Entry {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	all, err := identity.ParseList(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestFactory: each device has a secret of its own, which fits its line in the list, and which nobody else may read.
func TestFactory(t *testing.T) {
	dir := t.TempDir()
	list, keys := filepath.Join(dir, "list.csv"), filepath.Join(dir, "new", "keys")
	made := func(args ...string) string {
		t.Helper()
		code, out, errOut := execute(t, append([]string{"factory", "--model", "0001", "--list", list, "--dir", keys}, args...)...)
		if code != exitOK {
			t.Fatalf("exit code %d: %s%s", code, out, errOut)
		}
		return out
	}
	if out := made("--prefix", "S-", "--from", "9", "--count", "3", "--digits", "3"); !strings.Contains(out, "3 devices of model 0001") {
		t.Errorf("said %q", out)
	}
	if info, err := os.Stat(keys); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%s: %v, %v", keys, info, err)
	}
	serials := filepath.Join(dir, "serials.txt")
	if err := os.WriteFile(serials, []byte("A1\nA2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	made("--serials", serials)
	all := listed(t, list)
	var names []string
	for _, e := range all {
		names = append(names, e.Serial)
		name := filepath.Join(keys, e.Serial+".keyblock")
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		key, there, err := terminal.ParseKeyBlock(b, 0xFF)
		if err != nil || !there || key != terminal.NewDeviceKey(&key.Seed) || key.Public != e.Public || e.Model != "0001" {
			t.Errorf("%s: %v, %+v", e.Serial, err, e)
		}
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if got := fmt.Sprint(names); got != "[S-009 S-010 S-011 A1 A2]" {
		t.Errorf("serials %s", got)
	}
}

// TestFactoryOfBootAreas: with release keys, what is programmed is key block and identification, as the boot code reads them.
func TestFactoryOfBootAreas(t *testing.T) {
	t.Setenv("UNBRICK_SERVER", "")
	b := &story{T: t, dir: t.TempDir()}
	b.must(exitOK, "key", "new", "-o", b.path("release.key"))
	b.must(exitOK, "model", "put", "0001", "--flash", "512KiB", "--ram", "128KiB", "-o", b.path("0001.model"))
	list := b.path("list.csv")
	b.must(exitOK, "factory", "--model", "0001", "--model-file", b.path("0001.model"), "--prefix", "S", "--count", "1", "--list", list, "--dir", b.path("."),
		"--pub", b.path("release.pub"))
	raw, err := os.ReadFile(b.path("S1.bootarea"))
	if err != nil || len(raw) != terminal.KeyBlockSize+terminal.IdentitySize {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	key, there, err := terminal.ParseKeyBlock(raw[:terminal.KeyBlockSize], 0xFF)
	if err != nil || !there || key.Public != listed(t, list)[0].Public {
		t.Errorf("key block: %v", err)
	}
	id, err := terminal.ParseIdentity(raw[terminal.KeyBlockSize:])
	if err != nil || id.Model != "0001" || id.Serial != "S1" || len(id.Keys) != 1 || id.Threshold != 1 || id.Reads == 0 {
		t.Errorf("identification %+v, %v", id, err)
	}
}

// TestFactoryRefuses: nothing is overwritten, and nothing is made beside what cannot be made.
func TestFactoryRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("doubles.txt", "A\nB\nA\n")
	write("space.txt", "A\nB C\n")
	write("empty.txt", "A\n\nB\n")
	write("S-2.keyblock", "a secret")
	entry, err := identity.AppendEntry([]byte(identity.Header), &identity.Entry{Model: "0001", Serial: "T-2", Public: terminal.NewDeviceKey(&[32]byte{1}).Public})
	if err != nil {
		t.Fatal(err)
	}
	write("known.csv", string(entry))
	write("torn.csv", string(entry[:len(entry)-9]))
	for _, c := range []struct {
		name, want string
		code       int
		args       []string
	}{
		{"doubles", "serial 3: A is serial 1, too", exitFailed, []string{"--serials", "doubles.txt", "--list", "l.csv"}},
		{"no identifier", "serial 2: not an identifier", exitFailed, []string{"--serials", "space.txt", "--list", "l.csv"}},
		{"empty line", "serial 2: not an identifier", exitFailed, []string{"--serials", "empty.txt", "--list", "l.csv"}},
		{"a secret is there", "S-2.keyblock exists and is not overwritten: nothing was made", exitFailed, []string{"--prefix", "S-", "--count", "3", "--list", "l.csv"}},
		{"known", "known.csv has a key of 0001 T-2", exitFailed, []string{"--prefix", "T-", "--count", "3", "--list", "known.csv"}},
		{"a list that was cut off", "torn.csv: list of devices: line 2: no line end", exitFailed, []string{"--prefix", "U-", "--count", "3", "--list", "torn.csv"}},
		{"no folder", "known.csv", exitFailed, []string{"--prefix", "U-", "--count", "1", "--list", "l.csv", "--dir", "known.csv/keys"}},
		{"too long", "not an identifier", exitFailed, []string{"--prefix", strings.Repeat("U", 32), "--count", "1", "--list", "l.csv"}},
		{"both", "say which devices", exitUsage, []string{"--prefix", "U-", "--count", "1", "--serials", "space.txt", "--list", "l.csv"}},
		{"too many", "a list names 100000", exitUsage, []string{"--count", "100001", "--list", "l.csv"}},
	} {
		code, out, errOut := execute(t, append([]string{"factory", "--model", "0001"}, c.args...)...)
		if code != c.code || !strings.Contains(errOut, c.want) {
			t.Errorf("%s: exit code %d, %s%s", c.name, code, out, errOut)
		}
	}
	if _, err := os.Stat("l.csv"); !os.IsNotExist(err) {
		t.Errorf("a list was begun although all was refused: %v", err)
	}
	files, err := filepath.Glob("*.keyblock")
	if err != nil || len(files) != 1 {
		t.Errorf("made although refused: %v, %v", files, err)
	}
	if b, err := os.ReadFile("S-2.keyblock"); err != nil || string(b) != "a secret" {
		t.Errorf("overwritten: %q, %v", b, err)
	}
	if n := len(listed(t, "known.csv")); n != 1 {
		t.Errorf("%d devices in a list that was refused", n)
	}
}
