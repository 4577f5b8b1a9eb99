package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"

	"unbrick/release"
	"unbrick/server/form"

	"github.com/spf13/cobra"
)

const releaseHelp = `usage: unbrick release list [--model ID]
       unbrick release show RELEASEFILE | VERSION --model ID
       unbrick release offer|withhold|withdraw VERSION --model ID
       unbrick release remove VERSION --model ID

list     tells of all releases, the newest first
show     tells what is in a release file, and asks no server; with --model, what the server knows of a release
offer    offers a release, also one that was withheld or withdrawn
withhold offers it to no device for now; strangers may still fetch it to restore a device
withdraw offers it to no device, and strangers cannot fetch it either; devices on which it has not confirmed
         itself are led back
remove   deletes a release that was withdrawn from the server: with its image, the update files that lead to it and away
         from it, and the releases that it superseded. One that was superseded goes alone. Devices that run it stay as
         they are; the server does not know their image any more, gives them full images, and leads none of them back

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
	g := group("release", "lists releases, offers, withholds, withdraws or removes one", releaseHelp,
		"say: unbrick release list, or: unbrick release show RELEASEFILE, or: unbrick release show VERSION --model ID, "+
			"or: unbrick release offer|withhold|withdraw|remove VERSION --model ID",
		all, show,
		f.releaseVerb("offer", "offers a release", "offered"),
		f.releaseVerb("withhold", "offers a release to no device for now", "withheld"),
		f.releaseVerb("withdraw", "offers a release to no device, and leads devices back", "withdrawn"), f.removeRelease())
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

// removeRelease makes the verb that deletes a release.
func (f *serverFlags) removeRelease() *cobra.Command {
	say, model := "say: unbrick release remove VERSION --model ID", new(string)
	c := f.verb("remove VERSION", "deletes a release that was withdrawn, and what is kept for it", takes(1, 1, say),
		func(ctx context.Context, a *api, words []string, p *printer) error {
			if *model == "" {
				return usageError("%s", say)
			}
			r, err := a.named(ctx, *model, words[0])
			if err != nil {
				return err
			}
			if _, err := ask(ctx, a, form.RemoveRelease, &form.Removal{Image: r.Image, Model: *model, Order: int64(r.Order)}); err != nil {
				return err
			}
			return p.tell(map[string]string{"removed": r.Version}, "release %s of model %s is removed\n", r.Version, r.Model)
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

// openedRelease is a release file, read.
type openedRelease struct {
	release.File
	manifest  release.Manifest
	claims    form.Claims
	statement *release.Statement // nil: it has none
}

func openRelease(b []byte) (r openedRelease, err error) {
	var signers release.Signers
	if r.File, err = release.SplitFile(b); err != nil {
		return r, err
	}
	if r.manifest, signers, err = release.Parse(r.Signed); err != nil {
		return r, err
	}
	r.claims = form.ClaimsOf(&r.manifest, &signers)
	if len(r.Statement) == 0 {
		return r, nil
	}
	s, _, err := release.ParseStatement(r.Statement)
	if err != nil {
		return r, fmt.Errorf("the file is damaged, get it again: its trust statement of %d bytes is none: %w", len(r.Statement), err)
	}
	r.statement = &s
	return r, nil
}

// showRelease tells what a release file holds. Who may sign is the device's to say, so signatures are named and not judged.
func showRelease(ctx context.Context, name string, p *printer) error {
	b, err := readFile(ctx, name, "a release file", release.MaxFile)
	if err != nil {
		return err
	}
	f, err := openRelease(b)
	if err == nil {
		err = f.manifest.CheckImage(f.Image)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if p.json {
		return printJSON(p, &publishing{Claims: f.claims, File: name})
	}
	m, needs, family := &f.manifest, "", ""
	if m.Least > 0 {
		needs = fmt.Sprintf("trust statement %d", m.Least)
	}
	if m.Family != "" {
		family = fmt.Sprintf("family %s, chip %s", m.Family, cmp.Or(m.Chip, "unknown"))
	}
	told := []string{"Model", m.Model, "Version", m.Version,
		"Order", fmt.Sprintf("%d, security counter %d, era %d", m.Order, m.Counter, m.Era),
		"Image", fmt.Sprintf("%d bytes, %s", m.Size, release.Hex(m.Digest)), "Released", m.Date(), "Note", m.Note, "Needs", needs, "For", family}
	for _, id := range f.claims.Keys {
		told = append(told, "Signed by", "key "+id)
	}
	if s := f.statement; s != nil {
		of := "model " + s.Model
		if s.Model == "" {
			of = "every model with its keys"
		}
		told = append(told, "With it", fmt.Sprintf("trust statement %d, era %d, for %s", s.Version, s.Era, of))
	}
	if err := facts(p, told...); err != nil || len(f.LongNote) == 0 {
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
