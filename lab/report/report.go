package report

import (
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	_ "embed"

	"unbrick/lab/sweep"
)

// Image is a file that the sweep ran on.
type Image struct {
	Role   string // "old", "new", or what else it was used as
	Name   string // without its folder
	Size   int    // bytes
	Digest [32]byte
}

// Options are what a report says besides the results. The zero value leaves each of it out.
type Options struct {
	Command string    // the command line that made it, as a person would type it
	Version string    // of the program
	Made    time.Time // when
	Images  []Image
	Seed    uint64
}

//go:embed page.html
var source string

// Write writes the page for the results of one run, in their order: one result per pair and geometry. o
// may be nil.
func Write(w io.Writer, o *Options, results []*sweep.Result) error {
	if len(results) == 0 {
		return errors.New("report: no results")
	}
	if o == nil {
		o = &Options{}
	}
	t, err := template.New("report").Parse(source)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := t.Execute(w, pageOf(o, results)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// page is what the template shows.
type page struct {
	Title, Verdict, Lead string
	Failed               bool
	Figures              []figure
	Checks               []check
	Kinds                []kind
	Sections             []section
	Failures             []failure
	MoreFailures         string
	Facts                []fact
	Command              string
	Made                 string
}

type figure struct{ Number, Words string }

type fact struct{ Label, Value, Small string }

type kind struct {
	Name, Words, Runs string
	Width             int // of its bar, 0 to 100
}

type check struct {
	Name, Words, Runs, Failures string
	State                       string // "ok", "bad" or "idle"
	Mark                        string // the same, for those who do not see colours
}

type failure struct{ Check, Where, Text, ID string }

// section is one result.
type section struct {
	Name, Shape, Counts string
	Picture             *picture
	Chart               *chart
	Slowest             []slow
}

type slow struct{ Time, What, Bytes, ID string }

func pageOf(o *Options, results []*sweep.Result) *page {
	var sum sweep.Result
	sum.Counts, sum.KindRuns = make(map[string]sweep.Count), make(map[string]uint64)
	least := 1.0
	p := &page{Command: o.Command}
	for _, r := range results {
		sum.Cuts += r.Cuts
		sum.States += r.States
		sum.Runs += r.Runs
		sum.Pairs += r.Pairs
		sum.Seconds += r.Seconds
		sum.Budget = sum.Budget || r.Budget
		if r.Pairs > 0 {
			least = min(least, r.Share)
		}
		for name, c := range r.Counts {
			t := sum.Counts[name]
			sum.Counts[name] = sweep.Count{Runs: t.Runs + c.Runs, Failures: t.Failures + c.Failures}
		}
		for name, n := range r.KindRuns {
			sum.KindRuns[name] += n
		}
		for _, f := range r.Failures {
			p.Failures = append(p.Failures, failure{f.Check, r.Subject + ", " + r.Shape, f.Text, f.ID})
		}
		p.Sections = append(p.Sections, sectionOf(r))
	}
	p.checks(&sum)
	p.kinds(&sum)
	p.verdict(&sum, results)
	p.Figures = []figure{
		{group(sum.States), "distinct cut states"},
		{group(sum.Cuts), "power cuts made"},
		{group(sum.Runs), "devices booted and checked"},
	}
	if sum.Pairs > 0 {
		p.Figures = append(p.Figures, figure{group(sum.Pairs), "second cuts, " + share(least)})
	}
	p.facts(o, &sum, results)
	return p
}

// checks lists every check of package sweep, also those that this run never made.
func (p *page) checks(sum *sweep.Result) {
	for _, c := range sweep.Checks() {
		n := sum.Counts[c.String()]
		row := check{Name: c.String(), Words: checkWords[c.String()], Runs: group(n.Runs), Failures: group(n.Failures), State: "ok", Mark: "held"}
		switch {
		case n.Failures > 0:
			row.State, row.Mark = "bad", "failed"
		case n.Runs == 0:
			row.State, row.Mark = "idle", "not made"
		}
		p.Checks = append(p.Checks, row)
	}
}

func (p *page) kinds(sum *sweep.Result) {
	most := uint64(1)
	for _, n := range sum.KindRuns {
		most = max(most, n)
	}
	for _, k := range kindOrder {
		if n := sum.KindRuns[k.name]; n > 0 {
			p.Kinds = append(p.Kinds, kind{k.name, k.words, group(n), max(1, int(n*100/most))})
		}
	}
}

// verdict is the headline. It promises no more than what was tried.
func (p *page) verdict(sum *sweep.Result, results []*sweep.Result) {
	var bad []string
	all := uint64(0)
	for _, c := range p.Checks {
		if c.State == "bad" {
			bad = append(bad, c.Name)
		}
	}
	for _, c := range sum.Counts {
		all += c.Failures
	}
	where := "on one device"
	if len(results) > 1 {
		where = fmt.Sprintf("on %d devices", len(results))
	}
	p.Failed = len(bad) > 0 || len(p.Failures) > 0
	switch {
	case p.Failed:
		p.Title = "Power-cut report: failed"
		p.Verdict = "This is not safe against power cuts yet."
		p.Lead = fmt.Sprintf("%s failed (%s), %s, %s. Each failing run has an id below that repeats it exactly.",
			plural(len(bad), "check", "checks"), strings.Join(bad, ", "), plural(int(all), "time", "times"), where)
		p.MoreFailures = more(all, len(p.Failures))
	default:
		p.Title = "Power-cut report: every cut recovered"
		p.Verdict = "Every power cut left a device that runs, or that the cable brings back."
		p.Lead = "The power was cut " + group(sum.Cuts) + " times, " + where + ", and no check failed."
	}
	if sum.Budget {
		p.Lead += " The time allowed ended the sweep early: what follows is what was reached."
	}
}

func more(all uint64, listed int) string {
	if all <= uint64(listed) {
		return ""
	}
	if all-uint64(listed) == 1 {
		return "One more failure was counted and is not listed."
	}
	return group(all-uint64(listed)) + " more failures were counted and are not listed."
}

func (p *page) facts(o *Options, sum *sweep.Result, results []*sweep.Result) {
	add := func(label, value, small string) {
		if value != "" {
			p.Facts = append(p.Facts, fact{label, value, small})
		}
	}
	for _, i := range o.Images {
		add("Image, "+i.Role, i.Name, group(uint64(i.Size))+" bytes, SHA-256 "+hex.EncodeToString(i.Digest[:]))
	}
	for _, r := range results {
		add("Device", r.Subject+": "+r.Shape, "update file of "+group(uint64(r.Update))+" bytes")
	}
	add("Seed", fmt.Sprint(o.Seed), "equal seeds repeat the sweep")
	add("Took", fmt.Sprintf("%.1f s", sum.Seconds), "of computing; the devices lived in virtual time")
	add("Program", o.Version, "")
	if !o.Made.IsZero() {
		p.Made = o.Made.Format("2 January 2006, 15:04 MST")
	}
}

func sectionOf(r *sweep.Result) section {
	s := section{Name: r.Subject, Shape: r.Shape, Picture: pictureOf(&r.Grid), Chart: chartOf(r)}
	s.Counts = fmt.Sprintf("%s cuts, %s distinct states, %s devices booted and checked", group(r.Cuts), group(r.States), group(r.Runs))
	if r.Pairs > 0 {
		s.Counts += "; second cuts: " + group(r.Pairs) + ", " + share(r.Share)
	}
	for _, x := range r.Slowest {
		s.Slowest = append(s.Slowest, slow{fmt.Sprintf("%.3f s", x.Device.Seconds()), x.What, group(x.Bytes), x.ID})
	}
	return s
}

// share says how much of what there was was tried.
func share(s float64) string {
	switch {
	case s <= 0:
		return "none of them in restorations"
	case s >= 1:
		return "all there are"
	case s < 0.001:
		return "a sample of less than 0.1 % of all"
	}
	return fmt.Sprintf("a sample of %.1f %% of all", s*100)
}

// group writes n with its thousands parted by a narrow space.
func group(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return group(uint64(n)) + " " + many
}
