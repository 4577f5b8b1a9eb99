package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newRoot is the whole command line, in the order that help shows. Each verb is made in the file of its name.
func newRoot() *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use: "unbrick COMMAND", Short: "updates devices over the air, and brings them back over a cable", SilenceErrors: true, SilenceUsage: true,
		RunE: func(c *cobra.Command, words []string) error {
			if len(words) > 0 {
				return noCommand(words[0])
			}
			help(c, nil)
			return &exitError{code: exitUsage}
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().BoolP("help", "h", false, "explain the command, and do nothing")
	root.SetHelpFunc(help)
	root.SetHelpCommand(helpCommand())
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(serveCommand(), readyCommand(), demoCommand(), keyCommand(), modelCommand(), publishCommand(), rolloutCommand(),
		accountCommand(), tokenCommand(), auditCommand(),
		releaseCommand(), deviceCommand(), strangerCommand(), fileCommand(),
		emulateCommand(), restoreCommand(), identifyCommand(), verifyCommand(), backupCommand(), monitorCommand(),
		portsCommand(), factoryCommand(),
		deltaCommand(), powercutCommand(), benchCommand(), versionCommand(), completionCommand(), manCommand())
	return root
}

// noCommand says that there is no such verb.
func noCommand(name string) error {
	return usageError("there is no command %q; unbrick help lists them", name)
}

// group makes a verb that has verbs of its own, which long explains together. say is for who gave none of them.
func group(name, short, long, say string, verbs ...*cobra.Command) *cobra.Command {
	var names []string
	for _, v := range verbs {
		names = append(names, v.Name())
	}
	g := &cobra.Command{Use: name, Short: short, Long: long, RunE: func(c *cobra.Command, words []string) error {
		switch {
		case len(words) > 0 && words[0] == "help":
			return c.Help()
		case len(words) > 0 && len(names) > 1:
			return usageError("%q is none of %s; %s --help explains them", words[0], strings.Join(names, ", "), c.CommandPath())
		}
		return usageError("%s", say)
	}}
	g.AddCommand(verbs...)
	return g
}

// verb makes a verb that runs with its words; flags are still to be declared. With --json among them, p knows whether that was said.
func verb(use, short, long string, args cobra.PositionalArgs,
	run func(ctx context.Context, words []string, p *printer) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Long: long, Args: args, RunE: func(c *cobra.Command, words []string) error {
		p := &printer{Writer: c.OutOrStdout(), errOut: c.ErrOrStderr()}
		if json := c.Flags().Lookup("json"); json != nil {
			p.json = json.Value.String() == "true"
		}
		return run(c.Context(), words, p)
	}}
}

// takes checks how many words a verb gets, and else says what it takes.
func takes(least, most int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, words []string) error {
		if len(words) < least || len(words) > most {
			return usageError("%s", what)
		}
		return nil
	}
}

// noWords is for verbs that take flags alone.
func noWords(c *cobra.Command, words []string) error {
	if len(words) > 0 {
		return usageError("unexpected word %q; %s --help explains it", words[0], c.CommandPath())
	}
	return nil
}

// helpCommand is help as a verb.
func helpCommand() *cobra.Command {
	return &cobra.Command{Use: "help [COMMAND]", Short: "explains a command", RunE: func(c *cobra.Command, words []string) error {
		named, _, err := c.Root().Find(words)
		if err != nil {
			return noCommand(words[0])
		}
		return named.Help()
	}}
}

// helpWidth is where a line of help about a flag is broken.
const helpWidth = 120

// help prints what a command does, its exit codes and its flags.
func help(c *cobra.Command, _ []string) {
	fmt.Fprint(c.OutOrStdout(), explanation(c))
	if c.HasParent() { // who asks for all is shown no flags
		flagSets(c, func(title string, set *pflag.FlagSet) {
			fmt.Fprintf(c.OutOrStdout(), "\n\n%s:\n%s", title, strings.TrimSuffix(set.FlagUsagesWrapped(helpWidth), "\n"))
		})
	}
	fmt.Fprintln(c.OutOrStdout())
}

// explanation is the text of a command; of a verb of a group, what the group says.
func explanation(c *cobra.Command) string {
	switch {
	case c.Long != "":
		return c.Long
	case c.HasParent():
		return c.Parent().Long
	}
	var b strings.Builder
	fmt.Fprint(&b, "Unbrick updates devices over the air with small files, and brings them back over a cable.\n\n"+
		"usage: unbrick COMMAND [flags]; unbrick COMMAND --help explains one\n\n")
	for _, verb := range c.Commands() {
		if verb.IsAvailableCommand() {
			fmt.Fprintf(&b, "  %-10s %s\n", verb.Name(), verb.Short)
		}
	}
	fmt.Fprint(&b, "\nexit codes: 0 done, 1 it did not work, 2 the words are off, 3 the device waits in restoration mode")
	return b.String()
}

// flagSets calls show with the flags of a command, and with those of each verb below it.
func flagSets(c *cobra.Command, show func(title string, set *pflag.FlagSet)) {
	c.InheritedFlags() // are among Flags from here on
	show("flags", c.Flags())
	for _, verb := range c.Commands() {
		if own := verb.LocalNonPersistentFlags(); c.HasParent() && own.HasFlags() {
			show("flags of "+verb.Name(), own)
		}
	}
}
