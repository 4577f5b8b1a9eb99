package esp

import (
	"encoding/binary"
	"time"

	"unbrick/internal/standin"
)

func (l *loader) attach(body []byte) {
	if word(body, 1) != 0 {
		l.ch.Fault("SPI_ATTACH with something in its second word")
		l.reply(attach, nil, badParam)
		return
	}
	l.attached = true
	l.reply(attach, nil, fine)
}

func (l *loader) setParams(body []byte) {
	size := word(body, 1)
	good := l.attached && word(body, 0) == 0 && word(body, 2) == 0x10000 && word(body, 3) == 0x1000 && word(body, 4) == 0x100 &&
		word(body, 5) == 0xffff && size > 0 && size%sector == 0
	if !good {
		l.ch.Fault("SPI_SET_PARAMS with something else than what is documented, or before SPI_ATTACH")
		l.reply(setParams, nil, badParam)
		return
	}
	if int64(size) > int64(len(l.ch.flash.Data)) {
		l.ch.Fault("the size of the flash was set larger than it is")
	}
	l.size = int(min(size, uint32(len(l.ch.flash.Data))))
	l.write.allowed = true
	l.reply(setParams, nil, fine)
}

func (l *loader) securityInfo(body []byte) {
	ch := l.ch
	if len(body) != 0 {
		ch.Fault("a body of another length than its command has")
		l.reply(securityInfo, nil, badFormat)
		return
	}
	flags := uint32(0)
	for i, on := range []bool{ch.c.SecureBoot, false, ch.c.SecureDownload} {
		if on {
			flags |= 1 << i
		}
	}
	p := binary.LittleEndian.AppendUint32(nil, flags)
	p = append(p, byte(ch.cryptCount()), 0, 0, 0, 0, 0, 0, 0)
	if ch.m.info == 20 {
		p = binary.LittleEndian.AppendUint32(p, uint32(ch.m.id))
		p = binary.LittleEndian.AppendUint32(p, 1)
	}
	l.reply(securityInfo, p, fine)
}

// changeBaud answers at the old speed, and is deaf until it has found the new one.
func (l *loader) changeBaud(body []byte) {
	ch := l.ch
	want := word(body, 0)
	if word(body, 1) != 0 || want < 9600 || want > 5000000 {
		ch.Fault("CHANGE_BAUDRATE to a speed that there is not, or with a second word")
		l.reply(changeBaud, nil, badParam)
		return
	}
	l.reply(changeBaud, nil, fine)
	l.busy = true
	l.settle(ch.clocked(want))
}

// settle changes the speed when the answer is out.
func (l *loader) settle(baud uint32) {
	ch := l.ch
	if ch.w.Sending() {
		ch.later(100*time.Microsecond, func() { l.settle(baud) })
		return
	}
	if ch.w.Speed() != standin.USBSpeed {
		ch.w.Listen(baud)
	}
	l.work(10*time.Millisecond, func() {
		ch.w.Send([]byte{byte(ch.w.Random()), byte(ch.w.Random()), byte(ch.w.Random())})
	})
}

// clocked is the speed that a ROM comes to that believes in another clock than it has.
func (ch *Chip) clocked(baud uint32) uint32 {
	switch ch.m.name {
	case "esp32":
		return uint32(float64(baud) / ch.c.Clock)
	case "esp32c2":
		return uint32(uint64(baud) * uint64(ch.c.Crystal) / 40)
	case "esp32c5":
		return uint32(uint64(baud) * uint64(ch.c.Crystal) / believed)
	}
	return baud
}

// believed is what the ROM of an ESP32-C5 takes its crystal for.
const believed = 48
