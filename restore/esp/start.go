package esp

import (
	"context"
	"errors"
	"time"

	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/restore/family"
)

const (
	listen     = 5 * time.Second         // to a chip that says something
	silence    = 3 * time.Second         // after which one is called quiet
	steady     = 2 * time.Second         // that a program must talk and not fall
	softAfter  = time.Second             // of silence after a reset that perhaps was none
	bootBaud   = 74880                   // at which an ESP8266 tells of its start,
	bootTime   = 1500 * time.Millisecond // and for how long that is heard before its program is
	appears    = 200 * time.Millisecond
	enumerates = 200 * time.Millisecond
)

// Start lets the chip run its program and listens. Afterwards the ROM does not answer any more.
func (l *Loader) Start(ctx context.Context) (*family.Sight, error) {
	if l.board == nil {
		if _, err := l.Describe(ctx); err != nil {
			return nil, err
		}
	}
	s, err := l.start(ctx)
	return s, l.fail(err)
}

func (l *Loader) start(ctx context.Context) (*family.Sight, error) {
	if err := l.rom.drop(ctx); err != nil {
		return nil, err
	}
	l.line.Forget()
	told, err := l.tellStart(ctx)
	if l.usbPort() && gone(err) && told {
		return &family.Sight{}, nil
	}
	if err != nil {
		return nil, err
	}
	if !told {
		return &family.Sight{Outcome: family.Unasked}, nil
	}
	s, err := l.watch(ctx)
	if l.usbPort() && gone(err) { // its program has no such port
		return &family.Sight{Heard: append([]byte(nil), l.line.Heard()...)}, nil
	}
	if err != nil {
		return nil, err
	}
	if s.Outcome == family.Waits && (l.way == family.WayHand || l.way == family.WayThere) {
		s.Outcome = family.Unasked // BOOT is still held, or the reset does not read it
	}
	return s, nil
}

// tellStart tells the chip to start. It says whether there was a way to.
func (l *Loader) tellStart(ctx context.Context) (bool, error) {
	byHand := l.way == family.WayHand || l.way == family.WayThere
	if l.usbPort() {
		if l.usb == jtagUSB && !byHand {
			return l.restartUSB(ctx)
		}
		ok, err := l.dogResets(ctx)
		if !ok || err != nil {
			return false, err
		}
		err = l.dogBite(ctx)
		if err == nil || errors.Is(err, errLost) {
			err = l.rom.pause(ctx, appears)
		}
		return true, l.back(ctx, err)
	}
	spoke := l.line.Stats().Baud
	if l.line.Speed(ctx, l.listening()) != nil { // few adapters lack such a speed: then its start is noise
		_ = l.line.Speed(ctx, baseBaud)
	}
	err := l.line.Restart(ctx)
	if err != nil && !errors.Is(err, restore.ErrUnsupported) {
		return false, err
	}
	if !byHand && err == nil {
		return true, nil
	}
	// It was reset by hand, so that perhaps no line reaches its reset.
	heard := false
	if err := l.line.Listen(ctx, l.line.Now()+softAfter, func([]byte) bool { heard = true; return true }); err != nil || heard {
		return heard, err
	}
	return l.soft(ctx, spoke)
}

// gone says whether a port went and did not come back.
func gone(err error) bool {
	var e *restore.Error
	return errors.As(err, &e) && e.Code == restore.CodeVanished
}

// listening is the speed at which the chip tells of its start.
func (l *Loader) listening() uint32 {
	if l.chip != nil && l.chip.is8266() {
		return bootBaud
	}
	return baseBaud
}

// soft lets a ROM that still answers start the program by itself.
func (l *Loader) soft(ctx context.Context, baud uint32) (bool, error) {
	if err := l.line.Speed(ctx, baud); err != nil {
		return false, err
	}
	e := &entry{line: l.line, rom: l.rom, o: &l.o, usb: l.usb}
	if ok, err := e.sync(ctx, syncs); !ok || err != nil {
		return false, err
	}
	if err := l.begin(ctx, opFlashBegin, 0, 0, 0, nil); err != nil {
		return false, err
	}
	q := request{op: opFlashEnd, name: "start the program", body: words(1), wait: patient / 3, tries: 1}
	if _, _, err := l.rom.ask(ctx, q); err != nil && !errors.Is(err, errLost) {
		if refused(err) {
			return false, nil
		}
		return false, err
	}
	_ = l.line.Speed(ctx, l.listening())
	return true, nil
}

// restartUSB resets a chip by its own USB port. It leaves the bus for a moment.
func (l *Loader) restartUSB(ctx context.Context) (bool, error) {
	err := l.line.Restart(ctx)
	if errors.Is(err, restore.ErrUnsupported) {
		return false, nil
	}
	if err == nil {
		err = l.line.Pause(ctx, appears)
	}
	return true, l.back(ctx, err)
}

// back waits for a chip that has left the bus.
func (l *Loader) back(ctx context.Context, err error) error {
	e := &entry{line: l.line, rom: l.rom, o: &l.o, usb: l.usb}
	if err != nil {
		if err = e.returned(ctx, err); err != nil {
			return err
		}
	}
	if err = l.line.Pause(ctx, enumerates); err != nil {
		return e.returned(ctx, err)
	}
	return nil
}

// dogResets says whether the chip's watchdog can reset it out of its ROM.
func (l *Loader) dogResets(ctx context.Context) (bool, error) {
	if l.chip == nil || !l.chip.dog.resets || l.isDownload() {
		return false, nil
	}
	if l.usb == jtagUSB || l.chip.otg == 0 {
		return true, nil
	}
	strap, err := l.rom.sure(ctx, l.chip.otg)
	return err == nil && strap&(1<<3) == 0, err
}

// watch listens until it is known how the start went.
func (l *Loader) watch(ctx context.Context) (*family.Sight, error) {
	begin := l.line.Now()
	spoke := time.Duration(0) // when the program was heard first
	end := begin + listen
	for l.line.Now() < end {
		if l.line.Stats().Baud == bootBaud && l.line.Now()-begin >= bootTime {
			if l.line.Speed(ctx, baseBaud) == nil {
				l.line.Hear([]byte{'\n'})
			}
		}
		sure := false
		err := l.line.Listen(ctx, min(end, l.line.Now()+tick), func(heard []byte) bool {
			_, sure = outcome(heard)
			return sure && l.listening() != bootBaud
		})
		if err != nil {
			if l.usbPort() {
				e := &entry{line: l.line, rom: l.rom, o: &l.o, usb: l.usb}
				if err = e.returned(ctx, err); err == nil {
					continue
				}
			}
			return nil, err
		}
		what, _ := outcome(l.line.Heard())
		if what == family.Crashes && l.listening() == bootBaud && boottext.Cause(l.line.Heard()) == boottext.Unknown {
			sure = false // why, its program says at its own speed
		}
		now := l.line.Now()
		if what == family.Runs && spoke == 0 {
			spoke = now
		}
		if sure || what == family.Runs && now-spoke >= steady || len(l.line.Heard()) == 0 && now-begin >= silence {
			break
		}
	}
	what, _ := outcome(l.line.Heard())
	return &family.Sight{Outcome: what, Heard: append([]byte(nil), l.line.Heard()...)}, nil
}
