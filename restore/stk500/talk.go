package stk500

import (
	"context"
	"time"

	"unbrick/restore/family"
)

// heap bounds what is kept of an answer that does not end.
const heap = 2048

// protocol is a version of STK500: what differs between them.
type protocol interface {
	sync(ctx context.Context, wait time.Duration) error // makes it answer, whatever went before
	present(ctx context.Context) error                  // asks whether it still does
	signature(ctx context.Context) ([3]byte, error)
	who(ctx context.Context) (behaviour, string, error)
	begin(ctx context.Context) error
	read(ctx context.Context, addr uint32, p []byte) error
	write(ctx context.Context, addr uint32, p []byte, goes func()) error // a page; goes is called when it goes out
	leave(ctx context.Context) error
	traffic(n int) (read, write int) // bytes that travel for n of flash, framing included
}

var (
	_ protocol = (*version1)(nil)
	_ protocol = (*version2)(nil)
)

// talk is the line with the buffers of an exchange.
type talk struct {
	line          *family.Line
	in, out, body []byte
	last          time.Duration // when it answered last
}

// exchange sends a command and collects the answer, until judge says what it was or time is over. judge tells how many bytes are needed
// yet, so that nothing behind the answer is taken. What it gives is valid until the next exchange.
func (t *talk) exchange(ctx context.Context, name string, cmd []byte, wait time.Duration,
	judge func(in []byte) (data []byte, more int, err error)) ([]byte, error) {
	at := t.line.Now()
	data, err := t.once(ctx, cmd, at+wait, judge)
	if err == nil {
		t.last = t.line.Now()
	} else {
		t.line.Hear(t.in)
	}
	t.line.Done(family.Exchange{At: at, Took: t.line.Now() - at, Name: name, Bytes: len(cmd), Tries: 1, Err: err})
	return data, err
}

func (t *talk) once(ctx context.Context, cmd []byte, until time.Duration, judge func([]byte) ([]byte, int, error)) ([]byte, error) {
	t.in = t.in[:0]
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := t.line.Write(cmd); err != nil {
		return nil, err
	}
	var p [maxBody + frame2]byte
	for {
		data, more, err := judge(t.in)
		if more == 0 || err != nil {
			return data, err
		}
		if len(t.in) > heap {
			return nil, errLost
		}
		n, err := t.line.Read(ctx, p[:min(more, len(p))], until)
		if err != nil {
			return nil, err
		}
		t.in = append(t.in, p[:n]...)
	}
}
