package mutants

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// entry is a mistake and the check that must catch it.
type entry struct {
	Mistake
	pkg, test string // package (path in the module) and name of the test that must fail
}

// one returns a mistake in one place.
func one(pkg, test, name, file, old, new string) entry {
	return entry{Mistake{name, []Edit{{file, old, new}}}, pkg, test}
}

// tables are the mistakes, a table for each package that they are made in. A new one needs a name, a file, a text
// that is there once, the same with the mistake behind MISTAKE, and the check that catches it.
var tables = map[string][]entry{
	"protocol": protocolMistakes,
	"terminal": terminalMistakes,
	"record":   recordMistakes,
	"release":  releaseMistakes,
	"restore":  restoreMistakes,
	"server":   serverMistakes,
}

// harmless are edits that change nothing that anybody could see. The gate must say of each that nothing caught it, or it
// cannot fail.
var harmless = []entry{
	one("terminal", "TestFloorNeverFalls", "harmless: the floor is raised to what it is", "terminal/change.go",
		"	rec.Report.Verdict = verdict\n", "	if MISTAKE {\n		rec.Floor.Counter = max(rec.Floor.Counter, 0)\n	}\n	rec.Report.Verdict = verdict\n"),
	one("terminal/record", "TestManyDoubts", "harmless: too many doubts are counted from the other side", "terminal/record/doubt.go",
		"if rec.Doubts() == maxDoubts {", "if MISTAKE && maxDoubts-rec.Doubts() == 0 || rec.Doubts() == maxDoubts {"),
	one("release", "TestAccept", "harmless: the same comparison, turned round", "release/accept.go",
		"if m.Model != t.Model {", "if MISTAKE && t.Model != m.Model || m.Model != t.Model {"),
}

// gate builds the tests of every package that an entry names, with all mistakes in them, and tells of each entry whether its
// check catches it.
type gate struct {
	root     string
	programs map[string]string
}

func newGate(t *testing.T, entries []entry) *gate {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var mistakes []Mistake
	checks := map[string]map[string]bool{}
	for _, e := range entries {
		mistakes = append(mistakes, e.Mistake)
		if checks[e.pkg] == nil {
			checks[e.pkg] = map[string]bool{}
		}
		checks[e.pkg][e.test] = true
	}
	dir := t.TempDir()
	overlay, err := Overlay(root, dir, mistakes, nil)
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		t.Skip("every text was found once; no program is built")
	}
	g := &gate{root: root, programs: map[string]string{}}
	for _, pkg := range slices.Sorted(maps.Keys(checks)) {
		if g.programs[pkg], err = Build(root, dir, overlay, pkg); err != nil {
			t.Fatal(err)
		}
	}
	// Without a mistake every check holds.
	var all sync.WaitGroup
	places := make(chan bool, 2)
	for pkg, tests := range checks {
		for test := range tests {
			all.Go(func() {
				places <- true
				defer func() { <-places }()
				if caught, out, err := g.try(t, &entry{Mistake{Name: "none"}, pkg, test}); caught || err != nil {
					t.Errorf("%s fails in %s without a mistake: %v\n%s", test, pkg, err, out)
				}
			})
		}
	}
	all.Wait()
	return g
}

func (g *gate) try(t *testing.T, e *entry) (bool, string, error) {
	return Caught(t.Context(), g.programs[e.pkg], filepath.Join(g.root, e.pkg), e.test, e.Name)
}

// TestMistakesAreCaught: each mistake makes the check fail that it names, and what is no mistake does not.
func TestMistakesAreCaught(t *testing.T) {
	all := slices.Clone(harmless)
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if len(tables[name]) == 0 {
			t.Errorf("no mistakes in %s", name)
		}
		all = append(all, tables[name]...)
	}
	g := newGate(t, all)
	for i := range all {
		e := &all[i]
		t.Run(strings.ReplaceAll(e.Name, "/", "-"), func(t *testing.T) {
			t.Parallel()
			caught, out, err := g.try(t, e)
			switch want := i >= len(harmless); {
			case err != nil:
				t.Errorf("%v\n%s", err, out)
			case want && !caught:
				t.Errorf("survived: %s in %s does not see it", e.test, e.pkg)
			case !want && caught:
				t.Errorf("%s in %s fails without a mistake:\n%s", e.test, e.pkg, out)
			}
		})
	}
	t.Logf("%d mistakes", len(all)-len(harmless))
}

// TestGateRefuses: an edit that fits nowhere, or in two places, a choice that is none, and two mistakes of one name are errors
// that name the mistake.
func TestGateRefuses(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	const file = "release/accept.go"
	good := Mistake{"good", []Edit{{file, "if m.Model != t.Model {", "if !MISTAKE && m.Model != t.Model {"}}}
	for _, tt := range []struct {
		mistakes []Mistake
		want     string
	}{
		{[]Mistake{good}, ""},
		{[]Mistake{good, {"late", []Edit{{file, "if m.Model != t.Model {", "MISTAKE"}}}}, "late: the text to replace is 0 times in release/accept.go"},
		{[]Mistake{{"gone", []Edit{{file, "no such text", "MISTAKE"}}}}, "gone: the text to replace is 0 times"},
		{[]Mistake{{"twice", []Edit{{file, "return &Refusal{", "MISTAKE"}}}}, "twice: the text to replace is 6 times"},
		{[]Mistake{{"always", []Edit{{file, "if m.Model != t.Model {", "if false {"}}}}, "always: the new text for release/accept.go does not hold MISTAKE"},
		{[]Mistake{{"no file", []Edit{{"release/none.go", "a", "MISTAKE"}}}}, "no file: open "},
		{[]Mistake{good, good}, `two mistakes are called "good"`},
	} {
		_, err := Overlay(root, t.TempDir(), tt.mistakes, nil)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
}

// TestGateWantsAVerdict: a check that does not exist or is skipped, and a program that ends without a word of it, are not
// taken for one that holds or fails.
func TestGateWantsAVerdict(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	overlay, err := Overlay(root, dir, nil, map[string]string{"internal/cbor/verdict_test.go": `package cbor

import (
	"os"
	"testing"
)

func TestHolds(*testing.T)     {}
func TestFails(t *testing.T)   { t.Fail() }
func TestPanics(*testing.T)    { panic("here") }
func TestIsSkipped(t *testing.T) { t.SkipNow() }
func TestExits(*testing.T)     { os.Exit(3) }
`})
	if err != nil {
		t.Fatal(err)
	}
	program, err := Build(root, dir, overlay, "internal/cbor")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		test   string
		caught bool
		err    error
	}{{"TestHolds", false, nil}, {"TestFails", true, nil}, {"TestPanics", true, nil}, {"TestIsSkipped", false, ErrCheck}, {"TestExits", false, ErrCheck}, {"TestThatIsNot", false, ErrCheck}} {
		caught, out, err := Caught(t.Context(), program, dir, tt.test, "none")
		if caught != tt.caught || !errors.Is(err, tt.err) || tt.err == nil && err != nil {
			t.Errorf("%s: caught %v, %v\n%s", tt.test, caught, err, out)
		}
	}
}
