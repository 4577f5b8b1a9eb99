package esp

import (
	"context"
	"errors"
	"time"

	"unbrick/restore"
	"unbrick/restore/family"
)

// speeds are tried in this order; the last is where it begins.
var speeds = []uint32{921600, 460800, 230400, baseBaud}

const settle = 50 * time.Millisecond // after a change of speed

// crystals finds out what a change of speed has to reckon with.
func (l *Loader) crystals(ctx context.Context) error {
	if l.chip.name != "esp32c2" && l.chip.name != "esp32c5" || l.usbPort() {
		return nil
	}
	v, err := l.rom.sure(ctx, 0x60000014)
	if err != nil {
		return err
	}
	mhz := float64(l.line.Stats().Baud) * float64(v&0xfffff) / mega
	l.crystal = 40
	switch {
	case mhz < 33:
		l.crystal = 26
	case mhz > 45:
		l.crystal = 48
	}
	return nil
}

// asked is the number that a ROM must be sent for a speed, as some take their crystal for another.
func (l *Loader) asked(ctx context.Context, baud uint32) (uint32, error) {
	switch l.chip.name {
	case "esp32":
		v, err := l.rom.sure(ctx, 0x3ff5f06c)
		if err != nil {
			return 0, err
		}
		fuse, err := l.rom.sure(ctx, l.chip.fuses+16)
		if err != nil {
			return 0, err
		}
		f := float64(v>>7&0x1ffffff) * 15625 * float64(fuse&0xff) / 40
		real := 26e6
		if f > 33e6 {
			real = 40e6
		}
		if f < real/2 || f > real*2 { // no such measure: better none
			return baud, nil
		}
		return uint32(float64(baud) * f / real), nil
	case "esp32c2":
		if l.crystal == 26 {
			return uint32(uint64(baud) * 40 / 26), nil
		}
	case "esp32c5":
		v, err := l.rom.sure(ctx, 0x60096110)
		if err != nil {
			return 0, err
		}
		believed := v >> 24 & 0x7f
		if l.crystal == 48 && believed == 40 || l.crystal == 40 && believed == 48 {
			return uint32(uint64(baud) * uint64(believed) / uint64(l.crystal)), nil
		}
	}
	return baud, nil
}

// canSpeed says whether another speed means anything here. A chip that a person has brought into its ROM keeps the one that it has: a change that
// goes wrong, or a port that resets it when it is opened anew, would need the person again.
func (l *Loader) canSpeed() bool {
	if l.way == family.WayThere || l.way == family.WayHand {
		return false
	}
	if l.usbPort() || l.chip.is8266() || !l.line.CanSpeed() {
		return false
	}
	return !l.isDownload() || l.chip.name != "esp32c2" && l.chip.name != "esp32c5"
}

// faster raises the speed as far as it holds.
func (l *Loader) faster(ctx context.Context) error {
	if !l.canSpeed() {
		return nil
	}
	for l.speeds < len(speeds)-1 {
		baud := speeds[l.speeds]
		if l.o.Baud != 0 && baud > l.o.Baud {
			l.speeds++
			continue
		}
		if baud <= l.line.Stats().Baud {
			return nil
		}
		ok, err := l.change(ctx, baud)
		if ok || err != nil {
			l.rom.lost = 0
			return err
		}
		l.speeds++
		if err := l.again(ctx); err != nil {
			return err
		}
	}
	return nil
}

// slower gives a speed up at which too much is lost.
func (l *Loader) slower(ctx context.Context) error {
	if !l.canSpeed() || l.line.Stats().Baud <= baseBaud {
		l.rom.lost = 0
		return nil
	}
	l.slowed = true
	for l.speeds < len(speeds)-1 && speeds[l.speeds] >= l.line.Stats().Baud {
		l.speeds++
	}
	ok, err := l.change(ctx, speeds[l.speeds])
	l.rom.lost = 0
	if ok || err != nil {
		return err
	}
	if err := l.again(ctx); err != nil {
		return err
	}
	return l.faster(ctx)
}

// change changes the speed at both ends, and says whether the chip then answers.
func (l *Loader) change(ctx context.Context, baud uint32) (bool, error) {
	number, err := l.asked(ctx, baud)
	if err != nil {
		return false, broken(err)
	}
	q := request{op: opBaud, name: "change its speed", body: words(number, 0), wait: patient, tries: 1}
	if _, _, err := l.rom.ask(ctx, q); err != nil {
		if refused(err) {
			return false, nil
		}
		if err := broken(err); err != nil {
			return false, err
		}
	}
	if err := l.line.Speed(ctx, baud); err != nil {
		return false, err
	}
	if err := l.rom.pause(ctx, settle); err != nil {
		return false, err
	}
	for range 3 {
		if err := l.alive(ctx); err != nil {
			return false, broken(err)
		}
	}
	return true, nil
}

// broken keeps of an error what another speed does not mend.
func broken(err error) error {
	var e *restore.Error
	if errors.As(err, &e) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// alive asks for something that changes nothing.
func (l *Loader) alive(ctx context.Context) error {
	q := request{op: opReadReg, name: "read a register", body: words(romMagic), wait: patient / 10, tries: 2}
	if !l.chip.is32() {
		q = request{op: opSecurity, name: "tell its protections", want: -1, wait: patient / 10, tries: 2}
	}
	_, _, err := l.rom.ask(ctx, q)
	return err
}
