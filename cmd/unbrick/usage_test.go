package main

import (
	"crypto/ed25519"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"unbrick/release"
)

var update = flag.Bool("update", false, "write what the commands say into testdata/usage")

// The files in testdata/usage are what people read who got the words of a command wrong, or asked for help: command lines behind
// "$ ", and below each the exit code, standard output behind "| " and error output behind "! ". To try a further one, write its first
// line and run the test with -update. No line gets as far as a server, a port or a device, so that all say the same at every machine.
func TestUsage(t *testing.T) {
	names, err := filepath.Glob("testdata/usage/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for i, name := range names {
		if names[i], err = filepath.Abs(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"UNBRICK_SERVER", "UNBRICK_TOKEN", "UNBRICK_ADDR", "SOURCE_DATE_EPOCH"} {
		t.Setenv(name, "")
	}
	t.Chdir(t.TempDir())
	usageFiles(t)
	tried := map[string]bool{}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for line := range strings.Lines(string(b)) {
				words, ok := strings.CutPrefix(line, "$ unbrick")
				if !ok {
					continue
				}
				args := shellWords(words)
				tried[strings.Join(args, " ")] = true
				code, out, errOut := execute(t, args...)
				asked := slices.ContainsFunc(args, func(a string) bool { return a == "--help" || a == "-h" || a == "help" })
				if code != exitUsage && (!asked || code != exitOK) {
					t.Errorf("%v: exit code %d is that of no wrong usage\n%s%s", args, code, out, errOut)
				}
				fmt.Fprintf(&got, "$ unbrick%s\nexit code %d\n%s%s\n", strings.TrimSuffix(words, "\n"), code, marked("| ", out), marked("! ", errOut))
			}
			if *update {
				if err := os.WriteFile(name, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(b); got.String() != want && !*update {
				t.Errorf("%s says otherwise; -update writes it:\n%s", filepath.Base(name), firstDifference(got.String(), want))
			}
		})
	}
	for _, c := range newRoot().Commands() {
		if !tried[c.Name()+" --help"] || !tried[c.Name()+" --nothing"] {
			t.Errorf("%s: its help, or a flag that it does not have, is not tried", c.Name())
		}
	}
}

// usageFiles makes what some of the wrong usages name: images, a release file, and keys.
func usageFiles(t *testing.T) {
	t.Helper()
	noise := rand.NewChaCha8([32]byte{12})
	for _, name := range []string{"one.bin", "two.bin"} {
		image := make([]byte, 8192)
		noise.Read(image)
		if err := os.WriteFile(name, image, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	secret, err := release.MarshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := release.MarshalPub(key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"a.key": secret, "same.key": secret, "a.pub": public, "same.pub": public} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must(t, exitOK, strings.Fields("model put 0001 --flash 512KiB --ram 128KiB -o 0001.model")...)
	must(t, exitOK, strings.Fields("publish --key a.key --model 0001 --model-file 0001.model --order 1 --version 1 one.bin -o 1.release")...)
}

// shellWords are the words of a line as a shell cuts it. Only single quotes quote.
func shellWords(line string) (words []string) {
	word, in, quoted := "", false, false
	for _, c := range strings.TrimSuffix(line, "\n") + " " {
		switch {
		case c == '\'':
			in, quoted = true, !quoted
		case c == ' ' && !quoted:
			if in {
				words = append(words, word)
			}
			word, in = "", false
		default:
			word, in = word+string(c), true
		}
	}
	return words
}

// marked puts a mark before each line of a text.
func marked(mark, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(mark+strings.TrimSuffix(line, "\n"), " ") + "\n")
	}
	return b.String()
}

// firstDifference shows the first command whose words are others.
func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n$ "), strings.Split(want, "\n$ ")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("got\n%s\nwant\n%s", a[i], b[i])
		}
	}
	return fmt.Sprintf("%d commands, want %d", len(a), len(b))
}
