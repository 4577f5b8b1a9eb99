// Command unbrick is the whole system in one program: the server with its page, the publisher's tools,
// an emulated terminal, and the software restoration apparatus for a cable.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes, documented in --help of every command and in the README.
const (
	exitOK          = 0
	exitFailed      = 1 // it did not work; the message says what and whether the device is safe
	exitUsage       = 2 // the words of the command are off; nothing was done
	exitRestoration = 3 // emulate --update: the device waits in restoration mode
)

// exitError carries an exit code other than 1 out of a command. A nil err prints nothing more.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError says that the words of the command are off.
func usageError(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// command is one verb of the program. run gets the words behind the verb and prints its result to out.
type command struct {
	name    string
	summary string
	run     func(ctx context.Context, args []string, out, errOut io.Writer) error
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends at once whatever the first one could not
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit code. Tests call it instead of starting a process.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	commands := commands()
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		overview(out, commands)
		if len(args) == 0 {
			return exitUsage
		}
		return exitOK
	}
	name := args[0]
	switch name {
	case "--version", "-version", "-v", "-V":
		name = "version"
	}
	for _, c := range commands {
		if c.name != name {
			continue
		}
		err := c.run(ctx, args[1:], out, errOut)
		if err == nil {
			return exitOK
		}
		var exit *exitError
		if !errors.As(err, &exit) {
			fmt.Fprintf(errOut, "unbrick %s: %v\n", c.name, err)
			return exitFailed
		}
		if exit.err != nil {
			fmt.Fprintf(errOut, "unbrick %s: %v\n", c.name, exit.err)
		}
		return exit.code
	}
	fmt.Fprintf(errOut, "unbrick: there is no command %q; unbrick help lists them\n", args[0])
	return exitUsage
}

func overview(w io.Writer, commands []command) {
	fmt.Fprint(w, "Unbrick updates devices over the air with small files, and brings them back over a cable.\n\nusage: unbrick COMMAND [flags]; unbrick COMMAND --help explains one\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nexit codes: 0 done, 1 it did not work, 2 the words are off, 3 the device waits in restoration mode\n")
}
