package stk500

import (
	"bytes"
	"context"
	"errors"
	"time"

	"unbrick/restore"
	"unbrick/restore/family"
)

// Write implements family.Loader.
func (l *Loader) Write(ctx context.Context, d *family.Difference, report family.Report) error {
	if err := l.ready(ctx); err != nil {
		return l.end(err)
	}
	if l.plan == nil || l.plan.d != d { // what lies beside the parts in a page must be known
		again, err := l.Compare(ctx, d.Parts, nil)
		if err != nil {
			return err
		}
		d = again
	}
	if err := l.fits(d.Parts); err != nil {
		return l.end(err)
	}
	if len(d.Write) == 0 {
		return nil
	}
	p := l.plan
	l.plan = nil // what the flash holds is not that any more
	pages := make([]bool, l.chip.flash/l.chip.page)
	for _, r := range d.Write {
		for a := r.Addr; uint64(a) < r.End(); a += l.chip.page {
			pages[a/l.chip.page] = true
		}
	}
	t := l.tell(report, restore.StageWrite, pages)
	err := error(nil)
	if l.version == 2 {
		err = l.writeInOrder(ctx, p, pages, t)
	} else {
		err = l.writePages(ctx, p.merge(d.Parts), pages, t)
	}
	if err != nil {
		return l.end(err)
	}
	l.touched = restore.TouchedAll
	t.last()
	return nil
}

func (l *Loader) writePage(ctx context.Context, addr uint32, page []byte) error {
	return l.proto.write(ctx, addr, page, func() { l.touched = restore.TouchedPart })
}

// writePages writes pages, each by itself.
func (l *Loader) writePages(ctx context.Context, want []byte, pages []bool, t *teller) error {
	size := l.chip.page
	for i, yes := range pages {
		if !yes {
			continue
		}
		addr := uint32(i) * size
		err := l.steadily(ctx, func() error { return l.writePage(ctx, addr, want[addr:addr+size]) })
		if err != nil {
			return err
		}
		t.wrote(1)
	}
	return nil
}

// rounds is how often writeInOrder begins at 0 again.
const rounds = 5

// writeInOrder writes all from the beginning of the flash to the last page that differs. Before each page stk500boot erases one, and not
// the one that is written, but the next of a count that begins at 0 with the session. So none is left out, and what lies between parts is
// written with what it held. When an answer is lost, the page itself tells whether it was written, if it held something else before; else
// all begins at 0 again, after the command that sets the count to 0.
func (l *Loader) writeInOrder(ctx context.Context, p *plan, pages []bool, t *teller) error {
	want := p.merge(p.d.Parts)
	size := int(l.chip.page)
	end := 0
	for i, yes := range pages {
		if yes {
			end = i + 1
		}
	}
	var err error
	for round := 0; round < rounds; round++ {
		if err = l.steadily(ctx, func() error { return l.two.rewind(ctx) }); err != nil {
			return err
		}
		i := 0
		for ; i < end; i++ {
			page := want[i*size : (i+1)*size]
			err = l.writePage(ctx, uint32(i*size), page)
			if lost(err) {
				l.line.Repeat()
				var done bool
				if done, err = l.written(ctx, i*size, page, p.held[i*size:(i+1)*size]); err == nil && !done {
					i--
					continue
				}
			}
			if lost(err) {
				break
			}
			if err != nil {
				return err
			}
			copy(p.held[i*size:], page)
			t.reached(i + 1)
		}
		if i == end {
			return nil
		}
	}
	return &restore.Error{Code: restore.CodeNoisy, Err: err}
}

// errUnknown says that it cannot be told whether a page was written.
var errUnknown = errors.New("the boot loader's answer to a page was lost")

// written finds out whether a page was written whose answer was lost. It does not know it, and says errLost, when the loader had to be
// brought back, or the page held the same before.
func (l *Loader) written(ctx context.Context, addr int, want, held []byte) (bool, error) {
	session := l.session
	if err := l.regain(ctx); err != nil {
		return false, err
	}
	if session != l.session || bytes.Equal(want, held) {
		return false, errors.Join(errLost, errUnknown)
	}
	got := make([]byte, len(want))
	if err := l.proto.read(ctx, uint32(addr), got); err != nil {
		return false, err
	}
	switch {
	case bytes.Equal(got, want):
		return true, nil
	case bytes.Equal(got, held):
		return false, nil
	}
	return false, errors.Join(errLost, errUnknown)
}

// Moments of a start.
const (
	leaving  = 1200 * time.Millisecond // that Optiboot and stk500boot wait after a reset before they start the program
	speaking = 1500 * time.Millisecond // that a program is listened to
	counting = time.Second             // that an ATmegaBOOT stays which was built without the watchdog
	sentence = 400 * time.Millisecond  // and on, once it speaks
	words    = 4                       // letters in a row that a program says, and noise seldom
)

// Start implements family.Loader. Nothing tells that a program runs but what it says: these loaders say nothing unasked. Most programs are
// silent, or speak at another speed.
func (l *Loader) Start(ctx context.Context) (*family.Sight, error) {
	if l.kind == urboot {
		return &family.Sight{Outcome: family.Unasked}, nil
	}
	if err := l.wake(ctx); err != nil {
		return nil, l.end(err)
	}
	l.line.Forget()
	wait := speaking
	if l.kind == atmegaBoot {
		wait += counting
	}
	if err := l.proto.leave(ctx); lost(err) {
		if err := l.reset(ctx, true); errors.Is(err, restore.ErrUnsupported) {
			return &family.Sight{Outcome: family.Unasked, Heard: bytes.Clone(l.line.Heard())}, nil
		} else if err != nil {
			return nil, l.end(err)
		}
		wait += leaving
	} else if err != nil {
		return nil, l.end(err)
	}
	if err := l.line.Listen(ctx, l.line.Now()+wait, speaks); err != nil {
		return nil, l.end(err)
	}
	if speaks(l.line.Heard()) { // the rest of its words
		if err := l.line.Pause(ctx, sentence); err != nil {
			return nil, l.end(err)
		}
	}
	s := &family.Sight{Outcome: family.Quiet, Heard: bytes.Clone(l.line.Heard())}
	if speaks(s.Heard) {
		s.Outcome = family.Runs
	}
	return s, nil
}

// speaks reports whether there are letters in a row in what a device said.
func speaks(heard []byte) bool {
	run := 0
	for _, b := range heard {
		if b >= ' ' && b <= '~' || b == '\r' || b == '\n' || b == '\t' {
			run++
		} else {
			run = 0
		}
		if run >= words {
			return true
		}
	}
	return false
}
