package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
)

// helperScript returns vugu's rendering helper exactly as the renderer hands it to eval. The page loads
// it as a script of its own, which a strict Content-Security-Policy allows, and its eval then accepts
// this one text, character for character, and nothing else. The constant is read rather than the .js
// file beside it, because the constant is a minified form and the comparison must be exact.
func helperScript(dir string) ([]byte, error) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, "renderer-js-script.go"), nil, 0)
	if err != nil {
		return nil, err
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
		return nil, err
	}
	if text == "" {
		return nil, errors.New("the module holds no jsHelperScript: its renderer has changed")
	}
	return []byte(text), nil
}
