package esp

import "encoding/binary"

// spi is the flash controller, as far as READ_REG and WRITE_REG reach it: what its user-defined commands do.
type spi struct {
	ch      *Chip
	addr    uint32
	usr     uint32
	usr1    uint32
	usr2    uint32
	mosi    uint32 // length, less 1
	miso    uint32
	w       [16]uint32
	pending int  // reads of the command register until it is done
	slept   bool // the flash is in deep power-down
}

// layout is where the registers are, behind the base.
type layout struct{ usr, usr1, usr2, mosi, miso, w0 uint32 }

func (s *spi) layout() layout {
	switch {
	case s.ch.m.is8266():
		return layout{usr: 0x1c, usr1: 0x20, usr2: 0x24, w0: 0x40}
	case s.ch.m.spiOld:
		return layout{usr: 0x1c, usr1: 0x20, usr2: 0x24, mosi: 0x28, miso: 0x2c, w0: 0x80}
	}
	return layout{usr: 0x18, usr1: 0x1c, usr2: 0x20, mosi: 0x24, miso: 0x28, w0: 0x58}
}

// at is a register by its address; nil: there is none.
func (s *spi) at(addr uint32) *uint32 {
	l, off := s.layout(), addr-s.ch.m.spi
	switch {
	case off >= l.w0 && off < l.w0+64 && off%4 == 0:
		return &s.w[(off-l.w0)/4]
	case off == 4:
		return &s.addr
	case off == l.usr:
		return &s.usr
	case off == l.usr1:
		return &s.usr1
	case off == l.usr2:
		return &s.usr2
	case off == l.mosi && l.mosi != 0:
		return &s.mosi
	case off == l.miso && l.miso != 0:
		return &s.miso
	}
	return nil
}

func (s *spi) read(addr uint32) (uint32, bool) {
	if addr == s.ch.m.spi {
		if s.pending > 0 {
			s.pending--
			return 1 << 18, true
		}
		return 0, true
	}
	if p := s.at(addr); p != nil {
		return *p, true
	}
	return 0, false
}

func (s *spi) write(addr, value, mask uint32) bool {
	if addr == s.ch.m.spi {
		if value != 1<<18 {
			s.ch.Fault("a command of the flash controller that is no user-defined one")
			return true
		}
		s.pending = 1
		s.run()
		return true
	}
	p := s.at(addr)
	if p == nil {
		return false
	}
	*p = *p&^mask | value&mask
	return true
}

// run carries out a user-defined command.
func (s *spi) run() {
	ch := s.ch
	if s.usr>>31 == 0 || s.usr2>>28 != 7 {
		ch.Fault("a command of the flash that is not 8 bits long")
		return
	}
	bits := 0
	if s.usr>>28&1 == 1 {
		bits = int(s.miso) + 1
		if ch.m.is8266() {
			bits = int(s.usr1>>8&0x1ff) + 1
		}
	}
	addr := -1
	if s.usr>>30&1 == 1 {
		n := s.usr1>>26&0x3f + 1
		if n != 24 {
			ch.Fault("an address of the flash that is not 24 bits long")
			return
		}
		addr = int(s.addr & 0xffffff)
		if ch.m.spiOld {
			addr = int(s.addr >> 8)
		}
	}
	dummy := 0
	if s.usr>>29&1 == 1 {
		dummy = int(s.usr1&0xff) + 1
		if ch.m.spiOld {
			dummy = int(s.usr1&0xff) + 1
		}
	}
	answer := s.flash(byte(s.usr2), addr, dummy)
	if bits == 0 {
		return
	}
	out := make([]byte, 64)
	if ch.rom.attached && !ch.unpowered() {
		copy(out, answer)
	}
	for i := range (min(bits, 512) + 31) / 32 {
		v := binary.LittleEndian.Uint32(out[4*i:])
		if left := bits - 32*i; left < 32 {
			mask := uint32(1)<<left - 1
			v = v&mask | s.w[i]&^mask
		}
		s.w[i] = v
	}
}

// unpowered says that a P4 of a late revision was not told to switch its flash on.
func (ch *Chip) unpowered() bool {
	return ch.m.name == "esp32p4" && ch.c.Major == 3 && (ch.c.Minor == 1 || ch.c.Minor == 2) && !ch.c.WithoutPowerPin &&
		(ch.rom.regs.own[0x5011010c] != 1 || ch.rom.regs.own[0x501153fc] == 0)
}

// flash is what a flash answers to a command.
func (s *spi) flash(command byte, addr, dummy int) []byte {
	ch := s.ch
	if s.slept && command != 0xab {
		return nil
	}
	switch command {
	case 0x9f:
		return []byte{byte(ch.c.JEDEC), byte(ch.c.JEDEC >> 8), byte(ch.c.JEDEC >> 16)}
	case 0x05:
		if ch.c.Locked {
			return []byte{0x7c}
		}
		return []byte{0}
	case 0x35, 0x15:
		return []byte{0}
	case 0x5a:
		if addr < 0 || dummy != 8 {
			ch.Fault("SFDP without its address and eight dummy bits")
			return nil
		}
		if addr == 0 {
			return []byte("SFDP")
		}
		return []byte{0xff, 0xff, 0xff, 0xff}
	case 0x03:
		if addr < 0 {
			ch.Fault("reading the flash without an address")
			return nil
		}
		p := make([]byte, 64)
		for i := range p {
			p[i] = ch.flash.Data[(addr+i)%len(ch.flash.Data)]
		}
		return p
	case 0xb9:
		s.slept = true
	case 0xab, 0x66, 0x99, 0x79, 0xff:
		s.slept = false
	case 0x06, 0x01, 0x02, 0x20, 0x52, 0xd8, 0x60, 0xc7:
		ch.Refused++
		ch.Unwritten++
		ch.Fault("a command of the flash that writes")
	default:
		ch.Fault("a command that no flash here has")
	}
	return nil
}
