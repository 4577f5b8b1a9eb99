package esp

import (
	"encoding/binary"
	"time"
)

const magicAt = 0x40001000

// registers are what READ_REG and WRITE_REG see. What is not here is not there.
type registers struct {
	ch      *Chip
	efuse   []uint32
	own     map[uint32]uint32 // registers that keep what is written
	wdtOpen bool
	swdOpen bool
	wdtOff  bool
	swdFed  bool
	spi     spi
}

func (r *registers) begin(ch *Chip) {
	m := ch.m
	*r = registers{ch: ch, efuse: ch.efuses(), own: make(map[uint32]uint32)}
	r.spi = spi{ch: ch}
	if m.wdt.config != 0 {
		r.own[m.wdt.config], r.own[m.wdt.config+4] = 0x80008000, 0x1000
	}
	if m.wdt.swd != 0 {
		r.own[m.wdt.swd] = 0
	} else {
		r.swdFed = true
	}
	if m.force != 0 {
		// On a USB port the ROM was told to stay in download mode.
		r.own[m.force] = 0
		if ch.rom.forced || ch.c.Port == JTAG && m.wdt.resetFrees {
			r.own[m.force] = 1
		}
	}
	if m.name == "esp32p4" {
		for _, at := range []uint32{0x5011010c, 0x501151bc, 0x501151b8, 0x501153fc} {
			r.own[at] = 0
		}
	}
}

// read is a register's value.
func (r *registers) read(at uint32) uint32 {
	ch, m := r.ch, r.ch.m
	if v, ok := r.own[at]; ok {
		return v
	}
	if v, ok := r.spi.read(at); ok {
		return v
	}
	switch {
	case at == magicAt:
		return m.magic
	case at >= m.efuse && at < m.efuse+4*uint32(m.efuseLen) && at%4 == 0:
		return r.efuse[(at-m.efuse)/4]
	case at == m.clkdiv:
		k := 1
		if m.is8266() {
			k = 2
		}
		baud := ch.w.Speed()
		if baud > 5000000 {
			baud = 115200
		}
		return uint32(ch.c.Crystal*k*1000000+int(baud)/2) / baud
	case at == m.usbBuf && at != 0:
		switch ch.c.Port {
		case JTAG:
			return m.usbValue
		case OTG:
			return m.otgValue
		}
		return 0
	case at == m.strap && at != 0:
		if ch.strapped {
			return 0
		}
		return 8
	case m.name == "esp32" && at == 0x3ff6607c:
		if ch.c.Major == 3 {
			return 1 << 31
		}
		return 0
	case m.name == "esp32" && at == 0x3ff5f06c:
		// ((value >> 7) × 15625 × (eFuse word 4 & FF)) / 40 is what the ROM believes.
		return uint32(ch.c.Clock*float64(ch.c.Crystal)*1e6*40/15625/slowClock+0.5) << 7
	case m.name == "esp32c5" && at == 0x60096110:
		return believed << 24
	}
	ch.Fault("a register was read that is in no table: 0x" + hex8(at))
	return uint32(ch.w.Random())
}

// slowClock is in word 4 of the eFuses of an ESP32.
const slowClock = 128

// writeRegisters is WRITE_REG.
func (l *loader) writeRegisters(body []byte) {
	if len(body) == 0 || len(body)%16 != 0 || len(body) > 64 {
		l.ch.Fault("a body of another length than its command has")
		l.reply(writeReg, nil, badFormat)
		return
	}
	life, wait := l.ch.life, time.Duration(0)
	for ; len(body) > 0; body = body[16:] {
		at, mask := word(body, 0), word(body, 2)
		l.regs.write(at, word(body, 1), mask)
		wait += time.Duration(min(word(body, 3), 1e6)) * time.Microsecond
	}
	if l.ch.life == life {
		l.work(wait, func() { l.reply(writeReg, nil, fine) })
	}
}

// write changes the bits of a register that mask has.
func (r *registers) write(at, value, mask uint32) {
	ch, wdt := r.ch, r.ch.m.wdt
	old := r.own[at]
	value = old&^mask | value&mask
	switch {
	case at == 0:
		ch.Fault("address 0 was written")
	case at == wdt.protect:
		r.wdtOpen = value == wdtKey
	case at == wdt.swdProtect:
		r.swdOpen = value == wdt.swdKey
	case at == wdt.config || at == wdt.config+4 && wdt.config != 0:
		if !r.wdtOpen {
			ch.Fault("a watchdog was written that is locked")
			return
		}
		r.own[at] = value
		if at == wdt.config {
			r.wdtOff = value>>31 == 0
			if value>>31 == 1 {
				r.arm()
			}
		}
	case at == wdt.swd:
		if !r.swdOpen {
			ch.Fault("a watchdog was written that is locked")
			return
		}
		r.own[at] = value
		r.swdFed = value&wdt.swdFeed != 0
	case r.spi.write(at, value, mask):
	default:
		if _, ok := r.own[at]; !ok {
			ch.Fault("a register was written that is in no table, or cannot be written: 0x" + hex8(at))
			return
		}
		r.own[at] = value
		if at == ch.m.force {
			ch.rom.forced = value&1 == 1
		}
	}
}

