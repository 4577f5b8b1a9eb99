package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"unbrick/release"
)

// TestSeveralSign: signers at two machines make the same release file as at one; a device that asks for two signatures takes it,
// and not one with a single signature; and what is said for people arrives whole.
func TestSeveralSign(t *testing.T) {
	b := newStory(t)
	t.Setenv("SOURCE_DATE_EPOCH", "1796083200") // 2026-12-01
	b.must(exitOK, "key", "new", "-o", b.path("second.key"))
	const note = "Dry runs end well.\r\n\r\n* No setting changes.\r\n"
	b.write("notes.txt", []byte(note))
	words := func(version, image string, more ...string) []string {
		return append([]string{"publish", "--model", "0001", "--version", version, "--note", "Dry runs end well", "--note-file", b.path("notes.txt"), b.path(image)}, more...)
	}
	first, second := []string{"--key", b.path("release.key")}, []string{"--key", b.path("second.key")}
	b.must(exitOK, append(words("3", "1.bin", "-o", b.path("3.one")), first...)...)
	b.must(exitOK, append([]string{"publish", b.path("3.one"), "-o", b.path("3.release")}, second...)...)
	b.must(exitOK, append(append(words("3", "1.bin", "-o", b.path("3.both")), second...), first...)...)
	if whole := b.read("3.release"); whole == "" || whole != b.read("3.both") || whole == b.read("3.one") {
		t.Errorf("signed one after the other %d bytes, at once %d, by one %d", len(whole), len(b.read("3.both")), len(b.read("3.one")))
	}
	shown := b.must(exitOK, "release", "show", b.path("3.release"))
	for _, want := range []string{"Dry runs end well\n", "2026-12-01", "* No setting changes.\n", "era 0"} {
		if !strings.Contains(shown, want) {
			t.Errorf("shown without %q:\n%s", want, shown)
		}
	}
	if n := strings.Count(shown, "Signed by"); n != 2 || strings.Contains(shown, "\r") {
		t.Errorf("%d signers:\n%s", n, shown)
	}

	factory := []string{"--pub", b.path("second.pub"), "--threshold", "2"}
	device := func(want int, flags ...string) (out, errOut string) {
		t.Helper()
		args := append([]string{"emulate", "--model", "0001", "--serial", "S", "--flash", b.path("two.bin"), "--json", "--update", "--pub", b.path("release.pub")}, factory...)
		var code int
		if code, out, errOut = execute(t, append(args, flags...)...); code != want {
			t.Fatalf("%q: exit code %d, want %d\n%s%s", flags, code, want, out, errOut)
		}
		return out, errOut
	}
	if _, said := device(exitFailed, "--release-file", b.path("3.one")); !strings.Contains(said, "too few signatures: 1 of 2") {
		t.Errorf("made with one signature: %s", said)
	}
	b.must(exitOK, "publish", "--trust-key", "--pub", b.path("second.pub"), b.path("3.release"))
	if out, _ := device(exitOK, "--release-file", b.path("3.release")); b.object(out)["reason"] != "up to date" {
		t.Errorf("made with two signatures: %s", out)
	}
	b.must(exitOK, append(words("4", "2.bin"), first...)...)
	if out, _ := device(exitFailed); b.object(out)["release"] != "3" || b.object(out)["reason"] != "unknown key" {
		t.Errorf("offered a release with one signature: %s", out)
	}
	b.must(exitOK, append(append(words("5", "2.bin"), first...), second...)...)
	out, _ := device(exitOK)
	if last := b.object(out); last["release"] != "5" || last["verdict"] != "rewritten" || !b.holds("two.bin", b.two) {
		t.Errorf("a release with two signatures: %v", last)
	}

	// What the server hands out is the file that it was given.
	answer, err := http.Get(b.server.url + "/api/releases/" + imageOf(t, b.read("3.release")) + "/file?model=0001")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, err := io.ReadAll(answer.Body); err != nil || !bytes.Equal(got, []byte(b.read("3.release"))) {
		t.Errorf("the server hands out %d bytes, %v", len(got), err)
	}
	if list := b.must(exitOK, "release", "list", "--json"); !strings.Contains(list, `"day":"2026-12-01","note":"Dry runs end well"`) {
		t.Errorf("list: %s", list)
	}
}

