package main

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"unbrick/restore"
)

// TestKnownGoodAgain leads a device from 1.0 to a confirmed 2.0 with a raised floor, and then to the bytes of 1.0 under the
// name 3.0: over the air, and over the cable after the update was cut. A device that stayed at 1.0 needs nothing.
func TestKnownGoodAgain(t *testing.T) {
	b := newStory(t) // has 1 and 2
	b.emulate(exitOK, "0001", "air.bin")
	b.emulate(exitOK, "0001", "cable.bin")
	publish := func(want int, version, file string, flags ...string) string {
		t.Helper()
		args := append([]string{"publish", "--key", b.path("release.key"), "--model", "0001", "--version", version, b.path(file)}, flags...)
		code, out, errOut := execute(t, args...)
		if code != want {
			t.Fatalf("publish %s: exit code %d, want %d\n%s%s", version, code, want, out, errOut)
		}
		return out + errOut
	}
	bad := append([]byte(nil), b.two...)
	copy(bad[len(bad)/2:], "this one is bad")
	b.write("bad.bin", bad)
	publish(exitOK, "2.5", "bad.bin", "--counter", "2")
	for _, file := range []string{"air.bin", "cable.bin"} {
		if last, _ := b.emulate(exitOK, "0001", file); last["release"] != "2.5" || !b.holds(file, bad) {
			t.Fatalf("%s: %v", file, last)
		}
		if last, _ := b.emulate(exitOK, "0001", file); last["reason"] != "up to date" { // it has confirmed itself by now, and the floor is 2
			t.Fatalf("%s: %v", file, last)
		}
	}
	if out := publish(exitOK, "3.0", "1.bin"); !strings.Contains(out, "order 4") {
		t.Errorf("published again: %s", out)
	}
	if last, _ := b.emulate(exitOK, "0001", "air.bin"); last["release"] != "3.0" || last["verdict"] != "rewritten" || !b.holds("air.bin", b.one) {
		t.Errorf("over the air: %v", last)
	}
	if last, _ := b.emulate(exitOK, "0001", "air.bin"); last["release"] != "3.0" || last["reason"] != "up to date" {
		t.Errorf("again: %v", last)
	}
	// A file of 1.0 is the wish while nothing else is said, and its bytes serve the release that the floor asks for.
	if last, _ := b.emulate(exitRestoration, "0001", "cable.bin", "--cut-at", "100"); last["verdict"] != "cut" {
		t.Errorf("cut: %v", last)
	}
	b.write("1.release", []byte(publishFile(b)))
	path, stop := b.cable("0001", "cable.bin")
	if code, _, errOut := execute(t, "restore", "--yes", "--port", path, "--release-file", b.path("1.release"), "--server", "http://127.0.0.1:1"); code != exitFailed || !strings.Contains(errOut, "counter") {
		t.Errorf("the file of 1.0 alone: %d %s", code, errOut)
	}
	if code, _, errOut := execute(t, "restore", "--yes", "--port", path, "--release-file", b.path("1.release"), "--server", b.server.url); code != exitFailed || !strings.Contains(errOut, `use release "2.5" or a newer one`) {
		t.Errorf("the file of 1.0 beside the server: %d %s", code, errOut)
	}
	code, out, errOut := execute(t, "restore", "--yes", "--port", path, "--json", "--release", "3.0", "--release-file", b.path("1.release"), "--server", b.server.url)
	if code != exitOK || b.object(out)["release"] != "3.0" {
		t.Errorf("restore ended with %d: %s%s", code, out, errOut)
	}
	if code := stop(); code != exitOK || !b.holds("cable.bin", b.one) {
		t.Errorf("exit code %d, the good bytes are there: %v", code, b.holds("cable.bin", b.one))
	}
	if last, _ := b.emulate(exitOK, "0001", "cable.bin"); last["release"] != "3.0" || last["reason"] != "up to date" {
		t.Errorf("restored: %v", last)
	}
	if last, _ := b.emulate(exitOK, "0001", "stayed.bin"); last["release"] != "1" || last["reason"] != "up to date" {
		t.Errorf("who stayed: %v", last)
	}
	// The older name is only a name.
	if code, _, errOut := execute(t, "rollout", "1", "--model", "0001", "--phases", "1%"); code != exitFailed || !strings.Contains(errOut, "superseded") {
		t.Errorf("rollout of the older name: %d %s", code, errOut)
	}
}

// publishFile is the release file of release 1, made without the server.
func publishFile(b *story) string {
	b.Helper()
	b.must(exitOK, "model", "put", "0001", "--flash", "512KiB", "--geometry", "4KiB", "--program-unit", "4", "--ram", "128KiB", "--resident", "8KiB", "-o", b.path("0001.model"))
	b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0001", "--model-file", b.path("0001.model"), "--version", "1", "--order", "1", b.path("1.bin"), "-o", b.path("made.release"))
	return b.read("made.release")
}

