package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// printer prints results for people, or as JSON.
type printer struct {
	io.Writer // standard output
	errOut    io.Writer
	json      bool
	headed    bool // the table has its head
}

// show prints v as JSON, or for people.
func show[T any](p *printer, v *T, print func(out io.Writer, v *T)) error {
	if p.json {
		return printJSON(p, v)
	}
	print(p, v)
	return nil
}

// tell prints v as JSON, or words for people.
func (p *printer) tell(v any, words string, args ...any) error {
	if p.json {
		return printJSON(p, v)
	}
	_, err := fmt.Fprintf(p, words, args...)
	return err
}

// table prints a list, or the next page of one: as JSON, one object a line, or as a table for people, whose cells have tabs between. The
// head may be empty.
func table[T any](p *printer, head string, page []T, row func(*T) string) error {
	if p.json {
		for i := range page {
			if err := printJSON(p, &page[i]); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(p, 0, 4, 2, ' ', 0)
	if !p.headed && head != "" && len(page) > 0 {
		fmt.Fprintln(w, head)
		p.headed = true
	}
	for i := range page {
		fmt.Fprintln(w, row(&page[i]))
	}
	return w.Flush()
}

// facts prints what is known of one thing, a label and its value a line; what is empty is left out.
func facts(out io.Writer, pairs ...string) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", pairs[i], pairs[i+1])
		}
	}
	return w.Flush()
}

// printJSON writes v as one line of JSON.
func printJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}
