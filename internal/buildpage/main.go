// Command buildpage builds the browser's half of Unbrick into static/dist, where package static embeds
// it: it generates the vugu components, compiles the page's WebAssembly program and the Lab's, copies the two scripts that must come from the toolchain and the module in use, and compresses
// the programs.
//
//	go run ./internal/buildpage          # build what changed
//	go run ./internal/buildpage -fast    # for development: light compression
//	go run ./internal/buildpage -size    # sizes of the built programs against their limits, ten heaviest packages of each
//
// Everything it writes is ignored by git. It never downloads anything beyond what go.mod pins.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	packing = ".br"         // ends the name of a program in the only form that is kept
	dist    = "static/dist" // relative to the module's root
	version = "version.js"  // names the build; the service worker and the shell read it
	before  = 1_400_000     // bytes, as they travel, of all that comes before Connect works
	fast    = 5             // brotli quality for development
	fair    = 9             // brotli quality for what nobody waits for
	full    = 11            // brotli quality for everything else
)

// program is a program in the browser.
type program struct {
	name    string // in dist, without packing
	pkg     string
	quality int // of brotli
	limit   int // bytes of brotli that it may have
}

// The page's own program, in both its roles, comes before Connect works. The Lab's comes when it is opened, that of families when one is
// found, and both when the page has nothing else to do.
var (
	app      = program{"app.wasm", "./wasm", full, 1_300_000}
	lab      = program{"lab.wasm", "./wasm/lab", fair, 1_400_000}
	families = program{"families.wasm", "./wasm/families", fair, 1_400_000}
	programs = []*program{&app, &lab, &families}
)

func main() {
	size := flag.Bool("size", false, "print the sizes of the built programs and their heaviest packages; exit 1 above a limit")
	quick := flag.Bool("fast", false, "compress lightly: seconds instead of most of a minute")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "buildpage: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	root, err := moduleRoot()
	if err == nil {
		if *size {
			err = report(root, os.Stdout)
		} else {
			err = build(root, *quick)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "buildpage:", err)
		os.Exit(1)
	}
}

// build runs every step in order; each one fails with its own words.
func build(root string, quick bool) error {
	start := time.Now()
	if err := generate(root); err != nil {
		return fmt.Errorf("generate components: %w", err)
	}
	out := filepath.Join(root, dist)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	built := make(map[string][]byte)
	for _, p := range programs {
		wasm, err := compile(root, p.pkg, "-s -w")
		if err == nil {
			wasm, err = smaller(wasm)
		}
		if err != nil {
			return fmt.Errorf("compile %s: %w", p.name, err)
		}
		built[p.name] = wasm
	}
	if err := scripts(root, out); err != nil {
		return fmt.Errorf("copy scripts: %w", err)
	}
	sizes, how := make(map[string]int), "unchanged"
	for _, p := range programs {
		quality := p.quality
		if quick {
			quality = fast
		}
		packed, reused, err := pack(out, p.name+packing, built[p.name], quality)
		if err != nil {
			return fmt.Errorf("compress %s: %w", p.name, err)
		}
		if !reused {
			how = "compressed"
		}
		sizes[p.name] = packed
	}
	if err := stamp(root, out, built, sizes[app.name]); err != nil {
		return fmt.Errorf("name the build: %w", err)
	}
	fmt.Printf("page: %d bytes, %d in brotli; the Lab: %d, families: %d in brotli (%s), %.1f s\n", len(built[app.name]), sizes[app.name],
		sizes[lab.name], sizes[families.name], how, time.Since(start).Seconds())
	return nil
}

// smaller takes out of a program, or writes otherwise, what makes it larger without being of use.
func smaller(wasm []byte) ([]byte, error) {
	if err := withoutLines(wasm); errors.Is(err, errForm) {
		fmt.Fprintln(os.Stderr, "buildpage:", err, "(it keeps its line numbers, and is larger)")
	} else if err != nil {
		return nil, fmt.Errorf("take line numbers out: %w", err)
	}
	switch j, err := joined(wasm); {
	case errors.Is(err, errForm):
		fmt.Fprintln(os.Stderr, "buildpage: the program's memory has a form that is not known (it is kept, and larger)")
		return wasm, nil
	case err != nil:
		return nil, fmt.Errorf("join what memory begins with: %w", err)
	default:
		return j, nil
	}
}

// moduleRoot is the nearest folder upwards that holds go.mod, so that the tool runs from anywhere inside.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod above the current folder")
		}
		dir = up
	}
}
