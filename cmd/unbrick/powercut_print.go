package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"unbrick/lab/sweep"
	"unbrick/lab/sweep/suite"
)

// printSweep prints a result for people.
func printSweep(out io.Writer, r *sweep.Result) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "%s on %s\n", r.Subject, r.Shape)
	fmt.Fprintf(w, "%d power cuts led to %d different states of the flash, each tried once, in %.1f s\n", r.Cuts, r.States, r.Seconds)
	if r.Share > 0 {
		fmt.Fprintf(w, "%d of them behind a second cut: %.3g of all that there are in restorations\n", r.Pairs, r.Share)
	}
	if r.Budget {
		fmt.Fprintln(w, "the budget ended it; what came later was left out")
	}
	fmt.Fprintln(w, "\nruns by kind:")
	for _, k := range slices.Sorted(maps.Keys(r.KindRuns)) {
		if n := r.KindRuns[k]; n > 0 {
			fmt.Fprintf(w, "  %-34s %d\n", k, n)
		}
	}
	fmt.Fprintln(w, "\nchecks:")
	for _, c := range sweep.Checks() {
		n := r.Counts[c.String()]
		switch {
		case n.Failures > 0:
			fmt.Fprintf(w, "  %-34s %d failed of %d\n", c, n.Failures, n.Runs)
		case n.Runs == 0:
			fmt.Fprintf(w, "  %-34s not made\n", c)
		default:
			fmt.Fprintf(w, "  %-34s %d\n", c, n.Runs)
		}
	}
	for _, f := range r.Failures {
		fmt.Fprintf(w, "\n%s: %s\n  replay %s\n", f.Check, f.Text, f.ID)
	}
	return w.Flush()
}

// replayPowercut repeats one run and prints it step by step. Without images it looks among those that the
// program was proven on.
func replayPowercut(ctx context.Context, f *powercutFlags, out io.Writer) error {
	id, err := sweep.ParseID(f.replay)
	if err != nil {
		return usageError("%v", err)
	}
	images := suite.Images()
	if f.old != "" {
		old, new, err := f.images(ctx)
		if err != nil {
			return err
		}
		images = [][]byte{old, new}
	}
	old, new, err := id.Images(images...)
	if err != nil {
		return fmt.Errorf("%w; say them with --old and --new", err)
	}
	subject, err := sweep.NewSubject(ctx, "replay", id.Shape, old, new, id.Seed)
	if err != nil {
		return err
	}
	t, err := subject.Replay(ctx, &id.Run)
	if t != nil {
		if err := printTimeline(out, t); err != nil {
			return err
		}
	}
	if err == nil && len(t.Failures) > 0 {
		err = fmt.Errorf("failed checks in this run: %d", len(t.Failures))
	}
	return err
}

func printTimeline(out io.Writer, t *sweep.Timeline) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "run %s on %s\n", t.ID, t.Shape)
	for _, s := range t.Steps {
		fmt.Fprintf(w, "%12.6fs  %s", s.At.Seconds(), s.Text)
		if s.Sector >= 0 {
			fmt.Fprintf(w, "  [sector %d: %s]", s.Sector, s.Look)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}
