// Package mutants puts mistakes into copies of the project's files, so that tests can show that the checks of
// the project catch them. Production code has no hooks for that: a mistake is a textual replacement, which the
// go command takes instead of the original (-overlay). All mistakes are built into one program, and the
// environment chooses which of them is made; most of the time is the building.
package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Module is the module's name, which package paths begin with.
const Module = "unbrick"

// Variable is the environment variable that says which mistake is made; with any other value than the name of
// one, none is.
const Variable = "UNBRICK_MISTAKE"

// Made stands in the new text of an edit for the condition that the mistake is the chosen one.
const Made = "MISTAKE"

// Edit replaces text in a file of the module. Old must be there exactly once, edits before this one
// included; New holds Made, since the program is right without a choice.
type Edit struct{ File, Old, New string }

// Mistake is a set of edits under one name.
type Mistake struct {
	Name  string
	Edits []Edit
}

// Overlay writes the copies with all mistakes in them, and extra files (path in the module to text), to dir. It
// returns the file for -overlay.
func Overlay(root, dir string, mistakes []Mistake, extra map[string]string) (string, error) {
	copies, packages := map[string]string{}, map[string]string{}
	names := map[string]bool{}
	for _, m := range mistakes {
		if names[m.Name] {
			return "", fmt.Errorf("two mistakes are called %q", m.Name)
		}
		names[m.Name] = true
		for _, e := range m.Edits {
			text, ok := copies[e.File]
			if !ok {
				original, err := os.ReadFile(filepath.Join(root, e.File))
				if err != nil {
					return "", fmt.Errorf("%s: %w", m.Name, err)
				}
				text = string(original)
			}
			if n := strings.Count(text, e.Old); n != 1 {
				return "", fmt.Errorf("%s: the text to replace is %d times in %s, must be once:\n%s", m.Name, n, e.File, e.Old)
			}
			if !strings.Contains(e.New, Made) {
				return "", fmt.Errorf("%s: the new text for %s does not hold %s:\n%s", m.Name, e.File, Made, e.New)
			}
			copies[e.File] = strings.Replace(text, e.Old, strings.ReplaceAll(e.New, Made, "mistake("+strconv.Quote(m.Name)+")"), 1)
			packages[filepath.Dir(e.File)] = e.File
		}
	}
	for folder, file := range packages {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.PackageClauseOnly)
		if err != nil {
			return "", err
		}
		copies[folder+"/mistake.go"] = "package " + f.Name.Name + "\n\nimport \"os\"\n\nvar mistakeMade = os.Getenv(\"" + Variable +
			"\")\n\nfunc mistake(name string) bool { return mistakeMade == name }\n"
	}
	for file, text := range extra {
		copies[file] = text
	}
	replace := map[string]string{}
	for file, text := range copies {
		path := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, file)] = path
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}

// Build compiles the tests of a package (path in the module) with an overlay. It returns the program.
func Build(root, dir, overlay, pkg string) (string, error) {
	program := filepath.Join(dir, strings.ReplaceAll(pkg, "/", "_")+".test")
	cmd := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", program, Module+"/"+pkg)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the tests of %s: %w\n%s", pkg, err, out)
	}
	return program, nil
}

// ErrCheck tells that a run says nothing of the check: there is no such test, it was skipped, or it did not come to an end.
var ErrCheck = errors.New("no verdict of the check")

// Caught runs one test of a program, in the folder of its package, with a mistake made. It reports whether the test
// failed, and what it printed.
func Caught(ctx context.Context, program, folder, test, name string) (bool, string, error) {
	parts := strings.Split(test, "/")
	for i, p := range parts {
		parts[i] = "^" + p + "$"
	}
	cmd := exec.CommandContext(ctx, program, "-test.run", strings.Join(parts, "/"), "-test.v", "-test.short", "-test.failfast", "-test.timeout", "2m")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), Variable+"="+name)
	out, err := cmd.CombinedOutput()
	text := string(out)
	// A test fails as one: that the program ended otherwise, in a goroutine that nobody waits for or by its time limit, is no
	// word of the check.
	switch {
	case err != nil && strings.Contains(text, "--- FAIL: "+test+" "):
		return true, text, nil
	case err == nil && strings.Contains(text, "--- PASS: "+test+" "):
		return false, text, nil
	}
	return false, text, fmt.Errorf("%w %s: %v", ErrCheck, test, err)
}
