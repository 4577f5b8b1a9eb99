// Package law executes the import law of docs/design.md over the whole tree.
package law

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// below lists the packages of the project that a package may import directly. Programs (cmd, wasm,
// internal/buildpage) and the server stand above all of these. Terminal and emulator never import each other; lab
// puts them together.
var below = map[string][]string{
	"internal/cbor":         {},
	"internal/firmware":     {},
	"limits":                {},
	"firmware":              {"limits", "release", "firmware/espimage", "firmware/mcuboot"},
	"firmware/espimage":     {"limits"},
	"firmware/mcuboot":      {"limits"},
	"firmware/webtools":     {"limits", "release", "firmware/espimage"},
	"flash":                 {"limits"},
	"flash/flashtest":       {"flash"},
	"release":               {"internal/cbor", "limits", "flash"},
	"release/store":         {"limits", "release"},
	"release/sequence":      {"release"},
	"model":                 {"internal/cbor", "limits", "flash", "release"},
	"delta/internal/coding": {"limits"},
	"delta":                 {"limits", "flash", "release", "delta/internal/coding"},
	"delta/bsdiff":          {"limits", "flash", "delta"},
	"delta/diff":            {"flash", "release", "delta", "delta/internal/coding"},
	"protocol":              {"internal/cbor", "limits", "release"},
	"protocol/conntest":     {"protocol", "release"},
	"protocol/wsconn":       {"protocol"},
	"protocol/smp":          {"internal/cbor", "limits", "flash", "release"},
	"protocol/frame":        {"limits"},
	"terminal/record":       {"limits", "flash", "release", "protocol"},
	"terminal/image":        {"limits", "flash", "release"},
	"terminal":              {"limits", "flash", "release", "delta", "delta/bsdiff", "protocol", "protocol/smp", "protocol/frame", "terminal/record", "terminal/image"},
	"terminal/terminaltest": {"flash", "flash/flashtest", "release", "terminal"},
	"emulator":              {"flash"},
	"lab/stand":             {"flash", "release", "delta/bsdiff", "protocol", "protocol/smp", "terminal", "emulator"},
	"lab":                   {"flash", "release", "model", "delta", "protocol", "protocol/smp", "terminal", "emulator", "lab/stand", "restore"},
	"lab/sweep":             {"flash", "release", "delta", "delta/diff", "protocol", "protocol/smp", "terminal", "terminal/record", "emulator", "lab/stand", "restore"},
	"lab/report":            {"lab/sweep"},
	"lab/sweep/suite":       {"flash", "internal/firmware", "lab/sweep"},
	"restore/serialport":    {"restore", "restore/family"},
	"internal/pack":         {"internal/cbor"},
	"webui/state":           {"internal/pack", "flash", "release", "protocol/smp", "restore", "restore/boottext"},
	"webui/diagnostic":      {"internal/pack"},
	"webui/library":         {"internal/cbor", "internal/pack", "model", "protocol", "release", "release/store", "restore", "webui/state"},
	"webui/shown":           {"flash", "model", "release", "restore", "webui/library", "webui/state"},
	"webui/engine":          {"internal/cbor", "internal/pack", "protocol", "release", "restore", "restore/family", "restore/recognise", "webui/library", "webui/state"},
	"webui/repair":          {"flash", "internal/pack", "model", "protocol/smp", "release", "restore", "restore/boottext", "restore/family", "restore/recognise", "webui/diagnostic", "webui/engine", "webui/library", "webui/shown", "webui/state"},
	"webui/labwork":         {"delta/diff", "emulator", "flash", "internal/pack", "lab", "model", "protocol", "protocol/smp", "release", "restore", "terminal", "terminal/record", "webui/engine", "webui/library", "webui/shown", "webui/state"},
	"webui/families":        {"firmware", "firmware/mcuboot", "internal/pack", "release", "restore", "restore/boottext", "restore/esp", "restore/family", "restore/fit", "restore/mcuboot", "restore/recognise", "restore/stk500", "webui/diagnostic", "webui/engine", "webui/shown", "webui/state", "webui/words"},
	"webui/projector":       {"webui/labwork", "webui/state", "emulator", "lab/sweep", "model"},
	"webui/state/statetest": {"webui/state", "protocol/smp", "restore"},
	"webui/fleetdata":       {"limits", "release", "server/form"},
	"webui/words":           {"server/form", "webui/state", "webui/diagnostic", "webui/fleetdata", "protocol/smp", "restore", "terminal"},
	"webui/view/node":       {},
	"webui/view/part":       {"webui/view/node", "webui/words"},
	"webui/view/flashmap":   {"webui/state", "webui/view/node", "webui/words"},
	"webui/view/viewtest":   {"webui/view/part"},
	"webui/view/restore":    {"webui/state", "webui/words", "webui/view/flashmap", "webui/view/part", "webui/view/node", "restore"},
	"webui/view/lab":        {"webui/state", "webui/words", "webui/view/flashmap", "webui/view/part", "webui/view/node", "restore"},
	"webui/view/fleet":      {"server/form", "webui/words", "webui/diagnostic", "webui/fleetdata", "webui/view/part", "webui/view/node"},
	"webui/view":            {"webui/state", "webui/words", "webui/fleetdata", "webui/view/fleet", "webui/view/flashmap", "webui/view/lab", "webui/view/node", "webui/view/part", "webui/view/restore"},
	"internal/webserial":    {},
	"internal/browsertest":  {},
	"restore":               {"flash", "release", "model", "delta", "delta/diff", "protocol/smp", "protocol/frame", "internal/cbor", "firmware/mcuboot", "restore/boottext"},
	"restore/boottext":      {},
	"restore/family":        {"release", "restore"},
	"restore/fit":           {"firmware", "firmware/espimage", "restore/family"},
	"restore/mcuboot":       {"firmware/mcuboot", "release", "restore", "restore/family"},
	"restore/stk500":        {"release", "restore", "restore/family"},
	"restore/recognise":     {"restore", "restore/boottext", "restore/family"},
	"restore/esp":           {"release", "restore", "restore/boottext", "restore/family"},
	"restore/porttest":      {"restore"},
	"internal/mcuboottest":  {},
	"internal/espimages":    {},
	"internal/firmwaretest": {},
	"internal/mutants":      {},
	"internal/oidctest":     {},
	"internal/standin":      {"restore"},
	"internal/standin/esp":  {"internal/standin"},
	"internal/vectors":      {},
	"server":                {"protocol", "server/access", "server/account", "server/api", "server/fleet", "server/form", "server/metrics", "server/offer", "server/provider", "server/rollout", "server/session", "server/storage"},
	"server/demo":           {"flash", "internal/firmware", "model", "protocol", "release", "server/form", "server/offer", "server/storage"},
	"server/access":         {},
	"server/account":        {"server/access", "server/form", "server/storage"},
	"server/certificate":    {},
	"server/form":           {"release"},
	"server/provider":       {"limits", "release", "server/access", "server/storage"},
	"server/identity":       {"limits", "release"},
	"server/rollout":        {"release", "server/form", "server/storage"},
	"server/offer":          {"release", "model", "flash", "delta", "delta/bsdiff", "delta/diff", "protocol", "server/storage"},
	"server/api":            {"internal/cbor", "limits", "flash", "delta/diff", "model", "protocol", "protocol/wsconn", "release", "release/sequence", "server/access", "server/account", "server/fleet", "server/form", "server/identity", "server/metrics", "server/offer", "server/provider", "server/rollout", "server/session", "server/storage"},
	"server/fleet":          {"internal/cbor", "limits", "release", "protocol", "protocol/smp", "server/access", "server/identity", "server/storage"},
	"server/metrics":        {},
	"server/session":        {"release", "protocol", "server/fleet", "server/metrics", "server/offer", "server/rollout", "server/storage"},
	"server/storage":        {"internal/cbor", "limits", "release"},
	"server/storage/local":  {"release", "server/storage"},

	"internal/standin/stk500":    {"internal/standin"},
	"internal/devicetest/uboot":  {"restore", "restore/serialport"},
	"internal/devicetest/avr":    {"restore", "restore/serialport"},
	"internal/standin/serve":     {"internal/standin", "restore"},
	"server/storage/storagetest": {"flash", "release", "server/storage"},
}

