package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/andybalholm/brotli"
)

// pack compresses a program unless the one in out was made from the same bytes at least as well; that
// saves most of a minute on a small machine.
func pack(out, file string, wasm []byte, quality int) (size int, reused bool, err error) {
	name := filepath.Join(out, file)
	note := filepath.Join(out, strings.TrimSuffix(file, ".wasm"+packing)+".packed.txt")
	mark := fmt.Sprintf("%x %d", sha256.Sum256(wasm), quality)
	best := fmt.Sprintf("%x %d", sha256.Sum256(wasm), full)
	if old, err := os.ReadFile(note); err == nil && (string(old) == mark || string(old) == best) {
		if st, err := os.Stat(name); err == nil {
			return int(st.Size()), true, nil
		}
	}
	var smallest []byte
	for _, window := range windows(quality) {
		var packed bytes.Buffer
		w := brotli.NewWriterOptions(&packed, brotli.WriterOptions{Quality: quality, LGWin: window})
		if _, err := w.Write(wasm); err != nil {
			return 0, false, err
		}
		if err := w.Close(); err != nil {
			return 0, false, err
		}
		if smallest == nil || packed.Len() < len(smallest) {
			smallest = packed.Bytes()
		}
	}
	if err := replace(name, smallest); err != nil {
		return 0, false, err
	}
	return len(smallest), false, replace(note, []byte(mark))
}

// stamp writes version.js: the build's name, which is a digest over everything that the page loads, the
// size of the program as it travels, and the files that the service worker keeps from the start.
func stamp(root, out string, built map[string][]byte, packed int) error {
	static := filepath.Join(root, "static")
	var files []string
	sum := sha256.New()
	err := filepath.WalkDir(static, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(static, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() || !kept(rel) {
			return nil
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if name, ok := strings.CutSuffix(rel, packing); ok { // what the browser asks for; light and full compression are one build
			b, rel = built[strings.TrimPrefix(name, "dist/")], name
		}
		fmt.Fprintf(sum, "%s %d\n", rel, len(b))
		sum.Write(b)
		if rel == "index.html" {
			rel = "./"
		}
		if rel != "sw.js" && rel != "dist/"+lab.name && rel != "dist/"+families.name {
			files = append(files, rel)
		}
		return nil
	})
	if err != nil {
		return err
	}
	sort.Strings(files)
	for i, name := range files {
		files[i] = strconv.Quote(name)
	}
	text := fmt.Sprintf("self.UNBRICK = {\n\tversion: %q,\n\tsize: %d,\n\tfiles: [%s],\n};\n",
		hex.EncodeToString(sum.Sum(nil)[:8]), packed, strings.Join(files, ", "))
	return replace(filepath.Join(out, version), []byte(text))
}

// kept tells whether a file under static belongs to the page itself.
func kept(rel string) bool {
	switch filepath.Ext(rel) {
	case ".html", ".css", ".js", ".svg", ".png", ".webmanifest":
		return rel != "dist/"+version
	}
	return slices.ContainsFunc(programs, func(p *program) bool { return rel == "dist/"+p.name+packing })
}

// windows are the base-2 logarithms of how far brotli looks back, of which the smallest outcome is kept: for what everybody waits for up to
// the largest that browsers take. Which one is best changes with a few bytes of the program, by a thousandth.
func windows(quality int) []int {
	if quality == full {
		return []int{22, 23, 24}
	}
	return []int{22}
}
