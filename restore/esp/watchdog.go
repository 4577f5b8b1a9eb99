package esp

import "context"

// Bits by which the RTC's watchdog resets the whole chip at its first stage, and its time until then (esptool, watchdog reset).
const (
	dogTicks = 2000
	dogReset = 1<<31 | 5<<28 | 1<<8 | 2
)

// stopDogs stops the watchdogs that the start from USB-Serial-JTAG leaves running: they would reset the chip while it erases.
func (l *Loader) stopDogs(ctx context.Context) error {
	d := &l.chip.dog
	if d.key == 0 {
		return nil
	}
	steps := [][2]uint32{{d.key, dogWord}, {d.config, 0}, {d.key, 0}}
	if err := l.writeRegs(ctx, steps); err != nil || d.superKey == 0 {
		return err
	}
	if err := l.rom.writeReg(ctx, d.superKey, d.superWord); err != nil {
		return err
	}
	conf, err := l.rom.sure(ctx, d.superConf)
	if err != nil {
		return err
	}
	return l.writeRegs(ctx, [][2]uint32{{d.superConf, conf | d.feed}, {d.superKey, 0}})
}

// dogBite resets the chip by its watchdog, as a press on EN does: the strap is read again.
func (l *Loader) dogBite(ctx context.Context) error {
	d := &l.chip.dog
	if l.chip.force != 0 {
		v, err := l.rom.sure(ctx, l.chip.force)
		if err != nil {
			return err
		}
		if v&1 != 0 {
			if err := l.rom.writeReg(ctx, l.chip.force, v&^1); err != nil {
				return err
			}
		}
	}
	return l.writeRegs(ctx, [][2]uint32{{d.key, dogWord}, {d.config + 4, dogTicks}, {d.config, dogReset}, {d.key, 0}})
}

func (l *Loader) writeRegs(ctx context.Context, steps [][2]uint32) error {
	for _, s := range steps {
		if err := l.rom.writeReg(ctx, s[0], s[1]); err != nil {
			return err
		}
	}
	return nil
}
