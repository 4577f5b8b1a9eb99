package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestCompletion asks as the scripts of the shells do.
func TestCompletion(t *testing.T) {
	for line, want := range map[string][]string{
		"pu":                        {"publish"},
		"device ":                   {"list", "show", "hold", "free", "remove"},
		"device list --gr":          {"--group"},
		"device list --group ":      {"restoration", "overdue", "running"},
		"emulate --tear ":           {"half", "all-but-one", "marginal"},
		"delta create --effort ":    {"fast", "best"},
		"serve --log ":              {"text", "json"},
		"completion ":               {"bash", "zsh", "fish", "powershell"},
		"model put 0001 --program-": {"--program-unit"},
	} {
		words := strings.Split(line, " ")
		code, out, _ := execute(t, append([]string{cobra.ShellCompNoDescRequestCmd}, words...)...)
		got := strings.Split(out, "\n")
		for _, w := range want {
			if code != exitOK || !slices.Contains(got, w) {
				t.Errorf("%q: exit code %d, got %q, want %q among them", line, code, got, w)
			}
		}
	}
}

// TestCompletionScripts: each shell that is here takes its script.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		script := must(t, exitOK, "completion", shell)
		if !strings.Contains(script, "unbrick") || strings.Count(script, "\n") < 50 {
			t.Errorf("%s: %q", shell, script)
		}
		if _, err := exec.LookPath(shell); err != nil || shell == "powershell" {
			continue
		}
		path := filepath.Join(t.TempDir(), "script")
		if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(shell, "-n", path).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v: %s", shell, err, out)
		}
	}
}

// TestManual: a page for each command, with each of its flags; troff, where it is here, has nothing to say against one.
func TestManual(t *testing.T) {
	dir := t.TempDir()
	must(t, exitOK, "man", dir)
	pages := []*cobra.Command{newRoot()}
	for _, c := range append(pages, pages[0].Commands()...) {
		path := filepath.Join(dir, manName(c)+".1")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		flagSets(c, func(title string, set *pflag.FlagSet) {
			set.VisitAll(func(f *pflag.Flag) {
				_, under, ok := strings.Cut(string(b), ".SH "+strings.ToUpper(title)+"\n")
				if !ok || !strings.Contains(under, roff.Replace("--"+f.Name)) {
					t.Errorf("%s has no --%s below %q", path, f.Name, title)
				}
			})
		})
		troff, err := exec.LookPath("groff")
		if err != nil {
			continue
		}
		if out, err := exec.Command(troff, "-man", "-Tutf8", "-ww", "-z", path).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("groff: %v: %s", err, out)
		}
	}
}
