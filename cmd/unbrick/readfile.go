package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

// readFile reads a file that a person named, at most bytes long: every command reads through it. What is too long is refused before
// it is read, and what is longer than it said stops at the limit. A pipe, such as a shell's <(...), is read like a file. It may never
// come to an end, or never be opened at its other end, so that ctx ends the wait. what says for whom the limit is, as "an image".
func readFile(ctx context.Context, name, what string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	const pipes = os.ModeNamedPipe
	switch mode := info.Mode(); {
	case mode.IsDir():
		return nil, fmt.Errorf("%s is a folder; name a file", name)
	case !mode.IsRegular() && mode.Type() != pipes:
		return nil, fmt.Errorf("%s is a device and no file; name a file, or a pipe", name)
	case mode.IsRegular() && info.Size() > most:
		return nil, fmt.Errorf("%s has %d bytes, and %s has at most %d: it was not read. Name another file", name, info.Size(), what, most)
	}
	var b []byte
	var readErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		b, readErr = readAtMost(ctx, name, most)
	}()
	select {
	case <-done:
	case <-ctx.Done(): // who opens a pipe waits for the other end, and cannot be waked
		return nil, stopped(ctx)
	}
	if readErr == nil && int64(len(b)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes, the most that %s has. Name another file", name, most, what)
	}
	return b, readErr
}

// readAtMost returns a file's bytes, one more than most if there are more.
func readAtMost(ctx context.Context, name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(untilDone{ctx, f}, most+1))
}

// untilDone reads until its context is done.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (u untilDone) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, stopped(u.ctx)
	}
	return u.r.Read(p)
}
