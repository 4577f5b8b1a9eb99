package esp

import (
	"context"

	"unbrick/restore/family"
)

// Bits of the controller's registers.
const (
	spiGo      = 1 << 18
	useCommand = 1 << 31
	useAddress = 1 << 30
	useDummy   = 1 << 29
	useMISO    = 1 << 28
	spiPolls   = 10
)

// Commands of the flash (JEDEC JESD216).
const (
	readID   = 0x9f
	readData = 0x03
	readSFDP = 0x5a
)

// spi sends one command to the flash through the chip's registers, and reads n words of its answer.
func (l *Loader) spi(ctx context.Context, command uint32, addr uint32, addrBits, dummy uint32, n int) ([]uint32, error) {
	s := &l.chip.spi
	var err error
	read := func(reg uint32) uint32 {
		var v uint32
		if err == nil {
			v, err = l.rom.readReg(ctx, s.base+reg)
		}
		return v
	}
	write := func(reg, v uint32) {
		if err == nil {
			err = l.rom.writeReg(ctx, s.base+reg, v)
		}
	}
	oldUsr, oldUsr2 := read(s.usr), read(s.usr2)
	bits := uint32(32 * n)
	if command == readID {
		bits = 24
	}
	usr, usr1 := uint32(useCommand|useMISO), uint32(0)
	if s.length {
		write(s.miso, bits-1)
	} else {
		usr1 |= (bits - 1) << 8
	}
	if addrBits != 0 {
		usr |= useAddress
		usr1 |= (addrBits - 1) << 26
	}
	if dummy != 0 {
		usr |= useDummy
		usr1 |= dummy - 1
	}
	if usr1 != 0 {
		write(s.usr1, usr1)
	}
	write(s.usr, usr)
	write(s.usr2, 7<<28|command)
	if addrBits != 0 {
		if s.addressTop {
			addr <<= 32 - addrBits
		}
		write(4, addr)
	}
	write(s.w0, 0)
	write(0, spiGo)
	busy := true
	for i := 0; busy && err == nil && i < spiPolls; i++ {
		busy = read(0)&spiGo != 0
	}
	if busy && err == nil {
		return nil, errLost
	}
	answer := make([]uint32, n)
	for i := range answer {
		answer[i] = read(s.w0 + 4*uint32(i))
	}
	write(s.usr, oldUsr)
	write(s.usr2, oldUsr2)
	return answer, err
}

// flashSize asks the flash how large it is; 0: there is none that answers.
func (l *Loader) flashSize(ctx context.Context) (uint32, error) {
	var last uint32
	for try := range 4 { // until two agree
		w, err := l.spi(ctx, readID, 0, 0, 0, 1)
		if err != nil {
			return 0, err
		}
		id := w[0] & 0xffffff
		if try > 0 && id == last {
			break
		}
		last = id
	}
	if last == 0 || last == 0xffffff || last == 0xffff3f {
		return 0, nil
	}
	if size := sizeOf(last); size != 0 {
		return size, nil
	}
	return l.described(ctx)
}

// sizeOf reads the size out of a JEDEC id: vendor, type and capacity, the lowest byte first; 0: it does not say.
func sizeOf(id uint32) uint32 {
	vendor, kind, capacity := id&0xff, id>>8&0xff, id>>16&0xff
	switch {
	case vendor == 0x1f && kind&0x1f >= 4 && kind&0x1f <= 9: // Adesto
		return 512 << 10 << (kind&0x1f - 4)
	case capacity >= 0x12 && capacity <= 0x19:
		return 1 << capacity
	case capacity >= 0x1a && capacity <= 0x1c:
		return 64 << 20 << (capacity - 0x1a)
	case capacity >= 0x20 && capacity <= 0x22:
		return 64 << 20 << (capacity - 0x20)
	case capacity >= 0x32 && capacity <= 0x3a:
		return 256 << 10 << (capacity - 0x32)
	}
	return 0
}

// described reads the size in the flash's own description (JESD216, basic table, second word); 0: it has none.
func (l *Loader) described(ctx context.Context) (uint32, error) {
	word := func(addr uint32) (uint32, error) {
		w, err := l.spi(ctx, readSFDP, addr, 24, 8, 1)
		if err != nil {
			return 0, err
		}
		return w[0], nil
	}
	mark, err := word(0)
	if err != nil || mark != 0x50444653 {
		return l.guessed(), err
	}
	table, err := word(12)
	if err != nil {
		return 0, err
	}
	bits, err := word(table&0xffffff + 4)
	if err != nil {
		return 0, err
	}
	if bits>>31 == 0 && bits > 1<<20 && (bits+1)%8 == 0 {
		return (bits + 1) / 8, nil
	}
	return l.guessed(), nil
}

// guessed is what a flash is taken for that answers and does not say its size.
func (l *Loader) guessed() uint32 {
	l.board.Notes = append(l.board.Notes, family.SizeGuess)
	return 4 << 20
}

// spiRead reads at most 64 bytes of flash through the registers: all that an ESP8266 offers.
func (l *Loader) spiRead(ctx context.Context, addr uint32, p []byte) error {
	n := (len(p) + 3) / 4
	w, err := l.spi(ctx, readData, addr, 24, 0, n)
	if err != nil {
		return err
	}
	copy(p, words(w...))
	return nil
}
