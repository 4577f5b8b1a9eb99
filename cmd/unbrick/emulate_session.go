package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"unbrick/lab"
	"unbrick/protocol"
	"unbrick/protocol/wsconn"
	"unbrick/terminal"
)

const (
	askFor    = 5 * time.Minute // how long a device asks a server that wants to be asked again
	usualWait = 10              // seconds until then, if the server does not say
)

// session holds the update session, more than one if the server wants it.
func (e *emulation) session(ctx context.Context, result *emulateResult) error {
	return e.patiently(ctx, result, func() (bool, uint32, error) {
		if e.device.State() != lab.Running {
			return false, 0, nil
		}
		return e.ask(ctx, result)
	})
}

// patiently calls ask, and while that says that the server makes the file, is busy, or stops, again when the server says, as long as
// that is within askFor.
func (e *emulation) patiently(ctx context.Context, result *emulateResult, ask func() (again bool, seconds uint32, err error)) error {
	for end := time.Now().Add(askFor); ; {
		again, seconds, err := ask()
		if !again {
			return err
		}
		if seconds == 0 {
			seconds = usualWait
		}
		wait := time.Duration(seconds) * time.Second
		if time.Now().Add(wait).After(end) {
			result.Reason += fmt.Sprintf("; ask again in %d s", seconds)
			return err
		}
		fmt.Fprintf(e.out, "%s; asking again in %d s\n", result.Reason, seconds)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return stopped(ctx)
		}
	}
}

// ask holds one session. again says that the server wants to be asked again, after some seconds if it names them.
func (e *emulation) ask(ctx context.Context, result *emulateResult) (again bool, seconds uint32, err error) {
	link, err := wsconn.Dial(ctx, e.server+"/link", nil)
	if err != nil {
		if refusal, is := errors.AsType[*wsconn.Refusal](err); is {
			result.Reason, seconds = refusal.Error(), refusal.Wait
		}
		return seconds > 0, seconds, fmt.Errorf("the server does not answer, the device still runs its release: %w", err)
	}
	s, err := e.device.Update(ctx, link)
	if err != nil && !errors.Is(err, lab.ErrOff) {
		return false, 0, err
	}
	result.Kind, result.Bytes, result.Workspace = s.Summary.Kind.String(), s.Summary.Size, s.Summary.Workspace
	if s.State == lab.Off {
		return false, 0, nil // judge goes on
	}
	switch {
	case s.Outcome == terminal.Nothing:
		result.Reason = s.Summary.Reason.String()
		if r := s.Summary.Reason; r == protocol.ReasonNoFit || r == protocol.ReasonUnknownBase {
			result.Reason = fmt.Sprintf("%s: needs %d bytes of workspace, has %d", r, s.Summary.Workspace, s.Summary.Has)
		}
	case s.Outcome == terminal.Refused:
		result.Reason = s.Summary.Fault.String()
	case s.Err != nil:
		result.Reason = s.Err.Error()
	}
	result.Verdict = s.Outcome.String()
	return s.Summary.Again(), s.Summary.Wait, nil
}

// stay lets the device live until it is stopped, or until the armed cut has fallen. Each time that it has
// started, it tells the server.
func (e *emulation) stay(ctx context.Context) error {
	if e.device.State() == lab.Faulted {
		return nil // it has not started, and never will
	}
	fmt.Fprintf(e.out, "%v; it stays up until you stop it: Ctrl-C, or kill %d\n", e.device.State(), os.Getpid())
	running := func(s lab.State) bool { return s == lab.Running || s == lab.Off || s == lab.Faulted }
	for {
		s, err := e.device.Await(ctx, running)
		if err != nil || s != lab.Running {
			return nil
		}
		e.tell(ctx)
		if _, err := e.device.Await(ctx, func(s lab.State) bool { return s != lab.Running }); err != nil {
			return nil
		}
	}
}

// tell lets a device that has started say so to the server, as every device does. A server that does not answer changes
// nothing about the device.
func (e *emulation) tell(ctx context.Context) {
	if e.alone {
		return
	}
	link, err := wsconn.Dial(ctx, e.server+"/link", nil)
	if err == nil {
		_, err = e.device.Tell(ctx, link)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, lab.ErrOff) && !errors.Is(err, lab.ErrNoUsual) {
		fmt.Fprintf(e.out, "the server was not told that the device has started: %v\n", err)
	}
}
