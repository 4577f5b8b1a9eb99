package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"unbrick/release"
)

const releaseHelp = `usage: unbrick release list [--model ID]
       unbrick release show RELEASEFILE
       unbrick release offer|withhold|withdraw VERSION --model ID

list     tells of all releases, the newest first
show     tells what is in a release file, and asks no server
offer    offers a release, also one that was withheld or withdrawn
withhold offers it to no device for now; strangers may still fetch it to restore a device
withdraw offers it to no device, and strangers cannot fetch it either; devices on which it has not confirmed
         itself are led back

Transfers of a release that is not offered any more end at once, and the devices keep what they run.

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

func releaseCommand(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := newFlags("release", releaseHelp, errOut)
	server, token := serverFlags(flags)
	id := idFlag(flags, "model", "model of the release")
	asJSON := flags.Bool("json", false, "print one JSON object")
	words, err := parseFlags(flags, args, out)
	if err != nil {
		return err
	}
	state := ""
	if len(words) > 0 {
		state = map[string]string{"list": "list", "offer": "offered", "withhold": "withheld", "withdraw": "withdrawn"}[words[0]]
	}
	if len(words) == 2 && words[0] == "show" {
		return showRelease(ctx, words[1], *asJSON, out)
	}
	switch {
	case state == "list" && len(words) == 1:
	case state != "" && state != "list" && len(words) == 2 && *id != "":
	default:
		return usageError("say: unbrick release list, or: unbrick release show RELEASEFILE, or: unbrick release offer|withhold|withdraw VERSION --model ID")
	}
	client, err := newAPI(*server, tokenOr(*token))
	if err != nil {
		return err
	}
	if state == "list" {
		return client.listReleases(ctx, *id, *asJSON, out)
	}
	r, err := client.rolled(ctx, *id, words[1])
	if err != nil {
		return err
	}
	if err := r.standing(); err != nil {
		return err
	}
	b, err := client.post(ctx, "PUT", "/api/releases/"+r.Image+"/state", map[string]string{"model": *id, "state": state})
	if err != nil {
		return err
	}
	r = &rolled{}
	if err := json.Unmarshal(b, r); err != nil {
		return fmt.Errorf("release: the server's answer: %w", err)
	}
	if *asJSON {
		return printJSON(out, r)
	}
	fmt.Fprintf(out, "release %s of model %s is %s\n", r.Version, r.Model, r.State)
	return nil
}

// say prints what a release says of itself.
func (r *rolled) say(out io.Writer) {
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
func showRelease(ctx context.Context, name string, asJSON bool, out io.Writer) error {
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
	if asJSON {
		p, err := describeFile(b)
		if err != nil {
			return err
		}
		p.File = name
		return printJSON(out, p)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
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
	_, err = fmt.Fprintf(out, "\n%s", f.LongNote)
	return err
}

func (a *api) listReleases(ctx context.Context, model string, asJSON bool, out io.Writer) error {
	all, err := a.releases(ctx, model)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(out, map[string][]rolled{"releases": all})
	}
	for i := range all {
		all[i].print(out)
		all[i].say(out)
		if all[i].Damaged {
			fmt.Fprintln(out, "its stored image is damaged or gone: publish its release file again")
		}
	}
	return nil
}
