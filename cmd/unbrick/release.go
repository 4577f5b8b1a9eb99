package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"unbrick/release"
	"unbrick/server/form"
)

const releaseHelp = `usage: unbrick release list [--model ID]
       unbrick release show RELEASEFILE | VERSION --model ID
       unbrick release offer|withhold|withdraw VERSION --model ID

list     tells of all releases, the newest first
show     tells what is in a release file, and asks no server; with --model, what the server knows of a release
offer    offers a release, also one that was withheld or withdrawn
withhold offers it to no device for now; strangers may still fetch it to restore a device
withdraw offers it to no device, and strangers cannot fetch it either; devices on which it has not confirmed
         itself are led back

Transfers of a release that is not offered any more end at once, and the devices keep what they run.

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

func releaseCommand() *cobra.Command {
	f, model := &serverFlags{}, new(string)
	all := f.verb("list", "tells of all releases, the newest first", noWords, func(ctx context.Context, a *api, _ []string, p *printer) error {
		return list(p, a.releases(ctx, *model), "no release found", "MODEL\tVERSION\tSTATE\tOFFERED TO\tRELEASED\tSIGNED BY\tNOTE", releaseRow)
	})
	all.Flags().Var((*id)(model), "model", "list those of one model")
	show := verb("show RELEASEFILE|VERSION", "tells what is in a release file, or what the server knows of a release", "",
		takes(1, 1, "show takes one RELEASEFILE, or VERSION and --model ID"), func(ctx context.Context, words []string, p *printer) error {
			if *model == "" {
				return showRelease(ctx, words[0], p)
			}
			return f.showListed(ctx, *model, words[0], p)
		})
	show.Flags().Var((*id)(model), "model", "model of the release that the server is asked for")
	g := group("release", "lists releases, offers, withholds or withdraws one", releaseHelp,
		"say: unbrick release list, or: unbrick release show RELEASEFILE, or: unbrick release show VERSION --model ID, "+
			"or: unbrick release offer|withhold|withdraw VERSION --model ID",
		all, show,
		f.releaseVerb("offer", "offers a release", "offered"),
		f.releaseVerb("withhold", "offers a release to no device for now", "withheld"),
		f.releaseVerb("withdraw", "offers a release to no device, and leads devices back", "withdrawn"))
	f.operate(g.PersistentFlags())
	return g
}

// releaseVerb makes a verb that brings one release into a state.
func (f *serverFlags) releaseVerb(name, short, state string) *cobra.Command {
	say, model := fmt.Sprintf("say: unbrick release %s VERSION --model ID", name), new(string)
	c := f.verb(name+" VERSION", short, takes(1, 1, say), func(ctx context.Context, a *api, words []string, p *printer) error {
		if *model == "" {
			return usageError("%s", say)
		}
		r, err := a.standing(ctx, *model, words[0])
		if err != nil {
			return err
		}
		in := form.ReleaseState{Image: r.Image}
		in.Body.Model, in.Body.State = *model, state
		if r, err = ask(ctx, a, form.SetReleaseState, &in); err != nil {
			return err
		}
		return p.tell(r, "release %s of model %s is %s\n", r.Version, r.Model, r.State)
	})
	c.Flags().Var((*id)(model), "model", "model of the release")
	return c
}

// printClaims tells what a release says of itself.
func printClaims(out io.Writer, r *form.Release) {
	text := "signed by " + strings.Join(r.Keys, ", ")
	if r.Era > 0 {
		text += fmt.Sprintf(", era %d", r.Era)
	}
	if r.Day != "" {
		text += ", released " + r.Day
	}
	if r.Note != "" {
		text += ": " + r.Note
	}
	fmt.Fprintln(out, text)
}

// statementOf reads the trust statement of a release file; nil: it has none.
func statementOf(f *release.File) (*release.Statement, error) {
	if len(f.Statement) == 0 {
		return nil, nil
	}
	s, _, err := release.ParseStatement(f.Statement)
	if err != nil {
		return nil, fmt.Errorf("the file is damaged, get it again: its trust statement of %d bytes is none: %w", len(f.Statement), err)
	}
	return &s, nil
}

// showRelease tells what a release file holds. Who may sign is the device's to say, so signatures are named and not judged.
func showRelease(ctx context.Context, name string, p *printer) error {
	b, err := readFile(ctx, name, "a release file", release.MaxFile)
	if err != nil {
		return err
	}
	f, err := release.SplitFile(b)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m, signers, err := release.Parse(f.Signed)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := m.CheckImage(f.Image); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	statement, err := statementOf(&f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if p.json {
		told, err := describeFile(b)
		if err != nil {
			return err
		}
		told.File = name
		return printJSON(p, told)
	}
	w := tabwriter.NewWriter(p, 0, 4, 2, ' ', 0)
	line := func(label, format string, args ...any) { fmt.Fprintf(w, label+"\t"+format+"\n", args...) }
	line("Model", "%s", m.Model)
	line("Version", "%s", m.Version)
	line("Order", "%d, security counter %d, era %d", m.Order, m.Counter, m.Era)
	line("Image", "%d bytes, %s", m.Size, release.Hex(m.Digest))
	if m.Date() != "" {
		line("Released", "%s", m.Date())
	}
	if m.Note != "" {
		line("Note", "%s", m.Note)
	}
	if m.Least > 0 {
		line("Needs", "trust statement %d", m.Least)
	}
	if m.Family != "" {
		line("For", "family %s, chip %s", m.Family, orNone(m.Chip))
	}
	for _, id := range signers.IDs() {
		line("Signed by", "key %s", id)
	}
	if statement != nil {
		of := "model " + statement.Model
		if statement.Model == "" {
			of = "every model with its keys"
		}
		line("With it", "trust statement %d, era %d, for %s", statement.Version, statement.Era, of)
	}
	if err := w.Flush(); err != nil || len(f.LongNote) == 0 {
		return err
	}
	_, err = fmt.Fprintf(p, "\n%s", f.LongNote)
	return err
}

func releaseRow(r *form.Release) string {
	note := r.Note
	if r.Damaged {
		note = "damaged: " + note
	}
	return strings.Join([]string{r.Model, r.Version, r.State, audience(r), r.Day, strings.Join(r.Keys, ", "), note}, "\t")
}

// audience is whom a release is offered to.
func audience(r *form.Release) string {
	switch {
	case r.State != "offered":
		return "none"
	case r.Rollout == nil:
		return "all"
	case r.Rollout.Halted != nil:
		return "none, halted"
	}
	return r.Rollout.Share
}

// showListed tells what the server knows of a release.
func (f *serverFlags) showListed(ctx context.Context, model, version string, p *printer) error {
	a, err := f.client()
	if err != nil {
		return err
	}
	r, err := a.named(ctx, model, version)
	if err != nil {
		return err
	}
	if p.json {
		return printJSON(p, r)
	}
	printRelease(p, r)
	printClaims(p, r)
	if r.Damaged {
		fmt.Fprintln(p, "its stored image is damaged or gone: publish its release file again")
	}
	return nil
}
