package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"unbrick/server/form"

	"github.com/spf13/cobra"
)

const readyHelp = `usage: unbrick ready [--wait 30s]

Waits until the server can be used, and says why when it cannot: for scripts that have just started one. A server with an address
of operators (unbrick serve --admin-addr) says it there alone.

example:
  unbrick serve --data data &
  unbrick ready && unbrick model put 0001 --flash 1MiB --geometry 4KiB --program-unit 8 --ram 256KiB

exit codes: 0 it can be used, 1 it cannot, and the time is over, 2 the words are off`

// readyPause is how long the command waits before it asks again.
const readyPause = 100 * time.Millisecond

// errElsewhere is the end of waiting: the server answers, and will not say more at this address.
var errElsewhere = errors.New("nobody is told whether the server is ready")

// readyCommand waits for the server.
func readyCommand() *cobra.Command {
	f := &readyFlags{}
	c := verb("ready", "waits until the server can be used", readyHelp, noWords, f.await)
	f.declare(c.Flags())
	c.Flags().DurationVar(&f.wait, "wait", 30*time.Second, "how long to wait at most; 0: ask once")
	return c
}

type readyFlags struct {
	serverFlags
	wait time.Duration
}

// await waits until the server can be used.
func (f *readyFlags) await(ctx context.Context, _ []string, _ *printer) error {
	if f.wait < 0 {
		return usageError("say: unbrick ready [--wait 30s]")
	}
	client, err := newAPI(f.server, "")
	if err != nil {
		return err
	}
	ask := func(ctx context.Context) error {
		_, _, err := client.do(ctx, form.Ready.Method, form.Ready.Path, nil, nil, nil)
		if no, is := errors.AsType[*apiError](err); is && no.status == http.StatusMisdirectedRequest {
			return fmt.Errorf("%w at %s, where no operators come: give --server the address that unbrick serve has as --admin-addr",
				errElsewhere, client.base)
		}
		return err
	}
	if f.wait == 0 {
		return ask(ctx)
	}
	bounded, cancel := context.WithTimeout(ctx, f.wait)
	defer cancel()
	why := errors.New("no answer")
	for {
		err := ask(bounded)
		if err == nil || errors.Is(err, errElsewhere) {
			return err
		}
		if bounded.Err() == nil {
			why = err
		}
		select {
		case <-bounded.Done():
			if ctx.Err() != nil {
				return stopped(ctx)
			}
			return fmt.Errorf("not ready after %v: %w", f.wait, why)
		case <-time.After(readyPause):
		}
	}
}
