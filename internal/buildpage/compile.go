package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// generate runs vugugen over every folder below webui that holds components. Old output goes first: a component that was renamed or
// moved would leave its generated half behind, and vugugen reads what it finds.
func generate(root string) error {
	before := make(map[string][]byte)
	var folders []string
	err := filepath.WalkDir(filepath.Join(root, "webui"), func(name string, d fs.DirEntry, err error) error {
		switch folder := filepath.Dir(name); {
		case err != nil:
			return err
		case strings.HasSuffix(name, "_gen.go"):
			if before[name], err = os.ReadFile(name); err == nil {
				err = os.Remove(name)
			}
		case filepath.Ext(name) == ".vugu" && !slices.Contains(folders, folder):
			folders = append(folders, folder)
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if err := generateIn(root, folder); err != nil {
			for name, b := range before { // leave the tree as it was, so that the error is the only news
				os.WriteFile(name, b, 0o644)
			}
			return err
		}
	}
	return nil
}

func generateIn(root, folder string) error {
	if out, err := run(root, nil, "go", "tool", "vugugen", "-skip-go-mod", "-skip-main", folder); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	// vugugen invents a component type when a .vugu file has no .go half with the same name.
	if _, err := os.Stat(filepath.Join(folder, "0_missing_gen.go")); err == nil {
		return errors.New("a component has no Go half (0_missing_gen.go appeared): name both halves alike, in kebab case")
	}
	return shortenIn(folder)
}

// shortenIn shortens what vugugen has written in a folder.
func shortenIn(folder string) error {
	names, err := filepath.Glob(filepath.Join(folder, "*_gen.go"))
	if err != nil {
		return err
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		short, err := shortened(string(b))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(name, []byte(short), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// hot is what runs in loops over images. Only there functions are inlined: inlined code repeats itself all
// over a program, and costs this one a sixth of its size where nobody would notice the speed.
var hot = []string{
	"crypto/sha256", "crypto/internal/fips140/sha256", "crypto/internal/fips140deps/...", "hash/...", "encoding/binary", "internal/byteorder", "internal/runtime/...", "math/bits",
	"unbrick/delta/...", "unbrick/emulator",
}

// tags choose vugu's code without reflection, made for TinyGo and right for any compiler; the other form
// brings encoding/json, a tenth of the program.
const tags = "tinygo"

// compile builds a browser program and returns its bytes.
func compile(root, pkg, ldflags string) ([]byte, error) {
	tmp, err := os.MkdirTemp("", "buildpage")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	v, err := readVugu(root)
	if err != nil {
		return nil, err
	}
	defer drop(root)
	modfile, err := v.copy(root)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(tmp, "app.wasm")
	env := []string{"GOOS=js", "GOARCH=wasm"}
	args := []string{"build", "-trimpath", "-buildvcs=false", "-tags", tags, "-modfile", modfile, "-ldflags=" + ldflags, "-gcflags=all=-l"}
	for _, pattern := range hot { // the last that matches counts
		args = append(args, "-gcflags="+pattern+"=")
	}
	args = append(args, "-o", file, pkg)
	if out, err := run(root, env, "go", args...); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	return os.ReadFile(file)
}

// scripts copies what must match the toolchain and the module in use: the Go runtime's script and
// vugu's, mended.
func scripts(root, out string) error {
	goroot, err := run(root, nil, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	runtime, err := os.ReadFile(filepath.Join(strings.TrimSpace(goroot), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return err
	}
	if err := replace(filepath.Join(out, "wasm_exec.js"), runtime); err != nil {
		return err
	}
	v, err := readVugu(root)
	if err != nil {
		return err
	}
	return replace(filepath.Join(out, "vugu.js"), []byte(v.script))
}

// replace writes a file only when its bytes differ, so that an unchanged build leaves every date alone
// and go build does not embed it anew.
func replace(name string, b []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, b) {
		return nil
	}
	tmp := name + ".part"
	if err := os.WriteFile(tmp, b, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

// run executes one command in the module's root and returns its standard output; on failure, what it
// said on both outputs.
func run(root string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = root
	cmd.Env = append(cmd.Environ(), env...)
	var out, all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &all
	if err := cmd.Run(); err != nil {
		return out.String() + all.String(), fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return out.String(), nil
}