// TestSignedLater: a release that was published with fewer signatures than devices ask for is completed, and then they take it.
func TestSignedLater(t *testing.T) {
	b := newStory(t)
	b.must(exitOK, "key", "new", "-o", b.path("second.key"))
	first, second := b.path("release.key"), b.path("second.key")
	device := func() map[string]any {
		t.Helper()
		code, out, errOut := execute(t, "emulate", "--model", "0001", "--serial", "S", "--flash", b.path("two.bin"), "--json", "--update", "--pub", b.path("release.pub"), "--pub", b.path("second.pub"),
			"--threshold", "2", "--release-file", b.path("3.release"))
		if code != exitOK && code != exitFailed {
			t.Fatalf("exit code %d\n%s%s", code, out, errOut)
		}
		return b.object(out)
	}
	says := func(want string, args ...string) {
		t.Helper()
		if out := b.must(exitOK, append([]string{"publish"}, args...)...); !strings.Contains(out, want) {
			t.Errorf("%q: %s", args, out)
		}
	}
	sign := []string{"--model", "0001", "--version", "3", b.path("1.bin"), "--key", first}
	b.must(exitOK, append([]string{"publish", "--key", second, "-o", b.path("3.release")}, sign...)...)
	b.must(exitOK, "publish", "--trust-key", "--pub", b.path("second.pub"), b.path("3.release"))
	b.must(exitOK, "publish", "--key", first, "--model", "0001", "--version", "4", b.path("2.bin"), "-o", b.path("4.release"))
	b.must(exitOK, "publish", b.path("4.release"))
	if last := device(); last["release"] != "3" || last["reason"] != "unknown key" {
		t.Errorf("offered a release with one signature: %v", last)
	}
	b.must(exitOK, "publish", "--key", second, b.path("4.release"), "-o", b.path("4b.release"))
	id := keyOf(t, b.read("second.pub"))
	says("is signed by "+id+" now, too: release 4 ", b.path("4b.release"))
	says("was there already: release 4 ", b.path("4b.release"))
	says("was there already: release 4 ", b.path("4.release")) // and it goes on having both
	if last := device(); last["release"] != "4" || last["verdict"] != "rewritten" || !b.holds("two.bin", b.two) {
		t.Errorf("completed: %v", last)
	}
	var last struct {
		Keys  []string
		Added []string `json:"signatures_added"`
		New   bool
	}
	out := b.must(exitOK, "publish", "--key", second, "--model", "0001", "--version", "2", "--json", b.path("2.bin")) // from the image as well
	if err := json.Unmarshal([]byte(out), &last); err != nil || len(last.Keys) != 2 || len(last.Added) != 1 || last.Added[0] != id || last.New {
		t.Errorf("signed anew: %s", out)
	}
}

func keyOf(t *testing.T, pub string) string {
	t.Helper()
	key, err := release.ParsePub([]byte(pub))
	if err != nil {
		t.Fatal(err)
	}
	return release.IDOf(key).String()
}

func imageOf(t *testing.T, file string) string {
	t.Helper()
	f, err := release.SplitFile([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := release.Parse(f.Signed)
	if err != nil {
		t.Fatal(err)
	}
	return release.Hex(m.Digest)
}

// TestPublishTheSameAgain: on another day, and without the words for people, it is the same release still.
func TestPublishTheSameAgain(t *testing.T) {
	b := newStory(t)
	b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "3", "--note", "Once", "--day", "2026-11-28", b.path("1.bin"))
	if out := b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "3", b.path("1.bin")); !strings.Contains(out, "was there already") {
		t.Errorf("again: %s", out)
	}
	code, _, errOut := execute(t, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "3", "--note", "Twice", b.path("1.bin"))
	if code != exitFailed || !strings.Contains(errOut, "another release") {
		t.Errorf("with another note: exit code %d, %s", code, errOut)
	}
}

