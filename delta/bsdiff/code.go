package bsdiff

const (
	maxLength  = 20  // of a Huffman code, in bits
	maxSymbols = 258 // 256 byte values, one more run symbol, end of block
)

// code is one canonical Huffman code. Its symbols, shortest code first and then in order, lie with all
// others' in the memory of the reader, two bytes each.
type code struct {
	limit   [maxLength + 1]uint32 // first code that is longer, with maxLength bits
	base    [maxLength + 1]int32  // what to add to a code of this length for the index of its symbol
	symbols []byte
}

// build makes the code of the given lengths, each 1 to maxLength. It reports false if there is none.
func (c *code) build(lengths []uint8) bool {
	var count [maxLength + 1]uint32
	for _, l := range lengths {
		count[l]++
	}
	next, index := uint32(0), int32(0)
	for l := 1; l <= maxLength; l++ {
		next <<= 1
		c.base[l] = index - int32(next)
		next += count[l]
		index += int32(count[l])
		if next > 1<<l {
			return false
		}
		c.limit[l] = next << (maxLength - l)
	}
	at := 0
	for l := uint8(1); l <= maxLength; l++ {
		if count[l] == 0 {
			continue
		}
		for s, have := range lengths {
			if have == l {
				c.symbols[2*at], c.symbols[2*at+1] = byte(s), byte(s>>8)
				at++
			}
		}
	}
	return true
}

// next reads one symbol; false if the bits are no code.
func (c *code) next(b *bits) (int, bool) {
	v := b.peek(maxLength)
	for l := uint(1); l <= maxLength; l++ {
		if v < c.limit[l] {
			b.skip(l)
			i := c.base[l] + int32(v>>(maxLength-l))
			return int(c.symbols[2*i]) | int(c.symbols[2*i+1])<<8, !b.short
		}
	}
	return 0, false
}
