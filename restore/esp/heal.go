package esp

import (
	"context"
	"errors"

	"unbrick/restore"
	"unbrick/restore/family"
)

// heal brings the ROM back to where a begin is understood after a piece failed, and returns what of the piece is to be written again. It
// gives up with the piece's own error when the same fails again and again.
func (l *Loader) heal(ctx context.Context, err error, p *piece, sectors int, faults *int) ([]piece, error) {
	if broken(err) != nil {
		return nil, err
	}
	*faults++
	if *faults > mostFaults {
		return nil, l.final(err, p.addr+uint32(sectors)*sector)
	}
	l.line.Repeat()
	if errors.Is(err, errLossy) {
		if err := l.slower(ctx); err != nil {
			return nil, err
		}
	}
	if p.how == deflated { // its inflater is in no state that is known
		l.held.faults++
		reset := l.way != family.WayThere && l.way != family.WayHand
		if l.held.faults >= 3 || !reset {
			l.held.given = true
		}
		if reset {
			if err := l.again(ctx); err != nil {
				return nil, err
			}
			if err := l.faster(ctx); err != nil {
				return nil, err
			}
		}
	}
	if err := l.resync(ctx); err != nil {
		return nil, err
	}
	if l.rom.lossy() {
		if err := l.slower(ctx); err != nil {
			return nil, err
		}
	}
	switch {
	case p.how == deflated:
		differ, err := l.lacks(ctx, p.addr, p.data)
		if err != nil {
			return nil, err
		}
		var left []piece
		for _, r := range differ.ranges() {
			left = append(left, l.packed(r.Addr, p.data[r.Addr-p.addr:][:r.Size])...)
		}
		return left, nil
	case l.chip.is8266():
		sectors = rest8266(p.addr/sector, uint32(p.sectors()), sectors)
	}
	rest := *p
	rest.addr += uint32(sectors) * sector
	rest.data = rest.data[sectors*sector:]
	return []piece{rest}, nil
}

// resync makes sure that the ROM listens, and knows its flash.
func (l *Loader) resync(ctx context.Context) error {
	e := &entry{line: l.line, rom: l.rom, o: &l.o, usb: l.usb}
	ok, err := e.sync(ctx, syncs)
	if err != nil {
		return err
	}
	if !ok {
		if err := l.again(ctx); err != nil {
			return err
		}
		return l.faster(ctx)
	}
	l.opened = false
	return l.open(ctx, l.size())
}

// final is the error of a piece that cannot be written.
func (l *Loader) final(err error, addr uint32) error {
	if refused(err, badWrite, badResult) || errors.Is(err, errTorn) {
		return &restore.Error{Code: restore.CodeFlash, Addr: addr, Err: err}
	}
	return err
}
