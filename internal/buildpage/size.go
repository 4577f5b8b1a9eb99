package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// report prints the sizes of the built programs against their limits, and the ten packages with the most code in each; then what comes
// before Connect works. It fails above a limit.
func report(root string, w io.Writer) error {
	var above []error
	check := func(what string, size, limit int) {
		fmt.Fprintf(w, "%s: %d bytes, limit %d\n", what, size, limit)
		if size > limit {
			above = append(above, fmt.Errorf("%s: %d bytes above the limit", what, size-limit))
		}
	}
	for _, p := range programs {
		st, err := os.Stat(filepath.Join(root, dist, p.name+packing))
		if err != nil {
			return fmt.Errorf("the page is not built: %w", err)
		}
		check(p.name+" in brotli", int(st.Size()), p.limit)
		if err := heaviest(root, p, w); err != nil {
			return err
		}
	}
	sum := 0
	err := filepath.WalkDir(filepath.Join(root, "static"), func(name string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(filepath.Join(root, "static"), name)
		if err != nil || d.IsDir() || !kept(filepath.ToSlash(rel)) || d.Name() == lab.name+packing || d.Name() == families.name+packing {
			return err
		}
		st, err := d.Info()
		sum += int(st.Size())
		return err
	})
	if err != nil {
		return err
	}
	check("all that comes before Connect works", sum, before)
	return errors.Join(above...)
}

// heaviest prints the ten packages with the most code in a program.
func heaviest(root string, p *program, w io.Writer) error {
	wasm, err := compile(root, p.pkg, "") // with names, which -s takes out
	if err != nil {
		return err
	}
	code, err := functionSizes(wasm)
	if err != nil {
		return fmt.Errorf("read names: %w", err)
	}
	list, err := run(root, []string{"GOOS=js", "GOARCH=wasm"}, "go", "list", "-tags", tags, "-deps", p.pkg)
	if err != nil {
		return err
	}
	heavy, total := byPackage(code, strings.Fields(list))
	fmt.Fprintln(w, "ten heaviest packages, by code:")
	for _, p := range heavy[:min(len(heavy), 10)] {
		fmt.Fprintf(w, "%8d  %4.1f %%  %s\n", p.bytes, 100*float64(p.bytes)/float64(total), p.path)
	}
	fmt.Fprintf(w, "%8d  all %d packages\n", total, len(heavy))
	return nil
}

// weight is the code that one package has in the program.
type weight struct {
	path  string
	bytes int
}

// unlinked is what the linker turns into underscores in a symbol's name.
var unlinked = regexp.MustCompile(`[^\w.]`)

// byPackage attributes code to packages, heaviest first. A symbol belongs to the package with the longest
// path that it starts with; what starts with none (the linker's own stubs) is counted under one name.
func byPackage(code map[string]int, paths []string) ([]weight, int) {
	prefixes := make(map[string]string, len(paths)+1)
	for _, p := range paths {
		prefixes[unlinked.ReplaceAllString(p, "_")] = p
	}
	prefixes["main"] = "wasm"
	sums := make(map[string]int)
	total := 0
	for name, n := range code {
		total += n
		sums[owner(unlinked.ReplaceAllString(name, "_"), prefixes)] += n
	}
	var all []weight
	for path, n := range sums {
		all = append(all, weight{path, n})
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].bytes != all[j].bytes {
			return all[i].bytes > all[j].bytes
		}
		return all[i].path < all[j].path
	})
	return all, total
}

// owner finds the longest prefix of a symbol that ends before a dot and names a package.
func owner(symbol string, prefixes map[string]string) string {
	name, _, _ := strings.Cut(symbol, "[") // instances of generic code carry their types behind
	for end := len(name); end > 0; {
		end = strings.LastIndexByte(name[:end], '.')
		if end < 0 {
			break
		}
		if path, ok := prefixes[name[:end]]; ok {
			return path
		}
	}
	for _, made := range []string{"type_.", "go_", "type."} { // equality, hash and other functions that the compiler makes
		if strings.HasPrefix(name, made) {
			return "(made by the compiler)"
		}
	}
	return "(runtime stubs)"
}

// functionSizes reads a WebAssembly module and returns the bytes of code of every named function.
func functionSizes(wasm []byte) (map[string]int, error) {
	r := &reader{b: wasm}
	if string(r.take(8)) != "\x00asm\x01\x00\x00\x00" {
		return nil, errors.New("not a WebAssembly module")
	}
	var sizes []int
	imported := 0
	names := make(map[int]string)
	for len(r.b) > 0 && r.err == nil {
		id := r.take(1)
		section := &reader{b: r.take(r.uint())}
		if r.err != nil {
			break
		}
		switch id[0] {
		case 0:
			if string(section.take(section.uint())) == "name" {
				readNames(section, names)
			}
		case 2:
			imported = readImports(section)
		case 10:
			for n := section.uint(); n > 0 && section.err == nil; n-- {
				sizes = append(sizes, len(section.take(section.uint())))
			}
		}
		if section.err != nil {
			return nil, fmt.Errorf("section %d: %w", id[0], section.err)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	if len(names) == 0 {
		return nil, errors.New("no names: the program is stripped")
	}
	code := make(map[string]int, len(sizes))
	for i, n := range sizes {
		code[names[imported+i]] += n
	}
	return code, nil
}

// readNames takes the function names out of a name section; its other parts are skipped.
func readNames(r *reader, names map[int]string) {
	for len(r.b) > 0 && r.err == nil {
		id := r.take(1)
		part := &reader{b: r.take(r.uint())}
		if r.err != nil || id[0] != 1 {
			continue
		}
		for n := part.uint(); n > 0 && part.err == nil; n-- {
			index := part.uint()
			names[index] = string(part.take(part.uint()))
		}
		r.err = part.err
	}
}

// readImports counts the imported functions, whose indexes come before those of the program's own.
func readImports(r *reader) (functions int) {
	for n := r.uint(); n > 0 && r.err == nil; n-- {
		r.take(r.uint()) // module
		r.take(r.uint()) // name
		kind := r.take(1)
		if r.err != nil {
			return functions
		}
		if kind[0] != 0 {
			r.err = fmt.Errorf("import of kind %d, which Go does not make", kind[0])
			return functions
		}
		r.uint() // type
		functions++
	}
	return functions
}

// reader takes bytes from the front; the first error sticks and everything after it is empty.
type reader struct {
	b   []byte
	err error
}

func (r *reader) take(n int) []byte {
	if r.err == nil && (n < 0 || n > len(r.b)) {
		r.err = errors.New("cut short")
	}
	if r.err != nil {
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// uint reads an unsigned LEB128 number of at most 32 bits.
func (r *reader) uint() int {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.take(1)
		if r.err != nil {
			return 0
		}
		v |= uint64(b[0]&0x7f) << shift
		if b[0] < 0x80 {
			return int(v)
		}
	}
	r.err = errors.New("number too long")
	return 0
}
