package law

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// place is a file or folder in backticks in the table of CONTRIBUTING.md; commands are not.
var place = regexp.MustCompile("`([a-z0-9_./-]+)`")

// TestPlaces: what CONTRIBUTING.md sends people to is there.
func TestPlaces(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 6 {
			continue
		}
		for _, m := range place.FindAllStringSubmatch(cells[2]+cells[3], -1) {
			if !strings.Contains(m[1], "/") && !dir(m[1]) {
				continue // a word: a function, a kind of file
			}
			found++
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("to change %s: there is no %s", strings.TrimSpace(cells[1]), m[1])
			}
		}
		for _, p := range regexp.MustCompile(`\./[a-z0-9_/.-]+`).FindAllString(cells[4], -1) {
			if _, err := os.Stat(filepath.Join(root, strings.TrimSuffix(p, "/..."))); err != nil {
				t.Errorf("to test %s: there is no %s", strings.TrimSpace(cells[1]), p)
			}
		}
	}
	if found < 30 {
		t.Errorf("the table has %d places", found)
	}
}

func dir(name string) bool {
	i, err := os.Stat(filepath.Join(root, name))
	return err == nil && i.IsDir()
}
