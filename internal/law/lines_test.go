package law

import (
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// narrow are the trees whose files fit a screen and a sitting: production code of at most 400 lines, none of them longer than 140 columns.
// Texts as they are shown, SQL and rows of tables may be longer.
var narrow = []string{"server", "cmd", "webui", "firmware"}

// TestLinesFit holds narrow.
func TestLinesFit(t *testing.T) {
	const columns, most = 140, 400
	seen := 0
	for _, tree := range narrow {
		err := filepath.WalkDir(filepath.Join(root, tree), func(name string, d os.DirEntry, err error) error {
			markup := strings.HasSuffix(name, ".vugu")
			if err != nil || d.IsDir() || !markup && !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_gen.go") {
				return err
			}
			source, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			seen++
			lines, free := strings.Split(strings.TrimSuffix(string(source), "\n"), "\n"), rawLines(source)
			if len(lines) > most && filepath.Base(filepath.Dir(name)) != "storagetest" { // one suite is read as one
				t.Errorf("%s has %d lines", name, len(lines))
			}
			for i, line := range lines {
				if len([]rune(line)) > columns && !free[i+1] && !strings.HasPrefix(line, "\t{") {
					t.Errorf("%s:%d has %d columns", name, i+1, len([]rune(line)))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 100 {
		t.Errorf("saw %d files", seen)
	}
}

// rawLines are the lines on which a text in back quotes stands, tags of fields among them.
func rawLines(source []byte) map[int]bool {
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, 0)
	lines := map[int]bool{}
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return lines
		}
		if tok == token.STRING && text[0] == '`' {
			for i := range strings.Count(text, "\n") + 1 {
				lines[file.Line(pos)+i] = true
			}
		}
	}
}
