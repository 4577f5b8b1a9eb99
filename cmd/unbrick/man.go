package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const manHelp = `usage: unbrick man DIR

Writes a manual page for each command into DIR: unbrick.1, unbrick-serve.1 and so on.

example:
  unbrick man ~/.local/share/man/man1 && man unbrick-serve

exit codes: 0 done, 1 the files could not be written, 2 the words are off`

// manCommand writes manual pages. Cobra's own writer takes a help for Markdown, and 16KiB*4,128KiB*3 for emphasis.
func manCommand() *cobra.Command {
	var c *cobra.Command
	say := takes(1, 1, "say: unbrick man DIR")
	c = verb("man DIR", "writes manual pages", manHelp, say, func(_ context.Context, words []string, p *printer) error {
		pages := []*cobra.Command{c.Root()}
		for _, v := range c.Root().Commands() {
			if v.IsAvailableCommand() {
				pages = append(pages, v)
			}
		}
		for _, page := range pages {
			if err := replaceFile(filepath.Join(words[0], manName(page)+".1"), []byte(manPage(page))); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(p, "%d pages in %s\n", len(pages), words[0])
		return err
	})
	return c
}

func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// roff writes text so that troff shows it as it stands.
var roff = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'")

func manPage(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"unbrick %s\"\n", strings.ToUpper(manName(c)), buildVersion())
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff.Replace(manName(c)), roff.Replace(c.Short))
	fmt.Fprintf(&b, ".SH DESCRIPTION\n.nf%s\n.fi\n", roff.Replace("\n"+explanation(c)))
	flagSets(c, func(title string, set *pflag.FlagSet) {
		fmt.Fprintf(&b, ".SH %s\n", strings.ToUpper(title))
		set.VisitAll(func(f *pflag.Flag) {
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			takes, usage := pflag.UnquoteUsage(f)
			if !slices.Contains([]string{"", "0", "0s", "false", "[]"}, f.DefValue) {
				usage += " (default " + f.DefValue + ")"
			}
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff.Replace(strings.TrimSpace(name+" "+takes)), roff.Replace(usage))
		})
	})
	fmt.Fprint(&b, ".SH SEE ALSO\n")
	if c.HasParent() {
		fmt.Fprint(&b, "unbrick(1)\n")
	} else {
		for _, v := range c.Commands() {
			if v.IsAvailableCommand() {
				fmt.Fprintf(&b, "%s(1)\n", roff.Replace(manName(v)))
			}
		}
	}
	return b.String()
}
