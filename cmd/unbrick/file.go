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
       unbrick file remove ID...
       unbrick file remove --old [--model ID]

The update files that the server keeps, and what became of making them.

list  tells of them, the newest first
bar   keeps an update file from all devices until make; a transfer of it ends at once
make  has it made anew at once, whatever it was: barred, failed, too big for its workspace, ready
remove deletes update files, whatever they were, unless they are being made. One that a device needs is made again, also
      one that was barred. With --old: those that list calls old. An older server made them, or they are for a model as it
      was described before, and no device asks for them any more

exit codes: 0 done, 1 the server refused or did not answer, 2 the words are off`

func fileCommand() *cobra.Command {
	f, query := &serverFlags{}, &form.FileQuery{}
	all := f.verb("list", "tells of the update files, the newest first", noWords,
		func(ctx context.Context, a *api, _ []string, p *printer) error {
			return list(p, pages(ctx, a, form.ListFiles, query), "no update file found",
				"ID\tMODEL\tKIND\tFROM\tTO\tSTATE\tBYTES\tNEEDS\tREFUSED\tREMARK", fileRow)
		})
	all.Flags().Var((*id)(&query.Model), "model", "list those of one model")
	g := group("file", "lists update files, keeps one from all, has one made anew, removes them", fileHelp,
		"say: unbrick file list [--model ID], or: unbrick file bar|make ID, or: unbrick file remove ID...|--old", all,
		f.verb("bar ID", "keeps an update file from all devices", takes(1, 1, "bar takes one ID of unbrick file list"), changeFile("barred")),
		f.verb("make ID", "has an update file made anew", takes(1, 1, "make takes one ID of unbrick file list"), changeFile("wanted")),
		removeFileCommand(f))
	f.operate(g.PersistentFlags())
	return g
}

// changeFile brings one update file into a state.
func changeFile(state string) func(context.Context, *api, []string, *printer) error {
	return func(ctx context.Context, a *api, words []string, p *printer) error {
		id, err := fileID(words[0])
		if err != nil {
			return err
		}
		in := form.FileState{ID: id}
		in.Body.State = state
		u, err := ask(ctx, a, form.SetFileState, &in)
		if err != nil {
			return err
		}
		return show(p, u, printFile)
	}
}

// fileID reads the number of an update file.
func fileID(word string) (int64, error) {
	id, err := strconv.ParseUint(word, 10, 63)
	if err != nil {
		return 0, usageError("%q is no number of unbrick file list", word)
	}
	return int64(id), nil
}

// removeFileCommand is the verb that deletes update files.
func removeFileCommand(f *serverFlags) *cobra.Command {
	const say = "remove takes IDs of unbrick file list, or --old"
	old, query := false, &form.FileQuery{Page: form.Page{Limit: 500}}
	c := f.verb("remove [ID...]", "deletes update files", func(_ *cobra.Command, words []string) error {
		if old == (len(words) > 0) || query.Model != "" && !old {
			return usageError("%s", say)
		}
		return nil
	}, func(ctx context.Context, a *api, words []string, p *printer) error {
		if old {
			return removeOld(ctx, a, query, p)
		}
		return removeFiles(ctx, a, words, p)
	})
	c.Flags().BoolVar(&old, "old", false, "those that no device asks for any more")
	c.Flags().Var((*id)(&query.Model), "model", "of one model")
	return c
}

// removeOld deletes the update files that the server calls old, page by page.
func removeOld(ctx context.Context, a *api, query *form.FileQuery, p *printer) error {
	n := 0
	for page, err := range pages(ctx, a, form.ListFiles, query) {
		for i := 0; i < len(page) && err == nil; i++ {
			if f := &page[i]; f.Old && f.State != "making" {
				_, err = ask(ctx, a, form.RemoveFile, &form.FileID{ID: f.ID})
				n++
			}
		}
		if err != nil {
			return err
		}
	}
	return p.tell(map[string]int{"removed": n}, "%d old update files are removed\n", n)
}

// removeFiles deletes one file after the other, up to the first that cannot be.
func removeFiles(ctx context.Context, a *api, words []string, p *printer) error {
	ids := make([]form.FileID, len(words))
	for i, word := range words {
		var err error
		if ids[i].ID, err = fileID(word); err != nil {
			return err
		}
	}
	for i := range ids {
		if _, err := ask(ctx, a, form.RemoveFile, &ids[i]); err != nil {
			return err
		}
		if err := p.tell(map[string]int64{"removed": ids[i].ID}, "update file %d is removed\n", ids[i].ID); err != nil {
			return err
		}
	}
	return nil
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
	if f.Old {
		remark = strings.TrimSuffix("old: "+remark, ": ")
	}
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
