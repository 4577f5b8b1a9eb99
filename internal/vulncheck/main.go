// Command vulncheck asks govulncheck whether the project calls anything with a known vulnerability. The list of
// vulnerabilities is a module like any other, pinned here, so that the check needs no service and says the same
// today and tomorrow; raise it together with the other modules.
//
// What is found in a module of go.mod fails. What is found in the standard library is told, with the toolchain that
// mends it, and does not fail: which toolchain builds is not the project's to choose.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	goversion "go/version"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// database is the list of known vulnerabilities.
const database = "golang.org/x/vulndb@v0.0.0-20261105234957-e22db6528018"

// standard is the name that govulncheck gives to the standard library as a module.
const standard = "stdlib"

func main() {
	if err := check(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vulncheck:", err)
		os.Exit(1)
	}
}

func check(out io.Writer) error {
	dir, err := list()
	if err != nil {
		// Not to be had is no fault of the project's, but must not look like a clean bill.
		fmt.Fprintf(out, "vulncheck: NOT DONE: the list of vulnerabilities is not to be had: %v\n", err)
		return nil
	}
	cmd := exec.Command("go", "tool", "govulncheck", "-format", "json", "-db", "file://"+filepath.ToSlash(dir), "./...")
	cmd.Stderr = os.Stderr
	said, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("govulncheck: %w", err)
	}
	found, err := read(bytes.NewReader(said))
	if err != nil {
		return fmt.Errorf("what govulncheck says: %w", err)
	}
	return judge(out, found)
}

// list downloads the list of vulnerabilities, if it is not there yet, and returns its folder.
func list() (string, error) {
	said, err := exec.Command("go", "mod", "download", "-json", database).Output()
	var module struct{ Dir, Error string }
	if parsing := json.Unmarshal(said, &module); parsing != nil || module.Dir == "" {
		return "", errors.Join(err, parsing, errors.New(module.Error))
	}
	return filepath.Join(module.Dir, "data", "osv"), nil
}

// finding is a vulnerability in code that the project calls.
type finding struct {
	id, module, version, fixed, symbol string
}

// read takes what govulncheck says, a stream of JSON objects, and keeps the calls, one for each vulnerability. A stream
// without its first object, which says how the scan was made, is none.
func read(r io.Reader) ([]finding, error) {
	type frame struct{ Module, Version, Package, Function string }
	var found []finding
	scanned := false
	for d := json.NewDecoder(r); ; {
		var m struct {
			Config  *struct{ Go_Version string }
			Finding *struct {
				OSV           string
				Fixed_Version string
				Trace         []frame
			}
		}
		err := d.Decode(&m)
		if errors.Is(err, io.EOF) {
			if !scanned {
				return nil, io.ErrUnexpectedEOF
			}
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		scanned = scanned || m.Config != nil
		f := m.Finding
		if f == nil || len(f.Trace) == 0 || f.Trace[0].Function == "" {
			continue // imported or required, not called
		}
		if slices.ContainsFunc(found, func(x finding) bool { return x.id == f.OSV && x.module == f.Trace[0].Module }) {
			continue
		}
		t := f.Trace[0]
		found = append(found, finding{f.OSV, t.Module, t.Version, f.Fixed_Version, t.Package + "." + t.Function})
	}
}

// judge prints what was found and fails if any of it is in a module that go.mod chooses.
func judge(out io.Writer, found []finding) error {
	ours := 0
	var toolchain []string
	fixed := ""
	for _, f := range found {
		if f.module == standard {
			toolchain = append(toolchain, f.id)
			if v := strings.Replace(f.fixed, "v", "go", 1); goversion.Compare(v, fixed) > 0 {
				fixed = v
			}
			continue
		}
		ours++
		fmt.Fprintf(out, "vulncheck: %s: %s %s, called as %s; fixed in %s\n", f.id, f.module, f.version, f.symbol, orNone(f.fixed))
	}
	if len(toolchain) > 0 {
		fmt.Fprintf(out, "vulncheck: this toolchain's library has %d known vulnerabilities that are called (%s); build with %s or newer\n",
			len(toolchain), strings.Join(toolchain, ", "), orNone(fixed))
	}
	if ours > 0 {
		return fmt.Errorf("%d known vulnerabilities in modules of go.mod are called", ours)
	}
	fmt.Fprintln(out, "vulncheck: no module of go.mod has a known vulnerability that is called")
	return nil
}

func orNone(version string) string {
	if version == "" {
		return "no version yet"
	}
	return version
}
