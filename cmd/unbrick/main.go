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
	"slices"
	"strings"
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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends at once whatever the first one could not
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit code. Tests call it instead of starting a process.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	if len(args) > 0 && slices.Contains([]string{"--version", "-version", "-v", "-V"}, args[0]) {
		args = append([]string{"version"}, args[1:]...)
	}
	root := newRoot()
	root.SetArgs(append([]string{}, args...)) // nil would be those of the process
	root.SetOut(out)
	root.SetErr(errOut)
	c, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	var exit *exitError
	switch {
	case errors.As(err, &exit):
	case c == root: // what cobra itself says of a verb that there is not
		word := slices.IndexFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") })
		errors.As(noCommand(args[word]), &exit)
	default:
		exit = &exitError{code: exitFailed, err: err}
	}
	for c.HasParent() && c.Parent().HasParent() {
		c = c.Parent()
	}
	if exit.err != nil {
		fmt.Fprintf(errOut, "%s: %v\n", c.CommandPath(), exit.err)
	}
	return exit.code
}