// confined says which packages know of a library, by the beginning of its path.
var confined = map[string][]string{
	"filippo.io/":                  {"server/identity"},
	"github.com/prometheus/":       {"server/metrics", "server/api"},
	"golang.org/x/time/":           {"server/access"},
	"golang.org/x/crypto/acme":     {"server/certificate"},
	"github.com/letsencrypt/":      {}, // tests alone
	"modernc.org/":                 {"server/storage/local"},
	"github.com/coreos/":           {"server/provider"},
	"golang.org/x/oauth2":          {"server/provider"},
	"github.com/icedream/":         {"server/offer"},
	"github.com/spf13/":            {"cmd/unbrick"},
	"go.bug.st/":                   {"restore/serialport"},
	"github.com/google/jsonschema": {}, // tests alone
	"github.com/zitadel/":          {"internal/oidctest"},
	"github.com/go-jose/":          {"internal/oidctest"},
}

// device lists the packages that are fit for a device, and forbidden what they never import directly.
var (
	device    = []string{"internal/cbor", "limits", "flash", "release", "delta", "delta/bsdiff", "delta/internal/coding", "protocol", "protocol/smp", "protocol/frame", "terminal", "terminal/record", "terminal/image"}
	forbidden = []string{"os", "net", "net/http", "encoding/json", "reflect", "log", "log/slog", "syscall", "unsafe"}
	// wasmForbidden never reaches the browser program, directly or through others: each of these
	// costs more than a tenth of its size.
	wasmForbidden = []string{"net/http", "encoding/json", "crypto/tls", "html/template", "text/template", "log/slog",
		"github.com/coder/websocket", "github.com/fxamacker/cbor/v2", "github.com/veraison/go-cose"}
)

