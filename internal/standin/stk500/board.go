package stk500

import (
	"time"

	"unbrick/internal/standin"
)

// Kind is which boot loader a board has.
type Kind uint8

// The kinds.
const (
	Optiboot    Kind = iota // 4.4
	OldOptiboot             // blinks before it listens, and loses what came first
	ATmegaBOOT
	STK500Boot // of the Mega 2560
	Urboot
)

// Options are what a board is. What is zero is as on the board that Kind is best known from.
type Options struct {
	Kind      Kind
	Signature [3]byte
	Size      int // bytes of flash
	Page      int
	Loader    int // bytes of the boot loader, at the end
	Baud      uint32
	Flash     []byte // what it holds
	NoLines   bool   // the modem lines reset nothing: only Reset does
	Says      string // the program, when it starts
	Floods    string // the program, always
	Talks     uint32 // speed of the program; 0: the loader's
}

// Moments. Those of the loaders are of their sources; the rest are data sheets' or ours.
const (
	fuses     = 65 * time.Millisecond  // from a reset to the first instruction
	blink     = 375 * time.Millisecond // of an LED, before Optiboot reads
	blinkMega = 200 * time.Millisecond // and ATmegaBOOT
	watchdog  = time.Second            // of Optiboot; ATmegaBOOT counts to about as much
	leaving   = 16 * time.Millisecond  // the shortest watchdog
	first     = time.Second            // that stk500boot waits for a byte after a reset
	pause     = 5 * time.Second        // and between two
	erasing   = 4500 * time.Microsecond
	writing   = 4500 * time.Microsecond
	flooding  = 20 * time.Millisecond
	room      = 3 // bytes that a UART keeps unread
	buffer2   = 285
	maxErrors = 5
)

// Board is a standin.Device.
type Board struct {
	Tally standin.Tally
	NOR   *standin.NOR

	o    Options
	w    *standin.Wire
	dtr  bool
	rts  bool
	rows int // resets so far: what was to come before one does not

	state   state
	fifo    []heard
	busy    bool
	dog     *standin.Timer
	Starts  int // how often the program was started
	Resets  int
	errors  int
	addr    int
	seq     byte
	erase   int // stk500boot's counter of what is erased next
	cmd     []byte
	message []byte
	count   int // bytes since the reset
	bangs   int
	fresh   bool // nothing came since the reset
}

// heard is a byte in the UART.
type heard struct {
	b    byte
	good bool // its stop bit was there
}

// state is what a board does.
type state uint8

const (
	off     state = iota
	waiting       // its fuses' time runs
	loading
	deaf // a loader that waits for its watchdog
	running
)

// New makes a board that has no power yet.
func New(o Options) *Board {
	d := Options{Signature: [3]byte{0x1e, 0x95, 0x0f}, Size: 32 << 10, Page: 128, Loader: 512, Baud: 115200}
	switch o.Kind {
	case ATmegaBOOT:
		d.Loader, d.Baud = 2<<10, 57600
	case STK500Boot:
		d.Signature, d.Size, d.Page, d.Loader = [3]byte{0x1e, 0x98, 0x01}, 256<<10, 256, 8<<10
	}
	if o.Signature == [3]byte{} {
		o.Signature = d.Signature
	}
	o.Size, o.Page, o.Loader = or(o.Size, d.Size), or(o.Page, d.Page), or(o.Loader, d.Loader)
	o.Baud = uint32(or(int(o.Baud), int(d.Baud)))
	o.Talks = uint32(or(int(o.Talks), int(o.Baud)))
	b := &Board{o: o}
	b.NOR = standin.NewNOR(o.Size, o.Page, &b.Tally)
	copy(b.NOR.Data, o.Flash)
	for i := o.Size - o.Loader; i < o.Size; i++ { // its code: none that means something
		b.NOR.Data[i] = byte(i*7) | 1
	}
	return b
}

