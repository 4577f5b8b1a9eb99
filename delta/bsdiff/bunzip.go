package bsdiff

import (
	"encoding/binary"
	"fmt"
)

// What a bzip2 stream is made of.
const (
	blockUnit    = 100_000 // bytes of a block, times the level
	blockMagic   = 0x314159265359
	endMagic     = 0x177245385090
	maxCodes     = 6
	maxSelectors = 18002 // for the largest block
	groupSize    = 50    // symbols per selector
	entryBytes   = 4     // of the table that undoes the sort: successor and byte
)

// memoryOf returns the bytes that reading a stream of this level takes.
func memoryOf(level uint32) uint32 {
	return entryBytes*blockUnit*level + maxSelectors + 2*maxSymbols*maxCodes
}

// bunzip decompresses one bzip2 stream. Check sums are read over: the file came with a digest, and what
// it leads to is compared with another.
type bunzip struct {
	bits
	size      uint32 // most bytes of a block
	table     []byte // size entries
	selectors []byte
	chosen    uint32 // selectors of this block
	codes     [maxCodes]code
	lengths   [maxSymbols]uint8
	front     [256]uint8 // bytes, the latest used first
	count     [256]uint32

	left   uint32 // bytes of the block that are not given out
	at     uint32 // next entry
	last   byte
	run    int // equal bytes before, at most 4
	repeat uint32
	ended  bool

	steps, budget uint64 // taken, and those that there are
}

// Work is counted in steps: an entry that is put, linked or read, a byte given out, a place of a table, a
// change of a length.
const (
	symbolSteps   = 8  // a symbol: up to 20 lengths of its code are compared
	selectorSteps = 4  // which code is used next
	blockSteps    = 64 // what every block takes
)

// over reports whether the steps are used up.
func (z *bunzip) over() bool { return z.steps > z.budget }

// open begins with the blocks of a stream, behind its header of four bytes.
func (z *bunzip) open(in []byte, level uint32, mem []byte) {
	z.bits = bits{in: in}
	z.size = blockUnit * level
	z.table, mem = mem[:entryBytes*z.size], mem[entryBytes*z.size:]
	z.selectors, mem = mem[:maxSelectors], mem[maxSelectors:]
	for i := range z.codes {
		z.codes[i].symbols, mem = mem[:2*maxSymbols], mem[2*maxSymbols:]
	}
	z.left, z.repeat, z.ended, z.steps = 0, 0, false, 0
}

// read fills p.
func (z *bunzip) read(p []byte) error {
	z.steps += uint64(len(p))
	for len(p) > 0 {
		if z.over() {
			return z.errOver()
		}
		if z.repeat > 0 {
			n := int(min(uint64(z.repeat), uint64(len(p))))
			for i := range p[:n] {
				p[i] = z.last
			}
			z.repeat -= uint32(n)
			p = p[n:]
			continue
		}
		if z.left == 0 {
			if err := z.block(); err != nil {
				return err
			}
			if z.ended {
				return ErrFormat
			}
		}
		entry := binary.LittleEndian.Uint32(z.table[entryBytes*z.at:])
		z.at = entry >> 8
		z.left--
		z.steps++
		b := byte(entry)
		switch {
		case z.run == 4: // the fifth byte says how many more there are
			z.repeat = uint32(b)
			z.run = 0
			continue
		case z.run > 0 && b == z.last:
			z.run++
		default:
			z.run = 1
		}
		z.last = b
		p[0] = b
		p = p[1:]
	}
	return nil
}

// errOver says why a stream was not read: it makes too much work, or is none.
func (z *bunzip) errOver() error {
	if z.over() {
		return fmt.Errorf("%w: %d steps", ErrWork, z.budget)
	}
	return ErrFormat
}

// end reports whether all was read and nothing follows.
func (z *bunzip) end() bool {
	if z.run == 4 && z.left == 1 { // a run of four may be followed by a count of none
		if binary.LittleEndian.Uint32(z.table[entryBytes*z.at:])&0xff != 0 {
			return false
		}
		z.left = 0
	}
	if z.left > 0 || z.repeat > 0 {
		return false
	}
	return z.ended || z.block() == nil && z.ended
}

