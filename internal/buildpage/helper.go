package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// patch is a place in vugu's rendering helper that is changed, and how often it stands there.
type patch struct {
	from, to string
	times    int
}

// patches make the helper touch only what differs. As it ships, it writes every text, attribute and
// block of constant markup anew at each render, ten times a second here: clicks between two renders are
// lost, selections vanish, animations restart and screen readers repeat themselves.
var patches = []patch{
	{`else x.el.textContent=e;break`, `else x.el.data!==e&&(x.el.data=e);break`, 2},
	{`x.el.innerHTML=(x.bufferedInnerHTML||"")+e,`, `(h=>{x.el.innerHTML!==h&&(x.el.innerHTML=h)})((x.bufferedInnerHTML||"")+e),`, 1},
	{`e[t]=JSON.parse(n);break`, `(v=>{e[t]!==v&&(e[t]=v)})(JSON.parse(n));break`, 1},
	{`e.setAttribute(t,n),x.elAttrNames[t]=!0`, `e.getAttribute(t)!==n&&e.setAttribute(t,n),x.elAttrNames[t]=!0`, 1},
}

// patched applies patches. A helper in which one does not stand exactly as often as known is another
// version, and an error.
func patched(helper string) (string, error) {
	for _, p := range patches {
		if n := strings.Count(helper, p.from); n != p.times {
			return "", fmt.Errorf("the renderer's script holds %q %d times, want %d", p.from, n, p.times)
		}
		helper = strings.ReplaceAll(helper, p.from, p.to)
	}
	return helper, nil
}

// helperScript returns vugu's rendering helper exactly as the renderer hands it to eval. The page loads
// it, patched, as a script of its own, which a strict Content-Security-Policy allows; its eval then
// accepts the original text, character for character, and nothing else. The constant is read rather than
// the .js file beside it, because the constant is a minified form and the comparison must be exact.
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
