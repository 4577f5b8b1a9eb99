package limits_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"unbrick/delta"
	"unbrick/delta/bsdiff"
	"unbrick/flash"
	"unbrick/limits"
	"unbrick/protocol"
	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/release/store"
	"unbrick/server/storage"
	"unbrick/terminal"
)

// table returns the constants of limits.go by name.
func table(t *testing.T) map[string]string {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, "limits.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := (&types.Config{Importer: importer.Default()}).Check("limits", files, []*ast.File{f}, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok {
			t.Errorf("%s is no constant", name)
			continue
		}
		all[name] = constant.ToInt(c.Val()).ExactString()
	}
	return all
}

// TestDocument: docs/limits.md lists every limit with its value, and no other.
func TestDocument(t *testing.T) {
	page, err := os.ReadFile("../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	want := table(t)
	row := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ([0-9,]+) \\| \\S")
	seen := map[string]bool{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		name, value := m[1], strings.ReplaceAll(m[2], ",", "")
		if seen[name] {
			t.Errorf("%s is listed twice", name)
		}
		if seen[name] = true; want[name] != value {
			t.Errorf("%s is %s in the document, %q in the code", name, value, want[name])
		}
	}
	for name, value := range want {
		if !seen[name] {
			t.Errorf("%s (%s) is not in the document", name, value)
		}
	}
}

// TestNobodyHasLimitsOfTheirOwn: a limit of these packages is a name for one of the table, or is made of such.
func TestNobodyHasLimitsOfTheirOwn(t *testing.T) {
	own := map[string]string{ // what bounds a packet or a page of answers and nothing that is delivered
		"MaxBad": "frame", "MaxBlobName": "store",
		"MaxLine": "smp", "MinBufSize": "smp", "MaxBufSize": "smp", "MaxVersion": "smp", "MaxHash": "smp", "MaxImages": "smp", // of others
		"MaxAttempts": "storage", "MaxReports": "storage", "MaxHistory": "storage", "MaxUnproven": "storage", "MaxPage": "storage", "MaxUnknown": "storage", "MaxBackoff": "storage", "MaxDetail": "storage", "MaxPhases": "storage",
	}
	named := regexp.MustCompile(`^(Max|Min)[A-Z]`)
	for _, dir := range []string{"flash", "model", "release", "release/store", "delta", "delta/bsdiff", "protocol", "protocol/frame", "protocol/smp", "terminal/record", "server/storage"} {
		names, err := filepath.Glob("../" + dir + "/*.go")
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		found := 0
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				g, ok := d.(*ast.GenDecl)
				if !ok || g.Tok != token.CONST {
					continue
				}
				for _, s := range g.Specs {
					v := s.(*ast.ValueSpec)
					for i, id := range v.Names {
						if !named.MatchString(id.Name) || own[id.Name] == f.Name.Name {
							continue
						}
						found++
						if i >= len(v.Values) || !derived(v.Values[i]) {
							t.Errorf("%s: %s is not taken from limits", name, id.Name)
						}
					}
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: no limit found: this test looks in the wrong place", dir)
		}
	}
}

// derived reports whether a constant is made of a limit, or of other limits by name.
func derived(e ast.Expr) bool {
	ok := false
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, is := n.X.(*ast.Ident); is && x.Name == "limits" {
				ok = true
			}
		case *ast.Ident:
			ok = ok || strings.HasPrefix(n.Name, "Max") || strings.HasPrefix(n.Name, "Min")
		}
		return true
	})
	return ok
}

// TestChain: what is let in further in front is let in everywhere behind.
func TestChain(t *testing.T) {
	for _, c := range []struct {
		what        string
		front, back int64
	}{
		{"an update file names every address of an image", limits.Image, 1<<24 - 1},
		{"a delta starts from and leads to every image", release.MaxImage, delta.MaxImage},
		{"so does a classic patch", release.MaxImage, bsdiff.MaxImage},
		{"a delta builds every sector", limits.SectorSize, delta.MaxSector},
		{"and counts all of them", flash.MaxSoftware, delta.MaxSectors},
		{"in as many runs as a part has", flash.MaxRuns, delta.MaxRuns},
		{"records name every sector of a part", flash.MaxSectors, 1 << 16},
		{"the digest tree of the cable spans them", flash.MaxSectors, int64(smpSectors())},
		{"the link takes an image as it is, twice", 2 * limits.Image, protocol.MaxFile},
		{"and so do server", protocol.MaxFile, storage.MaxBlob},
		{"and browser", protocol.MaxFile, store.MaxBlob},
		{"frames take a release file in the largest blocks", release.MaxFile, frame.MaxBlocks * frame.MaxBlock},
		{"the link names the keys of a device", terminal.KeySlots, protocol.MaxKeys},
		{"and the cable", terminal.KeySlots, smp.MaxKeys},
		{"a device holds the keys of its model", limits.ModelKeys, terminal.KeySlots},
		{"the server remembers more refused files than a device tells of", protocol.MaxRefused, storage.MaxRefused},
		{"a model's ID is fit for a release", limits.Text, release.MaxText},
		{"a sector has a leaf", limits.SmallLeaf, limits.Leaf},
	} {
		if c.front > c.back {
			t.Errorf("%s: %d, but %d", c.what, c.front, c.back)
		}
	}
}

func smpSectors() int {
	n := 1
	for range smp.MaxLevel {
		n *= smp.Fanout
	}
	return n
}

// TestTableIsInUse: a limit that nobody takes bounds nothing.
func TestTableIsInUse(t *testing.T) {
	var names []string
	for name := range table(t) {
		names = append(names, name)
	}
	slices.Sort(names)
	var text strings.Builder
	for _, dir := range []string{".", "firmware", "firmware/espimage", "firmware/mcuboot", "firmware/webtools", "flash", "model", "release", "release/store", "delta", "delta/internal/coding", "delta/diff", "delta/bsdiff", "protocol", "protocol/frame", "protocol/smp", "server", "server/api", "server/fleet", "server/identity", "server/provider", "server/storage", "terminal", "terminal/record", "terminal/image", "webui/fleetdata", "cmd/unbrick"} {
		files, err := filepath.Glob("../" + dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		if dir == "." {
			files = []string{"limits.go"}
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(b)
		}
	}
	for _, name := range names {
		uses := regexp.MustCompile(fmt.Sprintf(`limits\.%s\b|= %s\b`, name, name))
		if !uses.MatchString(text.String()) {
			t.Errorf("%s is not used", name)
		}
	}
}