func or(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

var (
	_ standin.Device  = (*Board)(nil)
	_ standin.Powered = (*Board)(nil)
)

// Attach implements standin.Device.
func (b *Board) Attach(w *standin.Wire) {
	b.w = w
	b.Power(true)
}

// Power implements standin.Powered.
func (b *Board) Power(on bool) {
	b.stop()
	b.dtr, b.rts = false, false
	if on {
		b.boot(false)
	}
}

// Lines implements standin.Device. The capacitor makes a reset of the edge of either.
func (b *Board) Lines(dtr, rts bool) {
	edge := dtr && !b.dtr || rts && !b.rts
	b.dtr, b.rts = dtr, rts
	if edge && !b.o.NoLines && b.state != off {
		b.Reset()
	}
}

// Reset is what its button does.
func (b *Board) Reset() {
	b.Resets++
	b.stop()
	b.boot(true)
}

// Break implements standin.Device: a zero without its stop bit.
func (b *Board) Break(time.Duration) { b.hear(heard{0, false}) }

// Byte implements standin.Device.
func (b *Board) Byte(c byte, baud uint32) { b.hear(heard{c, near(baud, b.w.Speed())}) }

func near(a, b uint32) bool {
	return b == standin.AnySpeed || max(a, b)*100 <= min(a, b)*103
}

// stop ends what it does, without a trace.
func (b *Board) stop() {
	b.rows++
	b.dog.Stop()
	b.fifo, b.busy, b.state = b.fifo[:0], false, off
	b.w.Silence()
}

// after is standin.Wire.After until the next reset.
func (b *Board) after(d time.Duration, f func()) *standin.Timer {
	row := b.rows
	return b.w.After(d, func() {
		if row == b.rows {
			f()
		}
	})
}

// boot is what follows a reset: by RESET, or by power.
func (b *Board) boot(external bool) {
	b.state = waiting
	b.after(fuses, func() {
		switch {
		case !external && b.o.Kind != STK500Boot:
			b.start() // it looks at what the reset was
			return
		case b.o.Kind == Urboot:
			b.w.Listen(standin.AnySpeed)
		default:
			b.w.Listen(b.o.Baud)
		}
		b.state = loading
		b.errors, b.addr, b.seq, b.erase, b.count, b.bangs = 0, 0, 0, 0, 0, 0
		b.cmd, b.message, b.fresh = b.cmd[:0], b.message[:0], true
		b.feed()
		switch b.o.Kind {
		case Optiboot, OldOptiboot:
			b.work(blink)
		case ATmegaBOOT:
			b.work(blinkMega)
		}
	})
}

// feed begins the time anew after which the program starts.
func (b *Board) feed() {
	b.dog.Stop()
	d := watchdog
	if b.o.Kind == STK500Boot {
		d = pause
		if b.fresh {
			d = first
		}
	}
	b.dog = b.after(d, b.tired)
}

// tired is nobody having talked to it.
func (b *Board) tired() {
	if b.o.Kind == STK500Boot && !b.fresh && b.NOR.Data[0] == 0xff && b.NOR.Data[1] == 0xff {
		b.feed()
		return
	}
	b.start()
}

// leave lets the shortest watchdog start the program; nothing is heard meanwhile.
func (b *Board) leave() {
	b.state = deaf
	b.dog.Stop()
	b.after(leaving, b.start)
}

// start starts the program. Without one the chip runs through erased flash into its loader, which looks at what the reset was.
func (b *Board) start() {
	b.stop()
	b.state = running
	b.Starts++
	b.w.Listen(b.o.Talks)
	if b.NOR.Data[0] == 0xff && b.NOR.Data[1] == 0xff {
		return
	}
	b.w.Send([]byte(b.o.Says))
	b.flood()
}

func (b *Board) flood() {
	if b.o.Floods == "" {
		return
	}
	b.w.Send([]byte(b.o.Floods))
	b.after(flooding, b.flood)
}

// Running says whether its program runs.
func (b *Board) Running() bool { return b.state == running }

// hear is a byte at its UART.
func (b *Board) hear(h heard) {
	if b.state != loading {
		return
	}
	if len(b.fifo) >= room {
		if h.good {
			b.Tally.Fault("a byte came while three were unread, and is lost")
		}
		return
	}
	b.fifo = append(b.fifo, h)
	b.look()
}

// look lets the loader read what is there, while it has nothing else to do.
func (b *Board) look() {
	for len(b.fifo) > 0 && !b.busy && b.state == loading {
		h := b.fifo[0]
		b.fifo = append(b.fifo[:0], b.fifo[1:]...)
		b.take(h)
	}
}

// work keeps the loader from reading for so long.
func (b *Board) work(d time.Duration) {
	b.busy = true
	b.after(d, func() {
		b.busy = false
		if b.o.Kind == OldOptiboot && b.fresh && len(b.fifo) > 0 {
			b.fifo = append(b.fifo[:0], b.fifo[1:]...)
			b.fresh = false
		}
		b.look()
	})
}

// answer sends p. A loader waits until all but the last two bytes are on the line.
func (b *Board) answer(p ...byte) {
	b.w.Send(p)
	if n := len(p) - 2; n > 0 {
		b.work(time.Duration(n) * 10 * time.Second / time.Duration(b.o.Baud))
	}
}

// take is the loader reading a byte.
func (b *Board) take(h heard) {
	b.fresh = false
	if b.count++; h.b == '!' && b.count <= 10 {
		if b.bangs++; b.bangs == 3 {
			b.Tally.Fault("three exclamation marks open the monitor")
		}
	} else {
		b.bangs = 0
	}
	switch b.o.Kind {
	case STK500Boot:
		b.feed()
		b.take2(h.b)
	case Urboot:
		b.feed()
		b.takeUr(h.b)
	default:
		if h.good || b.o.Kind == ATmegaBOOT {
			b.feed()
		}
		b.take1(h.b)
	}
}

// fall reports whether writing at an address would fall upon the loader, or beyond, which is a mistake of the host.
func (b *Board) fall(addr, n int) bool {
	if addr+n <= b.o.Size-b.o.Loader {
		return false
	}
	b.Tally.Refused++
	b.Tally.Unwritten++
	b.Tally.Fault("a page falls upon the boot loader")
	return true
}
