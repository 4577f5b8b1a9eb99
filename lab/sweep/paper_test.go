package sweep_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"unbrick/emulator"
	"unbrick/flash/flashtest"
	"unbrick/internal/vectors"
	"unbrick/lab/sweep"
	"unbrick/lab/sweep/suite"
)

// sheets is where package record has those of record sectors.
const sheets = "../../terminal/record/testdata"

// Records of an update and of the confirmation behind it.
const (
	rewriting = iota
	installed
	confirmed
)

// cuts are power failures in records, of both devices of the suite whose tears differ most: program units of 8 bytes, and of 32 with error
// correction. None leaves bits that read differently each time, for text cannot hold them.
var cuts = [2][]struct {
	record int
	what   string // "end": of the body
	tear   emulator.Tear
}{{
	{rewriting, "body 1", emulator.Half},
	{rewriting, "commit", emulator.Half},
	{rewriting, "commit", emulator.Complete},
	{rewriting, "seal", emulator.AllButOne},
	{rewriting, "mark 0", emulator.Half},
	{rewriting, "mark 1", emulator.Complete},
	{installed, "end", emulator.Complete},
	{installed, "commit", emulator.Complete},
	{installed, "seal", emulator.FirstUnit},
	{confirmed, "commit", emulator.Half},
}, {
	{rewriting, "body 0", emulator.FirstUnit},
	{rewriting, "end", emulator.AllButOne},
	{rewriting, "commit", emulator.NotBegun},
	{rewriting, "seal", emulator.Half},
	{rewriting, "mark 0", emulator.AllButOne},
	{rewriting, "mark 1", emulator.Half},
	{installed, "commit", emulator.Half},
	{installed, "commit", emulator.Complete},
	{installed, "seal", emulator.Half},
	{confirmed, "seal", emulator.Complete},
}}

// TestPapers: what package record finds behind power failures of the lab is in its testdata, by the id that repeats each.
func TestPapers(t *testing.T) {
	made := map[string]bool{}
	for i, all := range cuts {
		e := suite.All()[i]
		s, err := e.Subject(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		papers, err := s.Papers()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			k := slices.IndexFunc(papers, func(p sweep.Paper) bool {
				record := p.Record
				if p.In == sweep.ActConfirm {
					record = confirmed
				}
				return record == c.record && (p.What == c.what || c.what == "end" && p.Last)
			})
			if k < 0 {
				t.Fatalf("%s: nobody programs the %s", e.Name, c.what)
			}
			state := [...]string{"rewriting", "installed", "confirmed"}[c.record]
			id := s.ID(&sweep.Run{Cuts: []sweep.Cut{{In: papers[k].In, Op: papers[k].Op, Tear: c.tear}}})
			about := fmt.Sprintf("power failed in the %s of the record that says %s: %v", c.what, state, c.tear)
			name := fmt.Sprintf("lab-%d-%s-%s-%v.vec", e.Shape.Unit, state, c.what, c.tear)
			name = strings.ReplaceAll(name, " ", "-")
			made[name] = true
			vectors.Keep(t, filepath.Join(sheets, name), sheet(t, s, id.String(), e.Name, about))
		}
	}
	vectors.Owned(t, filepath.Join(sheets, "lab-*"), func(name string) bool { return made[name+".vec"] })
}

// sheet repeats the run of an id up to the power-up behind its cut and returns what lies there then, as a vector.
func sheet(t *testing.T, s *sweep.Subject, text, name, about string) string {
	t.Helper()
	id, err := sweep.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := id.Images(suite.Images()...); err != nil {
		t.Fatal(err)
	}
	o, err := s.Sheets(t.Context(), &id.Run)
	if err != nil {
		t.Fatalf("%s: %v", about, err)
	}
	list := func(all any) string { return strings.Trim(fmt.Sprint(all), "[]") }
	v := fmt.Sprintf(`kind: sectors
about: %s
id: %s
subject: %s
program unit: %d
erased: %02x
sectors of software: %d
image of the installed release: %d sectors
counts: %s
ended: %v
copied: %d
doubtful: %s
unreadable units of 0: %s
unreadable units of 1: %s

`, about, text, name, o.Unit, o.Erased, o.Sectors, o.Image, o.Counts, o.Ended, o.Copied, list(o.Doubtful), list(o.Unreadable[0]), list(o.Unreadable[1]))
	for i, p := range o.Cells {
		v += flashtest.Spans(i, p, o.Erased)
	}
	return v
}
