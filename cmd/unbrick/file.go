package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
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

func fileCommand() *cobra.Command {
	f, model := &serverFlags{}, new(string)
	all := f.verb("list", "tells of the update files, the newest first", noWords,
		func(ctx context.Context, a *api, _ []string, p *printer) error { return a.listFiles(ctx, *model, p) })
	all.Flags().Var((*id)(model), "model", "list those of one model")
	g := group("file", "lists update files, keeps one from all, has one made anew", fileHelp,
		"say: unbrick file list [--model ID], or: unbrick file bar|make ID", all,
		f.verb("bar ID", "keeps an update file from all devices", takes(1, 1, "bar takes one ID of unbrick file list"), changeFile("barred")),
		f.verb("make ID", "has an update file made anew", takes(1, 1, "make takes one ID of unbrick file list"), changeFile("wanted")))
	f.operate(g.PersistentFlags())
	return g
}

// changeFile brings one update file into a state.
func changeFile(state string) func(context.Context, *api, []string, *printer) error {
	return func(ctx context.Context, a *api, words []string, p *printer) error {
		if _, err := strconv.ParseUint(words[0], 10, 63); err != nil {
			return usageError("%q is no number of unbrick file list", words[0])
		}
		u := &updateFile{}
		if err := a.ask(ctx, http.MethodPut, "/api/files/"+words[0]+"/state", nil, map[string]string{"state": state}, u); err != nil {
			return err
		}
		return p.show(u)
	}
}

// listFiles prints the update files of a model, of all with "", page by page.
func (a *api) listFiles(ctx context.Context, model string, p *printer) error {
	for before := int64(0); ; {
		var page struct {
			Files  []updateFile `json:"files"`
			Before int64        `json:"before"`
		}
		query := url.Values{"model": {model}, "before": {strconv.FormatInt(before, 10)}}
		if err := a.ask(ctx, http.MethodGet, "/api/files", query, nil, &page); err != nil {
			return err
		}
		for i := range page.Files {
			if err := p.show(&page.Files[i]); err != nil {
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
