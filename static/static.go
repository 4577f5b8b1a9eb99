// Package static is the page as the server hands it out: the shell, its styles and scripts, and the
// program that internal/buildpage has built into dist.
//
// The shell is plain HTML and paints before the program arrives. Everything runs under CSP, which allows
// no script but ours and no eval. A binary that was built without the page still serves the shell, which
// then says so.
package static

import (
	"embed"
	"io/fs"
)

//go:embed *.html *.css *.js *.svg *.webmanifest dist
var files embed.FS

// program is the browser program in the only form that is kept; browsers find it without the last ending.
// Beside it lies the Lab's.
const (
	program = "dist/app.wasm.br"
	packing = ".br"
)

// FS is everything that is embedded: index.html at its root, the built program under dist.
func FS() fs.FS { return files }

// Built tells whether the browser program is in this binary.
func Built() bool {
	_, err := fs.Stat(files, program)
	return err == nil
}
