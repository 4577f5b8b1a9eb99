package stk500

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/restore"
	"unbrick/restore/family"
)

// Loader is a boot loader that answers. It implements family.Loader.
type Loader struct {
	o    family.Options
	line *family.Line
	*talk
	proto   protocol
	one     *version1 // one of them is proto
	two     *version2
	version int
	kind    behaviour
	info    int // urboot's word on itself
	way     family.Way
	touched restore.Touched
	session int // counts resets: a loader forgets

	board *family.Board
	chip  *chip
	sign  [3]byte

	plan *plan // of the last Compare
}

var _ family.Loader = (*Loader)(nil)

// Way implements family.Loader.
func (l *Loader) Way() family.Way { return l.way }

// Stats implements family.Loader.
func (l *Loader) Stats() family.Stats { return l.line.Stats() }

// Close implements family.Loader.
func (l *Loader) Close() error { return l.line.Close() }

// Describe implements family.Loader.
func (l *Loader) Describe(ctx context.Context) (*family.Board, error) {
	if l.kind == urboot {
		return l.urboot(), nil
	}
	if err := l.wake(ctx); err != nil {
		return nil, l.end(err)
	}
	var name string
	err := l.steadily(ctx, func() (err error) {
		if l.sign, err = l.proto.signature(ctx); err != nil {
			return err
		}
		again, err := l.proto.signature(ctx)
		if err == nil && again != l.sign {
			err = errLost
		}
		if err != nil {
			return err
		}
		if l.kind, name, err = l.proto.who(ctx); err != nil {
			return err
		}
		l.one.ahead = l.kind == optiboot
		return l.proto.begin(ctx)
	})
	if err != nil {
		return nil, l.end(err)
	}
	b := &family.Board{Family: family.AVR, Loader: name}
	l.chip = find(l.sign)
	switch c := l.chip; {
	case c == nil:
		b.Name = fmt.Sprintf("AVR with the signature %02x %02x %02x", l.sign[0], l.sign[1], l.sign[2])
		b.Sealed = &restore.Error{Code: restore.CodeNamed, Err: fmt.Errorf("the chip has the signature %02x %02x %02x, which Unbrick does not know",
			l.sign[0], l.sign[1], l.sign[2])}
	case l.version == 1 && c.flash > reach1, l.version == 2 && l.kind != stk500boot, l.version == 2 && c.loaders[stk500boot] == 0:
		b.Chip, b.Name, b.Flash = c.name, c.title, c.flash
		b.Sealed = &restore.Error{Code: restore.CodeNamed, Err: fmt.Errorf("%s on an %s is a boot loader that Unbrick has not learnt to write with: "+
			"use avrdude", name, c.title)}
	default:
		b.Chip, b.Name, b.Flash = c.name, c.title, c.flash
		b.Reserved = []family.Range{c.reserved(l.kind)}
	}
	l.board = b
	return b, nil
}

// urboot is what is known of a board with that loader.
func (l *Loader) urboot() *family.Board {
	l.board = &family.Board{Family: family.AVR, Name: "AVR with urboot", Loader: "urboot",
		Sealed: &restore.Error{Code: restore.CodeNamed, Err: fmt.Errorf("its boot loader is urboot (chip %d of urboot's list, features %d), "+
			"which needs the program's first instruction changed: use avrdude -c urclock", l.info%2040, l.info/2040)}}
	return l.board
}

// ready makes sure that the loader is there and the chip known, and may be written to.
func (l *Loader) ready(ctx context.Context) error {
	if l.board == nil {
		if _, err := l.Describe(ctx); err != nil {
			return err
		}
	}
	if l.board.Sealed != nil {
		return l.board.Sealed
	}
	return l.wake(ctx)
}

// idle is how long a loader surely stays without being talked to.
const idle = 400 * time.Millisecond

// wake brings the loader back if it is gone: it leaves for the program when nobody talks to it.
func (l *Loader) wake(ctx context.Context) error {
	if l.line.Now()-l.last < idle {
		return nil
	}
	if err := l.proto.present(ctx); err == nil || !lost(err) {
		return err
	}
	return l.again(ctx)
}

// Keep keeps the loader from starting the program while a person thinks. It is of use about three times a second, and never needed: what
// comes next brings the loader back.
func (l *Loader) Keep(ctx context.Context) error {
	if l.kind == urboot {
		return nil
	}
	return l.end(l.wake(ctx))
}

// again brings the loader back the way it came, and makes sure that it is the same board's.
func (l *Loader) again(ctx context.Context) error {
	if err := l.comeBack(ctx); err != nil {
		return err
	}
	s, err := l.proto.signature(ctx)
	if err != nil {
		return err
	}
	if l.board != nil && s != l.sign {
		return &restore.Error{Code: restore.CodeRestarted, Err: errors.New("another chip answers now")}
	}
	return l.proto.begin(ctx)
}

func (l *Loader) comeBack(ctx context.Context) error {
	a := attempt{l.version, l.line.Stats().Baud}
	err := error(errLost)
	for i := 0; i < 3 && lost(err) && l.way != family.WayHand; i++ {
		err = l.pulse(ctx, a, i > 0)
	}
	if (lost(err) || errors.Is(err, restore.ErrUnsupported)) && l.o.Patience > 0 {
		return l.byHand(ctx, []attempt{a})
	}
	if lost(err) || errors.Is(err, restore.ErrUnsupported) {
		return &restore.Error{Code: restore.CodeSilent, Err: errors.New("the boot loader has left for the program: press the board's reset button, and run it again")}
	}
	return err
}

// repeats is how often one piece of work is done again when the line has spoiled it.
const repeats = 4

// steadily does a piece of work, and regains the loader and repeats it when the line has spoiled it.
func (l *Loader) steadily(ctx context.Context, do func() error) error {
	err := do()
	for i := 0; i < repeats && lost(err); i++ {
		l.line.Repeat()
		if back := l.regain(ctx); back != nil {
			if !lost(back) {
				return back
			}
			continue
		}
		err = do()
	}
	if lost(err) {
		return &restore.Error{Code: restore.CodeNoisy, Err: err}
	}
	return err
}

// regain makes the loader answer again: by itself if it is still there, else from the reset on.
func (l *Loader) regain(ctx context.Context) error {
	if err := l.line.Pause(ctx, 20*time.Millisecond); err != nil {
		return err
	}
	err := l.proto.sync(ctx, answering/4)
	if err == nil {
		err = l.line.Drop(ctx)
	}
	if err == nil {
		err = l.proto.present(ctx)
	}
	if !lost(err) {
		return err
	}
	return l.again(ctx)
}

// end makes of what ended a work what it means to a person.
func (l *Loader) end(err error) error {
	var e *restore.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &e):
		c := *e
		c.Touched = l.touched
		return &c
	case restore.IsTimeout(err):
		return &restore.Error{Code: restore.CodeSilent, Touched: l.touched, Err: err}
	}
	return &restore.Error{Code: restore.CodeProtocol, Touched: l.touched, Err: err}
}
