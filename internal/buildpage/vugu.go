package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// This file is all that vugu needs mended. Its module is left as it is: what is built is a copy of it with one file changed, in whose
// favour a copy of go.mod replaces it, and its script in the browser is a file of ours, dist/vugu.js. A mend that does not find its place as often as it knows is an error:
// another version may not need it any more, and then it goes.

// mend is a place that is changed, and how often it stands there.
type mend struct {
	from, to string
	times    int
	why      string // what is wrong without it
}

// inRenderer are mends of domrender/renderer-js.go. The script is there already when the program starts: static/boot.js loads it.
var inRenderer = []mend{
	{"\tret.window.Call(\"eval\", jsHelperScript)\n", "", 1, "a strict Content-Security-Policy allows no eval"},
}

// inScript are mends of the script that the renderer drives. As it ships, it writes every text, attribute and block of constant markup
// anew at each render, ten times a second here.
var inScript = []mend{
	{`else x.el.textContent=e;break`, `else x.el.data!==e&&(x.el.data=e);break`, 2, "selections vanish and screen readers repeat themselves"},
	{`x.el.innerHTML=(x.bufferedInnerHTML||"")+e,`, `(h=>{x.el.innerHTML!==h&&(x.el.innerHTML=h)})((x.bufferedInnerHTML||"")+e),`, 1, "clicks between two renders are lost"},
	{`e[t]=JSON.parse(n);break`, `(v=>{e[t]!==v&&(e[t]=v)})(JSON.parse(n));break`, 1, "what is being typed is written over"},
	{`e.setAttribute(t,n),x.elAttrNames[t]=!0`, `e.getAttribute(t)!==n&&e.setAttribute(t,n),x.elAttrNames[t]=!0`, 1, "animations start again"},
}

// mended applies mends to a text.
func mended(text string, mends []mend) (string, error) {
	for _, m := range mends {
		if n := strings.Count(text, m.from); n != m.times {
			return "", fmt.Errorf("vugu holds %q %d times, not %d: look whether it is still so that %s, and change or drop this mend", m.from, n, m.times, m.why)
		}
		text = strings.ReplaceAll(text, m.from, m.to)
	}
	return text, nil
}

// vugu is the renderer of the module in use.
type vugu struct {
	dir    string // of the module
	script string // mended, for dist/vugu.js
}

func readVugu(root string) (*vugu, error) {
	module, err := run(root, nil, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/vugu/vugu")
	if err != nil {
		return nil, err
	}
	v := &vugu{dir: strings.TrimSpace(module)}
	script, err := helperScript(filepath.Join(v.dir, "domrender"))
	if err != nil {
		return nil, err
	}
	v.script, err = mended(script, inScript)
	return v, err
}

// mendedCopy is where the copy lies during a build, below the root: what is built names it, so that it must be the same each time.
const mendedCopy = ".bin/vugu"

// drop removes the copy.
func drop(root string) {
	to := filepath.Join(root, mendedCopy)
	for _, name := range []string{to, to + ".mod", to + ".sum"} {
		os.RemoveAll(name) // what is left is written over
	}
}

// renderer is the file that is changed, mended.
func (v *vugu) renderer() (string, error) {
	b, err := os.ReadFile(filepath.Join(v.dir, "domrender", "renderer-js.go"))
	if err != nil {
		return "", err
	}
	return mended(string(b), inRenderer)
}

// copy writes the copy, and a go.mod that takes it, whose name it returns for go's -modfile.
func (v *vugu) copy(root string) (string, error) {
	drop(root)
	to := filepath.Join(root, mendedCopy)
	if err := os.CopyFS(to, os.DirFS(v.dir)); err != nil {
		return "", err
	}
	text, err := v.renderer()
	if err != nil {
		return "", err
	}
	if err := replace(filepath.Join(to, "domrender", "renderer-js.go"), []byte(text)); err != nil {
		return "", err
	}
	for _, end := range []string{".mod", ".sum"} {
		b, err := os.ReadFile(filepath.Join(root, "go"+end))
		if err != nil {
			return "", err
		}
		if end == ".mod" {
			b = append(b, "\nreplace github.com/vugu/vugu => ./"+mendedCopy+"\n"...)
		}
		if err := replace(to+end, b); err != nil {
			return "", err
		}
	}
	return to + ".mod", nil
}

// helperScript returns the script that vugu's renderer hands to eval: a constant, which is a minified form of the file beside it.
func helperScript(dir string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, "renderer-js-script.go"), nil, 0)
	if err != nil {
		return "", err
	}
	var text string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || spec.Names[0].Name != "jsHelperScript" || len(spec.Values) != 1 {
			return true
		}
		if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err = strconv.Unquote(lit.Value)
		}
		return false
	})
	if err != nil {
		return "", err
	}
	if text == "" {
		return "", errors.New("the module holds no jsHelperScript: its renderer has changed")
	}
	return text, nil
}
