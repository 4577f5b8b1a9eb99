package stk500

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"unbrick/restore"
	"unbrick/restore/family"
)

// attempt is a version at a speed.
type attempt struct {
	version int
	baud    uint32
}

// attempts are what boards have: Uno and most clones, Mega 2560, older Nano and Duemilanove and Mega 1280, boards with an ATmega168. An
// attempt ends the loader of another one: Optiboot starts the program after one byte that it does not know.
var attempts = []attempt{{1, 115200}, {2, 115200}, {1, 57600}, {1, 19200}}

// Moments of entering.
const (
	edge     = time.Millisecond       // that both lines are asserted; a capacitor makes a reset of the edge
	starting = 100 * time.Millisecond // from the edge until the loader hears: fuses delay its start by 65 ms
	turn     = 6 * time.Second        // that one attempt has while a person presses reset
)

// mega reports whether a USB device is an Arduino Mega 2560.
func mega(u family.USB) bool {
	switch u.Vendor {
	case 0x2341:
		return u.Product == 0x0010 || u.Product == 0x0042 || u.Product == 0x0210 || u.Product == 0x0242
	case 0x2a03:
		return u.Product == 0x0010 || u.Product == 0x0042
	}
	return false
}

// order is in which order attempts are made.
func order(o *family.Options) []attempt {
	list := make([]attempt, 0, len(attempts))
	for _, a := range attempts {
		if o.Baud != 0 && a.baud > o.Baud {
			continue
		}
		list = append(list, a)
	}
	if mega(o.USB) && len(list) > 1 && list[1].version == 2 {
		list[0], list[1] = list[1], list[0]
	}
	return list
}

// Enter brings the board at a port, which is open at a speed, into its boot loader, and returns it once it has answered twice alike. version
// is the one that answers there at this speed already, if somebody has found that out; 0: nobody has. It fails with restore.CodeSilent when
// none answers. A loader that is recognised and cannot be written to is returned, too: its Board says why.
func Enter(ctx context.Context, port restore.Port, baud uint32, version int, o *family.Options) (*Loader, error) {
	if o == nil {
		o = new(family.Options)
	}
	l := &Loader{o: *o, line: family.NewLine(port, baud, o)}
	l.talk = &talk{line: l.line}
	list := order(o)
	if version == 1 || version == 2 {
		there := attempt{version, baud}
		list = append([]attempt{there}, slices.DeleteFunc(list, func(a attempt) bool { return a == there })...)
		err := l.attempt(ctx, there)
		if err == nil {
			l.way = family.WayThere
			return l, nil
		}
		if !lost(err) {
			return nil, l.end(err)
		}
	}
	if err := l.enter(ctx, list); err != nil {
		return nil, l.end(err)
	}
	return l, nil
}

// enter tries the ways: by the lines of the port where there are any, then by hand.
func (l *Loader) enter(ctx context.Context, list []attempt) error {
	if len(list) == 0 {
		return &restore.Error{Code: restore.CodeSilent, Err: fmt.Errorf("no boot loader of an AVR speaks at %d baud or less", l.o.Baud)}
	}
	for i, a := range list {
		err := l.pulse(ctx, a, i == 0)
		if err == nil {
			l.way = family.WayPulse
			return nil
		}
		if errors.Is(err, restore.ErrUnsupported) {
			break // no modem lines
		}
		if !lost(err) {
			return err
		}
	}
	if l.o.Patience > 0 {
		return l.byHand(ctx, list)
	}
	return &restore.Error{Code: restore.CodeSilent, Heard: l.line.Heard(),
		Err: errors.New("no AVR boot loader answers at 115200, 57600 or 19200 baud: press the board's reset button while it is looked for")}
}

// lost reports whether an exchange failed in a way that another attempt may cure.
func lost(err error) bool {
	return restore.IsTimeout(err) || errors.Is(err, errLost) || errors.Is(err, errRefused)
}

// pulse resets the board by its lines, and makes one attempt. restore.ErrUnsupported is the port's, which has no lines.
func (l *Loader) pulse(ctx context.Context, a attempt, first bool) error {
	if err := l.line.Speed(ctx, a.baud); errors.Is(err, restore.ErrUnsupported) {
		return errLost // this speed cannot be had: the others may
	} else if err != nil {
		return err
	}
	if err := l.reset(ctx, first); err != nil {
		return err
	}
	return l.attempt(ctx, a)
}

// reset makes the edge. The capacitor is charged after the first time, and the lines are released.
func (l *Loader) reset(ctx context.Context, first bool) error {
	if first {
		return l.line.Go(ctx, family.WayPulse)
	}
	for _, s := range []struct {
		on   bool
		stay time.Duration
	}{{true, edge}, {false, starting}} {
		if err := l.line.Set(s.on, s.on); err != nil {
			return err
		}
		if err := l.line.Pause(ctx, s.stay); err != nil {
			return err
		}
	}
	return nil
}

