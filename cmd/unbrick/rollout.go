package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const rolloutHelp = `usage: unbrick rollout VERSION --model ID [--phases LIST] [--max-failures N] [--halts] [--halt | --resume | --end]
       unbrick rollout list [--model ID]

Shows how far a release has been offered, and decides how it goes on. A rollout offers a release in phases to a growing
share of the model's devices: "1%,10%@24h,100%@72h" is one in a hundred at once, one in ten after a day, all after
three. When more devices than --max-failures (3) told of a failed rewrite, wait in restoration mode or took the update
file and did not come back, it shows an alarm. Nobody proves what they tell, so nothing more happens: look, and halt it.
With --halts it halts by itself, for networks without strangers. Halted, it is offered to nobody, and devices that run
the release keep it.

  --phases LIST      begins a rollout, counted from now
  --max-failures N   devices that may fail before there is an alarm
  --halts            the alarm halts the rollout; --halts=false: it does not any more
  --halt, --resume   stop offering the release, go on
  --end              no rollout any more: the release is for all

list tells of the rollouts that go on. A release that is published with "unbrick publish --phases LIST" is in its rollout from the first moment on.

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

// rolling is a rollout as the server tells it.
type rolling struct {
	Phases string     `json:"phases"`
	Begun  time.Time  `json:"begun"`
	Passed int64      `json:"passed"`
	Clock  string     `json:"clock,omitempty"`
	Share  string     `json:"share"`
	Next   *time.Time `json:"next,omitempty"`
	Limit  uint32     `json:"limit"`
	Alarm  bool       `json:"alarm"`
	Halts  bool       `json:"halts"`
	Failed uint32     `json:"failed"`
	Lost   uint32     `json:"lost"`
	Halted *time.Time `json:"halted,omitempty"`
	Why    string     `json:"why,omitempty"`
}

// rolled is a release with its rollout, nil if it is for all.
type rolled struct {
	Model   string   `json:"model"`
	Version string   `json:"version"`
	Image   string   `json:"image"`
	State   string   `json:"state"`
	Damaged bool     `json:"damaged,omitempty"`
	Rollout *rolling `json:"rollout"`
	Keys    []string `json:"keys,omitempty"` // that signed it
	Era     uint16   `json:"era,omitempty"`
	Day     string   `json:"day,omitempty"`
	Note    string   `json:"note,omitempty"`
}

// rolloutFlags are the words of the command.
type rolloutFlags struct {
	serverFlags
	model, phases            string
	limit                    uint
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
	set.UintVar(&f.limit, "max-failures", 0, "devices that may fail")
	set.BoolVar(&f.halts, "halts", false, "the alarm halts the rollout")
	set.BoolVar(&f.halt, "halt", false, "stop offering the release")
	set.BoolVar(&f.resume, "resume", false, "go on")
	set.BoolVar(&f.end, "end", false, "offer the release to all")
	return c
}

const sayRollout = "say: unbrick rollout VERSION --model ID"

// list prints the releases that are not for all yet.
func (f *rolloutFlags) list(ctx context.Context, a *api, _ []string, p *printer) error {
	all, err := releases[rolled](ctx, a, f.model)
	if err != nil {
		return err
	}
	going := slices.DeleteFunc(all, func(r rolled) bool { return r.Rollout == nil })
	return list(p, "MODEL\tVERSION\tSTATE\tOFFERED TO\tPHASES\tSINCE\tNEXT\tFAILED\tLOST\tMAY", going, func(r *rolled) string {
		o, state, next := r.Rollout, r.State, ""
		if o.Alarm {
			state += ", alarm"
		}
		if o.Next != nil {
			next = o.Next.Format(time.RFC3339)
		}
		return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d", r.Model, r.Version, state, r.audience(),
			o.Phases, o.Begun.Format(time.RFC3339), next, o.Failed, o.Lost, o.Limit)
	})
}

// change is what the words want to be other than it is.
func (f *rolloutFlags) change(given func(name string) bool) (map[string]any, error) {
	ways := 0
	for _, b := range []bool{f.halt, f.resume, f.end, given("phases")} {
		if b {
			ways++
		}
	}
	change := map[string]any{}
	switch {
	case f.model == "":
		return nil, usageError(sayRollout)
	case ways > 1 || f.end && (given("max-failures") || given("halts")):
		return nil, usageError("--phases, --halt, --resume and --end exclude each other")
	case given("phases") && f.phases == "":
		return nil, usageError("--phases is empty; --end ends a rollout")
	case f.end, given("phases"):
		change["phases"] = f.phases
	case f.halt, f.resume:
		change["halt"] = f.halt
	}
	if given("max-failures") {
		change["limit"] = f.limit
	}
	if given("halts") {
		change["halts"] = f.halts
	}
	return change, nil
}

func (f *rolloutFlags) run(ctx context.Context, version string, change map[string]any, p *printer) error {
	a, err := f.client()
	if err != nil {
		return err
	}
	var r *rolled
	if len(change) > 0 {
		r, err = a.change(ctx, f.model, version, "rollout", change)
	} else {
		r, err = a.rolled(ctx, f.model, version)
	}
	if err != nil {
		return err
	}
	return p.show(r)
}

// change sets something of a release, and returns what the release is then.
func (a *api) change(ctx context.Context, model, version, what string, change map[string]any) (*rolled, error) {
	r, err := a.rolled(ctx, model, version)
	if err != nil {
		return nil, err
	}
	if err := r.standing(); err != nil {
		return nil, err
	}
	change["model"] = model
	now := &rolled{}
	return now, a.ask(ctx, http.MethodPut, "/api/releases/"+r.Image+"/"+what, nil, change, now)
}

// releases asks the server for the releases of a model, of all with "", and what T wants to know of each.
func releases[T any](ctx context.Context, a *api, model string) ([]T, error) {
	var answer struct {
		Releases []T `json:"releases"`
	}
	err := a.ask(ctx, http.MethodGet, "/api/releases", url.Values{"model": {model}}, nil, &answer)
	return answer.Releases, err
}

// listed is a release in the server's list, with its manifest.
type listed struct {
	Version, State string
	Manifest       []byte
}

// rolled asks the server for a release.
func (a *api) rolled(ctx context.Context, model, version string) (*rolled, error) {
	all, err := releases[rolled](ctx, a, model)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Version == version {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("the server has no release %q of model %s: unbrick release list tells of all", version, model)
}

// standing is an error for a release that nothing can be set of any more: its image names another one.
func (r *rolled) standing() error {
	if r.State == "superseded" {
		return fmt.Errorf("release %s was superseded: its image was released again, and the newest release of an image stands for it", r.Version)
	}
	return nil
}

func (r *rolled) print(out io.Writer) {
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
	fmt.Fprintf(out, "\n%d failed, %d lost, %d may; nothing proves what devices tell%s\n", o.Failed, o.Lost, o.Limit, map[bool]string{true: ", and more halt it"}[o.Halts])
	if o.Alarm && o.Halted == nil {
		fmt.Fprintln(out, "alarm: more than may have failed or are lost. Look, and halt it with --halt if that is right")
	}
	if o.Halted != nil {
		fmt.Fprintf(out, "halted at %s: %s\n", o.Halted.Format(time.RFC3339), o.Why)
	}
}
