package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/term"

	"unbrick/flash"
	"unbrick/release"
)

// sizeValue is a flag that takes 4KiB, 1MiB or plain bytes.
type sizeValue struct{ n *uint32 }

func (v sizeValue) String() string {
	if v.n == nil || *v.n == 0 {
		return ""
	}
	return flash.FormatSize(*v.n)
}

func (v sizeValue) Set(s string) error {
	n, err := flash.ParseSize(s)
	if err != nil {
		return err
	}
	*v.n = n
	return nil
}

// sizeFlag declares a flag that takes a size in bytes, KiB or MiB.
func sizeFlag(fs *flag.FlagSet, name string, value uint32, usage string) *uint32 {
	n := value
	fs.Var(sizeValue{&n}, name, usage)
	return &n
}

// idValue is a flag that takes the name of a model or a device.
type idValue struct{ id *string }

func (v idValue) String() string {
	if v.id == nil {
		return ""
	}
	return *v.id
}

func (v idValue) Set(s string) error {
	*v.id = s
	return release.CheckID(s)
}

// idFlag declares a flag of this kind, "" without it.
func idFlag(fs *flag.FlagSet, name, usage string) *string {
	id := new(string)
	fs.Var(idValue{id}, name, usage)
	return id
}

// newFlags makes the flag set of one command. help is what --help prints above the flags: what the
// command does, an example, and its exit codes.
func newFlags(name, help string, errOut io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(errOut)
	fs.Usage = func() {
		w := fs.Output()
		fmt.Fprintf(w, "%s\n\nflags:\n", help)
		var list bytes.Buffer
		fs.SetOutput(&list)
		fs.PrintDefaults()
		fs.SetOutput(w)
		w.Write(listedFlag.ReplaceAll(list.Bytes(), []byte("  --$1"))) // what cannot be printed shows in no way that helps
	}
	return fs
}

// Go's package for flags writes them with one dash, everything else here with two.
var (
	listedFlag = regexp.MustCompile(`(?m)^  -([a-z][a-z-]+)`)
	namedFlag  = regexp.MustCompile(`(^flag provided but not defined: |^flag needs an argument: )-(.+)`)
	badValue   = regexp.MustCompile(`(?s)^invalid (?:boolean )?value (".*") for (?:flag )?-([a-z-]+): (.*)$`)
)

// dashed is a flag as people write it.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// mistake says in words what is off with a flag, where Go's package for flags has an error for programs.
func mistake(fs *flag.FlagSet, err error) string {
	text := err.Error()
	if m := namedFlag.FindStringSubmatch(text); m != nil {
		return strings.Replace(m[1], "flag provided but not defined", "there is no flag", 1) + dashed(m[2])
	}
	m := badValue.FindStringSubmatch(text)
	if m == nil {
		return text
	}
	f := fs.Lookup(m[2])
	getter, ok := f.Value.(flag.Getter)
	if !ok { // one of ours, which says it in words
		return fmt.Sprintf("%s %s: %s", dashed(m[2]), m[1], m[3])
	}
	wants := "no value that it takes"
	switch getter.Get().(type) {
	case time.Duration:
		wants = "no time such as 30s, 5m or 2h"
	case bool:
		wants = "neither true nor false"
	case int:
		wants = "no whole number that fits"
	case uint, uint64:
		wants = "no whole number from 0 on that fits"
	}
	return fmt.Sprintf("%s %s is %s", dashed(m[2]), m[1], wants)
}

// parseFlags parses args and lets flags stand before, between and behind the other words, which it
// returns. --help prints to out and ends the command with success.
func parseFlags(fs *flag.FlagSet, args []string, out io.Writer) ([]string, error) {
	var words []string
	var help bytes.Buffer // what is off fits in one line, and must not drown in help that nobody asked for
	fs.SetOutput(&help)
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				if _, err := out.Write(help.Bytes()); err != nil {
					return nil, err
				}
				return nil, &exitError{code: exitOK}
			}
			return nil, usageError("%s; unbrick %s --help explains it", mistake(fs, err), fs.Name())
		}
		if fs.NArg() == 0 {
			return words, nil
		}
		words = append(words, fs.Arg(0))
		args = fs.Args()[1:]
	}
}

// serverFlags declares --server and --token, with UNBRICK_SERVER and UNBRICK_TOKEN as defaults.
func serverFlags(fs *flag.FlagSet) (server, token *string) {
	server = fs.String("server", envOr("UNBRICK_SERVER", "http://127.0.0.1:8080"), "address of the server (UNBRICK_SERVER)")
	token = fs.String("token", "", "the operator's token (UNBRICK_TOKEN)")
	return server, token
}

// tokenOr returns the token given as a flag, else the environment's, without what stands around it. The environment's value is no
// flag default, so that --help never prints it.
func tokenOr(flagValue string) string {
	if flagValue == "" {
		flagValue = os.Getenv("UNBRICK_TOKEN")
	}
	return strings.TrimSpace(flagValue)
}

func envOr(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

// isTerminal tells whether w is a screen that a progress bar can be drawn on.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// printJSON writes v as one line of JSON.
func printJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

// stopped returns the context's error as a plain sentence when the person stopped the command.
func stopped(ctx context.Context) error {
	if ctx.Err() != nil {
		return errors.New("stopped before the end")
	}
	return nil
}
