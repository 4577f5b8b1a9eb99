package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"unbrick/delta/bench"
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

func benchCommand(ctx context.Context, args []string, out, errOut io.Writer) error {
	fs := newFlags("bench", benchHelp, errOut)
	asJSON := fs.Bool("json", false, "print rows and summary as one line of JSON")
	quick := fs.Bool("quick", false, "only sizes at the two profiles: no in-place cost, no effort fast")
	alone := fs.Bool("no-peers", false, "run no other program")
	sector := fs.String("sector", "4KiB", "size of the flash's sectors")
	words, err := parseFlags(fs, args, out)
	if err != nil {
		return err
	}
	if len(words) < 2 || words[0] != "delta" {
		return usageError("say bench delta DIR...; unbrick bench --help explains it")
	}
	pairs, err := bench.Find(words[1:])
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o := &bench.Options{Self: []string{self, "delta", "create"}, Sector: *sector, Quick: *quick}
	if !*alone {
		o.Peers = bench.Found(bench.Peers())
	}
	done := 0
	o.Finished = func(r *bench.Row) {
		done++
		fmt.Fprintf(errOut, "%d of %d: %s: %d bytes", done, len(pairs), r.Name, r.Large.Bytes)
		if r.Best > 0 {
			fmt.Fprintf(errOut, ", %.3f of the smallest peer", float64(r.Large.Bytes)/float64(r.Best))
		}
		fmt.Fprintln(errOut)
	}
	rows, err := bench.Measure(ctx, pairs, o)
	if err != nil {
		return errors.Join(stopped(ctx), err)
	}
	if *asJSON {
		return printJSON(out, struct {
			Rows    []bench.Row   `json:"rows"`
			Summary bench.Summary `json:"summary"`
		}{rows, bench.Sum(rows)})
	}
	return bench.Print(out, rows)
}
