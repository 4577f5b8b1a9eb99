package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"unbrick/server/form"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const rolloutHelp = `usage: unbrick rollout VERSION --model ID [--phases LIST] [--max-failures N] [--halts] [--halt | --resume | --end]
       unbrick rollout list [--model ID]

Shows how far a release has been offered, and decides how it goes on. A rollout offers a release in phases to a growing
share of the model's devices: "1%,10%@24h,100%@72h" is one in a hundred at once, one in ten after a day, all after
three. When more devices than --max-failures (3) told of a failed rewrite, wait in restoration mode or took the update
file and did not come back, it shows an alarm. Look, and halt it; --halts says that the alarm does.
With --halts it halts by itself. Halted, it is offered to nobody, and devices that run
the release keep it.

  --phases LIST      begins a rollout, counted from now
  --max-failures N   devices that may fail before there is an alarm
  --halts            the alarm halts the rollout; --halts=false: it does not any more
  --halt, --resume   stop offering the release, go on
  --end              no rollout any more: the release is for all

list tells of the rollouts that go on; of a release whose version is "list" unbrick release show tells. A release that is published with "unbrick publish --phases LIST" is in its rollout from the first moment on.

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

// rolloutFlags are the words of the command.
type rolloutFlags struct {
	serverFlags
	model, phases            string
	limit                    uint64
	halts, halt, resume, end bool
}

func rolloutCommand() *cobra.Command {
	f := &rolloutFlags{}
	var set *pflag.FlagSet
	c := verb("rollout VERSION", "offers a release in phases, halts it, lets it go on", rolloutHelp, takes(1, 1, sayRollout),
		func(ctx context.Context, words []string, p *printer) error {
			change, err := f.change(set.Changed)
			if err != nil {
				return err
			}
			return f.run(ctx, words[0], change, p)
		})
	all := f.verb("list", "tells of the rollouts that go on", noWords, f.list)
	c.AddCommand(all)
	f.operate(c.PersistentFlags())
	c.PersistentFlags().Var((*id)(&f.model), "model", "model of the release")
	set = c.Flags()
	set.StringVar(&f.phases, "phases", "", "begin a rollout with these phases")
	set.Uint64Var(&f.limit, "max-failures", 0, "devices that may fail")
	set.BoolVar(&f.halts, "halts", false, "the alarm halts the rollout")
	set.BoolVar(&f.halt, "halt", false, "stop offering the release")
	set.BoolVar(&f.resume, "resume", false, "go on")
	set.BoolVar(&f.end, "end", false, "offer the release to all")
	return c
}

const sayRollout = "say: unbrick rollout VERSION --model ID, or: unbrick rollout list"

func (f *rolloutFlags) list(ctx context.Context, a *api, _ []string, p *printer) error {
	return list(p, going(a.releases(ctx, f.model)), "no rollout found",
		"MODEL\tVERSION\tSTATE\tOFFERED TO\tPHASES\tSINCE\tNEXT\tFAILED\tLOST\tMAY", rolloutRow)
}

// going are the releases that are not for all yet.
func going(pages iter.Seq2[[]form.Release, error]) iter.Seq2[[]form.Release, error] {
	return func(yield func([]form.Release, error) bool) {
		for page, err := range pages {
			if !yield(slices.DeleteFunc(page, func(r form.Release) bool { return r.Rollout == nil }), err) {
				return
			}
		}
	}
}

func rolloutRow(r *form.Release) string {
	o, state, next := r.Rollout, r.State, ""
	if o.Alarm {
		state += ", alarm"
	}
	if o.Next != nil {
		next = o.Next.Format(time.RFC3339)
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d", r.Model, r.Version, state, audience(r),
		o.Phases, o.Begun.Format(time.RFC3339), next, o.Failed, o.Lost, o.Limit)
}

// change is what the words want to be other than it is.
func (f *rolloutFlags) change(given func(name string) bool) (change form.Change, err error) {
	ways := 0
	for _, b := range []bool{f.halt, f.resume, f.end, given("phases")} {
		if b {
			ways++
		}
	}
	switch {
	case f.model == "":
		return change, usageError(sayRollout)
	case ways > 1 || f.end && (given("max-failures") || given("halts")):
		return change, usageError("--phases, --halt, --resume and --end exclude each other")
	case given("phases") && f.phases == "":
		return change, usageError("--phases is empty; --end ends a rollout")
	case f.end, given("phases"):
		change.Phases = &f.phases
	case f.halt, f.resume:
		change.Halt = &f.halt
	}
	if given("max-failures") {
		change.Limit = &f.limit
	}
	if given("halts") {
		change.Halts = &f.halts
	}
	return change, nil
}

func (f *rolloutFlags) run(ctx context.Context, version string, change form.Change, p *printer) error {
	a, err := f.client()
	if err != nil {
		return err
	}
	if change == (form.Change{}) {
		r, err := a.named(ctx, f.model, version)
		if err != nil {
			return err
		}
		return show(p, r, printRelease)
	}
	r, err := a.standing(ctx, f.model, version)
	if err != nil {
		return err
	}
	in := form.RolloutChange{Image: r.Image}
	in.Body.Model, in.Body.Change = f.model, change
	if r, err = ask(ctx, a, form.ChangeRollout, &in); err != nil {
		return err
	}
	return show(p, r, printRelease)
}

// named asks the server for a release that must be there.
func (a *api) named(ctx context.Context, model, version string) (*form.Release, error) {
	r, err := a.release(ctx, model, version)
	if err == nil && r == nil {
		err = fmt.Errorf("the server has no release %q of model %s: unbrick release list tells of all", version, model)
	}
	return r, err
}

// standing asks the server for a release of which something can be set: its image does not name another one.
func (a *api) standing(ctx context.Context, model, version string) (*form.Release, error) {
	r, err := a.named(ctx, model, version)
	if err == nil && r.State == "superseded" {
		err = fmt.Errorf("release %s was superseded: its image was released again, and the newest release of an image stands for it", version)
	}
	return r, err
}

// printRelease tells what holds for a release.
func printRelease(out io.Writer, r *form.Release) {
	fmt.Fprintf(out, "release %s of model %s is %s", r.Version, r.Model, r.State)
	o := r.Rollout
	if o == nil {
		fmt.Fprintln(out, map[bool]string{true: ", to all"}[r.State == "offered"])
		return
	}
	fmt.Fprintf(out, ", to %s of the devices\nphases %s since %s", o.Share, o.Phases, o.Begun.Format(time.RFC3339))
	if o.Next != nil {
		fmt.Fprintf(out, ", the next at %s", o.Next.Format(time.RFC3339))
	}
	fmt.Fprintf(out, "\nhas run for %v", (time.Duration(o.Passed) * time.Second).Round(time.Minute))
	if o.Clock != "" {
		fmt.Fprintf(out, "; %s", o.Clock)
	}
	fmt.Fprintf(out, "\n%d failed, %d lost, %d may%s\n", o.Failed, o.Lost, o.Limit,
		map[bool]string{true: ", and more halt it"}[o.Halts])
	if o.Alarm && o.Halted == nil {
		fmt.Fprintln(out, "alarm: more than may have failed or are lost. Look, and halt it with --halt if that is right")
	}
	if o.Halted != nil {
		fmt.Fprintf(out, "halted at %s: %s\n", o.Halted.Format(time.RFC3339), o.Why)
	}
}
