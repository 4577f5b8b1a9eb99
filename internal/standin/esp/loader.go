package esp

import (
	"encoding/binary"
	"time"

	"unbrick/internal/standin"
)

// Commands.
const (
	flashBegin   = 0x02
	flashData    = 0x03
	flashEnd     = 0x04
	memBegin     = 0x05
	memEnd       = 0x06
	memData      = 0x07
	sync         = 0x08
	writeReg     = 0x09
	readReg      = 0x0a
	setParams    = 0x0b
	attach       = 0x0d
	readSlow     = 0x0e
	changeBaud   = 0x0f
	deflBegin    = 0x10
	deflData     = 0x11
	deflEnd      = 0x12
	flashMD5     = 0x13
	securityInfo = 0x14
)

// Errors of the ROM.
const (
	fine        = 0
	badParam    = 0x01
	badFormat   = 0x05
	failed      = 0x06
	badChecksum = 0x07
	badWrite    = 0x08
	badLength   = 0x0a
	badDeflate  = 0x0b
	badAdler    = 0x0c
	badSize     = 0x0d
)

const (
	fifo      = 128 // bytes that a chip keeps while it is busy
	romLimit  = 16 << 20
	patience  = 5 * time.Second // of the watchdogs on the chip's own USB port
	firstSize = 2 << 20         // of the flash, until SPI_SET_PARAMS
)

// loader is the ROM's loader, from one reset to the next.
type loader struct {
	ch     *Chip
	slip   slip
	fifo   []byte
	busy   bool
	synced int // SYNC frames that came
	heard  bool
	forced bool // download mode by a register
	regs   registers
	write  writing

	attached bool
	size     int // that was set
}

func (l *loader) begin() {
	ch := l.ch
	l.size = min(firstSize, len(ch.flash.Data))
	l.regs.begin(ch)
	if ch.m.old {
		ch.w.Listen(standin.AnySpeed)
	}
	if ch.c.Port == JTAG {
		ch.later(patience, l.bark)
	}
}

// bark is the watchdogs of the chip's own USB port, which its reset leaves on.
func (l *loader) bark() {
	if l.regs.wdtOff && l.regs.swdFed {
		return
	}
	l.ch.reset(true, l.ch.m.byWatchdog())
}

// byte is one of the host's.
func (l *loader) byte(b byte, baud uint32) {
	if l.busy {
		if len(l.fifo) == fifo {
			l.ch.Fault("bytes were sent while the chip was busy, and lost")
			return
		}
		l.fifo = append(l.fifo, b)
		return
	}
	frame, wrong, outside := l.slip.add(b)
	switch {
	case outside:
		if l.heard {
			l.ch.Fault("a byte outside of any frame")
		}
	case wrong != "":
		l.ch.Fault(wrong)
	case frame != nil:
		l.request(frame, baud)
	}
}

// work makes the chip deaf for so long, and then does f.
func (l *loader) work(d time.Duration, f func()) {
	l.busy = true
	l.ch.later(d, func() {
		l.busy = false
		f()
		// What came meanwhile is heard now, until it makes it busy again.
		for len(l.fifo) > 0 && !l.busy && l.ch.state == downloading {
			b := l.fifo[0]
			l.fifo = l.fifo[1:]
			l.byte(b, l.ch.w.Speed())
		}
	})
}

// request is a frame that is complete.
func (l *loader) request(f []byte, baud uint32) {
	ch := l.ch
	if len(f) < 8 || f[0] != 0 {
		ch.Fault("a frame that is no request")
		return
	}
	op, body := f[1], append([]byte(nil), f[8:]...)
	sum := binary.LittleEndian.Uint32(f[4:])
	if int(binary.LittleEndian.Uint16(f[2:])) != len(body) {
		ch.Fault("a request whose length is not that of its body")
		if l.heard {
			l.answer(op, 0, nil, badFormat)
		}
		return
	}
	if op == sync {
		l.sync(body, baud)
		return
	}
	if !l.heard {
		ch.Fault("a request before SYNC was answered")
		return
	}
	if op != flashData && op != deflData && op != memData && sum != 0 {
		ch.Fault("a checksum in a request that has none")
	}
	l.work(ch.c.Times.Command, func() { l.command(op, body, sum) })
}

