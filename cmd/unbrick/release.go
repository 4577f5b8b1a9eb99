package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
)

const releaseHelp = `usage: unbrick release list [--model ID]
       unbrick release offer|withhold|withdraw VERSION --model ID

list     tells of all releases, the newest first
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
	switch {
	case state == "list" && len(words) == 1:
	case state != "" && state != "list" && len(words) == 2 && *id != "":
	default:
		return usageError("say: unbrick release list, or: unbrick release offer|withhold|withdraw VERSION --model ID")
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
		if all[i].Damaged {
			fmt.Fprintln(out, "its stored image is damaged or gone: publish its release file again")
		}
	}
	return nil
}
