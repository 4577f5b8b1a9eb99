package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"unbrick/flash"
	"unbrick/release"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// size is the value of a flag that takes 4KiB, 1MiB or plain bytes.
type size uint32

func (n *size) Type() string { return "size" }

func (n *size) String() string {
	if *n == 0 {
		return ""
	}
	return flash.FormatSize(uint32(*n))
}

func (n *size) Set(s string) error {
	v, err := flash.ParseSize(s)
	if err == nil {
		*n = size(v)
	}
	return err
}

// sizeFlag declares a flag that takes a size in bytes, KiB or MiB.
func sizeFlag(set *pflag.FlagSet, name string, value uint32, usage string) *uint32 {
	set.Var((*size)(&value), name, usage)
	return &value
}

// id is the value of a flag that takes the name of a model or a device.
type id string

func (v *id) Type() string   { return "ID" }
func (v *id) String() string { return string(*v) }

func (v *id) Set(s string) error {
	*v = id(s)
	return release.CheckID(s)
}

// wanted says what the values of the library's own flags must be.
var wanted = map[string]string{
	"duration": "no time such as 30s, 5m or 2h",
	"bool":     "neither true nor false",
	"int":      "no whole number that fits",
	"int64":    "no whole number that fits",
	"uint":     "no whole number from 0 on that fits",
	"uint64":   "no whole number from 0 on that fits",
}

// flagError says in words what is off with a flag, where the library has an error for programs.
func flagError(c *cobra.Command, err error) error {
	if words := c.Flags().Args(); c.HasSubCommands() && c.Args == nil && len(words) > 0 {
		return c.RunE(c, words) // what is wrong is the word before
	}
	text := err.Error()
	var named interface {
		error
		GetSpecifiedName() string
		GetSpecifiedShortnames() string
	}
	var bad *pflag.InvalidValueError
	switch {
	case errors.As(err, &named):
		text = "there is no flag: "
		if _, missing := named.(*pflag.ValueRequiredError); missing {
			text = "flag needs an argument: "
		}
		if short := named.GetSpecifiedShortnames(); short == "" {
			text += "--" + named.GetSpecifiedName()
		} else if text += "-" + short; c.Flags().Lookup(short) != nil {
			text += ", it has two dashes"
		}
	case errors.As(err, &bad):
		text = fmt.Sprintf("--%s %q: %v", bad.GetFlag().Name, bad.GetValue(), bad.Unwrap())
		if wants := wanted[bad.GetFlag().Value.Type()]; wants != "" {
			text = fmt.Sprintf("--%s %q is %s", bad.GetFlag().Name, bad.GetValue(), wants)
		}
	}
	return usageError("%s; %s --help explains it", text, c.CommandPath())
}

// serverFlags are those of verbs that ask the server, with UNBRICK_SERVER and UNBRICK_TOKEN where they are not given.
type serverFlags struct {
	server, token string
	set           *pflag.FlagSet // which of them were given
}

func (f *serverFlags) declare(set *pflag.FlagSet) {
	f.set = set
	set.StringVar(&f.server, "server", cmp.Or(os.Getenv("UNBRICK_SERVER"), "http://127.0.0.1:8080"), "address of the server (UNBRICK_SERVER)")
	set.StringVar(&f.token, "token", "", "token of an account at the server (UNBRICK_TOKEN)")
}

// named says whether somebody has named a server.
func (f *serverFlags) named() bool {
	return f.set.Changed("server") || os.Getenv("UNBRICK_SERVER") != ""
}

// client asks the server as an operator.
func (f *serverFlags) client() (*api, error) { return newAPI(f.server, tokenOr(f.token)) }

// jsonFlag declares --json, which verb looks at.
func jsonFlag(set *pflag.FlagSet) { set.Bool("json", false, "print JSON, one object a line") }

// operate declares what verbs that ask the server have: who asks, and --json.
func (f *serverFlags) operate(set *pflag.FlagSet) {
	f.declare(set)
	jsonFlag(set)
}

// verb makes a verb of a group that asks the server.
func (f *serverFlags) verb(use, short string, args cobra.PositionalArgs,
	run func(ctx context.Context, a *api, words []string, p *printer) error) *cobra.Command {
	return verb(use, short, "", args, func(ctx context.Context, words []string, p *printer) error {
		a, err := f.client()
		if err != nil {
			return err
		}
		return run(ctx, a, words, p)
	})
}

// tokenOr returns the token given as a flag, else the environment's, without what stands around it. The environment's value is no
// flag default, so that --help never prints it.
func tokenOr(flagValue string) string {
	return strings.TrimSpace(cmp.Or(flagValue, os.Getenv("UNBRICK_TOKEN")))
}

// isTerminal tells whether w is a screen that a progress bar can be drawn on.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// stopped returns the context's error as a plain sentence when the person stopped the command.
func stopped(ctx context.Context) error {
	if ctx.Err() != nil {
		return errors.New("stopped before the end")
	}
	return nil
}