// block reads the next block into the table, or the end of the stream.
func (z *bunzip) block() error {
	if z.ended {
		return ErrFormat
	}
	z.steps += blockSteps
	magic := uint64(z.take(24))<<24 | uint64(z.take(24))
	z.take(32) // check sum of the block or of all
	if magic == endMagic {
		z.ended = true
		if !z.rest() {
			return ErrFormat
		}
		return nil
	}
	if magic != blockMagic || z.take(1) != 0 { // the bit is an old way to save bad sorters, never written any more
		return ErrFormat
	}
	origin := z.take(24)
	used := z.alphabet()
	if used == 0 || !z.choices(used) {
		return z.errOver()
	}
	n, ok := z.symbols(used)
	if !ok || origin >= n {
		return z.errOver()
	}
	if z.steps += 2 * uint64(n); z.over() {
		return z.errOver()
	}
	z.unsort(n)
	z.at = binary.LittleEndian.Uint32(z.table[entryBytes*origin:]) >> 8
	z.left, z.run = n, 0
	return nil
}

// alphabet reads which bytes occur, and returns how many.
func (z *bunzip) alphabet() (used int) {
	groups := z.take(16)
	for i := range 16 {
		if groups>>(15-i)&1 == 0 {
			continue
		}
		members := z.take(16)
		for j := range 16 {
			if members>>(15-j)&1 != 0 {
				z.front[used] = byte(16*i + j)
				used++
			}
		}
	}
	return used
}

// choices reads which code is used when, as indexes in a list whose latest used comes first, and then the codes
// themselves.
func (z *bunzip) choices(used int) bool {
	codes, n := z.take(3), z.take(15)
	if codes < 2 || codes > maxCodes || n == 0 || n > maxSelectors {
		return false
	}
	z.chosen = n
	if z.steps += selectorSteps*uint64(n) + uint64(codes)*maxLength*uint64(used+2); z.over() {
		return false
	}
	order := [maxCodes]uint8{0, 1, 2, 3, 4, 5}
	for i := range n {
		at := uint32(0)
		for z.take(1) != 0 {
			if at++; at == codes {
				return false
			}
		}
		latest := order[at]
		copy(order[1:at+1], order[:at])
		order[0] = latest
		z.selectors[i] = latest
	}
	for i := range codes {
		length := z.take(5)
		for s := range used + 2 {
			for {
				if length < 1 || length > maxLength || z.short {
					return false
				}
				if z.take(1) == 0 {
					break
				}
				length += 1 - 2*z.take(1)
				if z.steps++; z.over() {
					return false
				}
			}
			z.lengths[s] = uint8(length)
		}
		if !z.codes[i].build(z.lengths[:used+2]) {
			return false
		}
	}
	return true
}

// symbols reads the sorted bytes of a block into the table, and returns how many there are.
func (z *bunzip) symbols(used int) (n uint32, ok bool) {
	clear(z.count[:])
	var run, weight uint32 // of the byte in front
	weight = 1
	for group := range z.chosen {
		c := &z.codes[z.selectors[group]]
		for range groupSize {
			s, ok := c.next(&z.bits)
			if z.steps += symbolSteps; !ok || z.over() {
				return 0, false
			}
			if s < 2 { // digits 1 and 2 of the run's length, the lowest first
				run += weight << s
				weight <<= 1
				if run > z.size-n {
					return 0, false
				}
				continue
			}
			if z.steps += uint64(run) + 1; z.over() {
				return 0, false
			}
			for range run {
				z.put(n, z.front[0])
				n++
			}
			run, weight = 0, 1
			if s == used+1 {
				return n, true
			}
			if n == z.size {
				return 0, false
			}
			b := z.front[s-1]
			copy(z.front[1:s], z.front[:s-1])
			z.front[0] = b
			z.put(n, b)
			n++
		}
	}
	return 0, false
}

func (z *bunzip) put(i uint32, b byte) {
	binary.LittleEndian.PutUint32(z.table[entryBytes*i:], uint32(b))
	z.count[b]++
}

// unsort links each entry of the table with the one that follows it in the block.
func (z *bunzip) unsort(n uint32) {
	sum := uint32(0)
	for i, c := range z.count {
		z.count[i] = sum
		sum += c
	}
	for i := range n {
		b := z.table[entryBytes*i]
		at := entryBytes * z.count[b]
		z.count[b]++
		entry := binary.LittleEndian.Uint32(z.table[at:])
		binary.LittleEndian.PutUint32(z.table[at:], entry|i<<8)
	}
}