// arm is a watchdog that was set to reset the chip.
func (r *registers) arm() {
	ch := r.ch
	if r.own[ch.m.wdt.config]>>28&7 != 5 || r.own[ch.m.wdt.config+4] == 0 {
		ch.Fault("a watchdog was set to something else than a reset of the system")
		return
	}
	ch.later(100*time.Millisecond, func() {
		if r.wdtOff {
			return
		}
		if !ch.m.wdt.resets {
			ch.life++
			ch.state = frozen
			ch.w.Silence()
			return
		}
		ch.rom.forced = r.own[ch.m.force]&1 == 1 && ch.m.force != 0
		ch.resetByWatchdog()
	})
}

// resetByWatchdog samples BOOT; what forces download mode lasts.
func (ch *Chip) resetByWatchdog() {
	forced := ch.rom.forced
	ch.reset(true, ch.m.byWatchdog())
	if forced {
		ch.life++
		ch.rom = loader{ch: ch, forced: true}
		ch.later(ch.c.Times.Boot/2, ch.sayDownload)
		ch.later(ch.c.Times.Boot, ch.enter)
	}
}

// cryptCount is the counter of flash encryption: odd is on.
func (ch *Chip) cryptCount() int {
	switch {
	case !ch.c.Encrypted:
		return 0
	case ch.c.Release:
		return 1<<ch.m.crypt.width - 1
	}
	return 1
}

// efuses are the words of a chip.
func (ch *Chip) efuses() []uint32 {
	m, c := ch.m, ch.c
	e := make([]uint32, m.efuseLen)
	set := func(b bit, v int) {
		if b.width > 0 {
			e[b.at/4] |= uint32(v) << b.shift & b.mask()
		}
	}
	mac := c.MAC
	high, low := uint32(binary.BigEndian.Uint16(mac[:])), binary.BigEndian.Uint32(mac[2:])
	switch {
	case m.is8266():
		e[0] = low << 24
		e[1] = low >> 8 & 0xffff
		e[3] = high<<8 | low>>24
		return e
	case m.name == "esp32":
		e[1], e[2] = low, high|0x5a0000
		e[4] = slowClock
		switch c.Major {
		case 1:
			e[3] |= 1 << 15
		case 2, 3:
			e[3] |= 1 << 15
			e[5] |= 1 << 20
		}
		e[3] |= 1 << 9 // D0WD
		e[5] |= uint32(c.Minor) & 3 << 24
		if c.SecureBootV1 {
			e[6] |= 1 << 4
		}
	default:
		e[m.mac/4], e[m.mac/4+1] = low, high
		if m.name != "esp32c2" { // which has its revision there
			e[m.mac/4+1] |= 0xa5a50000
		}
		ch.revision(e)
	}
	set(m.crypt, ch.cryptCount())
	if c.SecureBoot {
		set(m.secure, 1)
	}
	if c.Release {
		set(m.manual, 1)
	}
	if c.KeyManager && (m.name == "esp32c5" || m.name == "esp32p4") {
		shift := 9
		if m.name == "esp32c5" {
			shift = 10
		}
		e[0x34/4] |= 2 << shift
	}
	return e
}

// revision writes it where a chip of this kind has it.
func (ch *Chip) revision(e []uint32) {
	b := e[ch.m.mac/4:] // BLOCK1; of the C2, BLOCK2
	major, minor := uint32(ch.c.Major), uint32(ch.c.Minor)
	switch ch.m.name {
	case "esp32s2":
		b[3] |= major&3<<18 | minor>>3&1<<20
		b[4] |= minor & 7 << 4
	case "esp32s3", "esp32c3":
		b[5] |= major&3<<24 | minor>>3&1<<23
		b[3] |= minor & 7 << 18
	case "esp32c2":
		b[1] |= major&3<<20 | minor&15<<16
	case "esp32c6":
		b[3] |= major&3<<22 | minor&15<<18
	case "esp32h2":
		b[3] |= major&3<<21 | minor&7<<18
	case "esp32c5":
		b[2] |= major&3<<4 | minor&15
	case "esp32p4":
		b[2] |= major>>2&1<<23 | major&3<<4 | minor&15
	}
}