// sync answers SYNC eight times, but for the first one, which is lost.
func (l *loader) sync(body []byte, baud uint32) {
	ch := l.ch
	good := len(body) == 36 && body[0] == 7 && body[1] == 7 && body[2] == 0x12 && body[3] == 0x20
	for i := 4; good && i < 36; i++ {
		good = body[i] == 0x55
	}
	if !good {
		ch.Fault("a SYNC of something else")
		return
	}
	if ch.w.Speed() == standin.AnySpeed {
		if baud < 9600 || baud > 921600 {
			return
		}
		ch.w.Listen(baud)
	}
	if l.synced++; l.synced == 1 {
		// A port that begins to work says anything, and perhaps the beginning of an answer.
		noise := []byte{byte(ch.w.Random()), byte(ch.w.Random()), byte(ch.w.Random())}
		if ch.w.Random()&1 == 0 {
			noise = append(noise, end, 1, sync)
		}
		ch.w.Send(noise)
		return
	}
	l.heard = true
	ch.Syncs++
	l.busy = true
	for i := range 8 {
		ch.later(ch.c.Times.Command+time.Duration(i)*30*time.Millisecond/8, func() {
			l.answer(sync, uint32(ch.w.Random())|1, nil, fine)
		})
	}
	l.work(27*time.Millisecond, func() {})
}

// answer sends one.
func (l *loader) answer(op byte, value uint32, data []byte, code byte) {
	ch := l.ch
	status := make([]byte, ch.m.status())
	if code != fine {
		status[0], status[1] = 1, code
	}
	for i := 2; i < len(status); i++ {
		status[i] = byte(ch.w.Random())
	}
	p := []byte{1, op}
	p = binary.LittleEndian.AppendUint16(p, uint16(len(data)+len(status)))
	p = binary.LittleEndian.AppendUint32(p, value)
	p = append(append(p, data...), status...)
	ch.w.Send(wrap(p))
}

// reply is an answer with a random value.
func (l *loader) reply(op byte, data []byte, code byte) {
	l.answer(op, uint32(l.ch.w.Random()), data, code)
}

// unknown is what a ROM says to a command that it does not have.
func (l *loader) unknown(op byte) {
	if l.ch.w.Random()&1 == 0 {
		op = byte(l.ch.w.Random())
	}
	for range 8 {
		l.reply(op, nil, badFormat)
	}
}

// forbidden refuses what a protection forbids.
func (l *loader) forbidden(op byte) {
	l.ch.Refused++
	l.unknown(op)
}

// lengths of the bodies; 0: checked elsewhere.
func (l *loader) length(op byte) int {
	switch op {
	case flashBegin, deflBegin:
		if l.ch.m.old {
			return 16
		}
		return 20
	case flashEnd, deflEnd, readReg:
		return 4
	case attach, changeBaud, readSlow:
		return 8
	case setParams:
		return 24
	case flashMD5:
		return 16
	}
	return 0
}

// known says whether the chip has a command at all.
func (l *loader) known(op byte) bool {
	switch op {
	case flashBegin, flashData, flashEnd, writeReg, readReg:
		return true
	case setParams, attach, readSlow, changeBaud, deflBegin, deflData, deflEnd, flashMD5:
		return !l.ch.m.is8266()
	case securityInfo:
		return l.ch.m.info > 0
	}
	return false
}

// open says whether a command is left in secure download mode.
func open(op byte) bool {
	switch op {
	case flashBegin, flashData, flashEnd, setParams, attach, changeBaud, securityInfo:
		return true
	}
	return false
}

// command carries out a request.
func (l *loader) command(op byte, body []byte, sum uint32) {
	ch := l.ch
	switch {
	case op == memBegin || op == memData || op == memEnd:
		// No family of ours loads anything into RAM.
		ch.Fault("a stub was to be loaded")
		l.forbidden(op)
		return
	case !l.known(op):
		l.unknown(op)
		return
	case ch.c.SecureDownload && !open(op):
		if op == deflBegin || op == deflData {
			ch.Unwritten++
		}
		l.forbidden(op)
		return
	}
	if n := l.length(op); n != 0 && len(body) != n {
		ch.Fault("a body of another length than its command has")
		l.reply(op, nil, badFormat)
		return
	}
	switch op {
	case readReg:
		l.answer(op, l.regs.read(word(body, 0)), nil, fine)
	case writeReg:
		l.writeRegisters(body)
	case attach:
		l.attach(body)
	case setParams:
		l.setParams(body)
	case securityInfo:
		l.securityInfo(body)
	case changeBaud:
		l.changeBaud(body)
	case flashBegin, deflBegin:
		l.beginWrite(op, body)
	case flashData, deflData:
		l.data(op, body, sum)
	case flashEnd, deflEnd:
		l.endWrite(op, body)
	case flashMD5:
		l.md5(body)
	case readSlow:
		l.readSlow(body)
	}
}

// word is one of a body.
func word(body []byte, i int) uint32 { return binary.LittleEndian.Uint32(body[4*i:]) }
