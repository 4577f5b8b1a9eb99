package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/storage"

	"github.com/spf13/cobra"
)

const auditHelp = `usage: unbrick audit list [--account NAME]
       unbrick audit export [-o FILE]
       unbrick audit verify FILE --head N:HASH
       unbrick audit prune --before N

The audit log has who did what at the server, and who was refused what. Every row carries a hash over the row before and
itself: whoever kept one hash knows that nothing before it was changed since. The owner of the server's machine can write
the whole log anew; so keep a head, the number and hash of the newest row, somewhere else: export tells it.

list   tells of the acts, the newest first
export writes the log, one row of JSON a line, and tells its head
verify computes the hashes of an export anew, and holds them against a head that was kept elsewhere
prune  takes the rows before number N away; one row stands for them, and keeps the chain

exit codes: 0 done, 1 the log does not hold, or the server refused or did not answer, 2 the words are off`

func auditCommand() *cobra.Command {
	f, query, output, head, before := &serverFlags{}, &form.ActQuery{Page: form.Page{Limit: 500}}, "", "", int64(0)
	all := f.verb("list", "tells of the acts, the newest first", noWords, func(ctx context.Context, a *api, _ []string, p *printer) error {
		return list(p, pages(ctx, a, form.ListActs, query), "no act found",
			"N\tAT\tACCOUNT\tADDRESS\tACT\tON\tBEFORE\tAFTER\tRESULT", actRow)
	})
	all.Flags().Var((*id)(&query.Account), "account", "`NAME` of the account whose acts are listed")
	export := f.verb("export", "writes the log into a file, and tells its head", noWords,
		func(ctx context.Context, a *api, _ []string, p *printer) error { return exportActs(ctx, a, output, p) })
	export.Flags().StringVarP(&output, "output", "o", "audit.jsonl", "`file` to write; it must not be there")
	verify := verb("verify FILE", "holds an export against a head that was kept elsewhere", "", takes(1, 1, "verify takes one FILE"),
		func(_ context.Context, words []string, p *printer) error { return verifyActs(words[0], head, p) })
	verify.Flags().StringVar(&head, "head", "", "`N:HASH`, number and hash of a row, that were kept somewhere else than at the server")
	prune := f.verb("prune", "takes old rows away", noWords, func(ctx context.Context, a *api, _ []string, p *printer) error {
		if before < 2 {
			return usageError("prune takes --before N, the number of the first row that stays, from 2")
		}
		if _, err := ask(ctx, a, form.PruneActs, &form.Prune{Before: before}); err != nil {
			return err
		}
		return p.tell(map[string]int64{"first": before}, "the rows before %d are gone; row %d stands for them\n", before, before-1)
	})
	prune.Flags().Int64Var(&before, "before", 0, "`number` of the first row that stays")
	g := group("audit", "tells who did what at the server, exports and verifies that", auditHelp,
		"say: unbrick audit list, or: unbrick audit export, or: unbrick audit verify FILE --head N:HASH, or: unbrick audit prune --before N",
		all, export, verify, prune)
	f.operate(g.PersistentFlags())
	return g
}

func actRow(a *form.Act) string {
	return fmt.Sprintf("%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s", a.N, a.At.Format(time.RFC3339), a.Account, a.Address, a.Name, a.Object,
		a.Before, a.After, a.Result)
}

// exportActs writes the whole log into a new file.
func exportActs(ctx context.Context, a *api, name string, p *printer) (err error) {
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			os.Remove(name)
		}
	}()
	last := form.Act{}
	for page, err := range pages(ctx, a, form.ListActs, &form.ActQuery{Page: form.Page{Limit: 500}, Oldest: true}) {
		if err != nil {
			return err
		}
		for i := range page {
			if a := &page[i]; a.N != last.N+1 && !(last.N == 0 && a.Name == storage.Pruned) {
				return errors.New("the server tells this account only a part of the log: export it as one that may administer")
			}
			line, err := actLine(&page[i])
			if err == nil {
				_, err = out.Write(line)
			}
			if err != nil {
				return err
			}
			last = page[i]
		}
	}
	if last.N == 0 {
		return errors.New("the audit log has no row yet")
	}
	head := fmt.Sprintf("%d:%s", last.N, last.Hash)
	return p.tell(map[string]string{"file": name, "head": head},
		"%s has the log up to row %d. Keep its head where the server's owner cannot change it:\n%s\n", name, last.N, head)
}

