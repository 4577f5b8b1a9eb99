package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"unbrick/delta/bench"

	"github.com/spf13/cobra"
)

const benchHelp = `Measures deltas between all consecutive images below DIR, beside bsdiff, xdelta3, zstd --patch-from,
hdiffz and detools where the machine has them.

usage: unbrick bench delta DIR... [--json] [--quick] [--no-peers] [--sector 4KiB]

Images are files named *.bin, a directory for each family, in the order of a manifest.json in DIR or its
parent (an array of objects with family and version), else by name.

example:
  unbrick bench delta firmware/

A line on the error output tells of each pair that is done. Every maker runs as a process of its own; processor time and memory are that process's. "In place" compares
with a delta for a flash of one sector as large as the image, which nothing keeps from reading.

exit codes: 0 done, 1 it did not work, 2 the words are off`

// benchFlags are the words of bench delta.
type benchFlags struct {
	quick, alone bool
	sector       string
}

func benchCommand() *cobra.Command {
	const say = "say bench delta DIR...; unbrick bench --help explains it"
	f := &benchFlags{}
	c := verb("delta DIR...", "measures deltas between consecutive images", "", takes(1, math.MaxInt, say), f.measure)
	jsonFlag(c.Flags())
	c.Flags().BoolVar(&f.quick, "quick", false, "only sizes at the two profiles: no in-place cost, no effort fast")
	c.Flags().BoolVar(&f.alone, "no-peers", false, "run no other program")
	c.Flags().StringVar(&f.sector, "sector", "4KiB", "size of the flash's sectors")
	return group("bench", "measures deltas over pairs of images, beside other programs", benchHelp, say, c)
}

func (f *benchFlags) measure(ctx context.Context, dirs []string, p *printer) error {
	pairs, err := bench.Find(dirs)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o := &bench.Options{Self: []string{self, "delta", "create"}, Sector: f.sector, Quick: f.quick}
	if !f.alone {
		o.Peers = bench.Found(bench.Peers())
	}
	done := 0
	o.Finished = func(r *bench.Row) {
		done++
		fmt.Fprintf(p.errOut, "%d of %d: %s: %d bytes", done, len(pairs), r.Name, r.Large.Bytes)
		if r.Best > 0 {
			fmt.Fprintf(p.errOut, ", %.3f of the smallest peer", float64(r.Large.Bytes)/float64(r.Best))
		}
		fmt.Fprintln(p.errOut)
	}
	rows, err := bench.Measure(ctx, pairs, o)
	if err != nil {
		return errors.Join(stopped(ctx), err)
	}
	if p.json {
		return printJSON(p, struct {
			Rows    []bench.Row   `json:"rows"`
			Summary bench.Summary `json:"summary"`
		}{rows, bench.Sum(rows)})
	}
	return bench.Print(p, rows)
}
