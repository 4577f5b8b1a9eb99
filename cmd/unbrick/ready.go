package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const readyHelp = `usage: unbrick ready [--wait 30s]

Waits until the server can be used, and says why when it cannot: for scripts that have just started one.

example:
  unbrick serve --data data &
  unbrick ready && unbrick model put 0001 --flash 1MiB --geometry 4KiB --program-unit 8 --ram 256KiB

exit codes: 0 it can be used, 1 it cannot, and the time is over, 2 the words are off`

// readyPause is how long the command waits before it asks again.
const readyPause = 100 * time.Millisecond

// readyCommand waits for the server.
func readyCommand(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags := newFlags("ready", readyHelp, errOut)
	server, _ := serverFlags(flags)
	wait := flags.Duration("wait", 30*time.Second, "how long to wait at most; 0: ask once")
	words, err := parseFlags(flags, args, out)
	if err != nil {
		return err
	}
	if len(words) > 0 || *wait < 0 {
		return usageError("say: unbrick ready [--wait 30s]")
	}
	client, err := newAPI(*server, "")
	if err != nil {
		return err
	}
	over := time.NewTimer(*wait)
	defer over.Stop()
	for {
		_, _, asked := client.do(ctx, http.MethodGet, "/readyz", nil, nil)
		if asked == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return stopped(ctx)
		case <-over.C:
			return fmt.Errorf("not ready after %v: %w", *wait, asked)
		case <-time.After(readyPause):
		}
	}
}