// attempt talks to a board that was reset just now. Nothing is believed before it was said twice.
func (l *Loader) attempt(ctx context.Context, a attempt) error {
	l.session++
	l.choose(a.version)
	wait := quick
	if a.version == 2 {
		wait /= 2
	}
	err := l.proto.sync(ctx, wait)
	if errors.Is(err, errLost) && a == attempts[0] && l.isUrboot(ctx, l.in) {
		return nil
	}
	if lost(err) {
		if err := l.line.Pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		err = l.proto.sync(ctx, wait/3)
	}
	if err != nil {
		return err
	}
	return l.confirm(ctx)
}

// choose takes a version.
func (l *Loader) choose(version int) {
	l.version = version
	l.one, l.two = &version1{talk: l.talk, ahead: l.kind == optiboot}, &version2{talk: l.talk}
	if l.proto = l.one; version == 2 {
		l.proto = l.two
	}
}

// confirm wants two more answers that are as they must be, with nothing between them.
func (l *Loader) confirm(ctx context.Context) error {
	if err := l.line.Drop(ctx); err != nil {
		return err
	}
	for range 2 {
		if err := l.proto.present(ctx); err != nil {
			return err
		}
	}
	return nil
}

// isUrboot recognises a loader that answers synchronisation with two bytes that tell what it can: the same ones each time, and not what
// was sent. What came first is in first. It measures the speed itself, and so answers the first attempt: at a later one two bytes that are
// always the same may be another loader's answer, at its own speed.
func (l *Loader) isUrboot(ctx context.Context, first []byte) bool {
	var two [2]byte
	take := func(in []byte) ([]byte, int, error) {
		if len(in) < len(two) {
			return nil, len(two) - len(in), nil
		}
		return in, 0, nil
	}
	switch n := copy(two[:], first); n {
	case 1:
		b, err := l.line.Byte(ctx, l.line.Now()+50*time.Millisecond)
		if err != nil {
			return false
		}
		two[1] = b
	case 0:
		return false
	}
	if two == [2]byte{getSync, space} || two == [2]byte{inSync, ok} {
		return false
	}
	for range 2 {
		if err := l.line.Pause(ctx, 20*time.Millisecond); err != nil {
			return false
		}
		p, err := l.exchange(ctx, "sync", []byte{getSync, space}, answering/2, take)
		if err != nil || [2]byte(p) != two {
			return false
		}
	}
	if _, err := l.line.Byte(ctx, l.line.Now()+20*time.Millisecond); !errors.Is(err, restore.ErrTimeout) {
		return false // it says more
	}
	l.kind, l.info = urboot, urbootInfo(two)
	return true
}

// urbootInfo is the number that the two bytes of an answer make: the loader's number of the chip, and what it can.
func urbootInfo(two [2]byte) int {
	sync, good := int(two[0]), int(two[1])
	if good > sync {
		good--
	}
	return sync*255 + good
}

// byHand waits for a person who resets the board, with one attempt after the other.
func (l *Loader) byHand(ctx context.Context, list []attempt) error {
	if l.o.OnWay != nil {
		l.o.OnWay(family.WayHand)
	}
	until := l.line.Now() + l.o.Patience
	l.session++
	for i := 0; l.line.Now() < until; i++ {
		a := list[i%len(list)]
		if err := l.line.Speed(ctx, a.baud); errors.Is(err, restore.ErrUnsupported) {
			if a.baud != l.line.Stats().Baud {
				if err := l.line.Pause(ctx, time.Millisecond); err != nil {
					return err
				}
				continue
			}
		} else if err != nil {
			return err
		}
		l.choose(a.version)
		for end := min(until, l.line.Now()+turn); l.line.Now() < end; {
			err := l.call(ctx, a)
			if err == nil {
				err = l.confirm(ctx)
			}
			if err == nil {
				l.way = family.WayHand
				return nil
			}
			if !lost(err) {
				return err
			}
			if err := l.line.Drop(ctx); err != nil {
				return err
			}
		}
	}
	return &restore.Error{Code: restore.CodeSilent, Heard: l.line.Heard(),
		Err: errors.New("no AVR boot loader answered in time: press the board's reset button briefly, again every few seconds")}
}

// call is one try while a person presses reset. At the speed of Optiboot a lone space is sent, for one that is heard only in part would
// start the program; ATmegaBOOT gives up after five bytes that it does not know.
func (l *Loader) call(ctx context.Context, a attempt) error {
	if v := l.one; a.version == 1 && v.spaces() {
		_, err := v.ask(ctx, "sync", []byte{space}, 0, 60*time.Millisecond)
		if err == nil {
			err = v.line.Pause(ctx, 20*time.Millisecond)
		}
		if err == nil {
			err = v.align(ctx)
		}
		return err
	} else if a.version == 1 {
		_, err := v.ask(ctx, "sync", []byte{getSync, space}, 0, 100*time.Millisecond)
		return err
	}
	return l.proto.sync(ctx, 100*time.Millisecond)
}
