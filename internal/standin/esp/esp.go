package esp

import (
	"time"

	"unbrick/internal/standin"
)

// USB is which port of a chip the cable is at.
type USB uint8

// The ports.
const (
	UART   USB = iota // an adapter with modem lines
	JTAG              // its own: USB-Serial-JTAG
	OTG               // its own: USB-OTG of the ROM
	Manual            // an adapter whose lines are not connected: a person presses the buttons
)

// Crash is what is wrong with a chip, besides its flash.
type Crash uint8

// The crashes. The loader works in all of them.
const (
	Healthy  Crash = iota
	BrownOut       // its supply breaks down when the program starts
	Watchdog       // the program hangs
	ReadErr        // the ROM cannot read the flash
	Panic          // the program falls
)

// Config is which chip it is and in what state. The zero value of each field is a sound one, but for Chip.
type Config struct {
	Chip         string
	Port         USB
	Flash        int    // bytes, a power of two from 256 KiB on; 0: 4 MiB
	JEDEC        uint32 // what the flash says who it is; 0: by its size
	Major, Minor int    // revision
	MAC          [6]byte
	Crash        Crash
	Program      string        // what the program says, again and again; empty: a few lines of ours
	Stays        bool          // on the bus when it is reset, though the port is its own
	Inverted     bool          // lines mean the opposite
	Rise         time.Duration // from the release of EN until it is high; 0: 10 ms
	Crystal      int           // MHz; 0: what is usual
	Clock        float64       // how many times too fast the ROM of an ESP32 believes its clock to be; 0: 1.04
	Locked       bool          // block protection of the flash: writing silently does nothing

	Encrypted       bool // flash encryption
	Release         bool // of it, with encryption by the loader switched off
	SecureBoot      bool // V2, or the only one that the chip has
	SecureBootV1    bool // ESP32
	SecureDownload  bool
	DownloadDenied  bool
	KeyManager      bool // C5, P4: the keys of encryption come from it
	WritesTail      bool // DEFL_DATA writes the last bytes, too, when its stream ends
	Times           Times
	WithoutPowerPin bool // P4: nothing needs to be switched on before the flash answers
}

// Times are how long things take; 0 is the default of each.
type Times struct {
	Command time.Duration // any command, before its answer; default 200 µs
	Erase   time.Duration // of a sector; default: random, 40 to 150 ms
	Program time.Duration // of 1 KiB, with the ROM's reading back; default 3 ms
	MD5     time.Duration // of 1 MB; default 2,500 ms
	Boot    time.Duration // from reset until the loader listens, or the program starts; default 60 ms
}

func (t *Times) set() {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&t.Command, 200*time.Microsecond)
	set(&t.Program, 3*time.Millisecond)
	set(&t.MD5, 2500*time.Millisecond)
	set(&t.Boot, 60*time.Millisecond)
}

// state is what a chip does.
type state uint8

const (
	inReset state = iota
	booting
	running
	downloading
	frozen // nothing but a new start of power helps
	off
)

const (
	sector = 4096
	block  = 0x400
)

// Chip is one.
type Chip struct {
	standin.Tally
	c     Config
	m     *model
	w     *standin.Wire
	flash *standin.NOR
	state state
	life  int // how often it was reset: what was asked for before does not come any more

	en, boot   bool // pins are low
	bootButton bool // held by a person
	enButton   bool
	usbFlag    bool // of USB-Serial-JTAG: the next reset goes into download mode
	strapped   bool // BOOT was low at the last full reset
	cause      string

	rom      loader
	Syncs    int // that were answered
	Rebooted int // resets, of any kind
}

// New makes a chip with an empty flash. It fails by panicking for a chip that there is not: that is a defect of a test.
func New(c Config) *Chip {
	m := find(c.Chip)
	if m == nil {
		panic("stand-in: no chip " + c.Chip)
	}
	if c.Flash == 0 {
		c.Flash = 4 << 20
	}
	if c.JEDEC == 0 {
		c.JEDEC = 0x40ef | capacity(c.Flash)<<16
	}
	if c.Rise == 0 {
		c.Rise = 10 * time.Millisecond
	}
	if c.Crystal == 0 {
		c.Crystal = m.crystal
	}
	if c.Clock == 0 {
		c.Clock = 1.04
	}
	if c.MAC == [6]byte{} {
		c.MAC = [6]byte{0x7c, 0xdf, 0xa1, 0x00, 0x11, 0x22}
	}
	c.Times.set()
	ch := &Chip{c: c, m: m}
	ch.flash = standin.NewNOR(c.Flash, sector, &ch.Tally)
	return ch
}

func capacity(size int) uint32 {
	n := uint32(0)
	for 1<<n < size {
		n++
	}
	if n >= 26 {
		n += 0x20 - 26
	}
	return n
}

// Flash is what its flash holds, as its cells are. Who puts something there does it before the chip runs, or in Wire.Do.
func (ch *Chip) Flash() []byte { return ch.flash.Data }