// TestPublishAsks: the command refuses before it signs what the server would refuse, and goes on when it is meant.
func TestPublishAsks(t *testing.T) {
	b := newStory(t)
	publish := func(version, file string, flags ...string) (int, string) {
		t.Helper()
		code, out, errOut := execute(t, append([]string{"publish", "--key", b.path("release.key"), "--model", "0001", "--version", version, b.path(file)}, flags...)...)
		return code, out + errOut
	}
	third := append([]byte{1}, b.two...)
	b.write("3.bin", third)
	b.write("4.bin", append([]byte{2}, b.two...))
	for _, c := range []struct {
		words string
		args  []string
	}{
		{"9007199254740991", []string{"--order", "9223372036854775807"}}, {"9007199254740991", []string{"--counter", "9223372036854775807"}},
		{"9007199254740991", []string{"--order", "18446744073709551615", "--counter", "18446744073709551615", "--jump"}},
		{"--jump", []string{"--order", "4294967299"}}, {"--jump", []string{"--counter", "4294967299"}},
	} {
		// What is not signed leaves no file either.
		if code, said := publish("3", "3.bin", append(c.args, "-o", b.path("3.release"))...); code != exitFailed || !strings.Contains(said, c.words) || b.read("3.release") != "" {
			t.Errorf("%v: %d %s", c.args, code, said)
		}
	}
	for _, version := range []string{"1.0.1", "v1.9", "2.0-rc1", "1+build"} {
		if code, said := publish(version, "3.bin"); code != exitFailed || !strings.Contains(said, "--older-version") {
			t.Errorf("%s: %d %s", version, code, said)
		}
	}
	if code, said := publish("1.0.1", "3.bin", "--older-version"); code != exitOK {
		t.Errorf("meant: %d %s", code, said)
	}
	if code, said := publish("1.0.2", "4.bin", "--order", "90"); code != exitOK {
		t.Errorf("with an order: %d %s", code, said)
	}
	// A release file that was signed elsewhere is judged by the server alone, and the flags count for it.
	b.must(exitOK, "model", "put", "0001", "--flash", "512KiB", "--geometry", "4KiB", "--program-unit", "4", "--ram", "128KiB", "--resident", "8KiB", "-o", b.path("0001.model"))
	b.write("5.bin", append([]byte{3}, b.two...))
	b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0001", "--model-file", b.path("0001.model"), "--version", "0.9", "--order", "5000000000", b.path("5.bin"), "-o", b.path("5.release"))
	for _, c := range []struct {
		want  int
		flags []string
	}{{exitFailed, nil}, {exitFailed, []string{"--jump"}}, {exitFailed, []string{"--older-version"}}, {exitOK, []string{"--older-version", "--jump"}}} {
		if code, out, errOut := execute(t, append([]string{"publish", b.path("5.release")}, c.flags...)...); code != c.want {
			t.Errorf("%v: %d %s%s", c.flags, code, out, errOut)
		}
	}
	var last struct{ Order uint64 }
	out := b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", "0.9", "--json", b.path("5.bin"))
	if err := json.Unmarshal([]byte(out), &last); err != nil || last.Order != 5000000000 {
		t.Errorf("the same again: %s", out)
	}
}

// TestRestoreLeavesWhatIsHeld: what the server does not offer is known as such to restore, whoever asks.
func TestRestoreLeavesWhatIsHeld(t *testing.T) {
	b := newStory(t) // has 1 and 2
	must(t, exitOK, "release", "withdraw", "1", "--model", "0001")
	must(t, exitOK, "release", "withhold", "2", "--model", "0001")
	for token, want := range map[string]map[string]restore.Hold{
		"":             {"2": restore.Withheld},
		b.server.token: {"1": restore.Withdrawn, "2": restore.Withheld},
	} {
		a, err := newAPI(b.server.url, token)
		if err != nil {
			t.Fatal(err)
		}
		list, err := (&releaseSource{api: a}).List(t.Context(), "0001")
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]restore.Hold)
		for _, l := range list {
			got[l.Manifest.Version] = l.Hold
		}
		if !maps.Equal(got, want) {
			t.Errorf("with the token %q: %v, want %v", token, got, want)
		}
	}
}

// TestRestoreTakesTheWish: --release and a single --release-file name a release, not an image that others have, too; one that cannot be
// taken is not replaced by another.
func TestRestoreTakesTheWish(t *testing.T) {
	b := newStory(t) // has 1 and 2
	for _, version := range []string{"3", "4"} {
		b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0001", "--version", version, b.path("1.bin"), "-o", b.path(version+".release"))
		b.must(exitOK, "publish", b.path(version+".release"))
	}
	b.must(exitOK, "key", "new", "-o", b.path("other.key"))
	b.must(exitOK, "publish", "--key", b.path("other.key"), "--model", "0001", "--version", "5", b.path("1.bin"), "-o", b.path("5.release"))
	b.emulate(exitOK, "0001", "dev.bin") // now runs 4, whose bytes it has
	path, stop := b.cable("0001", "dev.bin")
	restored := func(want string, args ...string) {
		t.Helper()
		code, out, errOut := execute(t, append([]string{"restore", "--yes", "--port", path, "--json"}, args...)...)
		if code != exitOK || b.object(out)["release"] != want {
			t.Errorf("%q: %d %s%s", args, code, out, errOut)
		}
	}
	server := []string{"--server", b.server.url}
	restored("3", append(server, "--release", "3")...)
	restored("4", append(server, "--release-file", b.path("4.release"))...)
	restored("3", append(server, "--release-file", b.path("3.release"))...)
	restored("1", append(server, "--release", "1", "--release-file", b.path("3.release"))...)
	restored("3", "--release-file", b.path("3.release"))
	code, out, errOut := execute(t, append([]string{"restore", "--yes", "--port", path, "--json", "--release-file", b.path("5.release")}, server...)...)
	if code != exitFailed || !strings.Contains(errOut, "Nothing was written") || strings.Contains(out, "release") {
		t.Errorf("a stranger's: %d %s%s", code, out, errOut)
	}
	restored("4", append(server, "--release", "4")...)
	if code := stop(); code != exitOK || !b.holds("dev.bin", b.one) {
		t.Errorf("exit code %d", code)
	}
}
