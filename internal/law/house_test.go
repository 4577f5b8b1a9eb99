package law

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	house = "../../docs/house.md"
	root  = "../.."
)

// station is a row of a walk: a package and a function in it.
var station = regexp.MustCompile("^\\| (\\d+) \\| `([^`]+)` \\| `([^`]+)` \\|")

// TestHouse: every station of the walks is there, in its package, and no walk comes to one twice.
func TestHouse(t *testing.T) {
	page, err := os.ReadFile(house)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]bool{}
	walk, found, seen := "", 0, map[string]string{}
	for _, line := range strings.Split(string(page), "\n") {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			walk, seen = title, map[string]string{}
		}
		m := station.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		found++
		pkg, name := m[2], m[3]
		if known[pkg] == nil {
			known[pkg] = functions(t, filepath.Join(root, pkg))
		}
		if !known[pkg][name] {
			t.Errorf("%s, station %s: package %s has no %s", walk, m[1], pkg, name)
		}
		if before := seen[pkg+" "+name]; before != "" {
			t.Errorf("%s, station %s is station %s again: %s of %s", walk, m[1], before, name, pkg)
		}
		seen[pkg+" "+name] = m[1]
	}
	if found < 60 {
		t.Errorf("%s has %d stations", house, found)
	}
}

// functions returns what is declared in a folder, methods, also those of interfaces, as Type.Name.
func functions(t *testing.T, dir string) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				all[receiver(d)+d.Name.Name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if typ, ok := s.(*ast.TypeSpec); ok {
						contract(all, typ)
					}
				}
			}
		}
	}
	return all
}

// receiver returns the type of a method with a dot, nothing for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if name, ok := typ.(*ast.Ident); ok {
		return name.Name + "."
	}
	return ""
}

// contract notes the methods of an interface.
func contract(all map[string]bool, typ *ast.TypeSpec) {
	i, ok := typ.Type.(*ast.InterfaceType)
	if !ok {
		return
	}
	for _, m := range i.Methods.List {
		for _, name := range m.Names {
			all[typ.Name.Name+"."+name.Name] = true
		}
	}
}
