package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// manifestName is the list that gives images their order: a JSON array of objects with family (a
// directory), version (a file name without .bin) and others, each family in order of release.
const manifestName = "manifest.json"

// Pair is two images of which the second follows the first.
type Pair struct {
	Name     string // family, older and newer version
	Old, New string // paths
}

// Find returns the consecutive pairs of images in each directory below dirs: in the order of a
// manifest.json in the named directory or its parent, else by name. Without a manifest every
// regular file whose name ends in .bin is an image.
func Find(dirs []string) ([]Pair, error) {
	var out []Pair
	for _, dir := range dirs {
		families, err := images(dir)
		if err != nil {
			return nil, err
		}
		for _, files := range families {
			for i := 1; i < len(files); i++ {
				out = append(out, Pair{
					Name: fmt.Sprintf("%s %s %s", filepath.Base(filepath.Dir(files[i])), stem(files[i-1]), stem(files[i])),
					Old:  files[i-1], New: files[i],
				})
			}
		}
	}
	if len(out) == 0 {
		return nil, errors.New("no directory there holds two images (*.bin)")
	}
	return out, nil
}

func stem(path string) string { return strings.TrimSuffix(filepath.Base(path), ".bin") }

// images returns the files of each family below dir, in order.
func images(dir string) ([][]string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for _, root := range []string{dir, filepath.Dir(dir)} {
		b, err := os.ReadFile(filepath.Join(root, manifestName))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return listed(b, root, dir)
	}
	var families [][]string
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || filepath.Ext(path) != ".bin" {
			return err
		}
		if n := len(families); n > 0 && filepath.Dir(families[n-1][0]) == filepath.Dir(path) {
			families[n-1] = append(families[n-1], path)
		} else {
			families = append(families, []string{path})
		}
		return nil
	})
	return families, err
}

// listed returns what the manifest b of directory root lists below dir.
func listed(b []byte, root, dir string) ([][]string, error) {
	var list []struct{ Family, Version string }
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(root, manifestName), err)
	}
	var names []string
	families := map[string][]string{}
	for _, image := range list {
		path := filepath.Join(root, image.Family, image.Version+".bin")
		if rel, err := filepath.Rel(dir, path); err != nil || !filepath.IsLocal(rel) {
			continue // another family, or a name that leads out
		}
		if !slices.Contains(names, image.Family) {
			names = append(names, image.Family)
		}
		families[image.Family] = append(families[image.Family], path)
	}
	out := make([][]string, 0, len(names))
	for _, name := range names {
		out = append(out, families[name])
	}
	return out, nil
}
