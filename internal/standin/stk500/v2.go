package stk500

import "time"

// take2 is a byte for stk500boot. It collects a message as that does: what does not fit one begins anew, without a word.
func (b *Board) take2(c byte) {
	m := append(b.message, c)
	again := false
	switch n := len(m); {
	case n == 1:
		again = c != 0x1b
	case n == 2:
		again = c != 1 && c != b.seq
	case n == 5:
		again = c != 0x0e
	case n > 5:
		size := int(m[2])<<8 | int(m[3])
		if n-5 > buffer2 {
			b.Tally.Fault("a message is longer than the loader's memory for it, and destroys that")
			b.state = deaf
			b.dog.Stop()
			return
		}
		if n == size+6 {
			again = true
			sum := byte(0)
			for _, x := range m {
				sum ^= x
			}
			if sum == 0 {
				b.message = m[:0]
				b.obey(m[1], m[5:5+size])
				return
			}
		}
	}
	b.message = m
	if again {
		b.message = m[:0]
	}
}

const (
	good2   = 0x00
	failed2 = 0xc0
)

// obey does what a message says.
func (b *Board) obey(seq byte, m []byte) {
	b.seq = seq
	arg := func(i int) byte {
		if i < len(m) {
			return m[i]
		}
		b.Tally.Fault("a message is too short")
		return 0
	}
	number := func(i int) int { return int(arg(i))<<8 | int(arg(i+1)) }
	sign := func(i byte) byte { return b.o.Signature[min(i, 2)] }
	if len(m) == 0 {
		b.Tally.Fault("a message says nothing")
		return
	}
	switch c := m[0]; c {
	case 0x01:
		b.say(append([]byte{c, good2, 8}, "AVRISP_2"...))
	case 0x02, 0x10:
		b.say([]byte{c, good2})
	case 0x03:
		v := map[byte]byte{0x90: 15, 0x91: 2, 0x92: 10}[arg(1)]
		b.say([]byte{c, good2, v})
	case 0x06:
		w := number(1)<<16 | number(3)
		b.addr = w << 1 & (1<<32 - 1)
		b.say([]byte{c, good2})
	case 0x11:
		b.say([]byte{c, good2})
		b.after(time.Duration(8)*10*time.Second/time.Duration(b.o.Baud), b.start)
	case 0x12:
		b.erase = 0
		b.say([]byte{c, failed2})
	case 0x13:
		if n := number(1); n < 2 || len(m) != 10+n {
			b.Tally.Fault("a page's length is not that of its message")
			b.say([]byte{c, good2})
		} else {
			b.program2(m[10:])
		}
	case 0x14:
		n := number(1)
		p := []byte{c, good2}
		for range min(n, buffer2-3) {
			p = append(p, b.NOR.Data[b.addr%b.o.Size])
			b.addr++
		}
		b.say(append(p, good2))
	case 0x1b:
		b.say([]byte{c, good2, sign(arg(4)), good2})
	case 0x1d:
		v := byte(0)
		if arg(4) == 0x30 {
			v = sign(arg(6))
		}
		b.say([]byte{c, good2, 0, arg(4), 0, v, good2})
	default:
		b.say([]byte{c, failed2})
	}
}

// program2 erases the page that its counter is at, and programs the one that its address is at.
func (b *Board) program2(p []byte) {
	b.Tally.Writes++
	if len(p) != b.o.Page || b.addr%b.o.Page != 0 {
		b.Tally.Fault("a page is not whole")
	}
	if b.fall(b.addr, len(p)) {
		b.say([]byte{0x13, good2})
		return
	}
	d := writing
	if b.erase < b.o.Size-b.o.Loader {
		b.NOR.Erase(b.erase)
		b.erase += b.o.Page
		d += erasing
	}
	if !b.NOR.Program(b.addr, p) {
		b.Tally.Fault("a page is programmed that was not erased")
	}
	b.addr += len(p)
	b.busy = true
	b.after(d, func() {
		b.busy = false
		b.say([]byte{0x13, good2})
		b.look()
	})
}

// say answers a message.
func (b *Board) say(body []byte) {
	m := append([]byte{0x1b, b.seq, byte(len(body) >> 8), byte(len(body)), 0x0e}, body...)
	sum := byte(0)
	for _, x := range m {
		sum ^= x
	}
	b.answer(append(m, sum)...)
	b.seq++
}
