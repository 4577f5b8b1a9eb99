package terminal_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// figure is a number that docs/porting.md tells, and what was measured. In words # stands for the number.
type figure struct {
	words    string
	measured int
}

// drift is by how much of a hundred a figure that is told may be off, so that not every change of the code is one of the document.
const drift = 2

// compareTold compares what docs/porting.md tells of memory with what was measured.
func compareTold(t *testing.T, figures []figure) {
	t.Helper()
	b, err := os.ReadFile("../docs/porting.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures {
		all := regexp.MustCompile(strings.Replace(f.words, "#", `([0-9,]+)`, 1)).FindAllSubmatch(b, -1)
		if len(all) != 1 {
			t.Errorf("docs/porting.md has %d places like %q, want 1: %d was measured", len(all), f.words, f.measured)
			continue
		}
		told, err := strconv.Atoi(strings.ReplaceAll(string(all[0][1]), ",", ""))
		if err != nil || 100*max(told-f.measured, f.measured-told) > drift*f.measured {
			t.Errorf("docs/porting.md tells %q, measured %d (%v): write what was measured", all[0][0], f.measured, err)
		}
	}
}

// tellStacks measures the stack below each of entries.
func (p *armProgram) tellStacks(t *testing.T, b *strings.Builder) (figures []figure) {
	for _, e := range entries {
		name := "unbrick/terminal." + e.name
		n, err := p.code.deepest(name, e.context)
		b.WriteString(strconv.Itoa(n) + " stack of " + e.name + ":\n" + p.code.way(name, e.context))
		if err != nil || n == 0 || n > e.most {
			t.Errorf("%s: %d bytes of stack, at most %d; %v", e.name, n, e.most, err)
		}
		figures = append(figures, figure{`\| # \| ` + "`" + strings.TrimPrefix(e.name, "(*Terminal).") + "`", n})
	}
	return figures
}
