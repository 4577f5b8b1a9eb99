// Package stm32 is the system boot loader of an STM32 as far as it takes to be recognised, after ST's AN3155: it measures the speed by the
// first byte, and refuses what it does not know. It is stricter than the chip: after another first byte, or a break, it is mute until a
// reset, and it obeys no command that reads, erases, writes or starts: it refuses each, and counts it.
package stm32

import (
	"time"

	"unbrick/internal/standin"
)

const (
	ack  = 0x79
	nack = 0x1f
	sync = 0x7f
)

// Loader is a standin.Device: an STM32F1 of medium density with its loader of version 2.2, BOOT0 high, and no reset on the modem lines.
type Loader struct {
	Tally standin.Tally

	w     *standin.Wire
	state state
	speed uint32 // that it has measured
	op    byte
}

type state uint8

const (
	measuring state = iota
	command
	complement
	mute
)

const (
	version = 0x22
	id      = 0x410
)

// opcodes are the commands that it names: Get, Get Version, Get ID, and those that it never obeys here.
var opcodes = []byte{0x00, 0x01, 0x02, 0x11, 0x21, 0x31, 0x43, 0x63, 0x73, 0x82, 0x92}

var (
	_ standin.Device  = (*Loader)(nil)
	_ standin.Powered = (*Loader)(nil)
)

// Attach implements standin.Device.
func (l *Loader) Attach(w *standin.Wire) {
	l.w = w
	l.Reset()
}

// Move puts it on another wire as it is, in the middle of whatever it was.
func (l *Loader) Move(w *standin.Wire) {
	l.w = w
	w.Listen(standin.AnySpeed)
	if l.speed != 0 {
		w.Listen(l.speed)
	}
}

// Power implements standin.Powered.
func (l *Loader) Power(bool) { l.Reset() }

// Reset is what its button does.
func (l *Loader) Reset() {
	l.state, l.speed = measuring, 0
	l.w.Silence()
	l.w.Listen(standin.AnySpeed)
}

// Lines implements standin.Device.
func (l *Loader) Lines(bool, bool) {}

// Break implements standin.Device: it is measured like any first byte.
func (l *Loader) Break(time.Duration) {
	if l.state == measuring {
		l.state = mute
	}
}

// Muted says whether only a reset makes it hear again.
func (l *Loader) Muted() bool { return l.state == mute }

// Byte implements standin.Device.
func (l *Loader) Byte(b byte, baud uint32) {
	switch l.state {
	case measuring:
		l.state = mute
		if b == sync && baud >= 1200 && baud <= 115200 {
			l.state, l.speed = command, baud
			l.w.Listen(baud)
			l.w.Send([]byte{ack})
		}
	case command:
		l.op, l.state = b, complement
	case complement:
		l.state = command
		if l.op^b != 0xff {
			l.w.Send([]byte{nack})
			return
		}
		l.obey()
	case mute:
	}
}

func (l *Loader) obey() {
	switch l.op {
	case 0x00:
		l.w.Send(append(append([]byte{ack, byte(len(opcodes)), version}, opcodes...), ack))
	case 0x01:
		l.w.Send([]byte{ack, version, 0, 0, ack})
	case 0x02:
		l.w.Send([]byte{ack, 1, id >> 8, id & 0xff, ack})
	default:
		l.Tally.Refused++
		if l.op != 0x11 { // reading changes nothing
			l.Tally.Unwritten++
		}
		l.w.Send([]byte{nack})
	}
}