// TestEraWords: whoever makes a release that no device takes is told, when it is made, when it is uploaded, and when it is to restore.
func TestEraWords(t *testing.T) {
	b := newStory(t)
	for name, flag := range map[string]string{"era": "--era", "least": "--least-statement"} {
		file := b.path(name + ".release")
		words := []string{"publish", "--key", b.path("release.key"), "--model", "0001", "--version", "3", flag, "1", b.path("1.bin")}
		code, _, errOut := execute(t, words...)
		if code != exitFailed || !strings.Contains(errOut, "No device takes trust statements yet") {
			t.Errorf("%s: exit code %d, %s", flag, code, errOut)
		}
		code, _, errOut = execute(t, append(words, "-o", file)...)
		if code != exitOK || !strings.Contains(errOut, "Careful: release \"3\"") {
			t.Errorf("%s -o: exit code %d, %s", flag, code, errOut)
		}
		if code, _, errOut := execute(t, "publish", file); code != exitFailed || !strings.Contains(errOut, "No device takes") || strings.Contains(errOut, "the device has") {
			t.Errorf("%s, uploaded: exit code %d, %s", flag, code, errOut)
		}
		b.emulate(exitOK, "0001", name+".bin")
		path, stop := b.cable("0001", name+".bin")
		code, _, errOut = execute(t, "restore", "--yes", "--port", path, "--release-file", file)
		for _, want := range []string{`release "3" not: release needs trust statement 1`, "Nothing was written", "use a release of era 0"} {
			if code != exitFailed || !strings.Contains(errOut, want) {
				t.Errorf("%s, restored: exit code %d, %s", flag, code, errOut)
			}
		}
		stop()
	}
	if code, out, errOut := execute(t, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "3", b.path("1.bin"), "-o", b.path("none.release")); code != exitOK || errOut != "" {
		t.Errorf("era 0: %d %s%s", code, out, errOut)
	}
}

func TestPublishRefusesWords(t *testing.T) {
	b := newStory(t)
	b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "3", "-o", b.path("3.release"), b.path("1.bin"))
	b.write("tab.txt", []byte("a\tb\n"))
	b.write("long.txt", bytes.Repeat([]byte("n"), release.MaxLongNote+1))
	image := []string{"--key", b.path("release.key"), "--model", "0001", "--version", "9", "-o", b.path("no"), b.path("1.bin")}
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{append([]string{"--note", "a\nb"}, image...), exitUsage, "--note"},
		{append([]string{"--note", strings.Repeat("n", 161)}, image...), exitUsage, "161 bytes"},
		{append([]string{"--note-file", b.path("tab.txt")}, image...), exitFailed, "U+0009"},
		{append([]string{"--note-file", b.path("long.txt")}, image...), exitFailed, "16385 bytes"},
		{append([]string{"--day", "28.11.2026"}, image...), exitUsage, "--day"},
		{append([]string{"--day", "1970-01-01"}, image...), exitUsage, "--day"},
		{append([]string{"--era", "65536"}, image...), exitUsage, "--era"},
		{append([]string{"--era", "2"}, image...), exitFailed, "era 2"},
		{[]string{"--note", "late", b.path("3.release")}, exitUsage, "release file already"},
		{[]string{"-o", b.path("no"), b.path("3.release")}, exitUsage, "-o needs the --key"},
	} {
		code, out, errOut := execute(t, append([]string{"publish"}, test.args...)...)
		if code != test.code || !strings.Contains(errOut, test.says) {
			t.Errorf("%q: exit code %d, %s%s", test.args, code, out, errOut)
		}
	}
	if b.read("no") != "" {
		t.Error("a refused release was written")
	}
}

func TestDayOf(t *testing.T) {
	now := time.Date(2026, 11, 28, 23, 59, 59, 0, time.UTC)
	for _, c := range []struct {
		given, epoch string
		want         uint32
		refused      bool
	}{
		{"", "", 20785, false}, {"2026-12-01", "", 20788, false}, {"none", "86400", 0, false}, {"", "86399", 0, false}, {"", "86400", 1, false}, {"1970-01-02", "9", 1, false},
		{"2026-13-01", "", 0, true}, {"", "yesterday", 0, true}, {"", "-1", 0, true},
	} {
		got, err := dayOf(c.given, c.epoch, now)
		if got != c.want || (err != nil) != c.refused {
			t.Errorf("%q, %q: %d, %v", c.given, c.epoch, got, err)
		}
	}
	if date := (&release.Manifest{Day: 20785}).Date(); fmt.Sprint(date) != "2026-11-28" {
		t.Errorf("day 20785 is %s", date)
	}
}