// verifyActs computes the chain of an export anew. What one file says of itself proves nothing: a head from elsewhere does.
func verifyActs(name, head string, p *printer) error {
	number, hash, ok := strings.Cut(head, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	kept, bad := release.ParseHex(hash)
	if !ok || err != nil || bad != nil {
		return usageError("verify takes --head N:HASH, which was kept somewhere else: the log's own last hash proves nothing about the log")
	}
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	var first, last storage.Row
	found := false
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<10)
	lines.Split(wholeLines)
	for lines.Scan() {
		row, err := nextAct(lines.Bytes(), &last)
		if err != nil {
			return fmt.Errorf("%s: behind row %d: %w", name, last.N, err)
		}
		if last = *row; first.N == 0 {
			first = last
		}
		if last.N == n {
			if found = true; last.Hash != kept {
				return fmt.Errorf("%s: row %d has hash %s, and %s was kept: what stands there up to it is not what stood there then", name, n,
					release.Hex(last.Hash), hash)
			}
		}
	}
	gone := int64(0) // rows that are not in the file
	if first.Name == storage.Pruned {
		gone = first.N
	}
	switch {
	case lines.Err() != nil:
		return fmt.Errorf("%s: %w", name, lines.Err())
	case n <= gone:
		return fmt.Errorf("%s: the rows up to %d were taken away, and row %d with them: nothing of them can be verified", name, gone, n)
	case !found:
		return fmt.Errorf("%s: there is no row %d: it was cut off, or the head is of another server", name, n)
	}
	missing := ""
	if gone > 0 {
		missing = fmt.Sprintf("; the rows up to %d were taken away and are not in it", gone)
	}
	return p.tell(map[string]int64{"verified": n, "rows": last.N, "gone": gone},
		"up to row %d the log is what it was when its head was kept; it goes on to row %d%s\n", n, last.N, missing)
}

// wholeLines are lines with what ends them.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, errors.New("the last line has no end: it was cut off")
	}
	return 0, nil, nil
}

// nextAct reads a line of an export, which must be the row behind the last one, written as export writes it. Only the first row may
// stand for others, and then it says nothing else.
func nextAct(line []byte, last *storage.Row) (*storage.Row, error) {
	var v form.Act
	if err := json.Unmarshal(line, &v); err != nil {
		return nil, err
	}
	if same, err := actLine(&v); err != nil || !bytes.Equal(same, line) || !v.At.Equal(v.At.Truncate(time.Millisecond)) {
		return nil, errors.New("the next line is not as export writes it")
	}
	hash, err := release.ParseHex(v.Hash)
	if err != nil {
		return nil, fmt.Errorf("hash: %w", err)
	}
	r := &storage.Row{N: v.N, Hash: hash, Act: storage.Act{At: v.At, Account: v.Account, Token: v.Token, Address: v.Address, Name: v.Name,
		Object: v.Object, Before: v.Before, After: v.After, Result: v.Result}}
	switch {
	case last.N == 0 && r.N > 0 && r.Act == storage.Act{Name: storage.Pruned}:
	case r.N != last.N+1:
		return nil, fmt.Errorf("row %d follows", r.N)
	case r.Chain(last.Hash) != r.Hash:
		return nil, fmt.Errorf("row %d was changed, or one before it", r.N)
	}
	return r, nil
}

// actLine is a row as export writes it.
func actLine(a *form.Act) ([]byte, error) {
	a.At = a.At.UTC()
	b, err := json.Marshal(a)
	return append(b, '\n'), err
}
