package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPublishRefusesWhatIsNoImage(t *testing.T) {
	b := newStory(t)
	for _, test := range []struct {
		name    string
		content []byte
		says    string
	}{
		{"empty", nil, "is empty"},
		{"blank", bytes.Repeat([]byte{0xff}, 5000), "nothing but bytes 0xff"},
		{"text", []byte("Dear reader,\nthis is no program: schön wär's.\n"), "is a text"},
		{"elf", append([]byte("\x7fELF"), 0, 1, 2), "objcopy"},
		{"large", append(bytes.Repeat([]byte{1, 2}, 300_000), 3), "software area"},
	} {
		b.write(test.name, test.content)
		code, _, errOut := execute(t, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "9", b.path(test.name))
		if code != exitFailed || !strings.Contains(errOut, test.says) || !strings.Contains(errOut, b.path(test.name)) {
			t.Errorf("%s: exit code %d, %q; want %q", test.name, code, errOut, test.says)
		}
	}
	code, _, errOut := execute(t, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "9", b.path("none"))
	if code != exitFailed || !strings.Contains(errOut, "none") {
		t.Errorf("a missing file: %d %q", code, errOut)
	}
}

// A file that cannot be written leaves what was there, and no piece of itself.
func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "release")
	for _, content := range []string{"old", "new"} {
		if err := replaceFile(name, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != content {
			t.Errorf("got %q %v, want %q", got, err, content)
		}
	}
	taken := filepath.Join(dir, "taken", "inside")
	if err := os.MkdirAll(taken, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(filepath.Dir(taken), []byte("x")); err == nil {
		t.Error("a directory was replaced")
	}
	if err := replaceFile(filepath.Join(dir, "none", "release"), []byte("x")); err == nil {
		t.Error("a file in no directory was written")
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
		t.Errorf("left behind: %v %v", all, err)
	}
}
