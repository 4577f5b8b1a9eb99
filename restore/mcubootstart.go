package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"unbrick/protocol/smp"
)

// start lets the device start, and watches it. The command is given again only to a device that still stands
// where it stood: one that took it may have put an image on trial, which a second start would take back.
func (i *Installer) start(ctx context.Context) error {
	for try := 1; ; try++ {
		err := i.s.call(ctx, &smp.ResetRequest{}, &smp.Empty{}, going)
		var said *smp.Error
		switch {
		case err == nil:
			i.out.Started = true
		case errors.As(err, &said):
			return fmt.Errorf("start: %w", i.s.refused(err))
		case !retryable(err):
			return err
		}
		if i.o.Await < 0 {
			return nil
		}
		seen, err := i.watch(ctx)
		if err != nil {
			return err
		}
		if !i.out.Started && try < maxResets && (seen == seenPending || seen == seenLoader && !i.out.Trial) {
			continue // the command was lost
		}
		return i.outcome(seen)
	}
}

// sight is what was seen of a device that was told to start.
type sight uint8

const (
	seenNothing sight = iota // nothing answers
	seenOurs                 // the program of the image answers
	seenOther                // another one's does
	seenPending              // another one's does, or the boot loader: the image is still to be tried
	seenLoader               // the boot loader answers
)

// quiet is how long the device is left alone after the command to start.
func (i *Installer) quiet() time.Duration {
	d := quietBase + time.Duration(i.m.Size)*quietOfByte
	if i.out.Trial {
		d += time.Duration(i.m.Size) * quietOfSwapped
	}
	return d
}

// watch looks what became of the device. A program on trial that answers is told to stay.
func (i *Installer) watch(ctx context.Context) (sight, error) {
	await := i.o.Await
	if await == 0 {
		await = DefaultAwait
	}
	until := i.s.port.Now() + await
	if err := i.s.pause(ctx, min(i.quiet(), await)); err != nil {
		return 0, err
	}
	last, l := seenNothing, &Loader{}
	for in := 0; ; {
		var state smp.State
		err := i.s.call(ctx, &smp.StateRequest{}, &state, looking)
		var said *smp.Error
		switch {
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case err == nil:
			l.take(&state)
			last = i.sees(l)
			if in++; last == seenOurs {
				return last, i.confirm(ctx, l)
			}
			if last == seenOther || !l.Runs() && in == loaderAnswers {
				return last, nil
			}
		case errors.As(err, &said), retryable(err):
			in = 0
			if !i.out.Trial {
				return seenNothing, nil // it went away, as it should
			}
		default:
			return 0, err
		}
		if i.s.port.Now() >= until {
			return last, nil
		}
		if err := i.s.pause(ctx, time.Second); err != nil {
			return 0, err
		}
	}
}

// sees says what a list means.
func (i *Installer) sees(l *Loader) sight {
	if e := i.running(l); e != nil {
		return seenOurs
	}
	switch {
	case i.out.Trial && i.pending(l):
		return seenPending
	case l.Runs():
		return seenOther
	}
	return seenLoader
}

func (i *Installer) running(l *Loader) *LoaderImage {
	for k := range l.Images {
		if e := &l.Images[k]; e.Active && e.is(i.m) {
			return e
		}
	}
	return nil
}

func (i *Installer) pending(l *Loader) bool {
	return slices.ContainsFunc(l.Images, func(e LoaderImage) bool { return e.is(i.m) && (e.Pending || i.unmarked) && !e.Active })
}

// confirm tells a program on trial that runs to stay. One that does not know how is left to confirm itself.
func (i *Installer) confirm(ctx context.Context, l *Loader) error {
	i.out.Runs = true
	e := i.running(l)
	if !i.out.Trial || e.Confirmed {
		i.out.Confirmed = i.out.Trial
		return nil
	}
	var state smp.State
	if err := i.s.call(ctx, &smp.StateSetRequest{Hash: i.m.Hash, Confirm: true}, &state, setting); err != nil {
		return ctx.Err()
	}
	l.take(&state)
	e = i.running(l)
	i.out.Confirmed = e != nil && e.Confirmed
	return nil
}

// outcome says what is known of the start. Nothing is made of what was not seen.
func (i *Installer) outcome(seen sight) error {
	switch {
	case seen == seenOurs, seen == seenNothing && !i.unmarked:
		return nil
	case i.unmarked && (seen == seenNothing || seen == seenPending):
		return &Error{Code: CodePending, Err: errors.New("the boot loader takes no mark for it, and nothing says that it has started")}
	case seen == seenPending:
		return &Error{Code: CodePending, Err: errors.New("it is still marked for its trial")}
	case seen == seenOther:
		return &Error{Code: CodeTrial, Err: errors.New("another image runs after the start")}
	}
	return &Error{Code: CodeNotStarted, Err: errors.New("the boot loader answers again after the start")}
}
