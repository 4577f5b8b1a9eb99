package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"unbrick/server/form"

	"github.com/spf13/cobra"
)

const fileHelp = `usage: unbrick file list [--model ID]
       unbrick file bar|make ID

The update files that the server keeps, and what became of making them.

list  tells of them, the newest first
bar   keeps an update file from all devices until make; a transfer of it ends at once
make  has it made anew at once, whatever it was: barred, failed, too big for its workspace, ready

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

func fileCommand() *cobra.Command {
	f, query := &serverFlags{}, &form.FileQuery{}
	all := f.verb("list", "tells of the update files, the newest first", noWords,
		func(ctx context.Context, a *api, _ []string, p *printer) error {
			return list(p, pages(ctx, a, form.ListFiles, query), "no update file found",
				"ID\tMODEL\tKIND\tFROM\tTO\tSTATE\tBYTES\tNEEDS\tREFUSED\tREMARK", fileRow)
		})
	all.Flags().Var((*id)(&query.Model), "model", "list those of one model")
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
		id, err := strconv.ParseUint(words[0], 10, 63)
		if err != nil {
			return usageError("%q is no number of unbrick file list", words[0])
		}
		in := form.FileState{ID: int64(id)}
		in.Body.State = state
		u, err := ask(ctx, a, form.SetFileState, &in)
		if err != nil {
			return err
		}
		return show(p, u, printFile)
	}
}

// fileRow is an update file as a line of a table.
func fileRow(f *form.File) string {
	number := func(n uint32) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatUint(uint64(n), 10)
	}
	remark := f.Error
	if f.Next != nil {
		remark = strings.TrimPrefix(remark+"; again at "+f.Next.Format(time.RFC3339), "; ")
	}
	return strings.Join([]string{strconv.FormatInt(f.ID, 10), f.Model, f.Kind, f.FromName, f.ToName, f.State, number(f.Size),
		number(max(f.Workspace, f.Step)),
		number(f.Refusals), remark}, "\t")
}

// printFile tells of one.
func printFile(out io.Writer, f *form.File) {
	fmt.Fprintf(out, "%d: %s", f.ID, f.Kind)
	if f.Kind != "full" {
		fmt.Fprintf(out, " from %s", f.FromName)
	}
	fmt.Fprintf(out, " to %s of model %s is %s", f.ToName, f.Model, f.State)
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