// Plain is a part of its flash as the chip reads it, decrypted.
func (ch *Chip) Plain(addr, size int) []byte {
	p := make([]byte, size)
	for i := range p {
		p[i] = ch.flash.Data[(addr+i)%len(ch.flash.Data)]
	}
	if ch.c.Encrypted {
		crypt(addr, p)
	}
	return p
}

// Put is how a factory writes: encrypted if the chip is.
func (ch *Chip) Put(addr int, p []byte) {
	q := append([]byte(nil), p...)
	if ch.c.Encrypted {
		crypt(addr, q)
	}
	copy(ch.flash.Data[addr:], q)
}

// Downloading says whether its loader runs.
func (ch *Chip) Downloading() bool { return ch.state == downloading }

// Running says whether its program runs.
func (ch *Chip) Running() bool { return ch.state == running }

// Attach implements standin.Device.
func (ch *Chip) Attach(w *standin.Wire) {
	ch.w = w
	ch.reset(true, ch.m.poweredOn())
}

// Power implements standin.Powered.
func (ch *Chip) Power(on bool) {
	if on {
		ch.state = inReset
		ch.usbFlag = false
		ch.reset(true, ch.m.poweredOn())
		return
	}
	ch.life++
	ch.state = off
	ch.w.Silence()
}

// Hold is a person's finger on BOOT.
func (ch *Chip) Hold(boot bool) { ch.bootButton = boot }

// Press is a person's finger on EN (RST).
func (ch *Chip) Press(en bool) {
	ch.enButton = en
	ch.pins()
}

// Lines implements standin.Device.
func (ch *Chip) Lines(dtr, rts bool) {
	switch ch.c.Port {
	case Manual:
	case UART:
		if ch.c.Inverted {
			dtr, rts = !dtr, !rts
		}
		// Two transistors: both asserted is as none.
		ch.en, ch.boot = rts && !dtr, dtr && !rts
		ch.pins()
	case JTAG:
		ch.usbLines(dtr, rts)
	case OTG: // its lines are the ROM's own, and it makes nothing of them
	}
}

// usbLines is what the peripheral makes of the lines: DTR alone remembers that the next reset goes into download mode, RTS alone
// resets, none forgets, both do nothing.
func (ch *Chip) usbLines(dtr, rts bool) {
	switch {
	case ch.state == off || ch.state == frozen:
	case !dtr && !rts:
		ch.usbFlag = false
	case dtr && !rts:
		ch.usbFlag = true
	case rts && !dtr:
		// The core alone is reset: what the pins were at the last full reset still holds.
		ch.reset(false, ch.m.byUSB())
	}
}

// leave takes a chip with USB of its own off the bus for a while.
func (ch *Chip) leave() {
	switch {
	case ch.Rebooted == 1: // it is switched on
	case ch.c.Port == JTAG && !ch.c.Stays, ch.c.Port == OTG:
		ch.w.Leave(ch.w.Between(300*time.Millisecond, 1500*time.Millisecond))
	}
}

// pins is EN and BOOT, after something changed.
func (ch *Chip) pins() {
	if ch.state == off {
		return
	}
	low := ch.en || ch.enButton
	switch {
	case low && ch.state != inReset:
		ch.life++
		ch.state = inReset
		ch.w.Silence()
		ch.leave()
	case low:
		ch.life++ // a rise that had begun is none
	case ch.state == inReset:
		ch.life++
		ch.later(ch.c.Rise, func() { ch.reset(true, ch.m.poweredOn()) })
	}
}

// later is After, in this life.
func (ch *Chip) later(d time.Duration, f func()) *standin.Timer {
	life := ch.life
	return ch.w.After(d, func() {
		if ch.life == life {
			f()
		}
	})
}

// reset starts it anew: with full, the pin BOOT decides.
func (ch *Chip) reset(full bool, cause string) {
	ch.life++
	ch.Rebooted++
	ch.w.Silence()
	ch.cause = cause
	if full {
		ch.strapped = ch.boot || ch.bootButton
	}
	forced := ch.rom.forced && !full
	download := ch.strapped || ch.usbFlag || forced
	ch.state = booting
	ch.rom = loader{ch: ch, forced: forced}
	ch.listen()
	ch.leave()
	ch.usbFlag = false
	if download {
		ch.later(ch.c.Times.Boot/2, ch.sayDownload)
		ch.later(ch.c.Times.Boot, ch.enter)
		return
	}
	ch.later(ch.c.Times.Boot, ch.start)
}

// listen sets the speed that a chip has after a reset.
func (ch *Chip) listen() {
	switch {
	case ch.c.Port == JTAG || ch.c.Port == OTG:
		ch.w.Listen(standin.USBSpeed)
	case ch.m.is8266():
		ch.w.Listen(74880)
	default:
		ch.w.Listen(115200)
	}
}

// Byte implements standin.Device.
func (ch *Chip) Byte(b byte, baud uint32) {
	if ch.state == downloading {
		ch.rom.byte(b, baud)
	}
}

// Break implements standin.Device.
func (ch *Chip) Break(time.Duration) {
	if ch.state == downloading {
		ch.rom.byte(0, ch.w.Speed())
	}
}
