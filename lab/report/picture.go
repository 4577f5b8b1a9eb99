package report

import (
	"fmt"
	"strconv"
	"strings"

	"unbrick/lab/sweep"
)

// maxColumns bounds the columns of a picture: more could not be told apart on any screen. Beyond, one
// column stands for several operations and shows the worst of them.
const maxColumns = 1200

// rowHeight is the height of a row of the picture, in CSS pixels.
const rowHeight = 20

// picture is every cut of an update: operations across, tears down, colour by outcome.
type picture struct {
	Columns, Height int
	Rows            []string
	Layers          []layer // one path per outcome
	Strip           string  // path of the columns that write software
	Marks           []mark  // where a check failed
	Axis            []tick
	Legend          []legend
	Caption         string
	Summary         string // the picture in words
}

type layer struct{ Class, Path string }

type mark struct {
	Left  string // share of the width, in percent
	Title string
}

type tick struct{ Left, Text string }

type legend struct{ Class, Words, Count string }

// severity orders outcomes for columns that stand for several.
var severity = [...]int{sweep.OutcomeNone: 0, sweep.OutcomeOld: 1, sweep.OutcomeNew: 2, sweep.OutcomeRestoration: 3, sweep.OutcomeFailed: 4}

var outcomeClass = [...]string{"none", "old", "new", "rest", "bad"}

var outcomeWords = [...]string{"not tried", "runs the old release", "runs the new release", "restoration mode, then restored", "a check failed"}

// pictureOf draws g; nil if there is nothing to draw.
func pictureOf(g *sweep.Grid) *picture {
	n, rows := len(g.Operations), len(g.Tears)
	if n == 0 || rows == 0 {
		return nil
	}
	per := (n + maxColumns - 1) / maxColumns
	columns := (n + per - 1) / per
	p := &picture{Columns: columns, Height: rows * rowHeight}
	for _, t := range g.Tears {
		p.Rows = append(p.Rows, tearWords[t.String()])
	}
	cells := make([][]sweep.Outcome, rows)
	var counts [len(outcomeClass)]uint64
	first, last := 0, 0
	software := make([]bool, columns)
	for row := range cells {
		cells[row] = make([]sweep.Outcome, columns)
	}
	for i := range g.Operations {
		op := &g.Operations[i]
		if op.Use == sweep.UseSoftware {
			software[i/per] = true
			if first == 0 {
				first = i + 1
			}
			last = i + 1
		}
		for row := range cells {
			o := op.Cells[row]
			counts[o]++
			if at := &cells[row][i/per]; severity[o] > severity[*at] {
				*at = o
			}
			if o == sweep.OutcomeFailed {
				p.fail(i, n, op, p.Rows[row])
			}
		}
	}
	for o, class := range outcomeClass {
		if path := pathOf(cells, sweep.Outcome(o)); path != "" {
			p.Layers = append(p.Layers, layer{class, path})
		}
		if counts[o] > 0 {
			p.Legend = append(p.Legend, legend{class, outcomeWords[o], group(counts[o])})
		}
	}
	p.Strip = strip(software)
	for _, k := range []int{0, 1, 2, 3, 4} {
		at := k * (n - 1) / 4
		p.Axis = append(p.Axis, tick{percent(float64(k) / 4), group(uint64(at + 1))})
	}
	p.Caption = "Each column is one flash operation of the update, each row one thing that a cut inside it may leave."
	if per > 1 {
		p.Caption = fmt.Sprintf("Each column stands for %d flash operations of the update and shows the worst of them, each row is one thing that a cut may leave.", per)
	}
	p.Summary = summary(n, first, last, counts[:])
	return p
}

// maxMarks bounds the marks above a picture; the columns stay red without.
const maxMarks = 64

func (p *picture) fail(i, n int, op *sweep.Column, row string) {
	if len(p.Marks) == maxMarks {
		return
	}
	p.Marks = append(p.Marks, mark{percent((float64(i) + 0.5) / float64(n)), fmt.Sprintf("operation %d, %s at 0x%06x, %s: a check failed", i+1, op.Kind, op.Addr, row)})
}

// pathOf joins the cells with one outcome into bars.
func pathOf(cells [][]sweep.Outcome, o sweep.Outcome) string {
	var b strings.Builder
	for row, line := range cells {
		for x := 0; x < len(line); {
			if line[x] != o {
				x++
				continue
			}
			from := x
			for x < len(line) && line[x] == o {
				x++
			}
			w := x - from
			fmt.Fprintf(&b, "M%d %dh%dv%dh-%dz", from, row*rowHeight+1, w, rowHeight-2, w)
		}
	}
	return b.String()
}

func strip(on []bool) string {
	var b strings.Builder
	for x := 0; x < len(on); {
		from := x
		for x < len(on) && on[x] == on[from] {
			x++
		}
		if on[from] {
			fmt.Fprintf(&b, "M%d 0h%dv6h-%dz", from, x-from, x-from)
		}
	}
	return b.String()
}

func percent(x float64) string { return strconv.FormatFloat(x*100, 'f', 2, 64) + "%" }

// summary tells the picture in words.
func summary(n, first, last int, counts []uint64) string {
	var parts []string
	for _, o := range []sweep.Outcome{sweep.OutcomeOld, sweep.OutcomeNew, sweep.OutcomeRestoration, sweep.OutcomeFailed, sweep.OutcomeNone} {
		if counts[o] > 0 {
			parts = append(parts, group(counts[o])+" "+outcomeWords[o])
		}
	}
	return fmt.Sprintf("The update has %s flash operations; %s to %s write software, those before and behind write records. Of the cuts: %s.",
		group(uint64(n)), group(uint64(first)), group(uint64(last)), strings.Join(parts, ", "))
}