type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
	Deps       []string
	GoFiles    []string
}

func list(t *testing.T, env []string, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Imports,Deps,GoFiles"}, args...)...)
	cmd.Dir = "../.."
	cmd.Env = append(cmd.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func TestImportsPointDown(t *testing.T) {
	for _, p := range list(t, nil, "./...") {
		name := strings.TrimPrefix(p.ImportPath, "unbrick/")
		allowed, known := below[name]
		if room, _, _ := strings.Cut(name, "/"); !known && slices.Contains([]string{"server", "webui", "restore", "firmware"}, room) {
			t.Errorf("%s: the law does not say what it may import", name)
		}
		for library, who := range confined {
			if slices.ContainsFunc(p.Imports, func(i string) bool { return strings.HasPrefix(i, library) }) && !slices.Contains(who, name) {
				t.Errorf("%s imports %s: the law does not allow it", name, library)
			}
		}
		for _, imp := range p.Imports {
			own, ours := strings.CutPrefix(imp, "unbrick/")
			if known && ours && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s: the law does not allow it", name, own)
			}
			if imp == "syscall/js" {
				t.Errorf("%s imports syscall/js outside wasm", name)
			}
		}
	}
}

func TestDevicePackagesAreFit(t *testing.T) {
	seen := 0
	for _, p := range list(t, nil, "./...") {
		name := strings.TrimPrefix(p.ImportPath, "unbrick/")
		if !slices.Contains(device, name) {
			continue
		}
		seen++
		for _, imp := range p.Imports {
			if slices.Contains(forbidden, imp) {
				t.Errorf("%s imports %s, which a device does not have", name, imp)
			}
		}
	}
	if seen != len(device) {
		t.Errorf("saw %d device packages of %d: the table is out of date", seen, len(device))
	}
}

// TestNoUnicodeTables keeps every judgement of a text independent of the toolchain: Unicode's tables grow with each of its versions, and a
// text that one build takes and another refuses is two meanings of one signed statement. What a text may hold stands in package release.
func TestNoUnicodeTables(t *testing.T) {
	tables := []string{"IsPrint", "IsGraphic"} // of package strconv
	seen := 0
	for _, p := range list(t, nil, "./...") {
		if slices.ContainsFunc(p.Imports, func(i string) bool { return i == "unicode" || strings.HasPrefix(i, "golang.org/x/text/") }) {
			t.Errorf("%s imports Unicode's tables", p.ImportPath)
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			seen++
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains(tables, s.Sel.Name) {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "strconv" {
						t.Errorf("%s: %s uses strconv.%s, which is Unicode's tables", p.ImportPath, name, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
	if seen < 100 {
		t.Errorf("saw %d files", seen)
	}
}

func TestBrowserProgramStaysSmall(t *testing.T) {
	found := false
	// The tag is the one that internal/buildpage builds with.
	for _, p := range list(t, []string{"GOOS=js", "GOARCH=wasm"}, "-tags", "tinygo", "./wasm", "./wasm/lab") {
		found = true
		for _, imp := range p.Deps {
			if slices.Contains(wasmForbidden, imp) {
				t.Errorf("%s brings %s into the browser program", p.ImportPath, imp)
			}
		}
	}
	if !found {
		t.Error("no package under wasm")
	}
}

func TestSyscallJSOnlyUnderWasm(t *testing.T) {
	for _, p := range list(t, []string{"GOOS=js", "GOARCH=wasm"}, "./...") {
		if slices.Contains(p.Imports, "syscall/js") && !strings.HasPrefix(p.ImportPath, "unbrick/wasm") {
			t.Errorf("%s imports syscall/js", p.ImportPath)
		}
	}
}

// TestWholeTests: what runs with the race detector runs -short, and the tests that this cuts down are named in the Makefile,
// which runs them whole without it.
func TestWholeTests(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(makefile), "\nWHOLE = ^(")
	list, _, found := strings.Cut(rest, ")$$\n")
	if !found {
		t.Fatal("the Makefile names no tests that run whole")
	}
	var files []string
	for _, pattern := range []string{"server/*", "server/*/*", "server/*/*/*", "webui/engine/*", "webui/labwork/*", "webui/library/*", "restore/*", "restore/*/*"} {
		match, err := filepath.Glob("../../" + pattern + "_test.go")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, match...)
	}
	bodies := make(map[string]string)
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				bodies[fn.Name.Name] = string(source[fn.Pos()-f.FileStart : fn.End()-f.FileStart])
			}
		}
	}
	var short []string // the helpers and tests that ask
	for name, body := range bodies {
		if strings.Contains(body, "testing.Short()") {
			short = append(short, name)
		}
	}
	var want []string
	for name, body := range bodies {
		asks := slices.ContainsFunc(short, func(s string) bool { return s == name || strings.Contains(body, s+"(") })
		if asks && strings.HasPrefix(name, "Test") {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	got := strings.Split(list, "|")
	slices.Sort(got)
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("the Makefile runs whole %v, -short cuts %v", got, want)
	}
}
