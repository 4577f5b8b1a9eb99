package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"
)

const fileHelp = `usage: unbrick file list [--model ID]
       unbrick file bar|make ID

The update files that the server keeps, and what became of making them.

list  tells of them, the newest first
bar   keeps an update file from all devices until make; a transfer of it ends at once
make  has it made anew at once, whatever it was: barred, failed, too big for its workspace, ready

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

// updateFile is one as the server tells it.
type updateFile struct {
	ID        int64      `json:"id"`
	Model     string     `json:"model"`
	Kind      string     `json:"kind"`
	From      string     `json:"from_version"`
	To        string     `json:"to_version"`
	Step      uint32     `json:"step"`
	State     string     `json:"state"`
	Size      uint32     `json:"size"`
	Workspace uint32     `json:"workspace"`
	Attempts  uint32     `json:"attempts"`
	Refusals  uint32     `json:"refusals"`
	Error     string     `json:"error"`
	Next      *time.Time `json:"next,omitempty"`
}

func fileCommand(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := newFlags("file", fileHelp, errOut)
	server, token := serverFlags(flags)
	id := idFlag(flags, "model", "list those of one model")
	asJSON := flags.Bool("json", false, "print JSON, one object a line")
	words, err := parseFlags(flags, args, out)
	if err != nil {
		return err
	}
	state := ""
	if len(words) > 0 {
		state = map[string]string{"list": "list", "bar": "barred", "make": "wanted"}[words[0]]
	}
	switch {
	case state == "list" && len(words) == 1:
	case state != "" && state != "list" && len(words) == 2 && *id == "":
		if _, err := strconv.ParseUint(words[1], 10, 63); err != nil {
			return usageError("%q is no number of unbrick file list", words[1])
		}
	default:
		return usageError("say: unbrick file list [--model ID], or: unbrick file bar|make ID")
	}
	client, err := newAPI(*server, tokenOr(*token))
	if err != nil {
		return err
	}
	show := func(f *updateFile) error {
		if *asJSON {
			return printJSON(out, f)
		}
		f.print(out)
		return nil
	}
	if state != "list" {
		b, err := client.post(ctx, "PUT", "/api/files/"+words[1]+"/state", map[string]string{"state": state})
		if err != nil {
			return err
		}
		var f updateFile
		if err := json.Unmarshal(b, &f); err != nil {
			return fmt.Errorf("update file: the server's answer: %w", err)
		}
		return show(&f)
	}
	for before := int64(0); ; {
		b, _, err := client.do(ctx, "GET", "/api/files", url.Values{"model": {*id}, "before": {strconv.FormatInt(before, 10)}}, nil)
		if err != nil {
			return err
		}
		var page struct {
			Files  []updateFile `json:"files"`
			Before int64        `json:"before"`
		}
		if err := json.Unmarshal(b, &page); err != nil {
			return fmt.Errorf("update files: the server's answer: %w", err)
		}
		for i := range page.Files {
			if err := show(&page.Files[i]); err != nil {
				return err
			}
		}
		if before = page.Before; before == 0 {
			return nil
		}
	}
}

func (f *updateFile) print(out io.Writer) {
	fmt.Fprintf(out, "%d: %s", f.ID, f.Kind)
	if f.Kind != "full" {
		fmt.Fprintf(out, " from %s", f.From)
	}
	fmt.Fprintf(out, " to %s of model %s is %s", f.To, f.Model, f.State)
	if f.Step > 0 {
		fmt.Fprintf(out, ", for a workspace of %d bytes", f.Step)
	}
	if f.Size > 0 {
		fmt.Fprintf(out, ", %d bytes, needs %d", f.Size, f.Workspace)
	}
	if f.Refusals > 0 {
		fmt.Fprintf(out, ", %d devices say that it is wrong", f.Refusals)
	}
	if f.Next != nil {
		fmt.Fprintf(out, ", tried again at %s", f.Next.Format(time.RFC3339))
	}
	fmt.Fprintln(out)
	if f.Error != "" {
		fmt.Fprintf(out, "  %s\n", f.Error)
	}
}
