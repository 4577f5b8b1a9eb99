// Command buildpage builds the browser's half of Unbrick into static/dist, where package static embeds
// it: it generates the vugu components, compiles the page's WebAssembly program and the Lab's, copies the two scripts that must come from the toolchain and the module in use, and compresses
// the programs.
//
//	go run ./internal/buildpage          # build what changed
//	go run ./internal/buildpage -fast    # for development: light compression
//	go run ./internal/buildpage -size    # size of the built program against its limit, ten heaviest packages
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
	program = "app.wasm.br" // the only form of the program that is kept
	lab     = "lab.wasm.br" // the Lab's program, loaded when it is opened or when the page has nothing else to do
	dist    = "static/dist" // relative to the module's root
	version = "version.js"  // names the build; the service worker and the shell read it
	limit   = 1_450_000     // bytes of brotli that the program may have
	fast    = 5             // brotli quality for development
	fair    = 9             // brotli quality for what nobody waits for
	full    = 11            // brotli quality for everything else
)

func main() {
	size := flag.Bool("size", false, "print the size of the built program and its heaviest packages; exit 1 above the limit")
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
	wasm, err := compile(root, "./wasm", "-s -w")
	if err != nil {
		return fmt.Errorf("compile program: %w", err)
	}
	second, err := compile(root, "./wasm/lab", "-s -w")
	if err != nil {
		return fmt.Errorf("compile the program of the Lab: %w", err)
	}
	for _, w := range []*[]byte{&wasm, &second} {
		if err := withoutLines(*w); errors.Is(err, errForm) {
			fmt.Fprintln(os.Stderr, "buildpage:", err, "(it keeps its line numbers, and is larger)")
		} else if err != nil {
			return fmt.Errorf("take line numbers out: %w", err)
		}
		switch j, err := joined(*w); {
		case errors.Is(err, errForm):
			fmt.Fprintln(os.Stderr, "buildpage: the program's memory has a form that is not known (it is kept, and larger)")
		case err != nil:
			return fmt.Errorf("join what memory begins with: %w", err)
		default:
			*w = j
		}
	}
	if err := scripts(root, out); err != nil {
		return fmt.Errorf("copy scripts: %w", err)
	}
	quality := full
	if quick {
		quality = fast
	}
	packed, reused, err := pack(out, program, wasm, quality)
	if err == nil {
		_, _, err = pack(out, lab, second, min(quality, fair))
	}
	if err != nil {
		return fmt.Errorf("compress program: %w", err)
	}
	if err := stamp(root, out, map[string][]byte{program: wasm, lab: second}, packed); err != nil {
		return fmt.Errorf("name the build: %w", err)
	}
	how := "compressed"
	if reused {
		how = "unchanged"
	}
	fmt.Printf("page: %d bytes, %d in brotli (%s), %.1f s\n", len(wasm), packed, how, time.Since(start).Seconds())
	return nil
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
