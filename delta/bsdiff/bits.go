package bsdiff

// bits reads a bzip2 stream bit by bit, the highest first. Past the end it gives zeros and is short.
type bits struct {
	in    []byte
	at    int    // bytes of in that are in acc or gone
	acc   uint64 // the next n bits, at the top
	n     uint
	short bool
}

func (b *bits) fill() {
	for b.n <= 56 && b.at < len(b.in) {
		b.acc |= uint64(b.in[b.at]) << (56 - b.n)
		b.at++
		b.n += 8
	}
}

// take returns the next n bits, at most 32.
func (b *bits) take(n uint) uint32 {
	v := b.peek(n)
	b.skip(n)
	return v
}

// peek returns what take would, and leaves it there.
func (b *bits) peek(n uint) uint32 {
	if b.n < n {
		b.fill()
	}
	return uint32(b.acc >> (64 - n))
}

// skip drops n bits that were peeked at.
func (b *bits) skip(n uint) {
	if n > b.n {
		b.short = true
		n = b.n
	}
	b.acc <<= n
	b.n -= n
}

// rest reports whether nothing but the zeros that fill the last byte are left.
func (b *bits) rest() bool {
	return !b.short && b.at == len(b.in) && b.n < 8 && b.acc == 0
}