// TestFilesThatAreNone: what looks like a release file and is none is named as such, whoever reads it, and nothing comes of it.
func TestFilesThatAreNone(t *testing.T) {
	b := newStory(t)
	b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "3", b.path("1.bin"), "-o", b.path("3.release"))
	whole := b.read("3.release")
	f, err := release.SplitFile([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"bad magic": "X" + whole[1:], "other magic": "UNBRICK3" + whole[8:], "magic gone": whole[8:], "magic cut": whole[3:], "only magic": whole[:4], "cut": whole[:len(whole)-9],
		"older": "UNBRICK1" + whole[8:], "bad manifest": whole[:40] + "X" + whole[41:],
	} {
		b.write("none.release", []byte(content))
		want := "a release file that is damaged: get it again"
		if name == "older" {
			want = "a release file of version 1, which nothing reads any more"
		}
		for _, flags := range [][]string{nil, {"--key", b.path("release.key")}, {"--key", b.path("release.key"), "-o", b.path("no")}} {
			if code, out, errOut := execute(t, append([]string{"publish", b.path("none.release")}, flags...)...); code != exitFailed || !strings.Contains(errOut, want) {
				t.Errorf("%s %q: exit code %d, %s%s", name, flags, code, out, errOut)
			}
		}
		if code, out, errOut := execute(t, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "9", b.path("none.release"), "-o", b.path("no")); code != exitFailed || !strings.Contains(errOut, strings.SplitN(want, ":", 2)[0]) {
			t.Errorf("%s as an image: exit code %d, %s%s", name, code, out, errOut)
		}
		if code, out, _ := execute(t, "release", "show", b.path("none.release")); code != exitFailed || out != "" {
			t.Errorf("%s shown: exit code %d, %s", name, code, out)
		}
	}
	if code, _, errOut := execute(t, "publish", b.path("1.bin")); code != exitUsage || !strings.Contains(errOut, "an image needs --key") {
		t.Errorf("an image: exit code %d, %s", code, errOut)
	}

	// A trust statement is read, too.
	seed := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	statement, err := release.SignStatement(&release.Statement{Version: 7, Threshold: 1, Keys: []release.ReleaseKey{{Uses: release.Install | release.Run}}, Name: "Works"}, seed)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		statement []byte
		code      int
		words     string
	}{{statement, exitOK, "trust statement 7, era 0, for every model with its keys"}, {[]byte("words"), exitFailed, "trust statement of 5 bytes is none"}, {statement[:len(statement)-1], exitFailed, "get it again"}} {
		f.Statement = c.statement
		b.write("with.release", release.AppendFile(nil, &f))
		for _, args := range [][]string{{"release", "show", b.path("with.release")}, {"release", "show", "--json", b.path("with.release")}, {"publish", "--key", b.path("release.key"), b.path("with.release"), "-o", b.path("no")}} {
			code, out, errOut := execute(t, args...)
			if code != c.code || len(args) == 3 && !strings.Contains(out+errOut, c.words) || code != exitOK && out != "" {
				t.Errorf("%q with %q: exit code %d, %s%s", args, c.words, code, out, errOut)
			}
		}
		os.Remove(b.path("no"))
	}
}

// TestWordsBeforeTheCable: a key that is given twice, and files that are not there.
func TestWordsBeforeTheCable(t *testing.T) {
	b := newStory(t)
	key, pub := b.path("release.key"), b.path("release.pub")
	b.write("copy.key", []byte(b.read("release.key")))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"publish", "--key", key, "--key", b.path("copy.key"), "--model", "0001", "--version", "3", b.path("1.bin")}, exitUsage, "are the same key"},
		{[]string{"emulate", "--model", "0001", "--serial", "S", "--version", "1", "--image", b.path("1.bin"), "--pub", pub, "--pub", pub, "--threshold", "2", "--update"}, exitUsage, "are the same key"},
		{[]string{"restore", "--port", "none", "--release-file", b.path("missing")}, exitFailed, "nothing was written"},
		{[]string{"restore", "--port", "none", "--release-file", b.dir}, exitFailed, "nothing was written"},
		{[]string{"restore", "--port", "none", "--pub", b.path("missing")}, exitFailed, "nothing was written"},
		{[]string{"restore", "--port", "none", "--image", b.path("missing")}, exitFailed, "nothing was written"},
	} {
		code, out, errOut := execute(t, c.args...)
		if code != c.code || !strings.Contains(errOut, c.says) || out != "" {
			t.Errorf("%q: exit code %d, %s%s", c.args, code, out, errOut)
		}
	}

	// A flash that nobody made a device of does not start, and that is all that is said.
	b.write("erased.bin", bytes.Repeat([]byte{0xff}, 512<<10))
	code, out, errOut := execute(t, "emulate", "--model", "0001", "--serial", "S", "--flash", b.path("erased.bin"))
	if code != exitFailed || strings.Contains(out, "stays up") || !strings.Contains(errOut, "the device stopped") {
		t.Errorf("exit code %d, %s%s", code, out, errOut)
	}
}
