package stk500

// Commands of version 1.
const (
	eop = 0x20
	in  = 0x14
	ok  = 0x10
)

// length is how many bytes a command has by what came of it, without what ends it; 0: not known yet.
func (b *Board) length() int {
	mega := b.o.Kind == ATmegaBOOT
	switch c := b.cmd; c[0] {
	case 'A':
		return 2
	case '@':
		if mega {
			if len(c) < 2 {
				return 0
			}
			if c[1] > 0x85 {
				return 3
			}
			return 2
		}
	case 'B':
		return 21
	case 'E':
		return 6
	case 'U':
		return 3
	case 'V':
		return 5
	case 't':
		return 4
	case 'd':
		if len(c) < 4 {
			return 0
		}
		return 4 + b.pageLength(b.cmd)
	}
	return 1
}

// pageLength is the length that a page command has. Optiboot looks at the lower byte, and takes 0 for 256.
func (b *Board) pageLength(cmd []byte) int {
	n := int(cmd[1])<<8 | int(cmd[2])
	if b.o.Kind == ATmegaBOOT {
		return n
	}
	if n&0xff == 0 {
		return 256
	}
	return n & 0xff
}

// take1 is a byte for a loader of version 1.
func (b *Board) take1(c byte) {
	if len(b.cmd) == 0 && b.o.Kind == ATmegaBOOT && !known(c) {
		b.miss()
		return
	}
	if len(b.cmd) > 0 && len(b.cmd) == b.length() {
		b.end1(c == eop)
		return
	}
	b.cmd = append(b.cmd, c)
	if b.cmd[0] == 'd' && len(b.cmd) == 4 {
		if n := b.pageLength(b.cmd); n > 256 || n == 0 {
			b.Tally.Fault("a page that is longer than the loader's memory for it")
			b.leave()
		} else if b.o.Kind != ATmegaBOOT && b.addr+n <= b.o.Size-b.o.Loader {
			b.NOR.Erase(b.addr) // while the bytes come
		}
	}
}

// known reports whether ATmegaBOOT knows a command.
func known(c byte) bool {
	switch c {
	case '0', '1', '@', 'A', 'B', 'E', 'P', 'R', 'Q', 'U', 'V', 'd', 't', 'u', 'v':
		return true
	}
	return false
}

// miss is something that ATmegaBOOT did not expect.
func (b *Board) miss() {
	b.cmd = b.cmd[:0]
	if b.errors++; b.errors == maxErrors {
		b.start()
	}
}

// end1 is a command being whole, with its end or with something else there.
func (b *Board) end1(good bool) {
	cmd := b.cmd
	b.cmd = b.cmd[:0]
	mega := b.o.Kind == ATmegaBOOT
	if !good {
		if mega {
			b.miss()
		} else {
			b.leave()
		}
		return
	}
	switch cmd[0] {
	case 'A':
		b.answer(in, b.parameter(cmd[1]), ok)
	case 'U':
		b.addr = int(cmd[1]) | int(cmd[2])<<8
		if !mega {
			b.addr <<= 1
		}
		b.answer(in, ok)
	case 'V':
		v := byte(0)
		if mega && cmd[1] == 0x30 {
			v = b.o.Signature[min(cmd[3], 2)]
		}
		b.answer(in, v, ok)
	case 'u':
		s := b.o.Signature
		b.answer(in, s[0], s[1], s[2], ok)
	case '1':
		if mega {
			b.answer([]byte("\x14AVR ISP\x10")...)
		} else {
			b.answer(in, ok)
		}
	case 'v':
		if mega {
			b.answer(in, 0, ok)
		} else {
			b.answer(in, ok)
		}
	case 'd':
		b.program1(cmd[3], cmd[4:])
	case 't':
		b.read1(b.pageLength(cmd))
	case 'Q':
		b.answer(in, ok)
		b.leave()
	default:
		b.answer(in, ok)
	}
}

func (b *Board) parameter(which byte) byte {
	if b.o.Kind == ATmegaBOOT {
		return map[byte]byte{0x80: 2, 0x81: 1, 0x82: 16, 0x98: 3}[which]
	}
	switch which {
	case 0x81:
		return 4
	case 0x82:
		return 4
	}
	return 3
}

// scale is ATmegaBOOT making bytes of words in place, at each command.
func (b *Board) scale() {
	if b.o.Kind == ATmegaBOOT {
		if b.addr > 0xffff {
			b.addr &= 0xffff
		}
		b.addr <<= 1
		if b.o.Size <= 64<<10 {
			b.addr &= 0xffff
		}
	}
}

func (b *Board) program1(memory byte, data []byte) {
	b.scale()
	b.Tally.Writes++
	if memory != 'F' {
		b.Tally.Fault("what is not flash is written")
	}
	if len(data) != b.o.Page || b.addr%b.o.Page != 0 {
		b.Tally.Fault("a page is not whole")
	}
	if b.fall(b.addr, len(data)) || memory != 'F' {
		b.answer(in, ok)
		return
	}
	if b.o.Kind == ATmegaBOOT {
		b.NOR.Erase(b.addr)
	}
	b.NOR.Program(b.addr, data)
	b.busy = true
	d := writing
	if b.o.Kind == ATmegaBOOT {
		d += erasing
	}
	b.after(d, func() {
		b.w.Send([]byte{in, ok})
		b.busy = false
		b.look()
	})
}

func (b *Board) read1(n int) {
	b.scale()
	p := []byte{in}
	for range n {
		p = append(p, b.NOR.Data[b.addr%b.o.Size])
		b.addr++
	}
	b.answer(append(p, ok)...)
}

// takeUr is a byte for urboot: each command is answered with two bytes that tell what it is.
func (b *Board) takeUr(c byte) {
	b.cmd = append(b.cmd, c)
	switch n := len(b.cmd); {
	case n == 1 && c < 4:
		b.Tally.Refused++
		b.Tally.Unwritten++
		b.Tally.Fault("a command of urboot's own, of which nothing is known here")
		b.leave()
	case n == 2 && c == eop:
		leaves := b.cmd[0] == 'Q'
		b.cmd = b.cmd[:0]
		b.answer(urSync, urOK)
		if leaves {
			b.leave()
		}
	case n == 2:
		b.leave()
	}
}

// What urboot answers here: chip 137 of its list, flash that can be read.
const (
	urSync = (4*2040 + 137) / 255
	urOK   = (4*2040+137)%255 + 1
)
